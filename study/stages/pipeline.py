"""The five stages of a study: what each one trains, from what, and what it leaves behind."""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import ray
from ray import tune

from pkd.data.preparation import Prepared
from pkd.distillation.methods import METHODS
from study.config.cell import Cell
from study.planning.plan import Plan
from study.search.cell_search import CellSearch
from study.search.dispatcher import TrialDispatcher
from study.search.samplers import ListSampler
from study.stages.proposals import cell_sampler, may_start, teacher_sampler
from study.stages.teacher_questions import questions, scores_of_further
from study.stages.trial_configs import TrialConfigs
from study.stages.winners import (
    drop_beaten_weights,
    home_of,
    promote_winners,
    signals_hold,
    supersede_unless,
)
from study.storage.layout import Layout
from study.storage.ledger import Ledger
from study.tracking.live_view import View
from study.trials.jobs import GivenTeacherJob, PredictJob, SignalsJob
from study.trials.trainable import StudyTrial
from study.tuning.stage_queue import MakeConfig, Stage, StageWork
from study.tuning.tuner import check_complete, run_until_done

# Confirm seeds are this far from the search's, so that no confirmed run repeats a searched one.
_FRESH = 1000


class Stages:
    """The stages of one study, each only as far as the ledger says it is not done.

    Args:
        plan: the work.
        encoder: folder of the pre-trained encoder.
        layout: where files go.
        view: who shows progress.
        restart_ray: starts Ray, or anew; a study of which nothing is left needs none.
    """

    def __init__(
        self,
        plan: Plan,
        encoder: Path,
        layout: Layout,
        view: View,
        restart_ray: Callable[[], None],
    ) -> None:
        self.plan, self.layout = plan, layout
        self.configs = TrialConfigs(plan, encoder, layout)
        self.restart_ray = restart_ray
        self.config, self.view = plan.config, view
        self.ledger = Ledger(layout.ledger, layout.store)
        self._supersede_unless = partial(supersede_unless, layout, self.ledger)

    def left(self) -> StageWork[None]:
        """What is left of all five stages, for `study.tuning.tuner.run_stages`.

        Raises:
            StageIncomplete: if a stage could not be finished, naming its cells.
        """
        teachers = yield from self._teachers()
        promote_winners(self.layout, teachers)
        signals = yield from self._signals(teachers)
        search = yield from self._search(signals)
        confirm = yield from self._confirm(search, signals)
        promote_winners(self.layout, confirm)
        yield from self._predict(teachers, confirm)

    # 1 ------------------------------------------------------------------------------------

    def _teachers(self) -> StageWork[TrialDispatcher]:
        if self.plan.teachers.given:
            return (yield from self._given_teachers())
        teacher = self.config.teacher
        searches = [
            CellSearch(
                cell,
                teacher_sampler(self.plan, cell),
                teacher.trials,
                teacher.epochs,
                first_seed=self.config.seed,
                cost=self.plan.teacher_flops(task),
                keep=teacher.ensemble,
            )
            for task in self.plan.tasks
            for cell in [Cell("teachers", task, self.plan.teacher_layers, "teacher")]
        ]
        dispatcher = self._dispatcher(searches, keep_best=True)
        return (yield from self._run(dispatcher, StudyTrial, self.configs.teacher))

    def _given_teachers(self) -> StageWork[TrialDispatcher]:
        searches = [
            self._jobs(
                Cell("teachers", task, self.plan.teacher_layers, "teacher"),
                [{}],
                self.plan.teacher_flops(task) / 3,
                prefix="given",
            )
            for task in self.plan.tasks
        ]
        dispatcher = self._dispatcher(searches)
        yield from self._run(dispatcher, GivenTeacherJob, self.configs.given_teacher)
        for line in scores_of_further(self.config, dispatcher):
            self.view.note(line)
        return dispatcher

    # 2 ------------------------------------------------------------------------------------

    def _signals(self, teachers: TrialDispatcher) -> StageWork[dict[str, tuple[Path, ...]]]:
        if not any(METHODS[method].needs_teacher for method in self.config.methods):
            self.view.skip("signals")
            return {}
        asked = {
            Cell("signals", search.cell.task, search.cell.depth, "teacher"): questions(
                self.plan, self.layout, search
            )
            for search in teachers.searches.values()
        }
        settings = {cell: [each.settings for each in asked[cell]] for cell in asked}
        self._supersede_unless(
            asked,
            lambda cell, event: event["settings"] in settings[cell],
        )
        self._supersede_unless(
            asked,
            lambda cell, event: signals_hold(self.layout, event["folder"], self.view.note),
            "report",
        )
        searches = [
            self._jobs(cell, settings[cell], self.plan.asking_flops(cell.task)) for cell in asked
        ]

        def config(search: CellSearch, trial: str) -> dict[str, Any]:
            question = asked[search.cell][search.trials[trial].number]
            return {
                "prepared": question.prepared,
                "teacher": question.teacher,
                "layers": question.settings["layers"],
                "root": self.layout.signals,
                "store": self.layout.store,
                "precision": self.config.train.precision,
            }

        dispatcher = yield from self._run(self._dispatcher(searches), SignalsJob, config)
        return {
            search.cell.task: tuple(
                self.layout.signals / search.trials[name].reports[0]["folder"]
                for name in sorted(search.trials)
            )
            for search in dispatcher.searches.values()
        }

    # 3 ------------------------------------------------------------------------------------

    def _search(self, signals: dict[str, tuple[Path, ...]]) -> StageWork[TrialDispatcher]:
        search = self.config.search
        searches: dict[str, CellSearch] = {}
        for task, depth, method in self.plan.cells:
            cell = Cell("search", task, depth, method)
            searches[cell.name] = CellSearch(
                cell,
                cell_sampler(self.plan, cell, searches),
                self.plan.trials(method),
                self.config.train.epochs,
                search.asha,
                first_seed=self.config.seed,
                cost=self.plan.epoch_flops(task, depth),
            )

        dispatcher = self._dispatcher(
            searches.values(), ready=partial(may_start, self.plan, searches)
        )
        config = self.configs.student(signals, keep_weights=False)
        return (yield from self._run(dispatcher, StudyTrial, config))

    # 4 ------------------------------------------------------------------------------------

    def _confirm(
        self, search: TrialDispatcher, signals: dict[str, tuple[Path, ...]]
    ) -> StageWork[TrialDispatcher]:
        searches = []
        for found in search.searches.values():
            assert found.winner is not None
            winner = found.trials[found.winner]
            cell = Cell("confirm", found.cell.task, found.cell.depth, found.cell.method)
            searches.append(
                CellSearch(
                    cell,
                    ListSampler([winner.settings] * self.config.confirm.seeds),
                    self.config.confirm.seeds,
                    self.config.train.epochs,
                    first_seed=self.config.seed + _FRESH,
                    seed_step=1,
                    prefix="seed",
                    cost=found.cost,
                )
            )
        settings = {each.cell.name: each.sampler.propose(0) for each in searches}
        self._supersede_unless(
            [each.cell for each in searches],
            lambda cell, event: event["settings"] == settings[cell.name],
        )
        dispatcher = self._dispatcher(searches, keep_best=True)
        config = self.configs.student(signals, keep_weights=True)
        return (yield from self._run(dispatcher, StudyTrial, config))

    # 5 ------------------------------------------------------------------------------------

    def _predict(self, teachers: TrialDispatcher, confirm: TrialDispatcher) -> StageWork[None]:
        settings, models = {}, {}
        for search in (*teachers.searches.values(), *confirm.searches.values()):
            prepared = self._read_by(search.cell)
            if not prepared.task.predicted:
                continue
            cell = Cell("predict", search.cell.task, search.cell.depth, search.cell.method)
            assert search.winner is not None
            # The name alone would not tell a winner from one of the same name in an earlier round.
            settings[cell] = {"trial": search.winner, **search.trials[search.winner].settings}
            if prepared.task.held_out:
                rows = {split: prepared.tokens[split].name for split in prepared.task.held_out}
                settings[cell]["held_out"] = rows
            models[cell] = home_of(self.layout, search.cell)
        self._supersede_unless(
            settings,
            lambda cell, event: event["settings"] == settings[cell],
        )
        searches = [self._jobs(cell, [settings[cell]], 1.0) for cell in settings]

        def config(search: CellSearch, trial: str) -> dict[str, Any]:
            return {
                "prepared": self._read_by(search.cell),
                "model": models[search.cell],
                "root": self.layout.predictions(search.cell, trial),
                "store": self.layout.store,
                "precision": self.config.train.precision,
            }

        yield from self._run(self._dispatcher(searches), PredictJob, config)

    # --------------------------------------------------------------------------------------

    def _dispatcher(
        self,
        searches: Iterable[CellSearch],
        ready: Callable[[CellSearch], bool] = lambda search: True,
        keep_best: bool = False,
    ) -> TrialDispatcher:
        searches = list(searches)
        return TrialDispatcher(
            searches[0].cell.stage if searches else "predict",
            searches,
            self.ledger,
            self.view,
            ready,
            self._keep_best if keep_best else lambda search, trial: None,
            self.layout.checkpoint,
            self.config.resources.max_concurrent,
        )

    def _run(
        self, dispatcher: TrialDispatcher, trainable: type[tune.Trainable], config: MakeConfig
    ) -> StageWork[TrialDispatcher]:
        """Has a dispatcher worked off, unless nothing is left to do."""
        if dispatcher.done:
            self.view.skip(dispatcher.stage)
        else:
            if not ray.is_initialized():
                self.restart_ray()
            stage = Stage(dispatcher, trainable, config)
            with self.view.stage(dispatcher):
                yield from run_until_done(
                    stage, self.layout, self.restart_ray, self.view.note, self.config.trackers
                )
        check_complete(dispatcher, self.layout)
        return dispatcher

    def _keep_best(self, search: CellSearch, _: str) -> None:
        drop_beaten_weights(self.layout, search)

    def _read_by(self, cell: Cell) -> Prepared:
        """A cell's task in the tokens of its models."""
        teaches = cell.method == "teacher"
        return (self.plan.teachers.tasks if teaches else self.plan.tasks)[cell.task]

    def _jobs(
        self, cell: Cell, settings: list[dict[str, Any]], cost: float, prefix: str = "job"
    ) -> CellSearch:
        """One-step jobs of a cell, all of which have to give a result."""
        count = len(settings)
        return CellSearch(
            cell, ListSampler(settings), count, 1, prefix=prefix, cost=cost, keep=count
        )
