"""matplotlib's list of fonts is kept out of the home folder, and the environment as it was."""

import os
import tempfile
from pathlib import Path

import pytest

from analysis.plots.font_cache import fonts_out_of_home


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)
    return tmp_path


def test_it_is_a_private_folder_while_the_block_runs(temporary: Path) -> None:
    with fonts_out_of_home():
        folder = Path(os.environ["MPLCONFIGDIR"])
        assert folder.parent == temporary and folder.stat().st_mode & 0o777 == 0o700
    assert "MPLCONFIGDIR" not in os.environ


def test_the_user_s_own_folder_is_used(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLCONFIGDIR", "/own")
    with fonts_out_of_home():
        assert os.environ["MPLCONFIGDIR"] == "/own"
    assert os.environ["MPLCONFIGDIR"] == "/own" and not list(temporary.iterdir())
