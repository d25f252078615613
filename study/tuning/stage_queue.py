"""The stages of a study as one stream of trials, so that one run of Tune serves them all.

A process imports torch and transformers once, which takes 5 s. With a Tuner for each stage it
would import them again in every stage.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

from study.search.cell_search import CellSearch
from study.search.dispatcher import TrialDispatcher, TrialRef
from study.trials.lazy_trainable import Runner, pack

MakeWork = Callable[[CellSearch, str], Any]


@dataclass(frozen=True)
class Stage:
    """One stage's trials, and how a worker runs them.

    Attributes:
        dispatcher: hands out the trials.
        runner: runs a trial in a worker; called with its work.
        make_work: returns the work of a trial, e.g. a `study.trials.work.TrialWork`.
    """

    dispatcher: TrialDispatcher
    runner: Callable[[Any], Runner]
    make_work: MakeWork


T = TypeVar("T")
# Yields stages to `study.tuning.tuner.run_stages`, is resumed when one is done, returns a T.
StageGenerator = Generator[Stage, None, T]


class StageQueue:
    """Hands out the trials of one stage after another.

    Args:
        stages: yields a stage when the one before it is done. It is resumed within Tune's own
            loop, and an error that it raises there ends the run of Tune; see `raise_failure`.

    Raises:
        PkdError: what the first stage raises.
    """

    def __init__(self, stages: StageGenerator[None]) -> None:
        self._stages = stages
        self._failure: BaseException | None = None
        self._stage = next(stages, None)

    @property
    def finished(self) -> bool:
        """Whether no stage is left, or one has failed."""
        return self._stage is None

    @property
    def dispatcher(self) -> TrialDispatcher:
        """The dispatcher of the present stage, to which all running trials belong."""
        assert self._stage is not None
        return self._stage.dispatcher

    def next(self) -> dict[str, Any] | None:
        """Returns the config of the next trial; None if there is none yet or no more."""
        while self._stage is not None:
            if (trial := self._stage.dispatcher.next()) is not None:
                return _config(self._stage, trial)
            if not self._stage.dispatcher.exhausted:
                return None
            try:
                self._stage = next(self._stages, None)
            except Exception as error:  # any: Tune would replace it by an error of its own
                self._failure, self._stage = error, None
        return None

    def trial_of(self, config: dict[str, Any]) -> TrialRef:
        """Returns the trial of a config that was handed out in this stage."""
        return TrialRef(self.dispatcher.searches[config["cell"]], config["trial"])

    def throw(self, error: BaseException) -> None:
        """Raises the error that ended Tune in the stage, which may go on or raise in turn."""
        self.raise_failure()
        self._stage = self._stages.throw(error)

    def raise_failure(self) -> None:
        """Raises the error of a stage that failed while Tune ran."""
        if self._failure is not None:
            raise self._failure


def _config(stage: Stage, trial: TrialRef) -> dict[str, Any]:
    cell = trial.search.cell
    packed = pack(stage.runner, stage.make_work(*trial))
    return {"stage": cell.stage, "cell": cell.name, "trial": trial.name} | packed
