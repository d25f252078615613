import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fake_run import FakeRun, write
from scipy import stats

from analysis.rendering import Table
from analysis.runs import Run, load_run
from analysis.significance import differences, overall
from analysis.tables import significance
from analysis.tables.significance import tables, verdict

N = 200
LABELS = [1, 0] * (N // 2)


def right(share: float, first: int = 0) -> list[int]:
    """`N` marks, the given share of them right, beginning at one place and wrapping round."""
    marks = np.arange(N) < round(share * N)
    return np.roll(marks, first).astype(int).tolist()


def study(path: Path, tasks: tuple[str, ...] = ("rte",), seeds: int = 3, **more: Any) -> FakeRun:
    """A study of three methods on students of 6 layers."""
    methods = ["ft", "kd", "pkd-skip"]
    trials = dict.fromkeys(methods, 4)
    budget = {"teacher_trials": 1, "search_trials": trials, "confirm_seeds": seeds, "epochs": 4}
    return FakeRun(path, tasks, depths=[6], methods=methods, budget=budget, **more)


def confirm(fake: FakeRun, method: str, marks: list[list[int]], task: str = "rte") -> None:
    """One confirmed trial for each seed's marks."""
    for seed, each in enumerate(marks):
        fake.confirm(task, 6, method, seed, LABELS, each)


def row(path: Path, a: str, b: str, task: str = "rte") -> Any:
    table = differences(load_run(path)).table
    [found] = table[(table["a"] == a) & (table["b"] == b) & (table["task"] == task)].to_dict(
        "records"
    )
    return found


def test_a_difference_is_that_of_the_means_over_seeds_in_points(tmp_path: Path) -> None:
    fake = study(tmp_path)
    confirm(fake, "ft", [right(0.50), right(0.52), right(0.54)])
    confirm(fake, "kd", [right(0.70), right(0.70), right(0.70)])
    found = row(tmp_path, "kd", "ft")
    assert found["difference"] == pytest.approx(18.0)  # 70 less 52
    assert found["sd"] == pytest.approx(2.0)  # of 20, 18, 16
    assert (found["seeds"], found["examples"], found["test"]) == (3, N, "exact")
    assert 0 < found["low"] < 18 < found["high"] and found["winner"] == "kd"


def test_one_seed_gives_mcnemar_s_test_and_an_interval_over_examples(tmp_path: Path) -> None:
    fake = study(tmp_path, seeds=1)
    confirm(fake, "ft", [right(0.60)])  # right: 0 to 119
    confirm(fake, "kd", [right(0.60, first=30)])  # right: 30 to 149
    confirm(fake, "pkd-skip", [right(0.80)])  # right: 0 to 159
    same, better = row(tmp_path, "kd", "ft"), row(tmp_path, "pkd-skip", "kd")
    assert (same["difference"], same["winner"]) == (0, None)
    assert same["p"] == pytest.approx(1)
    # PKD-Skip alone is right on 0 to 29 and 150 to 159, KD alone on none.
    assert better["p"] == pytest.approx(stats.binomtest(40, 40).pvalue)
    assert better["p_holm"] == better["p"] and better["winner"] == "pkd-skip"
    assert np.isnan(better["sd"])
    error = 100 * np.sqrt(0.2 * 0.8 / N)  # of the mean of 40 ones and 160 zeros
    assert better["low"] == pytest.approx(20 - 1.96 * error, abs=0.8)
    assert better["high"] == pytest.approx(20 + 1.96 * error, abs=0.8)


def test_p_values_are_holm_corrected_over_the_tasks_of_a_depth_and_pair(tmp_path: Path) -> None:
    fake = study(tmp_path, ("rte", "sst2", "qnli"), seeds=1)
    ups = {"rte": 8, "sst2": 10, "qnli": 14}  # examples on which KD alone is right
    for task, up in ups.items():
        confirm(fake, "ft", [right(0.5)], task)
        confirm(fake, "kd", [right(0.5 + up / N)], task)
    table = differences(load_run(tmp_path)).table.set_index("task")
    p = {task: 2 * 0.5**up for task, up in ups.items()}
    assert table["p"].to_dict() == pytest.approx(p)
    # Smallest first: times 3, 2, 1.
    assert table["p_holm"].to_dict() == pytest.approx(
        {"qnli": 3 * p["qnli"], "sst2": 2 * p["sst2"], "rte": p["rte"]}
    )


def test_who_wins_needs_both_the_test_and_the_interval(tmp_path: Path) -> None:
    fake = study(tmp_path, seeds=2)
    confirm(fake, "ft", [right(0.50), right(0.50)])
    confirm(fake, "kd", [right(0.80), right(0.49)])  # one lucky seed
    confirm(fake, "pkd-skip", [right(0.51), right(0.51)])  # too small a difference
    lucky, small = row(tmp_path, "kd", "ft"), row(tmp_path, "pkd-skip", "ft")
    assert lucky["p_holm"] < 0.05 and lucky["low"] < 0 < lucky["high"]
    assert small["p_holm"] == 0.5  # two examples: 2 · 0.5²
    assert (lucky["winner"], small["winner"]) == (None, None)


def test_mrpc_is_compared_by_the_mean_of_its_metrics(tmp_path: Path) -> None:
    fake = study(tmp_path, ("mrpc",))
    confirm(fake, "ft", [right(0.6)] * 3, "mrpc")
    confirm(fake, "kd", [right(0.8)] * 3, "mrpc")
    found = row(tmp_path, "kd", "ft", "mrpc")
    # Labels alternate, so of each hundred positives 60 and 80 are found: F1 is 0.6 and 0.8.
    assert found["difference"] == pytest.approx(20) and found["test"] == "random"
    assert found["p"] == 1 / 10_000 and found["winner"] == "kd"


def test_a_task_is_compared_by_the_f1_of_a_named_label(tmp_path: Path) -> None:
    about = {"metrics": ["f1:no", "macro_f1"], "labels": ["no", "yes"], "dev_splits": ["dev"]}
    fake = study(tmp_path, (), seeds=1, own_tasks={"own": about})
    # Of the examples 1, 0, 1, 0, … KD has the first half right, FT the first quarter.
    confirm(fake, "ft", [right(0.25)], "own")
    confirm(fake, "kd", [right(0.50)], "own")
    # All labels alike: half right and half swapped gives F1 1/2, a quarter right 1/4.
    assert row(tmp_path, "kd", "ft", "own")["difference"] == pytest.approx(25.0)
    text = made(tmp_path)["significance"].markdown()
    assert "the mean of F1 (no) and macro F1" in text


def test_mnli_is_compared_on_its_matched_split(tmp_path: Path) -> None:
    fake = study(tmp_path, ("mnli",), seeds=1)
    confirm(fake, "ft", [right(0.6)], "mnli")
    confirm(fake, "kd", [right(0.8)], "mnli")
    assert row(tmp_path, "kd", "ft", "mnli")["split"] == "validation_matched"


def test_a_row_does_not_change_when_other_cells_end(tmp_path: Path) -> None:
    fake = study(tmp_path, ("cola", "rte"))
    confirm(fake, "ft", [right(0.6), right(0.7), right(0.6)], "cola")
    confirm(fake, "kd", [right(0.65)] * 3, "cola")
    before = row(tmp_path, "kd", "ft", "cola")
    confirm(fake, "pkd-skip", [right(0.7)] * 3, "cola")
    confirm(fake, "ft", [right(0.7)] * 3)
    assert row(tmp_path, "kd", "ft", "cola") == before


def test_only_cells_with_all_their_seeds_are_compared(tmp_path: Path) -> None:
    fake = study(tmp_path)
    confirm(fake, "ft", [right(0.5)] * 3)
    confirm(fake, "kd", [right(0.6)] * 3)
    confirm(fake, "pkd-skip", [right(0.7)] * 2)
    fake.trial("confirm", "rte", 6, "pkd-skip", 2, None, state="failed")
    fake.trial("teachers", "rte", 12, "teacher", 0, 0.9)
    found = differences(load_run(tmp_path))
    assert found.table[["a", "b"]].to_numpy().tolist() == [["kd", "ft"]]
    assert found.incomplete.to_numpy().tolist() == [["rte", 6, "pkd-skip", 2, 3]]


def test_a_seed_without_usable_predictions_is_left_out_of_both_methods(tmp_path: Path) -> None:
    fake = study(tmp_path)
    confirm(fake, "ft", [right(0.5), right(0.6), right(0.7)])
    confirm(fake, "kd", [right(0.6), right(0.6), right(0.6)])
    (tmp_path / "predictions/confirm/rte-6-kd/seed-0000/validation.parquet").unlink()
    found = row(tmp_path, "kd", "ft")
    assert found["seeds"] == 2 and found["difference"] == pytest.approx(-5)  # 60 less 65


def test_predictions_that_do_not_give_the_recorded_score_are_named(tmp_path: Path) -> None:
    fake = study(tmp_path, seeds=1)
    confirm(fake, "ft", [right(0.5)])
    confirm(fake, "kd", [right(0.6)])
    end = tmp_path / "ledger/confirm/rte-6-kd/seed-0000/end.json"
    write(end, {**json.loads(end.read_text()), "score": 0.7})
    found = differences(load_run(tmp_path))
    assert found.table.empty
    [problem] = found.problems
    assert "rte-6-kd/seed-0000 is not used: it scores 0.6000, but the ledger says 0.7" in problem


def test_a_task_with_an_unknown_metric_is_named(tmp_path: Path) -> None:
    own = {"stsb": {"metrics": ["pearson"], "dev_splits": ["dev"]}}
    fake = FakeRun(tmp_path, own_tasks=own)
    for method in ("ft", "kd"):
        for seed in range(3):
            fake.trial("confirm", "stsb", 6, method, seed, 0.8)
    assert differences(load_run(tmp_path)).problems == [
        "stsb is not compared: a metric of pearson is unknown"
    ]


def test_overall_counts_the_tasks_won_tied_and_lost(tmp_path: Path) -> None:
    fake = study(tmp_path, ("rte", "sst2", "qnli", "cola"), seeds=1)
    for task, share in (("rte", 0.8), ("sst2", 0.5), ("qnli", 0.3)):
        confirm(fake, "ft", [right(0.5)], task)
        confirm(fake, "kd", [right(share)], task)
    found = overall(differences(load_run(tmp_path)).table)
    columns = ["depth", "a", "b", "won", "tied", "lost", "tasks"]
    assert found.columns.tolist() == columns
    assert found.to_numpy().tolist() == [[6, "kd", "ft", 1, 1, 1, 3]]  # CoLA has not run


def test_pairs_stand_in_the_order_of_the_study(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path, ("sst2", "rte"), budget={**budget_of(1)})
    for task in ("rte", "sst2"):
        for depth in (3, 6):
            for method in ("pkd-last", "ft", "pkd-skip"):
                fake.confirm(task, depth, method, 0, LABELS, right(0.5))
    table = differences(load_run(tmp_path)).table
    assert table.loc[:5, ["depth", "a", "b", "task"]].to_numpy().tolist() == [
        [6, a, b, task]
        for a, b in (("pkd-skip", "ft"), ("pkd-last", "ft"), ("pkd-last", "pkd-skip"))
        for task in ("sst2", "rte")
    ]
    assert table["depth"].tolist() == [6] * 6 + [3] * 6


def budget_of(seeds: int) -> dict[str, Any]:
    trials = dict.fromkeys(["ft", "kd", "pkd-skip", "pkd-last"], 4)
    return {"teacher_trials": 1, "search_trials": trials, "confirm_seeds": seeds, "epochs": 4}


def made(path: Path) -> dict[str, Table]:
    return {table.name: table for table in tables(load_run(path))}


def test_verdicts_are_told_in_words_from_the_better_side() -> None:
    numbers = {"difference": 1.23, "low": 0.31, "high": 2.12, "p_holm": 0.0123}
    pair = {"a": "pkd-skip", "b": "kd", "differ": 40}
    text = "+1.2 points, 95 % CI 0.3..2.1, p = 0.012"
    assert verdict({**pair, **numbers, "winner": "pkd-skip"}) == f"PKD-Skip > KD: {text}"
    assert verdict({**pair, **numbers, "winner": None}) == f"no difference shown: {text}"
    mirrored = {**numbers, "difference": -1.23, "low": -2.12, "high": -0.31}
    assert verdict({**pair, **mirrored, "winner": "kd"}) == f"KD > PKD-Skip: {text}"


def test_a_number_near_zero_gets_a_second_decimal_and_a_tiny_p_none() -> None:
    row = {"a": "kd", "b": "ft", "difference": 0.6, "low": 0.02, "high": 1.2, "p_holm": 1e-9}
    row |= {"differ": 40}
    assert verdict({**row, "winner": "kd"}) == (
        "KD > FT: +0.60 points, 95 % CI 0.02..1.20, p < 0.001"
    )


def test_an_interval_of_no_width_is_explained(tmp_path: Path) -> None:
    fake = study(tmp_path)
    for method in ("ft", "kd"):  # all students predict one class
        confirm(fake, method, [LABELS] * 3)
    assert row(tmp_path, "kd", "ft")["differ"] == 0
    [cells] = made(tmp_path)["significance"].cells.to_dict("records")
    assert (cells["Difference"], cells["95 % CI"]) == ("0.0 ± 0.0", "0.0..0.0")
    assert (
        cells["Verdict"] == "no difference shown: both are right, and wrong, on the same examples"
    )


def test_the_tables_say_what_was_found_and_what_is_missing(tmp_path: Path) -> None:
    fake = study(tmp_path, ("rte", "mrpc"))
    confirm(fake, "ft", [right(0.50), right(0.52), right(0.54)])
    confirm(fake, "kd", [right(0.70)] * 3)
    confirm(fake, "kd", [right(0.70)] * 3, "mrpc")
    found = made(tmp_path)
    [cells] = found["significance"].cells.to_dict("records")
    assert (cells["Layers"], cells["Method"], cells["Against"]) == ("6", "KD", "FT")
    assert (cells["Difference"], cells["Seeds"], cells["p"]) == ("+18.0 ± 2.0", "3", "< 0.001")
    assert cells["Verdict"].startswith("KD > FT: +18.0 points, 95 % CI 1")
    assert found["significance"].bold["Verdict"].tolist() == [True]
    text = found["significance"].markdown()
    assert "RTE, 6 layers: PKD-Skip (0/3); MRPC, 6 layers: FT (0/3), PKD-Skip (0/3)" in text
    assert "accuracy for RTE; the mean of F1 and accuracy for MRPC" in text
    assert "these trained models on new examples" in text
    [cells] = found["significance-overall"].cells.to_dict("records")
    assert cells["Verdict"] == "better on 1 of 1 (RTE), worse on 0, no difference shown on 0"


def test_one_seed_is_pointed_out(tmp_path: Path) -> None:
    fake = study(tmp_path, seeds=1)
    confirm(fake, "ft", [right(0.5)])
    confirm(fake, "kd", [right(0.6)])
    table = made(tmp_path)["significance"]
    assert "With one seed the 95 % CI" in table.markdown()
    assert "two or three seeds" not in table.markdown()
    assert table.cells["Difference"].tolist() == ["+10.0 ± –"]


def test_generated_data_are_pointed_out(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path, generated_data=True, budget=budget_of(1))
    for method in ("ft", "kd"):
        fake.confirm("rte", 6, method, 0, LABELS, right(0.5))
    assert all("GENERATED DATA" in table.markdown() for table in made(tmp_path).values())


def test_no_table_before_two_methods_are_complete(tmp_path: Path) -> None:
    fake = study(tmp_path)
    assert made(tmp_path) == {}
    confirm(fake, "ft", [right(0.5)] * 3)
    confirm(fake, "kd", [right(0.6)] * 2)
    assert made(tmp_path) == {}


def test_lost_predictions_are_named_in_a_table_without_rows(tmp_path: Path) -> None:
    fake = study(tmp_path)
    for method in ("ft", "kd"):
        for seed in range(3):
            fake.trial("confirm", "rte", 6, method, seed, 0.6)
    found = made(tmp_path)
    assert list(found) == ["significance"] and found["significance"].cells.empty
    text = found["significance"].markdown()
    assert "rte-6-ft/seed-0000/validation.parquet is missing" in text and "Nothing yet." in text
    assert found["significance"].latex()


def test_a_report_compares_once(fake: FakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Run] = []

    def counted(run: Run) -> Any:
        calls.append(run)
        return differences(run)

    monkeypatch.setattr(significance, "differences", counted)
    for method in ("ft", "kd"):
        for seed in range(3):
            fake.confirm("rte", 6, method, seed, LABELS, right(0.5))
    assert len(made(fake.path)) == 2 and len(calls) == 1


def test_overall_of_nothing_is_empty(fake: FakeRun) -> None:
    found = differences(load_run(fake.path))
    assert found.table.empty and overall(found.table).empty and found.problems == []
    assert isinstance(found.incomplete, pd.DataFrame) and len(found.incomplete) == 8
