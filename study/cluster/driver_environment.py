"""How a study sets up Ray Tune in the driver: variables, and the level of Tune's log."""

import contextlib
import logging
from collections.abc import Iterator

from pkd.runtime.environment import TELEMETRY_OFF, variables

_TUNE = {
    # The ledger records the trials; Tune's own files would only repeat it.
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    # Ctrl-C has to raise KeyboardInterrupt here; Tune would end `fit` as if it had succeeded.
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # Tune's new console output prints failures even at the lowest verbosity.
    "RAY_AIR_NEW_OUTPUT": "0",
    # Inside a Ray job these settings are added to those that the job was submitted with.
    "RAY_OVERRIDE_JOB_RUNTIME_ENV": "1",
}


@contextlib.contextmanager
def driver_environment() -> Iterator[None]:
    """Sets up this process as a driver while the block runs, and then puts everything back.

    The user's own Tuner in the same process would otherwise write no CSV files and log no errors.
    """
    log = logging.getLogger("ray.tune")
    level = log.level
    # Tune's own message about a failed trial would break the live view; the trial's log has it.
    log.setLevel(logging.CRITICAL)
    try:
        with variables(TELEMETRY_OFF | _TUNE):
            yield
    finally:
        log.setLevel(level)
