"""`ray job submit --working-dir .` uploads the code and no other files."""

import shutil
import zipfile
from pathlib import Path

from ray._private.runtime_env.packaging import create_package
from ray._private.runtime_env.working_dir import upload_working_dir_if_needed

ROOT = Path(__file__).resolve().parents[3]
PARTS = ("pkd", "study", "analysis", "configs")


def used_clone(folder: Path) -> Path:
    """Copies the clone and adds studies, an environment and history."""
    shutil.copytree(
        ROOT,
        folder,
        ignore=shutil.ignore_patterns(".git", ".venv", "runs", ".*_cache", ".hypothesis"),
    )
    for name in ("runs/glue/signals/rte/states.npy", ".venv/lib/torch.so", ".git/objects/pack"):
        path = folder / name
        path.parent.mkdir(parents=True)
        with path.open("wb") as file:
            file.truncate(200_000_000)
    return folder


def uploaded(clone: Path, folder: Path) -> zipfile.ZipFile:
    """Returns the package of a job, made by Ray's own functions."""
    path = folder / "package.zip"

    def upload(working_dir: str, excludes: list[str], is_file: bool = False) -> None:
        create_package(working_dir, path, include_gitignore=True, excludes=excludes)

    environment = {"working_dir": str(clone)}
    upload_working_dir_if_needed(environment, include_gitignore=True, upload_fn=upload)
    return zipfile.ZipFile(path)


def test_the_upload_of_a_job_is_the_code_alone(tmp_path: Path) -> None:
    clone = used_clone(tmp_path / "clone")
    with uploaded(clone, tmp_path) as package:
        names = set(package.namelist())
    # Ray refuses 100 MiB.
    assert (tmp_path / "package.zip").stat().st_size < 2_000_000
    wanted = {
        str(path.relative_to(clone))
        for part in PARTS
        for path in (clone / part).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert "study/run.py" in wanted and "analysis/report.html.j2" in wanted
    assert wanted <= names
    elsewhere = {name.split("/")[0] for name in names - wanted}
    assert not elsewhere & {"runs", "tests", "docs", ".venv", ".git", ".ci", *PARTS}
