"""What a study still has to write must fit on the disk; what is there already does not count."""

from collections.abc import Callable
from pathlib import Path

import pytest
from transformers import BertConfig

from pkd.data.preparation import Prepared
from pkd.errors import InputError
from study.config.cell import Cell
from study.config.study_config import StudyConfig
from study.planning.disk import check_disk, left_bytes, needed_bytes
from study.planning.plan import Plan
from study.storage.layout import Layout
from study.storage.ledger import Ledger
from tests.support.studies.plans import plan_of, task_with_unlabelled_rows

# BERT-base without its classifier: 109,482,240 parameters; students of 6 layers 66,955,008.
TEACHER, STUDENT = 4 * 109_482_240, 4 * 66_955_008
# 11 rows, 6-layer students by PKD-Skip: layers 2, 4, 6, 8, 10 of 768 in fp16, two logits in fp32.
SIGNALS = 11 * (2 * 5 * 768 + 4 * 2)
REPORT = 2_000_000


@pytest.fixture
def plan() -> Plan:
    """One task, one cell: 1 teacher trial, 2 search trials, 1 confirm seed, 3 trials at once."""
    config = {
        **{"tasks": ["own"], "depths": [6], "methods": ["pkd-skip"], "teacher": {"trials": 1}},
        **{"search": {"trials": 2, "asha": None}, "confirm": {"seeds": 1}},
        "resources": {"max_concurrent": 3},
    }
    task: Prepared = task_with_unlabelled_rows("tokens")
    return plan_of(StudyConfig.model_validate(config), {"own": task}, BertConfig())


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "run")


@pytest.fixture
def end(layout: Layout, plan: Plan) -> Callable[..., None]:
    """Returns a function that records a trial from its start to its end."""
    ledger = Ledger(layout.ledger)

    def record(stage: str, method: str, number: int = 0, **settings: object) -> None:
        cell = Cell(stage, "own", 12 if method == "teacher" else 6, method)
        name = {"signals": "job", "confirm": "seed"}.get(stage, "trial") + f"-{number:04d}"
        ledger.start(cell, name, settings, seed=0, epochs=1)
        report = {"epoch": 1, "score": 0.5, "folder": "0123456789abcdef"}
        ledger.report(cell, name, report, "stop")
        ledger.end(cell, name, state="complete", score=0.5, metrics={}, epochs=1)

    return record


def put(folder: Path, size: int) -> None:
    """Writes a file of some size that takes no room."""
    folder.mkdir(parents=True)
    with (folder / "model.safetensors").open("wb") as file:
        file.truncate(size)


def test_a_new_study_has_all_of_its_need_left(plan: Plan, layout: Layout) -> None:
    # Each model twice: a trial's best weights and those at their place. A checkpoint is three
    # times the weights.
    whole = 2 * TEACHER + 2 * STUDENT + SIGNALS + 3 * 3 * TEACHER + REPORT
    assert needed_bytes(plan) == left_bytes(plan, layout) == whole


def test_what_is_there_is_not_counted(
    plan: Plan, layout: Layout, end: Callable[..., None]
) -> None:
    end("teachers", "teacher", learning_rate=1e-4)
    put(layout.teacher("own"), TEACHER)
    # Three trials are left, all of students.
    students = 2 * STUDENT + 3 * 3 * STUDENT + REPORT
    assert left_bytes(plan, layout) == students + SIGNALS
    end("signals", "teacher", layers=[2, 4, 6, 8, 10])
    assert left_bytes(plan, layout) == students + SIGNALS  # its folder does not exist
    put(layout.signals / "0123456789abcdef", SIGNALS)
    assert left_bytes(plan, layout) == students
    end("search", "pkd-skip", 0)
    end("search", "pkd-skip", 1)
    assert left_bytes(plan, layout) == 2 * STUDENT + 1 * 3 * STUDENT + REPORT
    put(layout.weights(Cell("confirm", "own", 6, "pkd-skip"), "seed-0000"), STUDENT)
    assert left_bytes(plan, layout) == 1 * STUDENT + 1 * 3 * STUDENT + REPORT
    end("confirm", "pkd-skip")
    assert left_bytes(plan, layout) == REPORT
    put(layout.report, REPORT - 1000)
    assert left_bytes(plan, layout) == 1000


def test_signals_of_other_layers_are_written_again(
    plan: Plan, layout: Layout, end: Callable[..., None]
) -> None:
    before = left_bytes(plan, layout)
    end("signals", "teacher", layers=[2, 4])
    put(layout.signals / "0123456789abcdef", 100)
    assert left_bytes(plan, layout) == before


def test_a_study_that_does_not_fit_is_refused_with_all_numbers(
    plan: Plan, layout: Layout, end: Callable[..., None]
) -> None:
    check_disk(plan, layout, needed_bytes(plan))
    said = "needs about 5.4 GB in .*/run; about 5.4 GB are left to be written, but 1.0 GB are free"
    with pytest.raises(InputError, match=f"{said}: .* fewer tasks, depths or methods"):
        check_disk(plan, layout, 1_000_000_000)
    end("teachers", "teacher", learning_rate=1e-4)
    said = "needs about 5.4 GB in .*/run; about 2.9 GB are left to be written, but 1.0 GB are free"
    with pytest.raises(InputError, match=f"{said}: .* move the folder to a larger disk"):
        check_disk(plan, layout, 1_000_000_000)
