"""A training of the study, in a worker."""

from typing import Any

import torch

from pkd.distillation.methods import METHODS
from pkd.distillation.recipe import Recipe
from pkd.errors import TrainingError
from pkd.training.training_run import TrainingRun
from study.trials.work import TrialWork
from study.trials.worker import logged, logger, trial_cpus, trial_device


class StudyTrial:
    """Trains one trial, an epoch a step. It resumes by itself; the dispatcher decides its end.

    Epochs that the checkpoint holds and the ledger lacks are reported again first.

    Args:
        work: the trial.
    """

    def __init__(self, work: TrialWork) -> None:
        torch.set_num_threads(trial_cpus())
        METHODS.update(work.own_methods)
        self._work = work
        with logged(work.log):
            for path in (*work.files.read(), work.outputs.checkpoint):
                if path is not None:
                    work.store.fetch(path)
            recipe = Recipe.checked(**work.recipe)
            self.training = TrainingRun(recipe, work.files, work.outputs, trial_device())
            self._unrecorded = self.training.reports[work.recorded :]
            logger.info("%s, %d epochs done", self.training.recipe, len(self.training.reports))

    def step(self) -> dict[str, Any]:
        """Trains the next epoch that the ledger lacks.

        Returns:
            Its ``report`` (`pkd.training.epoch_report.EpochReport`), or why the trial ``failed``.
        """
        with logged(self._work.log):
            if self._unrecorded:
                return {"report": self._unrecorded.pop(0)}
            try:
                report = self.training.run_epoch()
            except TrainingError as error:
                logger.error("%s", error)
                return {"failed": str(error)}
            finally:
                self._work.store.publish(self._work.log)
            logger.info("%s", report)
            return {"report": report}
