"""What a trial of a stage is told: its files, its settings and its seed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pkd.training.training_run import Files, Outputs
from study.planning.plan import Plan
from study.search.cell_search import CellSearch
from study.storage.layout import Layout
from study.tuning.stage_queue import MakeConfig


@dataclass(frozen=True)
class TrialConfigs:
    """Makes the config of `study.trials.trainable.StudyTrial` for each training of a study.

    Attributes:
        plan: the work.
        encoder: folder of the pre-trained encoder that students start from.
        layout: where files go.
    """

    plan: Plan
    encoder: Path
    layout: Layout

    def teacher(self, search: CellSearch, trial: str) -> dict[str, Any]:
        """Of a teacher, which starts from an encoder of its own."""
        teachers, epochs = self.plan.teachers, self.plan.config.teacher.epochs
        prepared = teachers.tasks[search.cell.task]
        files = Files(prepared.task, prepared.tokens, teachers.start)
        return self._trial(search, trial, files, epochs, keep_weights=True)

    def given_teacher(self, search: CellSearch, trial: str) -> dict[str, Any]:
        """Of a `study.trials.jobs.GivenTeacherJob`."""
        teachers, task = self.plan.teachers, search.cell.task
        return {
            "prepared": teachers.tasks[task],
            "model": teachers.given[task],
            "further": teachers.further.get(task, ()),
            "root": self.layout.predictions(search.cell, trial),
            "weights": self.layout.weights(search.cell, trial),
            "store": self.layout.store,
            "precision": self.plan.config.train.precision,
        }

    def student(self, signals: dict[str, tuple[Path, ...]], keep_weights: bool) -> MakeConfig:
        """Of the students of a stage.

        Args:
            signals: by task the teacher's signal folder, and those of others of its ensemble.
            keep_weights: whether a trial's best weights are kept.
        """

        def config(search: CellSearch, trial: str) -> dict[str, Any]:
            cell, train = search.cell, self.plan.config.train
            from_teacher = train.init == "teacher"
            source = self.layout.teacher(cell.task) if from_teacher else self.encoder
            prepared, depth = self.plan.tasks[cell.task], self.plan.teacher_layers
            taught = signals.get(cell.task, ())
            first = taught[0] if taught else None
            files = Files(prepared.task, prepared.tokens, source, first, depth, taught[1:])
            told = self._trial(search, trial, files, train.epochs, keep_weights)
            return {**told, "start_layers": train.start(cell.depth)}

        return config

    def _trial(
        self, search: CellSearch, trial: str, files: Files, epochs: int, keep_weights: bool
    ) -> dict[str, Any]:
        cell, state, train = search.cell, search.trials[trial], self.plan.config.train
        return {
            "files": files,
            "outputs": Outputs(
                checkpoint=self.layout.checkpoint(cell, trial),
                best_model=self.layout.weights(cell, trial) if keep_weights else None,
                predictions=self.layout.predictions(cell, trial),
                checkpoint_every=self.plan.config.resources.checkpoint_every_s,
                written=self.layout.store.publish,
            ),
            "store": self.layout.store,
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
