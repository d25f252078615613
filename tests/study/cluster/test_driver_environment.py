"""The driver's settings of Ray Tune end with the study: a user's own Tuner works as before."""

import logging
import os

import pytest

from study.cluster.driver_environment import driver_environment


def test_the_process_is_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AIR_NEW_OUTPUT", "1")
    monkeypatch.delenv("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", raising=False)
    log = logging.getLogger("ray.tune")
    before = log.level, dict(os.environ)
    with pytest.raises(KeyError), driver_environment():
        assert os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] == "1"
        assert os.environ["RAY_AIR_NEW_OUTPUT"] == "1"  # the user's own choice
        assert log.level == logging.CRITICAL
        raise KeyError
    assert (log.level, dict(os.environ)) == before
