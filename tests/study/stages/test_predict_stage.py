"""Which models predict again."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pkd.data.preparation import Prepared
from pkd.files.cache import file_digest, write_manifest
from study.config.cell import Cell
from study.stages.predict_stage import predict_stage
from study.stages.results.stale_records import predictions_usable
from study.storage.layout import Layout
from tests.support.studies.contexts import MakeContext, finished, result_of

TEACHER = Cell("teachers", "rte", 4, "teacher")
STUDENT = Cell("confirm", "rte", 2, "kd")


def test_a_new_winner_of_the_same_name_predicts_again(
    rte: Prepared, make_context: MakeContext, ran: list[str]
) -> None:
    context = make_context(rte)
    teachers = finished(context, TEACHER, [{"learning_rate": 1e-4}])
    confirm = finished(context, STUDENT, [{"alpha": 0.5}])
    result_of(predict_stage(context, teachers, confirm))
    assert ran == ["predict rte-4-teacher job-0000", "predict rte-2-kd job-0000"]
    # Again: nothing to do.
    result_of(predict_stage(context, teachers, confirm))
    assert len(ran) == 2
    # More search trials found other settings; their first seed is `seed-0000` as well.
    context.layout.supersede(STUDENT)
    confirm = finished(context, STUDENT, [{"alpha": 0.7}])
    result_of(predict_stage(context, teachers, confirm))
    assert ran[2:] == ["predict rte-2-kd job-0000"]


@pytest.mark.parametrize("kind", ["test", "held_out"])
def test_models_predict_again_when_the_rows_of_a_split_change(
    rte: Prepared, make_context: MakeContext, ran: list[str], kind: str
) -> None:
    def predict(**splits: Path) -> list[str]:
        task = rte.task.model_copy(update={"test": (), "held_out": (), kind: tuple(splits)})
        context = make_context(replace(rte, task=task, tokens=rte.tokens | splits))
        teachers = finished(context, TEACHER, [{"learning_rate": 1e-4}])
        result_of(predict_stage(context, teachers, finished(context, STUDENT, [{}])))
        trials, ran[:] = list(ran), []
        return trials

    test, other = rte.tokens["test"], rte.tokens["validation"]
    assert len(predict(later=test)) == 2
    assert predict(later=test) == []
    assert len(predict(later=other)) == 2
    assert len(predict(later=other, another=test)) == 2
    # Splits that the study no longer has leave no record.
    ledger = make_context(rte).ledger
    assert predict() == [] and ledger.events("predict") == []


def test_a_model_that_was_trained_again_predicts_again(
    rte: Prepared, make_context: MakeContext, ran: list[str]
) -> None:
    context = make_context(rte)
    teachers = finished(context, TEACHER, [{}])
    confirm = finished(context, STUDENT, [{}])

    def predict(weights: str) -> list[str]:
        (folder := context.layout.model(STUDENT)).mkdir(parents=True, exist_ok=True)
        (folder / "model.safetensors").write_text(weights)
        write_manifest(folder, {})
        result_of(predict_stage(context, teachers, confirm))
        trials, ran[:] = list(ran), []
        return trials

    assert len(predict("first")) == 2
    assert predict("first") == []
    assert predict("again") == ["predict rte-2-kd job-0000"]
    # A damaged manifest says nothing about the model; the end of the session names it.
    (context.layout.model(STUDENT) / "manifest.json").unlink()
    result_of(predict_stage(context, teachers, confirm))
    assert ran == []


def test_a_study_of_an_older_version_predicts_again(
    rte: Prepared, make_context: MakeContext, ran: list[str]
) -> None:
    context = make_context(rte)
    teachers, confirm = finished(context, TEACHER, [{}]), finished(context, STUDENT, [{}])
    finished(context, Cell("predict", "rte", 2, "kd"), [{"trial": "seed-0000"}])
    result_of(predict_stage(context, teachers, confirm))
    assert ran == ["predict rte-4-teacher job-0000", "predict rte-2-kd job-0000"]


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(b"x")])
def test_predictions_that_are_missing_or_damaged_are_made_again(
    tmp_path: Path, harm: Callable[[Path], object]
) -> None:
    layout, notes = Layout(tmp_path), list[str]()
    cell = Cell("predict", "rte", 2, "kd")
    path = layout.predictions(cell, "job-0000") / "test.parquet"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"predictions")
    report = {"trial": "job-0000", "files": {"test": file_digest(path)}}
    assert predictions_usable(layout, cell, report, notes.append) and not notes
    harm(path)
    assert not predictions_usable(layout, cell, report, notes.append)
    assert notes == [f"{path} is missing or damaged: rte-2-kd predicts again"]
