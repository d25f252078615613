"""Configuration files that are refused."""

from pathlib import Path

import pytest

from pkd.errors import InputError
from study.config.config_file import load_study_config


def refusal_of(tmp_path: Path, text: str) -> str:
    """Returns the message that a user sees for a configuration file with this text."""
    path = tmp_path / "study.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_study_config(path, [])
    assert str(path) in str(caught.value)
    return str(caught.value)
