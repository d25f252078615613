"""The actor that runs a study's trials: it starts at once and imports torch in its first step.

Tune gives a waiting trial to the first actor that is free and drops the actor that was starting
for it. An actor that needs 5 s of imports to start would never come up beside trials that take
less time, and a study of short trials would use a single worker.
"""

import pickle
import sys
from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar

from ray import cloudpickle

from pkd.errors import PkdError
from pkd.runtime.garbage_collection import no_garbage_collection
from study.cluster.ray_internals import Trainable


class Runner(Protocol):
    """Runs one trial in a worker."""

    def step(self) -> dict[str, Any]:
        """Runs one epoch; returns its ``report``, or why the trial ``failed``."""


W = TypeVar("W")


def pack(runner: Callable[[W], Runner], work: W) -> dict[str, Any]:
    """Returns the config of a `LazyTrainable` that runs ``runner(work)``."""
    return {"packed": cloudpickle.dumps((runner, work))}


def ship_by_value(module_names: Iterable[str]) -> None:
    """Makes `pack` include the code of imported modules, so that workers need not import them."""
    for name in module_names:
        cloudpickle.register_pickle_by_value(sys.modules[name])


class LazyTrainable(Trainable):
    """Runs a packed trial, which it unpacks in its first step. Actors can be reused."""

    def setup(self, config: dict[str, Any]) -> None:
        """Keeps the packed trial: unpacking it imports torch and transformers."""
        self._packed: bytes = config["packed"]
        self._runner: Runner | None = None

    def step(self) -> dict[str, Any]:
        """Runs one step of the trial.

        Returns:
            What its runner returns, or an ``error`` that prevents the trial from running.
        """
        try:
            if self._runner is None:
                with no_garbage_collection():  # see `study.command_line`
                    runner, work = pickle.loads(self._packed)
                self._runner = runner(work)
            return self._runner.step()
        except PkdError as error:
            if error.transient:
                raise
            # The message names the cause, e.g. a damaged file: Tune's retries would meet it again.
            return {"error": str(error)}

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Takes another trial in the same process: 0.1 s instead of 5 s of imports."""
        self.setup(new_config)
        return True
