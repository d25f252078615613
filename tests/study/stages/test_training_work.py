"""What a worker receives for a training."""

from pathlib import Path

from pkd.data.preparation import Prepared
from pkd.distillation.methods import METHODS
from study.config.cell import Cell
from study.search.budget import Budget, Seeds
from study.search.cell_search import CellSearch
from study.search.samplers import ListSampler
from study.stages.training_work import student_work, teacher_work
from tests.support.studies.contexts import MakeContext
from tests.support.studies.dispatchers import dispatcher_of, report, take


def test_a_student_gets_its_files_its_recipe_and_what_is_recorded(
    tmp_path: Path, rte: Prepared, make_context: MakeContext
) -> None:
    context = make_context(rte)
    context.own_methods["own"] = METHODS["kd"]
    cell, budget = Cell("confirm", "rte", 2, "kd"), Budget(1, epochs=4)
    search = CellSearch(cell, ListSampler([{"alpha": 0.3}]), budget, seeds=Seeds(7))
    dispatcher = dispatcher_of(tmp_path / "ledger", search)
    trial = take(dispatcher)
    dispatcher.report(*trial, report(1, 0.5))
    signals = {"rte": (Path("first"), Path("second"))}
    work = student_work(context, signals, keep_weights=True)(*trial)
    layout = context.layout
    assert work.log == layout.log(cell, "trial-0000") and work.store is layout.store
    assert work.files.signals == Path("first")
    assert work.files.further_signals == (Path("second"),)
    assert work.files.model == context.encoder and work.files.teacher_layers == 4
    assert work.outputs.checkpoint == layout.checkpoint(cell, "trial-0000")
    assert work.outputs.best_model == layout.weights(cell, "trial-0000")
    expected = {"method": "kd", "layers": 2, "alpha": 0.3, "seed": 7, "epochs": 4}
    assert work.recipe.items() >= expected.items()
    assert work.recorded == 1 and work.own_methods == {"own": METHODS["kd"]}


def test_a_teacher_starts_from_an_encoder_of_its_own_and_reads_no_signals(
    tmp_path: Path, rte: Prepared, make_context: MakeContext
) -> None:
    context = make_context(rte)
    cell = Cell("teachers", "rte", 4, "teacher")
    search = CellSearch(cell, ListSampler([{"learning_rate": 1e-4}]), Budget(1, 1))
    work = teacher_work(context)(*take(dispatcher_of(tmp_path / "ledger", search)))
    assert work.files.model == context.plan.teachers.start and work.files.signals is None
    assert work.recipe["method"] == "teacher" and work.recipe["learning_rate"] == 1e-4
    assert work.recipe["epochs"] == context.config.teacher.epochs
