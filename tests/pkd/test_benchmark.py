"""``pkd-study benchmark``: what it measures, writes and refuses."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from analysis.run_data.measured_times import load_benchmark, speeds
from pkd.benchmark import PRECISIONS, main
from pkd.data.preparation import Prepared
from pkd.deployment import latency
from pkd.files.cache import write_manifest
from pkd.models.classifier import DTYPES, load_classifier, save_model
from pkd.tasks.glue import GLUE

Edit = Callable[[dict[str, Any]], None]


@pytest.fixture
def run(encoder: Path, teacher: Path, prepared: Prepared, tmp_path: Path) -> Iterator[Path]:
    """A finished study of RTE: a teacher of four layers, students of two and one."""
    folder = tmp_path / "run"
    shutil.copytree(teacher, folder / "teachers" / "rte")
    for depth, method in ((2, "ft"), (2, "kd"), (1, "kd")):
        student = load_classifier(encoder, GLUE["rte"].labels, depth)
        save_model(student, encoder, folder / "models" / f"rte-{depth}-{method}")
    for split in prepared.tokens.values():
        shutil.copytree(split, folder / "tokens" / split.name)
    study = {
        "format": 1,
        "teacher": {"layers": 4},
        "tasks": {
            "rte": {
                "dev_splits": ["validation"],
                "tokens": {split: path.name for split, path in prepared.tokens.items()},
            }
        },
        "depths": [2, 1],
        "methods": ["ft", "kd"],
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    threads = torch.get_num_threads()
    yield folder
    torch.set_num_threads(threads)  # the command changes it for the whole process


def change(run: Path, edit: Edit) -> None:
    study = yaml.safe_load((run / "study.yaml").read_text())
    edit(study)
    (run / "study.yaml").write_text(yaml.safe_dump(study))


def measure(run: Path, *options: str) -> dict[str, Any]:
    """What the command writes, called for a few milliseconds a model."""
    assert main([str(run), "--repeats", "3", "--seconds", "0.001", *options]) == 0
    content: dict[str, Any] = json.loads((run / "benchmark.json").read_text())
    return content


def test_every_depth_is_timed_on_the_same_batches(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = measure(run, "--threads", "1", "--device", "cpu", "--precision", "fp32")
    assert (written["device"], written["threads"], written["precision"]) == ("cpu", 1, "fp32")
    assert written["device_name"] and written["versions"]["torch"] == torch.__version__
    kinds = [(t["task"], t["batch_size"], t["depth"]) for t in written["times"]]
    assert kinds == [(task, b, d) for task in (None, "rte") for b in (1, 128) for d in (4, 2, 1)]
    for kind in {(t["task"], t["batch_size"]) for t in written["times"]}:
        same = [t for t in written["times"] if (t["task"], t["batch_size"]) == kind]
        assert len({(t["rows"], t["tokens"], len(t["seconds"])) for t in same}) == 1
    for times in written["times"]:
        assert len(times["seconds"]) == 3 and min(times["seconds"]) > 0
        assert times["median"] == sorted(times["seconds"])[1]
        assert times["q1"] <= times["median"] <= times["q3"]
    shown = capsys.readouterr()
    assert "rte dev rows, batch 128: 4 layers" in shown.err
    assert str(run / "benchmark.json") in shown.out


def test_the_report_can_read_what_is_written(run: Path) -> None:
    measure(run)
    read, problem = load_benchmark(run)
    assert read is not None and problem is None
    assert speeds(read)["repeats"].tolist() == [3] * 12
    assert list(read.parameters) == [4, 2, 1]


def test_the_models_of_the_run_are_listed_with_their_parameters(run: Path) -> None:
    models = measure(run)["models"]
    assert [model["folder"] for model in models] == [
        "teachers/rte",
        "models/rte-2-ft",
        "models/rte-1-kd",
    ]
    layers = [model["parameters"]["layers"] for model in models]
    assert layers[0] == 2 * layers[1] == 4 * layers[2]
    assert len({model["parameters"]["embeddings"] for model in models}) == 1


def test_rows_are_not_longer_than_the_model_allows(run: Path) -> None:
    assert measure(run)["times"][0]["tokens"] == 32  # the longest input of the tiny encoder


def test_bf16_models_can_be_measured_on_any_cpu(run: Path) -> None:
    assert measure(run, "--device", "cpu", "--precision", "bf16")["precision"] == "bf16"


def test_a_depth_without_a_student_yet_is_left_out(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(run / "models" / "rte-1-kd")
    assert [model["depth"] for model in measure(run)["models"]] == [4, 2]
    assert "no student of 1 layers yet" in capsys.readouterr().err


@pytest.mark.parametrize("lost", ["cache", "name"])
def test_without_the_token_cache_only_fixed_lengths_are_measured(
    run: Path, lost: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if lost == "cache":
        shutil.rmtree(run / "tokens")
    else:  # as older versions wrote it
        change(run, lambda study: study["tasks"]["rte"].pop("tokens"))
    assert {times["task"] for times in measure(run)["times"]} == {None}
    assert "rte: no tokens of its dev rows" in capsys.readouterr().err


def test_a_busy_machine_is_reported_and_recorded(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(latency, "load_average", lambda: 7.25)
    assert measure(run)["load_average"] == 7.25
    assert "the machine was busy" in capsys.readouterr().err


def test_the_option_offers_all_precisions_that_models_can_be_loaded_in() -> None:
    assert set(PRECISIONS) == {"auto", *DTYPES}


def refused(run: Path, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    assert main([str(run), *options]) == 2
    assert not (run / "benchmark.json").exists()
    shown = capsys.readouterr()
    assert shown.out == "" and shown.err.count("error: ") == 1
    return shown.err


def test_a_folder_without_a_study_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "is not a run directory: it has no study.yaml" in refused(tmp_path, capsys)


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (lambda study: study.update(format=2), "was written by a newer version"),
        (lambda study: study.pop("depths"), "cannot read"),
    ],
)
def test_a_study_that_cannot_be_read_is_refused(
    run: Path, edit: Edit, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    change(run, edit)
    message = refused(run, capsys)
    assert why in message and "study.yaml" in message


def test_a_run_without_models_yet_says_which_are_missing(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(run / "models")
    assert "holds no student of rte yet" in refused(run, capsys)
    shutil.rmtree(run / "teachers")
    assert "holds no teacher of rte yet" in refused(run, capsys)


def test_a_damaged_model_is_refused_and_its_folder_named(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "models" / "rte-2-ft" / "model.safetensors").write_bytes(b"half a")
    assert f"cannot load the model in {run / 'models' / 'rte-2-ft'}" in refused(run, capsys)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--task", "mnli"), "--task is 'mnli', but this study has rte"),
        (("--threads", "0"), "--threads is 0, but must be >= 1"),
        (("--repeats", "2"), "--repeats is 2, but must be >= 3"),
        (("--seconds", "0"), "--seconds is 0, but must be > 0"),
        (("--device", "cpu", "--precision", "fp16"), "needs a GPU"),
    ],
)
def test_wrong_options_are_refused(
    run: Path, options: tuple[str, ...], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert why in refused(run, capsys, *options)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no GPU")
def test_a_gpu_is_waited_for(run: Path) -> None:
    written = measure(run, "--device", "cuda")
    assert written["device"] == "cuda" and written["precision"] in ("bf16", "fp16")


def test_damaged_weights_are_not_measured(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in (run / "models").iterdir():
        write_manifest(folder, {})
        (folder / "config.json").write_text((folder / "config.json").read_text() + " ")
    assert main([str(run), "--repeats", "3", "--seconds", "0.001"]) == 1
    assert "config.json is missing or has the wrong size" in capsys.readouterr().err
    assert not (run / "benchmark.json").exists()
