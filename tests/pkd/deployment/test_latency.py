"""Which models of a study are timed."""

from pathlib import Path

import pytest

from pkd.deployment.latency import find_models
from pkd.errors import InputError


def test_teacher_and_students_come_from_the_chosen_tasks_only(tmp_path: Path) -> None:
    for name in ("teachers/rte", "models/rte-2-ft", "models/rte-2-kd", "models/rte-1-kd"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "config.json").touch()
    study = {"teacher": {"layers": 4}, "depths": [2, 1], "methods": ["ft", "kd"]}
    with pytest.raises(InputError, match="no teacher of sst2 yet"):
        find_models(tmp_path, study, ["sst2"])
    found = find_models(tmp_path, study, ["sst2", "rte"])
    assert [(depth, folder.name) for depth, folder in found.items()] == [
        (4, "rte"),
        (2, "rte-2-ft"),
        (1, "rte-1-kd"),
    ]
