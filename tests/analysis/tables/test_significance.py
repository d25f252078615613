"""The tables of paired comparisons in words."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analysis.results.significance import differences, overall
from analysis.run_data.runs import Run, load_run
from analysis.tables import significance
from analysis.tables.significance import verdict
from tests.support.runs.fake_run import FakeRun
from tests.support.runs.scored_students import (
    LABELS,
    budget_of,
    confirm,
    difference,
    right_answers,
    significance_tables,
    three_methods,
)


def test_verdicts_name_the_better_method_first() -> None:
    numbers = {"difference": 1.23, "low": 0.31, "high": 2.12, "p_holm": 0.0123}
    pair = {"a": "pkd-skip", "b": "kd", "differ": 40}
    text = "+1.2 points, 95 % CI 0.3..2.1, p = 0.012"
    assert verdict({**pair, **numbers, "winner": "pkd-skip"}) == f"PKD-Skip > KD: {text}"
    assert verdict({**pair, **numbers, "winner": None}) == f"no difference shown: {text}"
    mirrored = {**numbers, "difference": -1.23, "low": -2.12, "high": -0.31}
    assert verdict({**pair, **mirrored, "winner": "kd"}) == f"KD > PKD-Skip: {text}"


def test_numbers_near_zero_have_a_second_decimal_and_a_tiny_p_a_bound() -> None:
    row = {"a": "kd", "b": "ft", "difference": 0.6, "low": 0.02, "high": 1.2, "p_holm": 1e-9}
    row |= {"differ": 40}
    assert verdict({**row, "winner": "kd"}) == (
        "KD > FT: +0.60 points, 95 % CI 0.02..1.20, p < 0.001"
    )


def test_an_interval_of_no_width_is_explained(tmp_path: Path) -> None:
    fake = three_methods(tmp_path)
    for method in ("ft", "kd"):  # all students predict a single class
        confirm(fake, method, [LABELS] * 3)
    assert difference(tmp_path, "kd", "ft")["differ"] == 0
    [cells] = significance_tables(tmp_path)["significance"].cells.to_dict("records")
    assert (cells["Difference"], cells["95 % CI"]) == ("0.0 ± 0.0", "0.0..0.0")
    assert cells["Verdict"] == "no difference shown: both are right and wrong on the same rows †"


def test_a_difference_from_a_training_that_failed_is_marked(tmp_path: Path) -> None:
    fake = three_methods(tmp_path)
    confirm(
        fake, "ft", [right_answers(0.70), right_answers(0.70), LABELS]
    )  # the last one predicts a single class
    confirm(fake, "kd", [right_answers(0.95)] * 3)
    confirm(fake, "pkd-skip", [right_answers(0.60)] * 3)
    table = significance_tables(tmp_path)["significance"]
    marked = {
        (cells["Method"], cells["Against"]): cells["Verdict"].endswith(" †")
        for cells in table.cells.to_dict("records")
    }
    assert marked == {("KD", "FT"): True, ("PKD-Skip", "FT"): True, ("PKD-Skip", "KD"): False}
    assert table.numbers["constant"].tolist() == [1, 1, 0]
    assert any(note.startswith("† On at least one seed") for note in table.notes)


def test_the_tables_show_verdicts_and_missing_cells(tmp_path: Path) -> None:
    fake = three_methods(tmp_path, ("rte", "mrpc"))
    confirm(fake, "ft", [right_answers(0.50), right_answers(0.52), right_answers(0.54)])
    confirm(fake, "kd", [right_answers(0.70)] * 3)
    confirm(fake, "kd", [right_answers(0.70)] * 3, "mrpc")
    found = significance_tables(tmp_path)
    [cells] = found["significance"].cells.to_dict("records")
    assert (cells["Layers"], cells["Method"], cells["Against"]) == ("6", "KD", "FT")
    assert (cells["Difference"], cells["Seeds"], cells["p"]) == ("+18.0 ± 2.0", "3", "< 0.001")
    assert cells["Verdict"].startswith("KD > FT: +18.0 points, 95 % CI 1")
    assert found["significance"].bold["Verdict"].tolist() == [True]
    text = found["significance"].markdown()
    assert "RTE, 6 layers: PKD-Skip (0/3); MRPC, 6 layers: FT (0/3), PKD-Skip (0/3)" in text
    assert "accuracy for RTE; the mean of F1 and accuracy for MRPC" in text
    assert "these trained models on new rows" in text
    [cells] = found["significance-overall"].cells.to_dict("records")
    assert cells["Verdict"] == "better on 1 of 1 (RTE), worse on 0, no difference shown on 0"


def test_a_note_explains_one_seed(tmp_path: Path) -> None:
    fake = three_methods(tmp_path, seeds=1)
    confirm(fake, "ft", [right_answers(0.5)])
    confirm(fake, "kd", [right_answers(0.6)])
    table = significance_tables(tmp_path)["significance"]
    assert "With one seed, the 95 % CI" in table.markdown()
    assert "two or three seeds" not in table.markdown()
    assert table.cells["Difference"].tolist() == ["+10.0 ± –"]


def test_generated_data_are_announced(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path, generated_data=True, budget=budget_of(1))
    for method in ("ft", "kd"):
        fake.confirm("rte", 6, method, 0, LABELS, right_answers(0.5))
    assert all(
        "GENERATED DATA" in table.markdown() for table in significance_tables(tmp_path).values()
    )


def test_no_table_before_two_methods_are_complete(tmp_path: Path) -> None:
    fake = three_methods(tmp_path)
    assert significance_tables(tmp_path) == {}
    confirm(fake, "ft", [right_answers(0.5)] * 3)
    confirm(fake, "kd", [right_answers(0.6)] * 2)
    assert significance_tables(tmp_path) == {}


def test_missing_predictions_are_named_in_a_table_without_rows(tmp_path: Path) -> None:
    fake = three_methods(tmp_path)
    for method in ("ft", "kd"):
        for seed in range(3):
            fake.trial("confirm", "rte", 6, method, seed, 0.6)
    found = significance_tables(tmp_path)
    assert list(found) == ["significance"] and found["significance"].cells.empty
    text = found["significance"].markdown()
    assert "rte-6-ft/seed-0000/validation.parquet is missing" in text and "Nothing yet." in text
    assert found["significance"].latex()


def test_a_report_computes_the_differences_once(
    fake: FakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Run] = []

    def counted(run: Run) -> Any:
        calls.append(run)
        return differences(run)

    monkeypatch.setattr(significance, "differences", counted)
    for method in ("ft", "kd"):
        for seed in range(3):
            fake.confirm("rte", 6, method, seed, LABELS, right_answers(0.5))
    assert len(significance_tables(fake.path)) == 2 and len(calls) == 1


def test_overall_without_pairs_is_empty(fake: FakeRun) -> None:
    found = differences(load_run(fake.path))
    assert found.table.empty and overall(found.table).empty and found.problems == []
    assert isinstance(found.incomplete, pd.DataFrame) and len(found.incomplete) == 8
