"""The log of a trial."""

import warnings
from pathlib import Path

import pytest

from study.trials.worker import logged


def test_warnings_go_to_the_log_and_only_while_the_trial_works(tmp_path: Path) -> None:
    with logged(tmp_path / "trial.log"):
        warnings.warn("a strange value", stacklevel=1)
    with pytest.warns(UserWarning, match="afterwards"):
        warnings.warn("afterwards", stacklevel=1)
    log = (tmp_path / "trial.log").read_text()
    assert "a strange value" in log and "afterwards" not in log
