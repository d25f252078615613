"""The five stages of a study: what each one trains, from what, and what it leaves behind."""

import logging
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ray import tune

from pkd.errors import CacheError, PkdError
from pkd.experiment import Files, Outputs
from pkd.files import write_json
from study.board import Board
from study.bridge import BoardScheduler, BoardSearcher, BrokenTrials, MakeConfig
from study.cells import Cell
from study.cellsearch import CellSearch
from study.config import Dimension, Range
from study.layout import Layout
from study.ledger import Ledger
from study.plan import Plan
from study.published import published_points
from study.sampler import (
    LateSampler,
    ListSampler,
    OptunaSampler,
    Sampler,
    contains,
    dimensions,
    grid,
)
from study.trainable import PredictJob, SignalsJob, StudyTrial
from study.view import View

# Confirm seeds are this far from the search's, so that no confirmed run repeats a searched one.
_FRESH = 1000
# A trial whose process or node dies is started again so often within one run.
_RETRIES = 2


class StageIncomplete(PkdError):
    """A stage ended with trials missing; the same command tries them again."""


class Stages:
    """Runs the stages of one study, each only as far as the ledger says it is not done.

    Args:
        plan: the work.
        encoder: folder of the pre-trained encoder.
        layout: where files go.
        resources: what a trial asks Ray for.
        view: who shows progress.
    """

    def __init__(
        self, plan: Plan, encoder: Path, layout: Layout, resources: dict[str, float], view: View
    ) -> None:
        self.plan, self.encoder, self.layout = plan, encoder, layout
        self.config, self.resources, self.view = plan.config, resources, view
        self.ledger = Ledger(layout.ledger)

    def run(self) -> None:
        """Runs what is left of all five stages.

        Raises:
            StageIncomplete: if a stage could not be finished, naming its cells.
        """
        teachers = self._teachers()
        self._promote(teachers)
        signals = self._signals()
        search = self._search(signals)
        confirm = self._confirm(search, signals)
        self._promote(confirm)
        self._predict(teachers, confirm)

    # 1 ------------------------------------------------------------------------------------

    def _teachers(self) -> Board:
        teacher = self.config.teacher

        def sampler(cell: Cell) -> Sampler:
            if isinstance(teacher.learning_rate, Range):
                space: dict[str, Dimension] = {"learning_rate": teacher.learning_rate}
                return OptunaSampler(space, "tpe", self.config.seed, cell.name)
            rates = teacher.learning_rate[: teacher.trials]
            return ListSampler([{"learning_rate": rate} for rate in rates])

        searches = [
            CellSearch(
                cell,
                sampler(cell),
                teacher.trials,
                teacher.epochs,
                first_seed=self.config.seed,
                cost=self.plan.epoch_flops(task, cell.depth),
            )
            for task in self.plan.tasks
            for cell in [Cell("teachers", task, self.plan.teacher_layers, "teacher")]
        ]

        def config(search: CellSearch, trial: str) -> dict[str, Any]:
            files = self._files(search.cell.task, self.encoder)
            return self._trial(search, trial, files, teacher.epochs, keep_weights=True)

        return self._run(self._board(searches, keep_best=True), StudyTrial, config)

    # 2 ------------------------------------------------------------------------------------

    def _signals(self) -> dict[str, Path]:
        if set(self.config.methods) == {"ft"}:
            self.view.skip("signals")
            return {}
        settings = {"layers": list(self.plan.layers_needed())}
        cells = [
            Cell("signals", task, self.plan.teacher_layers, "teacher") for task in self.plan.tasks
        ]
        self._supersede_unless(cells, lambda cell, event: event["settings"] == settings)
        self._supersede_unless(
            cells, lambda cell, event: (self.layout.signals / event["folder"]).exists(), "report"
        )
        searches = [
            self._single(cell, settings, self.plan.epoch_flops(cell.task, cell.depth) / 3)
            for cell in cells
        ]

        def config(search: CellSearch, trial: str) -> dict[str, Any]:
            return {
                "prepared": self.plan.tasks[search.cell.task],
                "teacher": self.layout.teacher(search.cell.task),
                "root": self.layout.signals,
                "precision": self.config.train.precision,
                **settings,
            }

        board = self._run(self._board(searches), SignalsJob, config)
        return {
            search.cell.task: self.layout.signals / search.trials["job-0000"].reports[0]["folder"]
            for search in board.searches.values()
        }

    # 3 ------------------------------------------------------------------------------------

    def _search(self, signals: dict[str, Path]) -> Board:
        search = self.config.search
        searches: dict[str, CellSearch] = {}
        for task, depth, method in self.plan.cells:
            cell = Cell("search", task, depth, method)
            searches[cell.name] = CellSearch(
                cell,
                self._sampler(cell, searches),
                self.plan.trials(method),
                self.config.train.epochs,
                search.asha,
                first_seed=self.config.seed,
                cost=self.plan.epoch_flops(task, depth),
            )

        def ready(cell: CellSearch) -> bool:
            if not self.plan.inherits(cell.cell.method):
                return True
            kd = searches[_kd(cell.cell).name]
            return kd.done and kd.winner is not None

        board = self._board(searches.values(), ready=ready)
        return self._run(board, StudyTrial, self._student(signals, keep_weights=False))

    def _sampler(self, cell: Cell, searches: dict[str, CellSearch]) -> Sampler:
        search, config = self.config.search, self.config

        def make() -> Sampler:
            fixed = {}
            if self.plan.inherits(cell.method):
                kd = searches[_kd(cell).name]
                assert kd.winner is not None
                fixed = {k: kd.trials[kd.winner].settings[k] for k in ("temperature", "alpha")}
            space = dimensions(search.space, cell.tunable, fixed)
            if search.algorithm == "grid":
                return ListSampler(grid(space))
            first = []
            if search.published_points:
                points = published_points(self.plan.encoder, cell.task, cell.depth, cell.method)
                first = [point for point in points if contains(space, point)]
            # With few trials, ten random ones (Optuna's default) would leave TPE nothing to do.
            startup = min(10, max(2, search.trials // 3))
            return OptunaSampler(space, search.algorithm, config.seed, cell.name, first, startup)

        if self.plan.inherits(cell.method):
            return LateSampler(make, fixed=search.algorithm == "grid")
        return make()

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
        self._supersede_unless(
            [each.cell for each in searches],
            lambda cell, event: event["settings"] == settings[cell.name],
        )
        board = self._board(searches, keep_best=True)
        return self._run(board, StudyTrial, self._student(signals, keep_weights=True))

    # 5 ------------------------------------------------------------------------------------

    def _predict(self, teachers: Board, confirm: Board) -> None:
        settings, models = {}, {}
        for search in (*teachers.searches.values(), *confirm.searches.values()):
            if not self.plan.tasks[search.cell.task].task.test:
                continue
            cell = Cell("predict", search.cell.task, search.cell.depth, search.cell.method)
            assert search.winner is not None
            # The name alone would not tell a winner from one of the same name in an earlier round.
            settings[cell] = {"trial": search.winner, **search.trials[search.winner].settings}
            models[cell] = self._home(search.cell)
        self._supersede_unless(settings, lambda cell, event: event["settings"] == settings[cell])
        searches = [self._single(cell, settings[cell], 1.0) for cell in settings]

        def config(search: CellSearch, trial: str) -> dict[str, Any]:
            return {
                "prepared": self.plan.tasks[search.cell.task],
                "model": models[search.cell],
                "root": self.layout.predictions(search.cell, trial),
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
            self._drop_beaten_weights if keep_best else lambda search, trial: None,
            self.layout.checkpoint,
            self.config.resources.max_concurrent,
        )

    def _run(self, board: Board, trainable: type[tune.Trainable], config: MakeConfig) -> Board:
        """Works a board off on a Tuner of its own, unless nothing is left to do."""
        if board.done:
            _check_complete(board, self.layout)
            self.view.skip(board.stage)
            return board

        def make_config(search: CellSearch, trial: str) -> dict[str, Any]:
            return {"log": self.layout.log(search.cell, trial), **config(search, trial)}

        # Tune's own account of a failed trial would run through the view; ours is in its log.
        logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
        tuner = tune.Tuner(
            tune.with_resources(trainable, self.resources),
            tune_config=tune.TuneConfig(
                search_alg=BoardSearcher(board, make_config),
                scheduler=BoardScheduler(board),
                num_samples=-1,
                reuse_actors=True,
                trial_name_creator=_trial_name,
                trial_dirname_creator=_trial_name,
            ),
            run_config=tune.RunConfig(
                name=board.stage,
                storage_path=str(self.layout.ray.resolve()),
                callbacks=[BrokenTrials(board)],
                # Trials keep their own checkpoints (pkd.experiment), which outlive Tune's scratch.
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                failure_config=tune.FailureConfig(max_failures=_RETRIES),
                verbose=0,
            ),
        )
        with self.view.stage(board):
            tuner.fit()
        _check_complete(board, self.layout)
        return board

    def _student(self, signals: dict[str, Path], keep_weights: bool) -> MakeConfig:
        def config(search: CellSearch, trial: str) -> dict[str, Any]:
            cell = search.cell
            from_teacher = self.config.train.init == "teacher"
            source = self.layout.teacher(cell.task) if from_teacher else self.encoder
            files = self._files(cell.task, source, signals.get(cell.task))
            return self._trial(search, trial, files, self.config.train.epochs, keep_weights)

        return config

    def _files(self, task: str, model: Path, signals: Path | None = None) -> Files:
        prepared = self.plan.tasks[task]
        return Files(prepared.task, prepared.tokens, model, signals, self.plan.teacher_layers)

    def _trial(
        self, search: CellSearch, trial: str, files: Files, epochs: int, keep_weights: bool
    ) -> dict[str, Any]:
        cell, state, train = search.cell, search.trials[trial], self.config.train
        return {
            "files": files,
            "outputs": Outputs(
                checkpoint=self.layout.checkpoint(cell, trial),
                best_model=self.layout.weights(cell, trial) if keep_weights else None,
                predictions=self.layout.predictions(cell, trial),
                checkpoint_every=self.config.resources.checkpoint_every_s,
            ),
            "recorded": len(state.reports),
            "method": cell.method,
            "layers": cell.depth,
            "epochs": epochs,
            "seed": search.seed_of(state.number),
            "batch_size": train.batch_size,
            "warmup": train.warmup,
            "weight_decay": train.weight_decay,
            "max_grad_norm": train.max_grad_norm,
            "precision": train.precision,
            "scale": train.scale,
            **state.settings,
        }

    def _single(self, cell: Cell, settings: dict[str, Any], cost: float) -> CellSearch:
        return CellSearch(cell, ListSampler([settings]), 1, 1, prefix="job", cost=cost)

    def _supersede_unless(
        self,
        cells: Iterable[Cell],
        valid: Callable[[Cell, dict[str, Any]], bool],
        kind: str = "start",
    ) -> None:
        for cell in cells:
            events = self.ledger.events(f"{cell.stage}/{cell.name}")
            if any(event["event"] == kind and not valid(cell, event) for event in events):
                self.layout.supersede(cell)

    def _home(self, cell: Cell) -> Path:
        if cell.method == "teacher":
            return self.layout.teacher(cell.task)
        return self.layout.model(cell)

    def _drop_beaten_weights(self, search: CellSearch, _: str) -> None:
        for name, trial in search.trials.items():
            if trial.state != "running" and name != search.winner:
                shutil.rmtree(self.layout.weights(search.cell, name), ignore_errors=True)

    def _promote(self, board: Board) -> None:
        """Moves each winner's weights to their place; a winner that is there already stays."""
        for search in board.searches.values():
            assert search.winner is not None
            home, best = self._home(search.cell), search.trials[search.winner]
            weights = self.layout.weights(search.cell, search.winner)
            if weights.exists():
                card = {
                    "task": search.cell.task,
                    "depth": search.cell.depth,
                    "method": search.cell.method,
                    "trial": search.winner,
                    "settings": best.settings,
                    "score": (best.best or {})["score"],
                    "metrics": (best.best or {})["metrics"],
                }
                write_json(weights / "study.json", card)
                shutil.rmtree(home, ignore_errors=True)
                home.parent.mkdir(parents=True, exist_ok=True)
                weights.rename(home)
            if not home.exists():
                record = self.layout.ledger / search.cell.stage / search.cell.name
                raise CacheError(
                    f"{home} is missing though the ledger says it was trained: restore it, or "
                    f"delete {record} to train it again"
                )


def _kd(cell: Cell) -> Cell:
    return Cell(cell.stage, cell.task, cell.depth, "kd")


def _trial_name(trial: Any) -> str:
    return f"{trial.config['cell']}-{trial.config['trial']}"


def _check_complete(board: Board, layout: Layout) -> None:
    lines = [
        f"{search.cell.name} {name}: {error}" for (search, name), error in board.broken.items()
    ]
    for search in board.searches.values():
        if search.done and not search.useful:
            lines.append(f"{search.cell.name}: every trial failed, see the ledger's end events")
        elif not search.done and not any(broken is search for broken, _ in board.broken):
            lines.append(f"{search.cell.name}: {search.useful} of {search.wanted} trials")
    if lines:
        raise StageIncomplete(
            f"stage {board.stage} is incomplete (logs: {layout.logs / board.stage}):\n  "
            + "\n  ".join(lines)
        )
