"""Paired comparisons of methods: intervals and tests over rows and seeds."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from analysis.results.significance import differences, overall
from analysis.run_data.runs import load_run
from tests.support.runs.fake_run import FakeRun, write
from tests.support.runs.scored_students import (
    LABELS,
    ROWS,
    budget_of,
    confirm,
    difference,
    right_answers,
    significance_tables,
    three_methods,
)


def test_a_difference_is_between_the_means_over_seeds_in_points(tmp_path: Path) -> None:
    fake = three_methods(tmp_path)
    confirm(fake, "ft", [right_answers(0.50), right_answers(0.52), right_answers(0.54)])
    confirm(fake, "kd", [right_answers(0.70), right_answers(0.70), right_answers(0.70)])
    found = difference(tmp_path, "kd", "ft")
    assert found["difference"] == pytest.approx(18.0)  # 70 - 52
    assert found["sd"] == pytest.approx(2.0)  # of 20, 18, 16
    assert (found["seeds"], found["examples"], found["test"]) == (3, ROWS, "exact")
    assert 0 < found["low"] < 18 < found["high"] and found["winner"] == "kd"


def test_one_seed_gives_mcnemars_test_and_an_interval_over_rows(tmp_path: Path) -> None:
    fake = three_methods(tmp_path, seeds=1)
    confirm(fake, "ft", [right_answers(0.60)])  # right: 0 to 119
    confirm(fake, "kd", [right_answers(0.60, first=30)])  # right: 30 to 149
    confirm(fake, "pkd-skip", [right_answers(0.80)])  # right: 0 to 159
    same, better = difference(tmp_path, "kd", "ft"), difference(tmp_path, "pkd-skip", "kd")
    assert (same["difference"], same["winner"]) == (0, None)
    assert same["p"] == pytest.approx(1)
    # Only PKD-Skip is right on rows 0 to 29 and 150 to 159; there is no row with only KD right.
    assert better["p"] == pytest.approx(stats.binomtest(40, 40).pvalue)
    assert better["p_holm"] == better["p"] and better["winner"] == "pkd-skip"
    assert np.isnan(better["sd"])
    error = 100 * np.sqrt(0.2 * 0.8 / ROWS)  # of the mean of 40 ones and 160 zeros
    assert better["low"] == pytest.approx(20 - 1.96 * error, abs=0.8)
    assert better["high"] == pytest.approx(20 + 1.96 * error, abs=0.8)


def test_p_values_are_holm_corrected_over_the_tasks_of_a_depth_and_pair(tmp_path: Path) -> None:
    fake = three_methods(tmp_path, ("rte", "sst2", "qnli"), seeds=1)
    ups = {"rte": 8, "sst2": 10, "qnli": 14}  # rows on which only KD is right
    for task, up in ups.items():
        confirm(fake, "ft", [right_answers(0.5)], task)
        confirm(fake, "kd", [right_answers(0.5 + up / ROWS)], task)
    table = differences(load_run(tmp_path)).table.set_index("task")
    p = {task: 2 * 0.5**up for task, up in ups.items()}
    assert table["p"].to_dict() == pytest.approx(p)
    # Smallest first: times 3, 2, 1.
    assert table["p_holm"].to_dict() == pytest.approx(
        {"qnli": 3 * p["qnli"], "sst2": 2 * p["sst2"], "rte": p["rte"]}
    )


def test_a_winner_needs_both_the_test_and_the_interval(tmp_path: Path) -> None:
    fake = three_methods(tmp_path, seeds=2)
    confirm(fake, "ft", [right_answers(0.50), right_answers(0.50)])
    confirm(fake, "kd", [right_answers(0.80), right_answers(0.49)])  # one lucky seed
    confirm(fake, "pkd-skip", [right_answers(0.51), right_answers(0.51)])  # too small a difference
    lucky, small = difference(tmp_path, "kd", "ft"), difference(tmp_path, "pkd-skip", "ft")
    assert lucky["p_holm"] < 0.05 and lucky["low"] < 0 < lucky["high"]
    assert small["p_holm"] == 0.5  # two rows: 2 · 0.5²
    assert (lucky["winner"], small["winner"]) == (None, None)


def test_mrpc_is_compared_by_the_mean_of_its_metrics(tmp_path: Path) -> None:
    fake = three_methods(tmp_path, ("mrpc",))
    confirm(fake, "ft", [right_answers(0.6)] * 3, "mrpc")
    confirm(fake, "kd", [right_answers(0.8)] * 3, "mrpc")
    found = difference(tmp_path, "kd", "ft", "mrpc")
    # Labels alternate, so 60 and 80 of 100 positives are found: F1 is 0.6 and 0.8.
    assert found["difference"] == pytest.approx(20) and found["test"] == "random"
    assert found["p"] == 1 / 10_000 and found["winner"] == "kd"


def test_a_task_is_compared_by_the_f1_of_a_named_label(tmp_path: Path) -> None:
    about = {"metrics": ["f1:no", "macro_f1"], "labels": ["no", "yes"], "dev_splits": ["dev"]}
    fake = three_methods(tmp_path, (), seeds=1, own_tasks={"own": about})
    # Of the labels 1, 0, 1, 0, … KD has the first half right, FT the first quarter.
    confirm(fake, "ft", [right_answers(0.25)], "own")
    confirm(fake, "kd", [right_answers(0.50)], "own")
    # For both labels: half right and half swapped gives an F1 of 1/2, a quarter right 1/4.
    assert difference(tmp_path, "kd", "ft", "own")["difference"] == pytest.approx(25.0)
    text = significance_tables(tmp_path)["significance"].markdown()
    assert "the mean of F1 (no) and macro F1" in text


def test_mnli_is_compared_on_its_matched_split(tmp_path: Path) -> None:
    fake = three_methods(tmp_path, ("mnli",), seeds=1)
    confirm(fake, "ft", [right_answers(0.6)], "mnli")
    confirm(fake, "kd", [right_answers(0.8)], "mnli")
    assert difference(tmp_path, "kd", "ft", "mnli")["split"] == "validation_matched"


def test_a_row_does_not_change_when_other_cells_end(tmp_path: Path) -> None:
    fake = three_methods(tmp_path, ("cola", "rte"))
    confirm(fake, "ft", [right_answers(0.6), right_answers(0.7), right_answers(0.6)], "cola")
    confirm(fake, "kd", [right_answers(0.65)] * 3, "cola")
    before = difference(tmp_path, "kd", "ft", "cola")
    confirm(fake, "pkd-skip", [right_answers(0.7)] * 3, "cola")
    confirm(fake, "ft", [right_answers(0.7)] * 3)
    assert difference(tmp_path, "kd", "ft", "cola") == before


def test_only_cells_with_all_their_seeds_are_compared(tmp_path: Path) -> None:
    fake = three_methods(tmp_path)
    confirm(fake, "ft", [right_answers(0.5)] * 3)
    confirm(fake, "kd", [right_answers(0.6)] * 3)
    confirm(fake, "pkd-skip", [right_answers(0.7)] * 2)
    fake.trial("confirm", "rte", 6, "pkd-skip", 2, None, state="failed")
    fake.trial("teachers", "rte", 12, "teacher", 0, 0.9)
    found = differences(load_run(tmp_path))
    assert found.table[["a", "b"]].to_numpy().tolist() == [["kd", "ft"]]
    assert found.incomplete.to_numpy().tolist() == [["rte", 6, "pkd-skip", 2, 3]]


def test_a_seed_without_usable_predictions_is_left_out_of_both_methods(tmp_path: Path) -> None:
    fake = three_methods(tmp_path)
    confirm(fake, "ft", [right_answers(0.5), right_answers(0.6), right_answers(0.7)])
    confirm(fake, "kd", [right_answers(0.6), right_answers(0.6), right_answers(0.6)])
    (tmp_path / "predictions/confirm/rte-6-kd/seed-0000/validation.parquet").unlink()
    found = difference(tmp_path, "kd", "ft")
    assert found["seeds"] == 2 and found["difference"] == pytest.approx(-5)  # 60 - 65


@pytest.mark.parametrize(("recorded", "shown"), [(0.7, "0.7000"), (None, "no score")])
def test_predictions_that_do_not_give_the_recorded_score_are_named(
    tmp_path: Path, recorded: float | None, shown: str
) -> None:
    fake = three_methods(tmp_path, seeds=1)
    confirm(fake, "ft", [right_answers(0.5)])
    confirm(fake, "kd", [right_answers(0.6)])
    end = tmp_path / "ledger/confirm/rte-6-kd/seed-0000/end.json"
    write(end, {**json.loads(end.read_text()), "score": recorded})
    found = differences(load_run(tmp_path))
    assert found.table.empty
    [problem] = found.problems
    assert problem.endswith(f"is not used: it scores 0.6000, but the ledger holds {shown}")


def test_a_task_with_an_unknown_metric_is_named(tmp_path: Path) -> None:
    own = {"stsb": {"metrics": ["pearson"], "dev_splits": ["dev"]}}
    fake = FakeRun(tmp_path, own_tasks=own)
    for method in ("ft", "kd"):
        for seed in range(3):
            fake.trial("confirm", "stsb", 6, method, seed, 0.8)
    assert differences(load_run(tmp_path)).problems == [
        "stsb is not compared: one of its metrics is unknown (pearson)"
    ]


def test_overall_counts_the_tasks_won_tied_and_lost(tmp_path: Path) -> None:
    fake = three_methods(tmp_path, ("rte", "sst2", "qnli", "cola"), seeds=1)
    for task, share in (("rte", 0.8), ("sst2", 0.5), ("qnli", 0.3)):
        confirm(fake, "ft", [right_answers(0.5)], task)
        confirm(fake, "kd", [right_answers(share)], task)
    found = overall(differences(load_run(tmp_path)).table)
    columns = ["depth", "a", "b", "won", "tied", "lost", "tasks"]
    assert found.columns.tolist() == columns
    assert found.to_numpy().tolist() == [[6, "kd", "ft", 1, 1, 1, 3]]  # CoLA has not run


def test_pairs_are_in_the_order_of_the_study(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path, ("sst2", "rte"), budget={**budget_of(1)})
    for task in ("rte", "sst2"):
        for depth in (3, 6):
            for method in ("pkd-last", "ft", "pkd-skip"):
                fake.confirm(task, depth, method, 0, LABELS, right_answers(0.5))
    table = differences(load_run(tmp_path)).table
    assert table.loc[:5, ["depth", "a", "b", "task"]].to_numpy().tolist() == [
        [6, a, b, task]
        for a, b in (("pkd-skip", "ft"), ("pkd-last", "ft"), ("pkd-last", "pkd-skip"))
        for task in ("sst2", "rte")
    ]
    assert table["depth"].tolist() == [6] * 6 + [3] * 6
