"""Where a cell's settings come from: Optuna's TPE or random search, or every point of a grid.

Optuna's study is used directly rather than through Ray's OptunaSearch, which records a trial that
ASHA stopped as COMPLETE and cannot be rebuilt to propose what it would have proposed. Here each
proposal is drawn by a sampler seeded with the proposal's number, so that a study that was
interrupted continues with the same settings as one that was not.
"""

import itertools
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState

from study.config.search_space import Dimension, Range, Space

Settings = dict[str, Any]
_STATES = {
    "complete": TrialState.COMPLETE,
    "stopped": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}


class OptunaSampler:
    """Proposes settings by Optuna.

    Args:
        space: the dimensions of the cell's method.
        algorithm: ``tpe`` or ``random``.
        seed: the study's seed.
        name: the cell's name; with the seed and a proposal's number it decides the proposal.
        first: settings to propose before all others.
        startup: random proposals before TPE starts to model the scores.
    """

    fixed = False

    def __init__(
        self,
        space: dict[str, Dimension],
        algorithm: str,
        seed: int,
        name: str,
        first: Sequence[Settings] = (),
        startup: int = 10,
    ) -> None:
        self._distributions = {key: _distribution(value) for key, value in space.items()}
        self._algorithm, self._startup = algorithm, startup
        self._seed = [seed, zlib.crc32(name.encode())]
        self._first = list(first)
        self._trials: dict[int, optuna.trial.Trial] = {}
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._study = optuna.create_study(
            direction="maximize", pruner=optuna.pruners.NopPruner(), sampler=self._sampler(0)
        )

    def propose(self, number: int) -> Settings:
        """Returns the settings of proposal ``number``, which must be new."""
        if number < len(self._first):
            return self.begin(number, self._first[number])
        self._study.sampler = self._sampler(number)
        return self._ask(number)

    def begin(self, number: int, settings: Settings) -> Settings:
        """Adds proposal ``number`` with given settings, e.g. from the ledger."""
        self._study.enqueue_trial(settings)
        return self._ask(number)

    def report(self, number: int, epoch: int, score: float) -> None:
        """Passes an epoch's score on to Optuna."""
        self._trials[number].report(score, epoch)

    def finish(self, number: int, state: str, score: float | None) -> None:
        """Records how proposal ``number`` ended: ``complete``, ``stopped`` or ``failed``."""
        value = score if state == "complete" else None
        self._study.tell(self._trials[number], value, state=_STATES[state])

    @property
    def trials(self) -> list[optuna.trial.FrozenTrial]:
        """All proposals with their states, for tests and inspection."""
        return self._study.get_trials()

    def _ask(self, number: int) -> Settings:
        # Optuna counts by itself: its numbers differ from ours if a record was deleted.
        trial = self._trials[number] = self._study.ask(fixed_distributions=self._distributions)
        return dict(trial.params)

    def _sampler(self, number: int) -> optuna.samplers.BaseSampler:
        seed = zlib.crc32(repr([*self._seed, number]).encode())
        if self._algorithm == "random":
            return optuna.samplers.RandomSampler(seed=seed)
        return optuna.samplers.TPESampler(seed=seed, n_startup_trials=self._startup)


class ListSampler:
    """Proposes a fixed list of settings in order: a grid, or a winner's settings again."""

    fixed = True

    def __init__(self, settings: Sequence[Settings]) -> None:
        self.settings = list(settings)

    def propose(self, number: int) -> Settings:
        """Returns the settings of proposal ``number``."""
        return self.settings[number]

    def begin(self, number: int, settings: Settings) -> Settings:
        """Returns ``settings`` unchanged: a fixed list keeps no state."""
        return settings

    def report(self, number: int, epoch: int, score: float) -> None:
        """Does nothing: a fixed list does not learn."""

    def finish(self, number: int, state: str, score: float | None) -> None:
        """Does nothing: a fixed list does not learn."""


class LateSampler:
    """A sampler that is made when it is first needed: it depends on another cell's winner."""

    def __init__(self, make: "Callable[[], Sampler]", fixed: bool) -> None:
        self._make, self.fixed = make, fixed
        self._sampler: Sampler | None = None

    def propose(self, number: int) -> Settings:
        """See `OptunaSampler.propose`."""
        return self._get_sampler().propose(number)

    def begin(self, number: int, settings: Settings) -> Settings:
        """See `OptunaSampler.begin`."""
        return self._get_sampler().begin(number, settings)

    def report(self, number: int, epoch: int, score: float) -> None:
        """See `OptunaSampler.report`."""
        self._get_sampler().report(number, epoch, score)

    def finish(self, number: int, state: str, score: float | None) -> None:
        """See `OptunaSampler.finish`."""
        self._get_sampler().finish(number, state, score)

    def _get_sampler(self) -> "Sampler":
        if self._sampler is None:
            self._sampler = self._make()
        return self._sampler


Sampler = OptunaSampler | ListSampler | LateSampler


def dimensions(space: Space, keys: Sequence[str], fixed: Settings) -> dict[str, Dimension]:
    """Returns a method's part of a space, with some of its dimensions fixed."""
    return {key: (fixed[key],) if key in fixed else getattr(space, key) for key in keys}


def grid(space: dict[str, Dimension]) -> list[Settings]:
    """Returns every combination of the space's choices, the last dimension fastest."""
    choices = [value.values() if isinstance(value, Range) else value for value in space.values()]
    return [dict(zip(space, point, strict=True)) for point in itertools.product(*choices)]


def contains(space: dict[str, Dimension], settings: Settings) -> bool:
    """Whether settings name exactly the space's dimensions and lie inside them."""

    def inside(dimension: Dimension, value: Any) -> bool:
        if isinstance(dimension, Range):
            return dimension.low <= value <= dimension.high
        return value in dimension

    return set(space) == set(settings) and all(inside(space[k], v) for k, v in settings.items())


def _distribution(dimension: Dimension) -> BaseDistribution:
    if isinstance(dimension, Range):
        return FloatDistribution(dimension.low, dimension.high, log=dimension.log)
    return CategoricalDistribution(dimension)
