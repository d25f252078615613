"""``pkd-study export``: the folder that is made, its card, and what is refused."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

from pkd.data.preparation import Prepared
from pkd.data.tokens import open_tokens
from pkd.deployment import onnx_model as onnxmodel
from pkd.deployment import variants
from pkd.deployment.variants import INT8_FILE, ONNX_FILE
from pkd.export import main
from pkd.models.classifier import load_classifier, save_model

LABELS = ["entailment", "not_entailment"]
SCORES = {"rte-2-ft": [0.5, 0.6, 0.7], "rte-2-kd": [0.62, 0.64, 0.66], "rte-1-kd": [0.5, 0.5]}


def metrics(score: float) -> dict[str, Any]:
    return {"score": score, "metrics": {"validation": {"accuracy": score}}}


@pytest.fixture
def run(encoder: Path, teacher: Path, prepared: Prepared, tmp_path: Path) -> Path:
    """A finished study of RTE: a teacher of four layers; KD of two layers has the best mean,
    FT of two layers the best seed."""
    folder = tmp_path / "run"
    shutil.copytree(teacher, folder / "teachers" / "rte")
    card = {"trial": "trial-0001", "settings": {"learning_rate": 5e-5}, **metrics(0.7)}
    (folder / "teachers" / "rte" / "study.json").write_text(json.dumps(card))
    for seed, (cell, scores) in enumerate(SCORES.items()):
        student = load_classifier(encoder, LABELS, int(cell.split("-")[1]), seed=seed)
        save_model(student, encoder, folder / "models" / cell)
        settings = {"learning_rate": 2e-5, "temperature": 10.0, "alpha": 0.25}
        card = {"trial": "seed-0002", "settings": settings, **metrics(max(scores))}
        (folder / "models" / cell / "study.json").write_text(json.dumps(card))
        for number, score in enumerate(scores):
            trial = folder / "ledger" / "confirm" / cell / f"seed-{number:04d}"
            trial.mkdir(parents=True)
            (trial / "end.json").write_text(json.dumps({"state": "complete", **metrics(score)}))
    split = prepared.tokens["validation"]
    shutil.copytree(split, folder / "tokens" / split.name)
    about = {"dev_splits": ["validation"], "tokens": {"validation": split.name}}
    about |= {"metrics": ["accuracy"], "labels": LABELS, "train_rows": 2490, "dev_rows": 12}
    train = {"max_length": 24, "start_layers": {"2": [1, 4], "1": [4]}}
    study = {
        **{"format": 1, "name": "small", "command": "python study/run.py --tasks rte"},
        **{"git_commit": "0123456789ab", "versions": {"torch": "2.13.0"}},
        **{"teacher": {"layers": 4, "name": "an-encoder"}, "tasks": {"rte": about}},
        **{"depths": [2, 1], "methods": ["ft", "kd"], "config": {"train": train}},
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    return folder


def export(run: Path, *options: str) -> int:
    """The command, timing for a moment only."""
    to = str(run.parent / "model")
    return main([str(run), "--task", "rte", "--to", to, "--seconds", "0.001", *options])


def test_the_folder_is_what_transformers_loads(run: Path, capsys: pytest.CaptureFixture) -> None:
    assert export(run) == 0
    folder = run.parent / "model"
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    assert model.config.id2label == dict(enumerate(LABELS)) and model.config.num_hidden_layers == 2
    assert AutoTokenizer.from_pretrained(folder).model_max_length == 24
    source = AutoModelForSequenceClassification.from_pretrained(run / "models" / "rte-2-kd")
    weights = source.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    classify = pipeline("text-classification", model=str(folder))
    assert classify({"text": "the cat", "text_pair": "a dog"})["label"] in LABELS
    written = json.loads((folder / "export.json").read_text())
    assert (written["student"], written["texts"]) == ("kd-2", ["sentence1", "sentence2"])
    assert not (folder / "onnx").exists() and written["difference"] is None
    assert "holds kd-2 of rte" in capsys.readouterr().out


def test_the_card_holds_scores_settings_costs_and_commands(run: Path) -> None:
    assert export(run, "--student", "ft-2") == 0
    card = (run.parent / "model" / "README.md").read_text()
    for words in (
        "# rte: ft-2, 2 layers",
        "| validation | accuracy | 60.0 ± 10.0 (n = 3) | 70.0",
        "2,490 training rows, 12 rows of `validation`",
        "| training | start_layers [1, 4] |",
        "an-encoder, 4 layers, fine-tuned: accuracy 70.0 on dev (n = 1); learning_rate 5e-05",
        "learning_rate 2e-05, temperature 10, alpha 0.25",
        "python study/run.py --tasks rte\npkd-study export RUN_DIR --task rte --student ft-2",
        "Commit 0123456789ab; torch 2.13.0.",
        '{"text": "…", "text_pair": "…"}',
    ):
        assert words in card
    assert str(run) not in card
    rows = [line.split("|")[1:3] for line in card.splitlines() if "PyTorch" in line]
    assert [cell.strip() for cell in rows[0]] == ["teacher", "PyTorch fp32"]
    assert ["ft-2", "PyTorch fp32"] in [[cell.strip() for cell in row] for row in rows]


def test_size_score_and_latency_are_those_of_the_models(run: Path, prepared: Prepared) -> None:
    assert export(run) == 0
    forms = json.loads((run.parent / "model" / "export.json").read_text())["forms"]
    for form in forms:
        folder = run / ("teachers/rte" if form["model"] == "teacher" else "models/rte-2-kd")
        model = load_classifier(folder, LABELS)
        bits = 4 if form["form"] == "PyTorch fp32" else 2
        assert form["bytes"] == bits * sum(each.numel() for each in model.parameters())
        assert set(form["ms"]) == {"1", "32"} and min(form["ms"].values()) > 0
        if bits == 4:
            tokens = open_tokens(prepared.tokens["validation"])
            with torch.inference_mode():
                logits = model.eval()(**tokens.batch(np.arange(12))).logits
            right = (logits.argmax(1).numpy() == tokens.all_labels()).mean()
            assert form["metrics"] == {"accuracy": pytest.approx(right)} and form["changed"] == 0


def test_onnx_and_int8_files_predict_as_pytorch_does(
    run: Path, prepared: Prepared, capsys: pytest.CaptureFixture[str]
) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    assert export(run, "--int8") == 0
    folder = run.parent / "model"
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokens = open_tokens(prepared.tokens["validation"])
    for file, most in ((ONNX_FILE, 1e-4), (INT8_FILE, 0.5)):
        session = onnxruntime.InferenceSession(str(folder / file))
        for rows in (np.arange(12), np.array([3]), np.array([0, 7])):  # any batch, any width
            inputs = tokens.batch(rows)
            with torch.inference_mode():
                expected = model(**inputs).logits.numpy()
            feeds = {name: value.numpy() for name, value in inputs.items()}
            assert np.abs(session.run(["logits"], feeds)[0] - expected).max() < most
    shown = capsys.readouterr()
    assert "predict the same labels on 12 dev rows; the largest difference" in shown.out
    assert shown.out.index("ONNX ") < shown.out.index("ONNX int8")
    assert f"`{ONNX_FILE}` (fp32) and `{INT8_FILE}`" in (folder / "README.md").read_text()


def write_nothing(model: object, example: object, path: Path) -> list[str]:
    path.touch()
    return []


class Contrary:
    """An ONNX file that predicts the opposite of PyTorch."""

    def __init__(self, path: Path, threads: int) -> None:
        model = AutoModelForSequenceClassification.from_pretrained(path.parents[1])
        self.model = model.eval()

    @torch.inference_mode()
    def __call__(self, **inputs: torch.Tensor) -> np.ndarray:
        logits: np.ndarray = -self.model(**inputs).logits.numpy()
        return logits


def test_an_onnx_file_with_other_predictions_is_not_exported(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("pkd.deployment.bundle.check_packages", lambda: None)
    monkeypatch.setattr("pkd.deployment.bundle.write_onnx", write_nothing)
    monkeypatch.setattr(variants, "OnnxClassifier", Contrary)
    assert export(run, "--onnx") == 1
    assert "predicts another label than PyTorch for 12 of 12 dev rows" in capsys.readouterr().err
    assert [path.name for path in run.parent.iterdir()] == ["run"]


def test_missing_packages_are_named_with_the_command(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(onnxmodel, "PACKAGES", ("onnx_that_is_not_there",))
    assert export(run, "--onnx") == 2
    shown = capsys.readouterr().err
    assert (
        "onnx_that_is_not_there" in shown
        and "pip install -c constraints.txt -e '.[export]'" in shown
    )
    assert not (run.parent / "model").exists()


def test_without_the_token_cache_nothing_is_measured_and_onnx_is_refused(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(run / "tokens")
    assert export(run, "--onnx") == 2
    assert "are checked on them, so export where the study ran" in capsys.readouterr().err
    assert export(run) == 0
    assert "nothing is measured" in capsys.readouterr().err
    assert "Size, score and latency" not in (run.parent / "model" / "README.md").read_text()


def break_weights(run: Path) -> None:
    (run / "models" / "rte-2-kd" / "model.safetensors").write_bytes(b"half a")


def break_event(run: Path) -> None:
    path = run / "ledger" / "confirm" / "rte-2-kd" / "seed-0000" / "end.json"
    path.write_text(json.dumps({"state": "complete", **metrics(0.9), "check": "00000000"}))


@pytest.mark.parametrize(
    ("edit", "options", "code", "why"),
    [
        (None, ["--task=mnli"], 2, "--task is 'mnli', but this study has rte"),
        (None, ["--student=kd-6"], 2, "--student is 'kd-6', but this run has kd-2, ft-2, kd-1"),
        (None, ["--to={run}"], 2, "which exists already"),
        (None, ["--to={run}/gone/model"], 2, "gone does not exist: make it first"),
        (None, ["--seconds=0"], 2, "--seconds is 0, but must be > 0"),
        (None, ["--threads=0"], 2, "--threads is 0, but must be >= 1"),
        (lambda run: (run / "study.yaml").unlink(), [], 2, "it has no study.yaml"),
        (lambda run: shutil.rmtree(run / "models"), [], 2, "holds no student of rte yet"),
        (break_weights, [], 2, "cannot load the model in"),
        (break_event, [], 1, "seed-0000/end.json is damaged: its checksum differs"),
    ],
)
def test_what_cannot_be_exported_is_refused_and_leaves_no_files(
    run: Path,
    capsys: pytest.CaptureFixture[str],
    edit: Callable[[Path], object] | None,
    options: list[str],
    code: int,
    why: str,
) -> None:
    if edit is not None:
        edit(run)
    assert export(run, *[option.format(run=run) for option in options]) == code
    shown = capsys.readouterr().err
    assert why in shown and "Traceback" not in shown
    assert [path.name for path in run.parent.iterdir()] == ["run"]
