"""Stages between runs: what is taken up again, what holds no more, and what is not complete."""

from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from rich.console import Console
from transformers import BertConfig

from pkd.data.preparation import Prepared, prepare_task
from pkd.tasks.glue import GLUE
from study.config.cell import Cell
from study.config.study_config import StudyConfig
from study.search.cell_search import CellSearch
from study.search.dispatcher import TrialDispatcher
from study.search.samplers import ListSampler, Settings
from study.stages.pipeline import Stages
from study.storage.layout import Layout
from study.storage.ledger import Ledger
from study.tracking.live_view import View
from study.trials.trainable import StudyTrial
from study.tuning.stage_queue import StageWork
from study.tuning.tuner import StageIncomplete
from tests.support.studies.fake_stage import report_of
from tests.support.studies.plans import plan_of

T = TypeVar("T")
CONFIG = StudyConfig(tasks=("rte",), depths=(2,), methods=("kd", "pkd-skip"))
ENCODER = BertConfig(num_hidden_layers=4, hidden_size=32, num_attention_heads=2)


@pytest.fixture(scope="module")
def rte(tiny_data: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepare_task(GLUE["rte"], tiny_model, tmp_path_factory.mktemp("tokens"), tiny_data)


def stages(tmp_path: Path, *tasks: Prepared, config: StudyConfig = CONFIG) -> Stages:
    plan = plan_of(config, {prepared.task.name: prepared for prepared in tasks}, ENCODER)
    view = View(Console(quiet=True), plan.stage_work())
    return Stages(plan, tmp_path / "model", Layout(tmp_path / "out"), view, lambda: None)


def result_of(doing: StageWork[T]) -> T:
    """What a stage gives that has nothing for Tune to do."""
    try:
        stage = next(doing)
    except StopIteration as end:
        return end.value
    pytest.fail(f"{stage.dispatcher.stage} starts trials")


def board_with(those: Stages, cell: Cell, settings: list[Settings]) -> TrialDispatcher:
    """A dispatcher of one cell whose trials have all been done, in one epoch each."""
    search = CellSearch(cell, ListSampler(settings), len(settings), 1, prefix="seed")
    dispatcher = TrialDispatcher(cell.stage, [search], those.ledger, those.view)
    run_until_done(dispatcher)
    return dispatcher


def run_until_done(dispatcher: TrialDispatcher) -> list[str]:
    done = []
    while (work := dispatcher.next()) is not None:
        dispatcher.report(*work, report_of(*work, 1))
        done.append(f"{work[0].cell.name} {work[1]}")
    return done


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Boards are worked off without Ray; what was run, trial by trial."""
    done: list[str] = []

    def run(self: Stages, dispatcher: TrialDispatcher, *_: Any) -> StageWork[TrialDispatcher]:
        done.extend(f"{dispatcher.stage} {work}" for work in run_until_done(dispatcher))
        yield from ()
        return dispatcher

    monkeypatch.setattr(Stages, "_run", run)
    return done


def test_a_cell_in_which_every_trial_failed_stays_incomplete(
    tmp_path: Path, rte: Prepared
) -> None:
    those = stages(tmp_path, rte)
    cell = Cell("search", "rte", 2, "kd")

    def dispatcher() -> TrialDispatcher:
        search = CellSearch(cell, ListSampler([{"alpha": 0.5}]), 1, 1)
        return TrialDispatcher("search", [search], those.ledger, those.view)

    failing = dispatcher()
    work = failing.next()
    assert work is not None
    failing.fail(*work, "the training loss is not finite")
    # A second call of the same command finds nothing to run, and still no winner to confirm.
    with pytest.raises(StageIncomplete, match="rte-2-kd: every trial failed"):
        result_of(those._run(dispatcher(), StudyTrial, lambda search, trial: {}))


def test_a_finished_stage_starts_no_tuner(
    tmp_path: Path, rte: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    those = stages(tmp_path, rte)
    dispatcher = board_with(those, Cell("search", "rte", 2, "kd"), [{"alpha": 0.5}])
    monkeypatch.setattr("study.tuning.tuner.tune.Tuner", lambda *a, **k: pytest.fail("a tuner"))
    assert result_of(those._run(dispatcher, StudyTrial, lambda search, trial: {})) is dispatcher


def test_a_new_winner_of_the_same_name_is_predicted_again(
    tmp_path: Path, rte: Prepared, ran: list[str]
) -> None:
    those = stages(tmp_path, rte)
    teachers = board_with(those, Cell("teachers", "rte", 4, "teacher"), [{"learning_rate": 1e-4}])
    student = Cell("confirm", "rte", 2, "kd")
    confirm = board_with(those, student, [{"alpha": 0.5}])
    result_of(those._predict(teachers, confirm))
    assert ran == ["predict rte-4-teacher job-0000", "predict rte-2-kd job-0000"]
    # Again: nothing to do.
    result_of(those._predict(teachers, confirm))
    assert len(ran) == 2
    # More search trials found other settings; their first seed is `seed-0000` as well.
    those.layout.supersede(student)
    result_of(those._predict(teachers, board_with(those, student, [{"alpha": 0.7}])))
    assert ran[2:] == ["predict rte-2-kd job-0000"]


def test_models_are_predicted_again_when_the_held_out_rows_change(
    tmp_path: Path, rte: Prepared, ran: list[str]
) -> None:
    def predict(rows: Path) -> list[str]:
        task = rte.task.model_copy(update={"test": (), "held_out": ("later",)})
        those = stages(tmp_path, replace(rte, task=task, tokens=rte.tokens | {"later": rows}))
        cell = Cell("teachers", "rte", 4, "teacher")
        teachers = board_with(those, cell, [{"learning_rate": 1e-4}])
        result_of(
            those._predict(teachers, board_with(those, Cell("confirm", "rte", 2, "kd"), [{}]))
        )
        done, ran[:] = list(ran), []
        return done

    assert len(predict(rte.tokens["test"])) == 2
    assert predict(rte.tokens["test"]) == []
    assert len(predict(rte.tokens["validation"])) == 2


def test_confirmed_runs_of_a_beaten_winner_are_set_aside(
    tmp_path: Path, rte: Prepared, ran: list[str]
) -> None:
    those = stages(tmp_path, rte)

    def confirm(alpha: float) -> list[Settings]:
        cell = Cell("search", "rte", 2, "kd")
        search = CellSearch(cell, ListSampler([{"alpha": alpha}]), 1, 1)
        dispatcher = TrialDispatcher(
            "search", [search], Ledger(tmp_path / f"search-{alpha}"), those.view
        )
        run_until_done(dispatcher)
        result_of(those._confirm(dispatcher, {}))
        return [e["settings"] for e in those.ledger.events("confirm") if e["event"] == "start"]

    assert confirm(0.5) == [{"alpha": 0.5}] * 3
    # Only runs with the settings of the present winner may enter a table.
    assert confirm(0.7) == [{"alpha": 0.7}] * 3
    assert (tmp_path / "out" / "superseded" / "confirm-rte-2-kd-1").exists()


def test_confirm_seeds_are_none_of_the_search_s(
    tmp_path: Path, rte: Prepared, ran: list[str]
) -> None:
    those = stages(tmp_path, rte)
    dispatcher = board_with(those, Cell("search", "rte", 2, "kd"), [{"alpha": 0.5}])
    result_of(those._confirm(dispatcher, {}))
    seeds = [e["seed"] for e in those.ledger.events("confirm") if e["event"] == "start"]
    assert seeds == [1042, 1043, 1044]


def test_superseding_leaves_nothing_that_a_new_trial_could_resume(tmp_path: Path) -> None:
    layout, cell = Layout(tmp_path), Cell("confirm", "rte", 2, "kd")
    ledger = Ledger(layout.ledger)
    for number in (1, 2):
        ledger.start(cell, "seed-0000", {}, seed=1, epochs=1)
        for path in (
            layout.checkpoint(cell, "seed-0000"),
            layout.weights(cell, "seed-0000") / "a",
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        layout.supersede(cell)
        assert not layout.checkpoint(cell, "seed-0000").exists()
        assert not layout.weights(cell, "seed-0000").exists()
        assert ledger.events() == []
        # The record itself is kept, once for each time.
        kept = tmp_path / "superseded" / f"confirm-rte-2-kd-{number}" / "seed-0000" / "start.json"
        assert kept.exists()
    # Nothing there is nothing to do.
    layout.supersede(cell)
    assert len(list((tmp_path / "superseded").iterdir())) == 2


def test_pkd_waits_for_kd_and_takes_its_temperature_and_alpha(
    tmp_path: Path, rte: Prepared, ran: list[str]
) -> None:
    search = {"algorithm": "grid", "inherit_from_kd": True, "asha": None}
    config = StudyConfig.model_validate(
        CONFIG.model_dump() | {"search": search, "train": {"epochs": 1}}
    )
    dispatcher = result_of(stages(tmp_path, rte, config=config)._search({}))
    kd, pkd = dispatcher.searches["rte-2-kd"], dispatcher.searches["rte-2-pkd-skip"]
    assert len(kd.trials) == 27 and len(pkd.trials) == 24
    assert [name.split()[1] for name in ran] == ["rte-2-kd"] * 27 + ["rte-2-pkd-skip"] * 24
    assert kd.winner is not None
    best = kd.trials[kd.winner].settings
    for trial in pkd.trials.values():
        assert trial.settings["temperature"] == best["temperature"]
        assert trial.settings["alpha"] == best["alpha"]


def test_a_task_and_a_depth_that_are_added_run_only_their_own_trials(
    tmp_path: Path, rte: Prepared, ran: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def all_of(tasks: dict[str, Prepared], depths: tuple[int, ...]) -> list[str]:
        small = {"train": {"epochs": 1}, "search": {"trials": 2}, "confirm": {"seeds": 1}}
        small |= {"tasks": tuple(tasks), "depths": depths, "teacher": {"trials": 1, "epochs": 1}}
        config = StudyConfig.model_validate({"methods": ("ft", "kd"), **small})
        those = stages(tmp_path, *tasks.values(), config=config)
        teachers, search = result_of(those._teachers()), result_of(those._search({}))
        confirm = result_of(those._confirm(search, {}))
        result_of(those._predict(teachers, confirm))
        now = sorted(ran)
        ran.clear()
        return now

    def trials_of(task: str, depth: int) -> list[str]:
        cells = [f"{task}-{depth}-{method}" for method in ("ft", "kd")]
        search = [f"search {cell} trial-000{number}" for cell in cells for number in (0, 1)]
        after = [f"confirm {cell} seed-0000" for cell in cells]
        return [*search, *after, *(f"predict {cell} job-0000" for cell in cells)]

    def teacher_of(task: str) -> list[str]:
        return [f"teachers {task}-4-teacher trial-0000", f"predict {task}-4-teacher job-0000"]

    # No trial predicts one class only and has to be made up for.
    monkeypatch.setattr("tests.support.studies.fake_stage.chance", lambda *key: 0.5)
    # Another name makes another task of the same rows.
    other = replace(rte, task=rte.task.model_copy(update={"name": "other"}))
    assert all_of({"rte": rte}, (2,)) == sorted([*teacher_of("rte"), *trials_of("rte", 2)])
    assert all_of({"rte": rte}, (2, 3)) == sorted(trials_of("rte", 3))
    grown = [*teacher_of("other"), *trials_of("other", 2), *trials_of("other", 3)]
    assert all_of({"rte": rte, "other": other}, (2, 3)) == sorted(grown)
    assert all_of({"rte": rte, "other": other}, (2, 3)) == []
