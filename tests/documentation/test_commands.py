"""The commands of the guide run as printed, in a folder with the files that they name."""

import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv

from analysis.exchange.glue_server import FILES
from pkd.evaluation.inference import write_predictions
from pkd.tasks.glue import GLUE
from tests.documentation.documents import PAGES, ROOT, Command, blocks, example
from tests.support.commands.study_process import Finished
from tests.support.runs.recorded_predictions import record_predictions
from tests.support.studies.tiny_inputs import rows_of, write_model

RAN = {
    "docs/own_data.md": "test_own_data",
    "docs/report.md": "test_the_report",
    "docs/ship.md": "test_choose_and_ship",
}


def commands(page: str, marked: bool = False) -> list[Command]:
    """Returns the commands of a page that tests run, or those that are marked as not run."""
    found = [block for block in blocks(ROOT / page) if (block.not_run is not None) == marked]
    return [command for block in found for command in block.commands()]


def run(command: Command, *more: str, **changes: str) -> int:
    """Runs a command in this process; ``changes`` replaces some of its words."""
    module, arguments = command.ours()
    words = [changes.get(word, word) for word in arguments]
    return importlib.import_module(module).main([*words, *more])


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder."""
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return tmp_path


def test_every_page_with_commands_to_run_has_a_test() -> None:
    pages = [str(page.relative_to(ROOT)) for page in PAGES]
    assert {page for page in pages if commands(page)} == set(RAN)
    assert all(test in globals() for test in RAN.values())


QUEUES = ["billing", "bug", "bug", "other"]
TICKETS = [f"ticket {n},the long text of a ticket,{QUEUES[n % 4]}" for n in range(80)]


def test_own_data(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "tickets").mkdir()
    (place / "tickets" / "train.csv").write_text("\n".join(["subject,body,queue", *TICKETS]))
    write_model(place / "bert-base-uncased", layers=12)
    as_a_folder, written = commands("docs/own_data.md")
    assert run(as_a_folder) == 0
    assert "label in queue (billing, bug, other); rows: train 72, " in capsys.readouterr().out
    assert run(written) == 0
    assert "guessed from 80 rows: text in subject and body" in capsys.readouterr().out
    with_the_file = commands("docs/own_data.md", marked=True)[0]
    assert run(with_the_file, "--dry-run") == 0


def test_the_task_file_with_every_key(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (task_file,) = [b for b in blocks(ROOT / "docs" / "own_data.md") if b.language == "yaml"]
    (place / "tickets.yaml").write_text(task_file.text)
    for split in ("train", "dev", "later", "test", "pool"):
        (place / f"{split}.csv").write_text("\n".join(["subject,body,queue", *TICKETS]))
    write_model(place / "bert-base-uncased", layers=12)
    assert run(commands("docs/own_data.md", marked=True)[0], "--dry-run") == 0
    assert "rows: train 80, dev 80, test 80, later 80" in capsys.readouterr().out


@pytest.fixture
def studied(place: Path, finished: Finished) -> Path:
    """The working folder with copies of a finished study, under the names in the guide."""
    for name in ("tickets", "glue", "large"):
        shutil.copytree(finished.study.out, place / "runs" / name)
    return place


def write_predictions_for_the_server(run_dir: Path) -> None:
    """Replaces the test predictions by as many rows as the GLUE server expects."""
    for file in FILES:
        for job in (run_dir / "predictions" / "predict").glob(f"{file.task}-*/job-0000"):
            logits = np.eye(2, dtype=np.float32)[np.arange(file.rows) % 2]
            path = job / f"{file.split}.parquet"
            write_predictions(path, GLUE[str(file.task)], np.arange(file.rows), logits, None, {})
            task, depth, method = job.parent.name.split("-", 2)
            record_predictions(run_dir, task, int(depth), method)


@pytest.mark.slow
def test_the_report(studied: Path) -> None:
    for name in ("glue", "large"):
        shutil.rmtree(studied / "runs" / name / "report")
    write_predictions_for_the_server(studied / "runs" / "glue")
    for command in commands("docs/report.md"):
        assert run(command) == 0, command
    run_dir = studied / "runs" / "glue"
    assert (run_dir / "report" / "index.html").exists()
    assert list((run_dir / "submission").glob("*.zip")) and (studied / "study.db").exists()


@pytest.mark.slow
def test_choose_and_ship(studied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    csv.write_csv(rows_of("rte", "test").drop_columns(["label"]), studied / "new.csv")
    measure, choose, export, *predictions = commands("docs/ship.md")
    assert run(measure, "--seconds", "0.1", tickets="rte") == 0
    assert (studied / "runs" / "tickets" / "benchmark.json").exists()
    # Whether a student keeps to the limits depends on this machine and this study.
    code, shown = run(choose, tickets="rte"), capsys.readouterr().out
    assert ("export it:" in shown) == (code == 0) and "RTE" in shown
    # How far int8 agrees depends on this machine too.
    limits = ["--max-changed", "1", "--max-drop", "100"]
    assert run(export, "--seconds", "0.1", *limits, tickets="rte") == 0
    assert len(predictions) == 2
    for predict in predictions:
        assert run(predict) == 0
        scored: pa.Table = csv.read_csv(studied / "scored.csv")
        assert scored.num_rows == 16
        assert set(scored["prediction"].to_pylist()) <= {"entailment", "not_entailment"}


@pytest.mark.slow
def test_a_method_of_a_users_own(place: Path, tiny_data: Path, tiny_model: Path) -> None:
    """The module of docs/extend.md defines a method that a study plans and that trains."""
    (place / "code").mkdir()
    (place / "code" / "my_methods.py").write_text(example("new-method"), encoding="utf-8")
    train = ["--task", "rte", "--data", str(tiny_data), "--model", str(tiny_model)]
    train += ["--own-method", "pkd-first=my_methods:PKD_FIRST", "--method", "pkd-first"]
    train += ["--layers", "2", "--epochs", "1"]
    plan = ["--config", "configs/demo.yaml", "--dry-run", "--set"]
    plan += ["own_methods={pkd-first: my_methods:PKD_FIRST}"]
    plan += ["methods=[kd, pkd-skip, pkd-first]", "tasks=[rte]"]
    code = (
        "from pkd.train import main as train; from study.command_line import main as study; "
        f"import sys; sys.exit(train({train}) or study({plan}))"
    )
    path = os.pathsep.join([str(ROOT), str(place / "code")])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert '"method": "pkd-first"' in done.stdout and "kd, pkd-skip, pkd-first)" in done.stdout
