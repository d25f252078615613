"""Damaged and outdated products of a finished study, and a disk with little room.

The command names what is damaged; after the advice is followed it makes again what is damaged or
outdated and nothing else.
"""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from analysis.submission import main as submission
from pkd.predict import main as predict
from tests.support.commands.study_process import Finished, Study

pytestmark = pytest.mark.slow

CELL = "rte-2-pkd-skip"


def flip_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_damaged_models_are_named_at_the_end_of_a_run_and_refused_by_all_commands(
    finished: Finished, tmp_path: Path, without_ray: Callable, capsys: pytest.CaptureFixture[str]
) -> None:
    study = Study(tmp_path / "run", finished.study.data, finished.study.model)
    shutil.copytree(finished.study.out, study.out)
    weights = study.out / "models" / CELL / "model.safetensors"
    config = study.out / "teachers" / "sst2" / "config.json"
    for path in (weights, config):
        flip_byte(path)
    done = without_ray(study)
    assert done.returncode == 1 and "complete after" not in done.stdout
    trial = study.out / "ledger" / "confirm" / CELL / recorded_trial(weights.parent)
    ending = done.stdout.strip().splitlines()[-3:]
    assert f"{config} is damaged" in ending[0] and "/ledger/teachers/sst2-4-teacher/" in ending[0]
    aside = study.out / "superseded"
    assert ending[1] == (
        f"{weights} is damaged (its checksum differs): copy it back from a backup, or train only "
        f"{trial.name} again: mkdir -p {aside} && mv {trial} "
        f"{aside}/confirm-{CELL}-{trial.name}-1, then run the same command"
    )
    assert ending[2].startswith("To continue: ")
    assert f"{weights} is damaged" in (study.out / "report" / "report.md").read_text()
    rows = finished.study.data / "rte" / "test.parquet"
    command = [str(weights.parent), "--input", str(rows), "--output", str(tmp_path / "o.csv")]
    assert predict([*command, "--text", "sentence1", "sentence2"]) == 1
    assert f"{weights} is damaged" in capsys.readouterr().err
    for path in (weights, config):
        flip_byte(path)
    assert without_ray(study).returncode == 0


def recorded_trial(model: Path) -> str:
    return str(json.loads((model / "study.json").read_text())["trial"])


def test_on_a_nearly_full_disk_a_damaged_model_and_outdated_predictions_are_made_again(
    finished: Finished, tmp_path: Path, mounted: Callable[[Path, str], Path]
) -> None:
    data = tmp_path / "data"
    shutil.copytree(finished.study.data, data)
    disk = mounted(tmp_path / "disk", "16m")
    study = Study(disk / "run", data, finished.study.model)
    shutil.copytree(finished.study.out, study.out, ignore=shutil.ignore_patterns("trackers"))
    record = (study.out / "study.yaml").read_text()
    (study.out / "study.yaml").write_text(record.replace(str(finished.study.data), str(data)))
    rows = parquet.read_table(data / "rte" / "test.parquet")
    parquet.write_table(reversed_texts(rows), data / "rte" / "test.parquet")
    weights = study.out / "models" / CELL / "model.safetensors"
    flip_byte(weights)
    trial = study.out / "ledger" / "confirm" / CELL / recorded_trial(weights.parent)
    shutil.move(trial, tmp_path / "moved")
    before = predictions(study)
    fill(disk, left=3_600_000)
    done = study.run()
    assert done.returncode == 0, done.stdout
    whole, there = finished.study.numbers(), study.numbers()
    assert {key: there[key] for key in there if not key.startswith("predict/rte")} == {
        key: whole[key] for key in whole if not key.startswith("predict/rte")
    }
    trained = re.findall(r" confirm \S+ (\S+) complete", done.stdout)
    assert trained == [trial.name]  # the one that was moved
    assert (
        weights.read_bytes() == (finished.study.out / "models" / CELL / weights.name).read_bytes()
    )
    after = predictions(study)
    changed = {path.split("/")[2].split("-")[0] for path in after if after[path] != before[path]}
    assert changed == {"rte"} and after.keys() == before.keys()
    assert submission([str(study.out), "--to", str(tmp_path / "zips")]) == 2  # 16 rows
    (path,) = (study.out / "predictions").glob(f"predict/{CELL}/*/test.parquet")
    made_from = json.loads(parquet.read_schema(path).metadata[b"pkd-study"])
    assert made_from["tokens"] in (study.out / "study.yaml").read_text()


def reversed_texts(rows: pa.Table) -> pa.Table:
    columns: dict[str, Any] = rows.to_pydict()
    return pa.table(columns | {name: columns[name][::-1] for name in ("sentence1", "sentence2")})


def predictions(study: Study) -> dict[str, bytes]:
    """Returns the content of the predict stage's files by their paths."""
    files = (study.out / "predictions").glob("predict/*/*/*.parquet")
    return {path.relative_to(study.out).as_posix(): path.read_bytes() for path in files}


def fill(disk: Path, left: int) -> None:
    """Leaves this many bytes of a disk free: less than the whole study needs."""
    free = shutil.disk_usage(disk).free
    assert free > left
    (disk / "filler").write_bytes(bytes(free - left))
