"""Which models predict again."""

from dataclasses import replace
from pathlib import Path

from pkd.data.preparation import Prepared
from study.config.cell import Cell
from study.stages.predict_stage import predict_stage
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


def test_models_predict_again_when_the_held_out_rows_change(
    rte: Prepared, make_context: MakeContext, ran: list[str]
) -> None:
    def predict(rows: Path) -> list[str]:
        task = rte.task.model_copy(update={"test": (), "held_out": ("later",)})
        context = make_context(replace(rte, task=task, tokens=rte.tokens | {"later": rows}))
        teachers = finished(context, TEACHER, [{"learning_rate": 1e-4}])
        result_of(predict_stage(context, teachers, finished(context, STUDENT, [{}])))
        trials, ran[:] = list(ran), []
        return trials

    assert len(predict(rte.tokens["test"])) == 2
    assert predict(rte.tokens["test"]) == []
    assert len(predict(rte.tokens["validation"])) == 2
