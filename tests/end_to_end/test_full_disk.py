"""A real, full disk gives a clear error and no torn file; with space, writing works again."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from pkd.data.preparation import Prepared, prepare_task
from pkd.data.tokens import open_tokens
from pkd.distillation.recipe import Recipe
from pkd.distillation.signals import ask_teacher
from pkd.errors import DiskFull
from pkd.files.atomic import write_json
from pkd.models.classifier import load_classifier, save_model
from pkd.tasks.glue import GLUE
from pkd.training.checkpoint import load_checkpoint, save_checkpoint
from pkd.training.objective import Objective
from pkd.training.training_loop import TrainingLoop

CPU = torch.device("cpu")


@pytest.fixture
def disk(mounted: Callable[[Path, str], Path], tmp_path: Path) -> Path:
    return mounted(tmp_path / "disk", "2m")


def fill(disk: Path) -> Path:
    """Fills the disk and returns the file that does so."""
    filler = disk / "filler"
    with pytest.raises(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return filler


def left(disk: Path) -> list[str]:
    """Returns the files on the disk except locks and the filler."""
    files = (path for path in disk.rglob("*") if path.is_file() and path.suffix != ".lock")
    return sorted(path.relative_to(disk).as_posix() for path in files if path.name != "filler")


def test_an_old_file_survives_when_the_new_one_does_not_fit(disk: Path) -> None:
    path = disk / "event.json"
    write_json(path, {"old": 1})
    filler = fill(disk)
    with pytest.raises(DiskFull, match="no space left on the disk for .*event.json: free some"):
        write_json(path, {"new": "x" * 100_000})
    assert json.loads(path.read_text()) == {"old": 1} and left(disk) == ["event.json"]
    filler.unlink()
    write_json(path, {"new": "x"})
    assert json.loads(path.read_text()) == {"new": "x"}


def test_a_checkpoint_that_does_not_fit_leaves_no_file(
    disk: Path, prepared: Prepared, encoder: Path
) -> None:
    recipe = Recipe.checked(method="ft", layers=2, precision="fp32")
    student = load_classifier(encoder, GLUE["rte"].labels, 2)
    loop = TrainingLoop(Objective(recipe, student, open_tokens(prepared.train, CPU), CPU))
    list(loop.run_epoch())
    filler = fill(disk)
    with pytest.raises(DiskFull, match="state.pt"):
        save_checkpoint(disk / "state.pt", loop, {})
    assert left(disk) == []
    filler.unlink()
    save_checkpoint(disk / "state.pt", loop, {"epoch": 1})
    assert load_checkpoint(disk / "state.pt", loop) == {"epoch": 1}


Build = Callable[[Path], Path]


@pytest.fixture(params=["tokens", "signals", "model"])
def build(
    request: pytest.FixtureRequest, prepared: Prepared, encoder: Path, data: Path, teacher: Path
) -> Build:
    """Returns a function that makes one of the folders that later steps read."""

    def model(root: Path) -> Path:
        save_model(load_classifier(encoder, GLUE["rte"].labels), encoder, root / "best")
        return root / "best"

    makers: dict[str, Build] = {
        "tokens": lambda root: prepare_task(GLUE["rte"], encoder, root, data, 24).train,
        "signals": lambda root: ask_teacher(prepared, teacher, [1, 2], root, "fp32"),
        "model": model,
    }
    return makers[request.param]


def test_a_folder_that_does_not_fit_does_not_exist_afterwards(disk: Path, build: Build) -> None:
    root = disk / "root"
    root.mkdir()
    filler = fill(disk)
    # Free so little space that the first file can be started but not finished.
    filler.write_bytes(filler.read_bytes()[: -2 * 4096])
    with pytest.raises(DiskFull, match="run the same command again"):
        build(root)
    whole = [path for path in root.iterdir() if path.suffix not in (".lock", ".partial")]
    assert whole == []
    filler.unlink()
    assert any(build(root).iterdir())
