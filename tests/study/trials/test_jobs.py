"""Jobs of one step, without Ray."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from pkd.data.preparation import Prepared, prepare_task
from pkd.files.cache import write_manifest
from pkd.tasks.task import Task
from study.storage.store import SharedFolder
from study.trials.jobs import GivenTeacherJob, PredictJob, SignalsJob
from study.trials.work import GivenTeacherWork, PredictWork, SignalsWork, TrainedModel


@pytest.fixture
def model(untrained: Path, tmp_path: Path) -> Path:
    """A model with a manifest, as a stage leaves it."""
    folder = shutil.copytree(untrained, tmp_path / "model")
    write_manifest(folder, {})
    return folder


def predict(tmp_path: Path, prepared: Prepared, model: Path) -> dict[str, Any]:
    """Runs a `PredictJob`; returns its report."""
    trained = TrainedModel(prepared=prepared, folder=model, predictions=tmp_path)
    log, store = tmp_path / "job.log", SharedFolder()
    work = PredictWork(log=log, store=store, model=trained, precision="fp32")
    return PredictJob(work).step()["report"].to_dict()


def test_the_signals_job_reports_the_folder_that_it_filled(
    tmp_path: Path, prepared: Prepared, untrained: Path
) -> None:
    work = SignalsWork(
        log=tmp_path / "job.log",
        store=SharedFolder(),
        prepared=prepared,
        teacher=untrained,
        layers=[1, 2],
        root=tmp_path,
        precision="fp32",
    )
    report = SignalsJob(work).step()["report"].to_dict()
    assert report["epoch"] == 1
    files = sorted(path.name for path in (tmp_path / report["folder"]).glob("*.npy"))
    assert files == ["layer-01.npy", "layer-02.npy", "logits.npy"]


def test_the_predict_job_predicts_the_test_split_without_labels(
    tmp_path: Path, prepared: Prepared, model: Path
) -> None:
    assert predict(tmp_path, prepared, model)["splits"] == ["test"]
    table = parquet.read_table(tmp_path / "test.parquet")
    # The file's labels are -1: neither they nor a score are anywhere.
    assert table.num_rows == 16 and "label" not in table.column_names
    assert set(table["prediction"].to_pylist()) <= {0, 1}


def test_held_out_rows_are_predicted_and_scored(
    tiny_data: Path, tiny_model: Path, model: Path, tmp_path: Path
) -> None:
    files = {"train": "train", "dev": "validation", "test": "test", "later": "validation"}
    task = Task(
        name="own",
        texts=("sentence1",),
        labels=("bad", "good"),
        metrics=("accuracy", "f1:bad"),
        test=("test",),
        held_out=("later",),
        files={split: tiny_data / "rte" / f"{file}.parquet" for split, file in files.items()},
    )
    report = predict(tmp_path, prepare_task(task, tiny_model, tmp_path), model)
    assert report["splits"] == ["test", "later"]
    assert "label" not in parquet.read_table(tmp_path / "test.parquet").column_names
    rows = parquet.read_table(tmp_path / "later.parquet").to_pydict()
    right = [label == code for label, code in zip(rows["label"], rows["prediction"], strict=True)]
    assert list(report["metrics"]) == ["later"]
    assert report["metrics"]["later"]["accuracy"] == sum(right) / len(right)
    assert set(report["metrics"]["later"]) == {"accuracy", "f1:bad"}


def test_given_teachers_are_scored_and_the_first_is_copied(
    tmp_path: Path, prepared: Prepared, model: Path
) -> None:
    first = TrainedModel(prepared=prepared, folder=model, predictions=tmp_path / "first")
    other = TrainedModel(prepared=prepared, folder=model, predictions=tmp_path / "other")
    work = GivenTeacherWork(
        log=tmp_path / "job.log",
        store=SharedFolder(),
        teacher=first,
        others=(other,),
        weights=tmp_path / "weights",
        precision="fp32",
    )
    report = GivenTeacherJob(work).step()["report"].to_dict()
    assert (tmp_path / "weights" / "config.json").exists()
    assert report["score"] == report["metrics"]["validation"]["accuracy"]
    [scores] = report["further"]
    assert scores["metrics"] == report["metrics"] and scores["dev_loss"] == report["dev_loss"]
    for folder in ("first", "other"):
        rows = parquet.read_table(tmp_path / folder / "validation.parquet")
        assert "label" in rows.column_names
