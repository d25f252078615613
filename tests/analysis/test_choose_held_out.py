"""The command ``pkd-study choose`` for a task with held-out rows."""

from pathlib import Path

import pytest

from analysis.choose import main
from tests.support.runs.fake_run import FakeRun


def test_held_out_scores_are_shown_and_contradictions_are_warnings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    about = {"metrics": ["accuracy"], "dev_splits": ["dev"], "held_out": ["later"]}
    fake = FakeRun(tmp_path, (), own_tasks={"tickets": about}, depths=[6])
    fake.trial("teachers", "tickets", 12, "teacher", 0, 0.9)
    fake.trial("predict", "tickets", 12, "teacher", 0, {"later": {"accuracy": 0.85}})
    for method, dev, later in (("ft", 0.84, 0.8), ("kd", 0.85, 0.75)):
        for seed in range(3):
            fake.trial("confirm", "tickets", 6, method, seed, dev)
        fake.trial("predict", "tickets", 6, method, 0, {"later": {"accuracy": later}})
    assert main([str(tmp_path), "--task", "tickets", "--max-drop", "7"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "tickets: take KD, 6 layers"
    assert (
        "  held-out    75.0 (n = 1) on later; teacher 85.0, drop 10.0; no choice was made by "
        "these rows" in lines
    )
    assert [line for line in lines if line.startswith("warning")] == [
        "warning: FT, 6 layers has a higher held-out score, 80.0 against 75.0: dev and held-out "
        "rows disagree",
        "warning: on held-out rows it is 10.0 points below the teacher, more than --max-drop 7",
    ]
    assert any(
        line.endswith(
            "FT, 6 layers: 84.0 ± 0.0 (n = 3), held-out 80.0; costs the same, scores less"
        )
        for line in lines
    )


def test_held_out_rows_that_are_not_scored_yet_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    about = {"metrics": ["accuracy"], "dev_splits": ["dev"], "held_out": ["later"]}
    fake = FakeRun(tmp_path, (), own_tasks={"tickets": about}, depths=[6])
    for seed in range(3):
        fake.trial("confirm", "tickets", 6, "ft", seed, 0.8)
    assert main([str(tmp_path), "--task", "tickets"]) == 0
    assert (
        "held-out    later not scored yet; the dev score is optimistic" in capsys.readouterr().out
    )
