"""Damage in saved models is found, and the advice concerns one trial."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pkd.errors import CacheError
from pkd.files import cache
from pkd.files.cache import MANIFEST, write_manifest
from study.stages.results.saved_models import SavedModels
from study.storage.store import open_store


def flip(folder: Path) -> None:
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[1000] ^= 1
    (folder / "model.safetensors").write_bytes(content)


def forget(folder: Path) -> None:
    manifest = json.loads((folder / MANIFEST).read_text())
    del manifest["files"]["model.safetensors"]
    (folder / MANIFEST).write_text(json.dumps(manifest))


@pytest.fixture
def models(tmp_path: Path) -> dict[str, Path]:
    """The folders of three saved models, by the name of their trial."""
    folders = {f"seed-{number:04d}": tmp_path / f"rte-2-{number}" for number in range(3)}
    for folder in folders.values():
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(bytes(2000))
        (folder / "config.json").write_text("{}")
        write_manifest(folder, {})
    return folders


def saved(models: dict[str, Path]) -> SavedModels:
    found = SavedModels(open_store("out")[0], Path("out/ledger"))
    for trial, folder in models.items():
        found.add(folder, Path("out/ledger/confirm") / folder.name / trial)
    return found


def forget_what_was_verified() -> None:
    """As in a new process."""
    cache._verified.clear()


@pytest.mark.parametrize(
    ("harm", "file", "reason"),
    [
        (flip, "model.safetensors", "is damaged (its checksum differs)"),
        (lambda f: (f / "config.json").unlink(), "config.json", "is missing or has the wrong"),
        (lambda f: (f / "config.json").write_text("{ }"), "config.json", "is missing or has the"),
        (lambda f: (f / MANIFEST).unlink(), "", "has no readable manifest"),
        (lambda f: (f / MANIFEST).write_text("{"), "", "has no readable manifest"),
        (lambda f: (f / MANIFEST).write_text('{"files": [1]}'), "", "has no readable manifest"),
        (lambda f: (f / MANIFEST).write_text("[" * 9999), "", "has no readable manifest"),
        (forget, MANIFEST, "is damaged (it does not name model.safetensors)"),
        (lambda f: (f / MANIFEST).write_text('{"files": {}}'), MANIFEST, "it does not name"),
        (lambda f: (f / "new.safetensors").touch(), MANIFEST, "does not name new.safetensors"),
    ],
)
def test_damage_is_named_with_what_restores_the_model(
    models: dict[str, Path], harm: Callable[[Path], object], file: str, reason: str
) -> None:
    assert saved(models).damaged() == []
    harm(models["seed-0001"])
    forget_what_was_verified()
    [line] = saved(models).damaged()
    assert line.startswith(str(models["seed-0001"] / file)) and reason in line
    assert line.endswith(
        ": copy it back from a backup, or train only seed-0001 again: mkdir -p out/superseded && "
        "mv out/ledger/confirm/rte-2-1/seed-0001 out/superseded/confirm-rte-2-1-seed-0001-1, "
        "then run the same command"
    )
    with pytest.raises(CacheError, match="train only seed-0001 again"):
        saved(models).check()


def test_files_of_a_file_manager_are_no_damage(models: dict[str, Path]) -> None:
    (models["seed-0000"] / ".DS_Store").touch()
    (models["seed-0000"] / "notes.txt").touch()
    assert saved(models).damaged() == []


def test_all_damaged_models_are_named(models: dict[str, Path]) -> None:
    for folder in models.values():
        flip(folder)
    forget_what_was_verified()
    assert [Path(line.split()[0]).parent for line in saved(models).damaged()] == [*models.values()]


def test_at_a_uri_missing_and_cut_files_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PKD_STUDY_CACHE", str(tmp_path / "cache"))
    store, out = open_store(f"file://{tmp_path}/there")
    folder = out / "models" / "rte-2-kd"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(bytes(2000))
    write_manifest(folder, {})
    store.publish(folder)
    assert store.damage(folder) is None
    there = tmp_path / "there" / "models" / "rte-2-kd"
    (there / "model.safetensors").write_bytes(bytes(1999))
    assert store.damage(folder) == (
        f"local:{there}/model.safetensors is missing or has the wrong size"
    )
    (there / MANIFEST).unlink()
    assert "has no readable manifest" in str(store.damage(folder))
    assert store.read(folder / MANIFEST) is None
