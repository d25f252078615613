"""The stages of a study as one stream of work, so that one run of Tune serves them all.

A process imports torch and transformers once, for 5 s, and would do so anew in every stage if each
had a Tuner of its own.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

from ray import tune

from study.search.cell_search import CellSearch
from study.search.dispatcher import TrialDispatcher, Work
from study.storage.layout import Layout
from study.trials.lazy_trainable import pack

MakeConfig = Callable[[CellSearch, str], dict[str, Any]]


@dataclass(frozen=True)
class Stage:
    """One stage's work, and what does it.

    Attributes:
        dispatcher: the work.
        trainable: what runs a trial.
        config: the trainable's config of a trial.
    """

    dispatcher: TrialDispatcher
    trainable: type[tune.Trainable]
    config: MakeConfig


T = TypeVar("T")
# Yields stages to `study.tuning.tuner.run_stages`, is resumed when one is done, returns a T.
StageWork = Generator[Stage, None, T]


class StageQueue:
    """Hands out the trials of one stage after another.

    Args:
        stages: gives a stage when the one before it is worked off. It is resumed within Tune's
            own loop, and what it raises there ends the run of Tune; see `check`.
        layout: where the trials' logs go.

    Raises:
        PkdError: what the first stage raises.
    """

    def __init__(self, stages: StageWork[None], layout: Layout) -> None:
        self._stages, self._layout = stages, layout
        self._failure: BaseException | None = None
        self._stage = next(stages, None)

    @property
    def over(self) -> bool:
        """Whether no stage is left, or one has failed."""
        return self._stage is None

    @property
    def dispatcher(self) -> TrialDispatcher:
        """That of the stage to which all running trials belong."""
        assert self._stage is not None
        return self._stage.dispatcher

    def next(self) -> dict[str, Any] | None:
        """The config of the next trial; None while there is none yet, or if all is over."""
        while self._stage is not None:
            if (work := self._stage.dispatcher.next()) is not None:
                return self._config(self._stage, work)
            if not self._stage.dispatcher.exhausted:
                return None
            try:
                self._stage = next(self._stages, None)
            except Exception as error:  # whatever it is: Tune would make it an error of its own
                self._failure, self._stage = error, None
        return None

    def work_of(self, config: dict[str, Any]) -> Work:
        """Cell and trial of a config that was handed out in this stage."""
        return self.dispatcher.searches[config["cell"]], config["trial"]

    def tell(self, error: BaseException) -> None:
        """Tells the stage that Tune broke off; it may go on with what is left, or raise."""
        self.check()
        self._stage = self._stages.throw(error)

    def check(self) -> None:
        """Raises what a stage raised while Tune ran."""
        if self._failure is not None:
            raise self._failure

    def _config(self, stage: Stage, work: Work) -> dict[str, Any]:
        search, trial = work
        log = self._layout.log(search.cell, trial)
        packed = pack(stage.trainable, {"log": log, **stage.config(search, trial)})
        name = {"stage": search.cell.stage, "cell": search.cell.name, "trial": trial}
        return name | packed
