"""What a checkout and an installed package find, record and send to a cluster."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from study import installation
from study.cluster.remote_driver import _code
from study.planning.study_record import _git_commit

ROOT = Path(__file__).resolve().parents[2]
NAMES = ["demo", "glue", "laptop", "larger_teacher", "paper_grid"]


@pytest.fixture
def lies_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Path]:
    """Makes the code believe that ``study`` lies in a folder."""

    def lie(folder: Path) -> Path:
        (folder / "study").mkdir(parents=True)
        monkeypatch.setattr(installation, "_STUDY", folder / "study")
        return folder

    return lie


def commit_everything(folder: Path) -> None:
    identity = ["-c", "user.name=x", "-c", "user.email=x"]
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "x"]):
        subprocess.run(["git", "-C", str(folder), *command], check=True)


def test_in_the_repository_the_configurations_are_those_of_configs() -> None:
    assert installation.checkout() == ROOT
    shipped = installation.shipped_configs()
    assert list(shipped) == NAMES and shipped["demo"] == ROOT / "configs" / "demo.yaml"
    # A wheel takes them from here.
    link = ROOT / "study" / "shipped_configs"
    assert link.resolve() == ROOT / "configs"


def test_an_installed_package_has_its_own_configurations(
    lies_in: Callable[[Path], Path], tmp_path: Path
) -> None:
    packages = lies_in(tmp_path / "site-packages")
    shutil.copytree(ROOT / "configs", packages / "study" / "shipped_configs")
    assert installation.checkout() is None
    assert list(installation.shipped_configs()) == NAMES


def test_the_commit_of_a_checkout_is_recorded(
    lies_in: Callable[[Path], Path], tmp_path: Path
) -> None:
    clone = lies_in(tmp_path / "clone")
    shutil.copy(ROOT / "pyproject.toml", clone)
    assert _git_commit() is None  # a copy without history
    commit_everything(clone)
    commit = _git_commit()
    assert commit is not None and len(commit) == 12
    (clone / "pyproject.toml").write_text('name = "pkd-study"\n')
    assert _git_commit() == f"{commit}-dirty"


def test_the_commit_of_another_repository_is_not_recorded(
    lies_in: Callable[[Path], Path], tmp_path: Path
) -> None:
    # An environment inside a user's repository.
    project = tmp_path / "project"
    lies_in(project / ".venv" / "site-packages")
    (project / "pyproject.toml").write_text('[project]\nname = "theirs"\n')
    commit_everything(project)
    assert _git_commit() is None


def test_a_copy_inside_another_repository_does_not_record_that_ones_commit(
    lies_in: Callable[[Path], Path], tmp_path: Path
) -> None:
    copy = lies_in(tmp_path / "project" / "vendored")
    shutil.copy(ROOT / "pyproject.toml", copy)
    commit_everything(tmp_path / "project")
    assert installation.checkout() == copy and _git_commit() is None


def test_a_checkout_sends_its_folder_to_a_cluster_and_a_package_its_packages_alone(
    lies_in: Callable[[Path], Path], tmp_path: Path
) -> None:
    assert _code()["working_dir"] == str(ROOT)
    lies_in(tmp_path / "site-packages")
    sent = _code()
    assert sent == {"py_modules": [str(ROOT / name) for name in ("pkd", "study", "analysis")]}


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("bin/pkd-study", ["pkd-study", "run", "--tasks", "rte"]),
        ("study/run.py", ["python", "study/run.py", "run", "--tasks", "rte"]),
    ],
)
def test_the_command_is_recorded_as_it_is_typed(
    program: str, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", [program, "run", "--tasks", "rte"])
    assert installation.typed_command() == expected
