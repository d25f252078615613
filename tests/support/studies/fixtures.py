"""Fixtures: tiny studies, their inputs, and the command in this process."""

import json
import os
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from filelock import FileLock

if TYPE_CHECKING:
    from study.storage.layout import Layout
    from tests.support.commands.study_process import Finished, Study


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Returns a folder that ``make`` fills once for all workers of pytest-xdist."""
    root = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent
    folder, made = root / name, root / f"{name}.made"
    with FileLock(root / f"{name}.lock"):
        if not made.exists():
            folder.mkdir()
            make(folder)
            made.touch()
    return folder


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``<task>/<split>.parquet`` of rte and sst2. Read-only: copy it to change it."""
    from tests.support.studies.tiny_inputs import write_data

    return made_once(tmp_path_factory, "tiny-data", write_data)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of 4 layers. Read-only: copy it to change it."""
    from tests.support.studies.tiny_inputs import write_model

    return made_once(tmp_path_factory, "tiny-model", write_model)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """Address of an S3 server on loopback."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"{host}:{port}"
    server.stop()


@pytest.fixture
def s3_uri(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """URI of a folder in a new bucket; the credentials are in the environment."""
    from pyarrow import fs

    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(key, "test")
    options = f"endpoint_override={s3_server}&scheme=http&region=us-east-1"
    bucket = f"bucket-{uuid.uuid4().hex}"
    creator, _ = fs.FileSystem.from_uri(f"s3://{bucket}?{options}&allow_bucket_creation=true")
    creator.create_dir(bucket)
    return f"s3://{bucket}/studies/run?{options}"


def finished_once(
    factory: pytest.TempPathFactory, name: str, study_in: Callable[[Path], "Study"]
) -> "Finished":
    """Runs a study to its end, once for all workers of pytest-xdist."""
    from tests.support.commands.study_process import Finished

    def run(folder: Path) -> None:
        done = study_in(folder).run()
        assert done.returncode == 0, done.stdout
        (folder / "output.json").write_text(json.dumps(done.stdout))

    folder = made_once(factory, name, run)
    return Finished(study_in(folder), json.loads((folder / "output.json").read_text()))


@pytest.fixture(scope="session")
def finished(
    tiny_data: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> "Finished":
    """A complete, undisturbed study, followed by trackers.

    Read-only: copy its folder to resume it. Weights & Biases is off, because its processes take
    seconds to start.
    """
    from tests.support.commands.study_process import CONFIG, Study

    def study_in(folder: Path) -> Study:
        on = {"tensorboard": True, "mlflow": f"sqlite:///{folder}/mlflow.db"}
        return Study(folder / "run", tiny_data, tiny_model, config=CONFIG | {"trackers": on})

    return finished_once(tmp_path_factory, "finished", study_in)


@pytest.fixture(scope="session")
def ensembled(
    tiny_data: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> "Finished":
    """A complete study of rte whose students learn from two teachers.

    The first trial of its search diverges. Read-only: copy its folder to resume it.
    """
    from tests.support.commands.study_process import SHORT, Study

    # A patience loss weighted by 1e39 is infinite in fp32.
    space = {"learning_rate": 1e-3, "temperature": 5, "alpha": 0.5, "normalize": True}
    space |= {"beta": [1e39, 100.0]}
    config = SHORT | {
        "methods": ["pkd-skip"],
        "teacher": {"trials": 2, "epochs": 2, "learning_rate": [1e-3, 3e-3], "ensemble": 2},
        "search": {"algorithm": "grid", "asha": None, "space": space},
    }
    return finished_once(
        tmp_path_factory,
        "ensembled",
        lambda folder: Study(folder / "run", tiny_data, tiny_model, "rte", config),
    )


@pytest.fixture
def without_ray(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> "Callable[..., subprocess.CompletedProcess[str]]":
    """Returns a function that runs a study's command in this process; fails if it starts Ray."""
    from study.command_line import main

    def run(study: "Study", *more: str) -> "subprocess.CompletedProcess[str]":
        monkeypatch.setattr(
            "study.cluster.ray_cluster.start_ray", lambda *_: pytest.fail("Ray was started")
        )
        monkeypatch.chdir(study.out.parent)
        words = [*study.command[2:], *more]
        code = main(words)
        return subprocess.CompletedProcess(words, code, "".join(capsys.readouterr()))

    return run


@pytest.fixture(scope="session")
def place(tiny_data: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with the files that the command lines below name."""
    from tests.support.commands.command import CONFIG

    folder = tmp_path_factory.mktemp("place")
    (folder / "data").symlink_to(tiny_data)
    (folder / "model").symlink_to(tiny_model)
    (folder / "ok.yaml").write_text(yaml.safe_dump(CONFIG))
    (folder / "file").write_text("x")
    (folder / "folder.yaml").mkdir()
    (folder / "loop").symlink_to("loop")
    os.mkfifo(folder / "pipe.yaml")
    (folder / "blocked" / "report" / "index.html").mkdir(parents=True)
    (folder / "torn" / "tokens").parent.mkdir()
    (folder / "torn" / "tokens").write_text("not a folder")
    return folder


@pytest.fixture
def dry_run(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Returns a function that runs a valid command line with some options replaced.

    It returns the exit code and the error output.
    """
    monkeypatch.chdir(place)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)

    from study.command_line import main

    def run_with(*options: str) -> tuple[int, str]:
        good = {"--tasks": "rte", "--config": "ok.yaml", "--data": "data", "--model": "model"}
        kept = [part for each in (good | {"--out": "out"}).items() for part in each]
        try:
            code = main([*kept, *options, "--dry-run"])
        except SystemExit as stop:  # argparse's
            code = int(str(stop.code))
        return code, capsys.readouterr().err

    return run_with


@pytest.fixture
def layout(tmp_path: Path) -> "Layout":
    """The run folder of a study named tiny."""
    from study.storage.layout import Layout

    layout = Layout(tmp_path)
    record = {"format": 1, "name": "tiny", "id": "5a1d", "created": "", "config": {}}
    layout.study_file.write_text(yaml.safe_dump(record))
    return layout


@pytest.fixture
def quiet() -> Iterator[Callable[[str], None]]:
    """A callback for messages that fails the test if it gets one."""
    notes: list[str] = []
    yield notes.append
    assert not notes
