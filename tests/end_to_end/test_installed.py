"""The wheel alone, in a new environment: no file of the repository is used."""

import json
import os
import shutil
import site
import subprocess
import sys
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "pkd", "study", "analysis", "configs")
SMALL = ["search.trials=1", "confirm.seeds=1", "teacher.trials=1", "teacher.epochs=1"]
SMALL += ["train.epochs=1", "methods=[ft, pkd-skip]", "depths=[3]"]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the sources."""
    folder = tmp_path_factory.mktemp("build")
    for name in SOURCES:
        if (ROOT / name).is_file():
            shutil.copy(ROOT / name, folder)
        else:
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=ignored)
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder / "out")]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(folder)], check=True)
    (built,) = (folder / "out").glob("*.whl")
    return built


@dataclass
class Environment:
    """A virtual environment with the wheel, and an empty folder to work in."""

    folder: Path
    work: Path

    def run(self, *command: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Runs a command of the environment in the folder."""
        program, *arguments = command
        return subprocess.run(
            [str(self.folder / "bin" / program), *arguments],
            cwd=self.work,
            env=os.environ
            | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONPATH": ""}
            | variables,
            capture_output=True,
            text=True,
            timeout=900,
        )


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment that shares our dependencies, but not the editable installation."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--no-index", str(wheel)], check=True)
    (packages,) = (folder / "lib").glob("python*/site-packages")
    # Python ignores the .pth files of a folder that is itself added by a .pth file: the finder of
    # the editable installation is one.
    (packages / "dependencies.pth").write_text("\n".join(site.getsitepackages()))
    work = tmp_path_factory.mktemp("work")
    # Somebody else's repository: its commit says nothing about our code.
    for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "x"]):
        identity = ["-c", "user.name=x", "-c", "user.email=x"]
        subprocess.run(["git", "-C", str(work), *identity, *command], check=True)
    return Environment(folder, work)


def test_the_wheel_contains_the_packages_and_the_configurations_alone(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    ours = [name for name in names if ".dist-info/" not in name]
    assert {name.split("/")[0] for name in ours} == {"pkd", "study", "analysis"}
    assert {Path(name).suffix for name in ours} == {".py", ".csv", ".j2", ".yaml", ".typed"}
    configs = {name for name in ours if name.endswith(".yaml")}
    shipped = {f"study/shipped_configs/{path.name}" for path in (ROOT / "configs").glob("*.yaml")}
    assert configs == shipped
    assert {name for name in ours if name.endswith("py.typed")} == {
        f"{package}/py.typed" for package in ("pkd", "study", "analysis")
    }
    sources = {
        str(path.relative_to(ROOT))
        for package in ("pkd", "study", "analysis")
        for path in (ROOT / package).rglob("*.py")
    }
    assert sources <= set(ours)


def test_the_packages_are_those_of_the_environment(environment: Environment) -> None:
    code = "import pkd, study, analysis; print(pkd.__file__, study.__file__, analysis.__file__)"
    done = environment.run("python", "-c", code)
    places = done.stdout.split()
    assert len(places) == 3, done.stderr
    assert all(Path(place).is_relative_to(environment.folder) for place in places)


def test_a_name_that_is_no_configuration_lists_the_shipped_ones(environment: Environment) -> None:
    done = environment.run("pkd-study", "run", "--config", "dmeo")
    assert done.returncode == 2
    assert "demo, glue, laptop, larger_teacher, paper_grid" in done.stderr


SPY = """\
import os, sys
from importlib.machinery import PathFinder

class Spy:
    def find_spec(self, name, path=None, target=None):
        if name in {"pkd", "study", "analysis"}:
            program = os.path.basename(sys.argv[0]) if hasattr(sys, "argv") else "-"
            with open(os.environ["PLACES"], "a") as file:
                file.write(f"{program} {PathFinder.find_spec(name, path).origin}\\n")

sys.meta_path.insert(0, Spy())
"""


def test_a_study_runs_to_its_report(environment: Environment, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(SPY)
    spied = {"PYTHONPATH": str(tmp_path), "PLACES": str(tmp_path / "places")}
    command = ["pkd-study", "run", "--config", "demo", "--tasks", "rte", "--set", *SMALL]
    done = environment.run(*command, **spied)
    assert done.returncode == 0, done.stdout + done.stderr
    folder = environment.work / "runs" / "demo"
    assert "RTE" in (folder / "report" / "report.md").read_text()
    assert (folder / "report" / "index.html").exists()
    record = yaml.safe_load((folder / "study.yaml").read_text())
    assert record["git_commit"] is None
    assert record["command"].startswith("pkd-study run --config demo --tasks rte")
    # Ray's workers have loaded the packages of the environment, too.
    loaded = [line.split() for line in (tmp_path / "places").read_text().splitlines()]
    assert any(program == "default_worker.py" for program, _ in loaded)
    assert all(Path(place).is_relative_to(environment.folder) for _, place in loaded)

    shutil.rmtree(folder / "report")
    assert environment.run("pkd-study", "report", "runs/demo").returncode == 0
    assert (folder / "report" / "index.html").exists()


BLOCKED = """\
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"ray", "optuna", "matplotlib", "statsmodels"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
"""


@pytest.fixture
def base_alone(tmp_path: Path) -> dict[str, str]:
    """Environment variables with which Python finds none of what the extras install."""
    (tmp_path / "sitecustomize.py").write_text(BLOCKED)
    return {"PYTHONPATH": str(tmp_path)}


def test_without_extras_a_student_is_trained(
    environment: Environment, base_alone: dict[str, str], tiny_data: Path, tiny_model: Path
) -> None:
    options = ["--task", "rte", "--data", str(tiny_data), "--model", str(tiny_model)]
    options += ["--layers", "2", "--epochs", "1", "--max-length", "32", "--batch-size", "16"]
    done = environment.run("pkd-study", "train", *options, **base_alone)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["method"] == "pkd-skip"


@pytest.mark.parametrize(
    ("command", "extra"), [(["run", "--config", "demo"], "study"), (["report", "x"], "report")]
)
def test_without_its_extra_a_command_says_what_to_install(
    environment: Environment, base_alone: dict[str, str], command: list[str], extra: str
) -> None:
    done = environment.run("pkd-study", *command, **base_alone)
    assert done.returncode == 2, done.stderr
    assert f"which is not installed: pip install 'pkd-study[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr
