"""A study that has begun, for the tests of its record and of its continuation."""

from pathlib import Path

import pytest

from study.storage.layout import Layout
from tests.support.studies.plans import RTE_STUDY, begin_study


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    """The folder that the study starts from; only its bytes matter here."""
    folder = tmp_path / "encoder"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


@pytest.fixture
def begun(tmp_path: Path, encoder: Path) -> Layout:
    """The folder of `RTE_STUDY`, which has begun."""
    layout = Layout(tmp_path)
    begin_study(layout, RTE_STUDY, encoder)
    return layout
