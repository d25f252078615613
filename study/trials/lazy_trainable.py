"""The actor that runs a study's trials: it starts at once and imports torch in its first step.

Tune gives a waiting trial to the first actor that is free and drops the one that was starting for
it. An actor that needs 5 s of imports to start would therefore never come up beside trials that
last less, and a study of short trials would use one worker of many.
"""

import pickle
from typing import Any

from ray import tune

from pkd.errors import PkdError
from pkd.runtime.garbage_collection import no_garbage_collection


def pack(trainable: type[tune.Trainable], config: dict[str, Any]) -> dict[str, Any]:
    """The config of a `LazyTrainable` that is to run ``trainable`` with ``config``."""
    return {"packed": pickle.dumps((trainable, config))}


class LazyTrainable(tune.Trainable):
    """Runs another trainable, which it makes in its first step. Actors can be reused."""

    def setup(self, config: dict[str, Any]) -> None:
        """Keeps the packed trainable: unpacking it imports torch and transformers."""
        self._packed: bytes = config["packed"]
        self._trainable: tune.Trainable | None = None

    def step(self) -> dict[str, Any]:
        """One step of the packed trainable."""
        try:
            if self._trainable is None:
                with no_garbage_collection():  # see `study.command_line`
                    trainable, config = pickle.loads(self._packed)
                self._trainable = trainable(config)
            result: dict[str, Any] = self._trainable.step()
        except PkdError as error:
            if error.transient:
                raise
            # Known and told, e.g. a damaged file: Tune's retries would meet it again.
            return {"broken": str(error)}
        return result

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Takes up another trial in the same process: 0.1 s instead of 5 s of imports."""
        self.setup(new_config)
        return True
