"""Reading a study's run folder."""

from pathlib import Path

import pytest

from pkd.deployment.run_folder import check_saved, text_columns
from pkd.errors import CacheError
from pkd.files import cache
from pkd.files.cache import write_manifest


def test_text_columns_are_the_studys_or_those_of_glue() -> None:
    assert text_columns({"tasks": {"own": {"texts": ["subject", "body"]}}}, "own") == (
        "subject",
        "body",
    )
    assert text_columns({"tasks": {"sst2": {}}}, "sst2") == ("sentence",)
    assert text_columns({"tasks": {"own": {}}}, "own") == ()  # of an older version


def test_a_model_of_a_study_must_be_whole_and_other_models_are_accepted(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    check_saved(tmp_path)  # from anywhere
    (tmp_path / "study.json").write_text("{}")
    with pytest.raises(CacheError, match="has no readable manifest"):
        check_saved(tmp_path)
    write_manifest(tmp_path, {})
    check_saved(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"Weights")
    cache._verified.clear()  # as in a new process
    with pytest.raises(CacheError, match="model.safetensors is damaged .* copy the folder again"):
        check_saved(tmp_path)
