"""The tables at the end of a study."""

from pathlib import Path
from typing import Any

from analysis.run_data.runs import load_run
from analysis.tables.terminal import comparison_text
from tests.support.runs.fake_run import FakeRun


def study(path: Path, **about: Any) -> FakeRun:
    tickets = {"metrics": ["accuracy"], "dev_splits": ["dev"], "labels": ["ok", "bug"], **about}
    return FakeRun(path, (), own_tasks={"tickets": tickets}, depths=[6], methods=["ft", "kd"])


def text(fake: FakeRun) -> str:
    return comparison_text(load_run(fake.path))


def test_held_out_scores_have_a_row_and_a_warning_where_they_disagree(tmp_path: Path) -> None:
    fake = study(tmp_path)
    for method, dev, later in (("ft", 0.7, 0.85), ("kd", 0.8, 0.75)):
        for seed in range(3):
            fake.trial("confirm", "tickets", 6, method, seed, dev)
        fake.trial("predict", "tickets", 6, method, 0, {"later": {"accuracy": later}})
    lines = text(fake).splitlines()
    [row] = [line for line in lines if line.startswith("held-out tickets-later acc")]
    assert row.split()[3:] == ["–", "85.0", "75.0"]
    assert "held-out: one model each (n = 1); the only scores that nothing was chosen by" in lines
    assert (
        "warning: tickets: KD, 6 layers, has the best mean dev score, but FT, 6 layers, a higher "
        "held-out score: 85.0 against 75.0" in lines
    )


def test_a_study_without_held_out_rows_does_not_speak_of_them(tmp_path: Path) -> None:
    fake = study(tmp_path)
    fake.trial("confirm", "tickets", 6, "ft", 0, 0.7)
    assert "held-out" not in text(fake) and "†" not in text(fake) and "note on" not in text(fake)


def test_the_mark_of_a_constant_model_is_explained(tmp_path: Path) -> None:
    fake = study(tmp_path)
    for seed in range(3):
        fake.trial("confirm", "tickets", 6, "ft", seed, 0.5, constant=seed == 2)
    assert "50.0 ± 0.0 (3) †" in text(fake)
    assert "† constant on at least one seed: predicts a single class" in text(fake).splitlines()


def test_notes_on_the_data_are_lines_and_many_are_counted(tmp_path: Path) -> None:
    notes = ["3 of 100 training rows have no text (row 7)", "2 duplicated rows"]
    lines = text(study(tmp_path / "few", notes=notes)).splitlines()
    assert [line for line in lines if line.startswith("note on ")] == [
        "note on tickets: 3 of 100 training rows have no text (row 7)",
        "note on tickets: 2 duplicated rows",
    ]
    many = text(study(tmp_path / "many", notes=[f"note {i}" for i in range(11)])).splitlines()
    assert "note on tickets: note 7" in many and "note on tickets: note 8" not in many
    assert "and 3 more notes on the data in the report" in many
