import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

if TYPE_CHECKING:
    from study_process import Finished

# The tests import `fake_stage`, `tiny_inputs` and `study_process` from beside them, in every
# import mode of pytest.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``<task>/<split>.parquet`` of rte and sst2. Read only: copy it to change it."""
    from tiny_inputs import write_data

    return write_data(tmp_path_factory.mktemp("tiny-data"))


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of 4 layers. Read only: copy it to change it."""
    from tiny_inputs import write_model

    return write_model(tmp_path_factory.mktemp("tiny-model"))


@pytest.fixture(scope="session")
def finished(
    tiny_data: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> "Finished":
    """A whole study that nothing disturbed. Read only: copy its folder to go on with it."""
    from study_process import Finished, Study

    study = Study(tmp_path_factory.mktemp("finished") / "run", tiny_data, tiny_model)
    began = time.monotonic()
    done = study.run()
    assert done.returncode == 0, done.stdout
    return Finished(study, done.stdout, time.monotonic() - began)


@pytest.fixture(scope="session")
def place(tiny_data: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with what the command lines below name."""
    from test_command_line import CONFIG

    folder = tmp_path_factory.mktemp("place")
    (folder / "data").symlink_to(tiny_data)
    (folder / "model").symlink_to(tiny_model)
    (folder / "ok.yaml").write_text(yaml.safe_dump(CONFIG))
    (folder / "file").write_text("x")
    (folder / "folder.yaml").mkdir()
    (folder / "loop").symlink_to("loop")
    (folder / "torn" / "tokens").parent.mkdir()
    (folder / "torn" / "tokens").write_text("no folder")
    return folder


@pytest.fixture
def dry_run(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Runs a good command line with some options exchanged; gives its code and what it says."""
    monkeypatch.chdir(place)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)

    from study.cli import main

    def run_with(*options: str) -> tuple[int, str]:
        good = {"--tasks": "rte", "--config": "ok.yaml", "--data": "data", "--model": "model"}
        kept = [part for each in (good | {"--out": "out"}).items() for part in each]
        try:
            code = main([*kept, *options, "--dry-run"])
        except SystemExit as stop:  # argparse's
            code = int(str(stop.code))
        return code, capsys.readouterr().err

    return run_with
