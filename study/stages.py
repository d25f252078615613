"""The five stages of a study: what each one trains, from what, and what it leaves behind."""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from ray import tune

from pkd.cache import verify
from pkd.errors import CacheError
from pkd.prepare import Prepared
from study.board import Board
from study.bridge import MakeConfig
from study.cells import Cell
from study.cellsearch import CellSearch
from study.jobs import GivenTeacherJob, PredictJob, SignalsJob
from study.layout import Layout
from study.ledger import Ledger
from study.plan import Plan
from study.proposals import cell_sampler, may_start, teacher_sampler
from study.sampler import ListSampler
from study.trainable import StudyTrial
from study.trialconfigs import TrialConfigs
from study.tuner import check_complete, run_board
from study.view import View
from study.winners import drop_beaten_weights, home_of, promote_winners, supersede_unless

# Confirm seeds are this far from the search's, so that no confirmed run repeats a searched one.
_FRESH = 1000


class Stages:
    """Runs the stages of one study, each only as far as the ledger says it is not done.

    Args:
        plan: the work.
        encoder: folder of the pre-trained encoder.
        layout: where files go.
        resources: what a trial asks Ray for.
        view: who shows progress.
        restart_ray: see `study.tuner.run_board`.
    """

    def __init__(
        self,
        plan: Plan,
        encoder: Path,
        layout: Layout,
        resources: dict[str, float],
        view: View,
        restart_ray: Callable[[], None],
    ) -> None:
        self.plan, self.layout = plan, layout
        self.configs = TrialConfigs(plan, encoder, layout)
        self.restart_ray = restart_ray
        self.config, self.resources, self.view = plan.config, resources, view
        self.ledger = Ledger(layout.ledger, layout.store)

    def run(self) -> None:
        """Runs what is left of all five stages.

        Raises:
            StageIncomplete: if a stage could not be finished, naming its cells.
        """
        teachers = self._teachers()
        promote_winners(self.layout, teachers)
        signals = self._signals()
        search = self._search(signals)
        confirm = self._confirm(search, signals)
        promote_winners(self.layout, confirm)
        self._predict(teachers, confirm)

    # 1 ------------------------------------------------------------------------------------

    def _teachers(self) -> Board:
        if self.plan.teachers.given:
            return self._given_teachers()
        teacher = self.config.teacher
        searches = [
            CellSearch(
                cell,
                teacher_sampler(self.plan, cell),
                teacher.trials,
                teacher.epochs,
                first_seed=self.config.seed,
                cost=self.plan.teacher_flops(task),
            )
            for task in self.plan.tasks
            for cell in [Cell("teachers", task, self.plan.teacher_layers, "teacher")]
        ]
        board = self._board(searches, keep_best=True)
        return self._run(board, StudyTrial, self.configs.teacher)

    def _given_teachers(self) -> Board:
        searches = [
            self._single(
                Cell("teachers", task, self.plan.teacher_layers, "teacher"),
                {},
                self.plan.teacher_flops(task) / 3,
                prefix="given",
            )
            for task in self.plan.tasks
        ]

        return self._run(self._board(searches), GivenTeacherJob, self.configs.given_teacher)

    # 2 ------------------------------------------------------------------------------------

    def _signals(self) -> dict[str, Path]:
        if set(self.config.methods) == {"ft"}:
            self.view.skip("signals")
            return {}
        settings = {"layers": list(self.plan.layers_needed())}
        cells = [
            Cell("signals", task, self.plan.teacher_layers, "teacher") for task in self.plan.tasks
        ]
        supersede_unless(
            self.layout, self.ledger, cells, lambda cell, event: event["settings"] == settings
        )
        supersede_unless(
            self.layout,
            self.ledger,
            cells,
            lambda cell, event: self._usable(self.layout.signals / event["folder"]),
            "report",
        )
        searches = [
            self._single(cell, settings, self.plan.asking_flops(cell.task)) for cell in cells
        ]

        def config(search: CellSearch, trial: str) -> dict[str, Any]:
            return {
                "prepared": self.plan.teachers.tasks[search.cell.task],
                "teacher": self.layout.teacher(search.cell.task),
                "root": self.layout.signals,
                "store": self.layout.store,
                "precision": self.config.train.precision,
                **settings,
            }

        board = self._run(self._board(searches), SignalsJob, config)
        return {
            search.cell.task: self.layout.signals / search.trials["job-0000"].reports[0]["folder"]
            for search in board.searches.values()
        }

    def _usable(self, signals: Path) -> bool:
        """Whether signals are there and, where this node holds them, undamaged."""
        if not self.layout.store.exists(signals):
            return False
        try:
            if signals.exists():
                verify(signals)
        except CacheError as error:
            self.view.note(f"{error}: they are made again")
            self.layout.store.delete(signals)
            return False
        return True

    # 3 ------------------------------------------------------------------------------------

    def _search(self, signals: dict[str, Path]) -> Board:
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

        board = self._board(searches.values(), ready=partial(may_start, self.plan, searches))
        return self._run(board, StudyTrial, self.configs.student(signals, keep_weights=False))

    # 4 ------------------------------------------------------------------------------------

    def _confirm(self, search: Board, signals: dict[str, Path]) -> Board:
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
        supersede_unless(
            self.layout,
            self.ledger,
            [each.cell for each in searches],
            lambda cell, event: event["settings"] == settings[cell.name],
        )
        board = self._board(searches, keep_best=True)
        return self._run(board, StudyTrial, self.configs.student(signals, keep_weights=True))

    # 5 ------------------------------------------------------------------------------------

    def _predict(self, teachers: Board, confirm: Board) -> None:
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
        supersede_unless(
            self.layout,
            self.ledger,
            settings,
            lambda cell, event: event["settings"] == settings[cell],
        )
        searches = [self._single(cell, settings[cell], 1.0) for cell in settings]

        def config(search: CellSearch, trial: str) -> dict[str, Any]:
            return {
                "prepared": self._read_by(search.cell),
                "model": models[search.cell],
                "root": self.layout.predictions(search.cell, trial),
                "store": self.layout.store,
                "precision": self.config.train.precision,
            }

        self._run(self._board(searches), PredictJob, config)

    # --------------------------------------------------------------------------------------

    def _board(
        self,
        searches: Iterable[CellSearch],
        ready: Callable[[CellSearch], bool] = lambda search: True,
        keep_best: bool = False,
    ) -> Board:
        searches = list(searches)
        return Board(
            searches[0].cell.stage if searches else "predict",
            searches,
            self.ledger,
            self.view,
            ready,
            self._keep_best if keep_best else lambda search, trial: None,
            self.layout.checkpoint,
            self.config.resources.max_concurrent,
        )

    def _run(self, board: Board, trainable: type[tune.Trainable], config: MakeConfig) -> Board:
        """Works a board off, unless nothing is left to do."""
        if board.done:
            self.view.skip(board.stage)
        else:
            with self.view.stage(board):
                run_board(
                    board,
                    trainable,
                    config,
                    self.resources,
                    self.layout,
                    self.restart_ray,
                    self.view.note,
                    self.config.trackers,
                )
        check_complete(board, self.layout)
        return board

    def _keep_best(self, search: CellSearch, _: str) -> None:
        drop_beaten_weights(self.layout, search)

    def _read_by(self, cell: Cell) -> Prepared:
        """A cell's task in the tokens of its models."""
        teaches = cell.method == "teacher"
        return (self.plan.teachers.tasks if teaches else self.plan.tasks)[cell.task]

    def _single(
        self, cell: Cell, settings: dict[str, Any], cost: float, prefix: str = "job"
    ) -> CellSearch:
        return CellSearch(cell, ListSampler([settings]), 1, 1, prefix=prefix, cost=cost)
