"""``pkd-study export``: the folder that is made, its card, and what is refused."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

from pkd.data.preparation import Prepared
from pkd.data.tokens import open_tokens
from pkd.deployment import onnx_model as onnxmodel
from pkd.models.classifier import load_classifier
from tests.support.runs.exportable_run import LABELS, export, write_run
from tests.support.runs.recorded_trial import record_trial


@pytest.fixture
def run(encoder: Path, teacher: Path, prepared: Prepared, tmp_path: Path) -> Path:
    return write_run(encoder, teacher, prepared, tmp_path / "run")


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
        "2,490 training rows, 12 rows of validation",
        "| training | start_layers \\[1, 4\\] |",
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


def score_held_out(run: Path, cell: str, value: float) -> None:
    record_trial(run, "predict", cell, "job-0000", metrics={"later": {"accuracy": value}})


def test_held_out_scores_are_shown_and_a_contradiction_is_said(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for cell, value in (("rte-2-kd", 0.61), ("rte-2-ft", 0.655), ("rte-4-teacher", 0.72)):
        score_held_out(run, cell, value)
    assert export(run) == 0
    shown = capsys.readouterr()
    warned = "ft-2 has a higher held-out score, 65.5 against 61.0 of kd-2: dev and held-out rows"
    assert f"warning: {warned}" in shown.err
    assert "holds kd-2 of rte; dev 64.0, held-out 61.0" in shown.out
    folder = run.parent / "model"
    card = (folder / "README.md").read_text()
    assert f"**Note:** {warned} disagree." in card
    [line] = [line for line in card.splitlines() if "later (held-out)" in line]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells == ["later (held-out)", "accuracy", "–", "61.0", "72.0"]
    written = json.loads((folder / "export.json").read_text())
    assert written["held_out"] == {"later": {"accuracy": 0.61}}
    assert written["held_out_score"] == 0.61 and written["dev_score"] == pytest.approx(0.64)
    assert written["doubts"] == [f"{warned} disagree"]
    assert written["cpu"]["name"] and written["cpu"]["threads"] >= 1


def test_metrics_of_a_label_are_measured(run: Path) -> None:
    study = yaml.safe_load((run / "study.yaml").read_text())
    study["tasks"]["rte"]["metrics"] = ["f1:entailment"]
    (run / "study.yaml").write_text(yaml.safe_dump(study))
    assert export(run) == 0
    forms = json.loads((run.parent / "model" / "export.json").read_text())["forms"]
    for form in forms:
        f1 = form["classes"]["entailment"]["f1"]
        assert form["metrics"] == {"f1:entailment": pytest.approx(f1)}


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


def break_teacher(run: Path) -> None:
    path = run / "teachers" / "rte" / "config.json"
    path.write_text(path.read_text().replace("bert", "Bert", 1))


def forget_weights(run: Path) -> None:
    path = run / "models" / "rte-2-kd" / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["files"]["model.safetensors"]
    path.write_text(json.dumps(manifest))


def break_event(run: Path) -> None:
    path = run / "ledger" / "confirm" / "rte-2-kd" / "seed-0000" / "end.json"
    path.write_text(path.read_text().replace("0.62", "0.92"))


@pytest.mark.parametrize(
    ("edit", "options", "code", "why"),
    [
        (None, ["--task=mnli"], 2, "--task is 'mnli', but this study has rte"),
        (None, ["--student=kd-6"], 2, "--student is 'kd-6', but this run has kd-2, ft-2, kd-1"),
        (None, ["--to={run}"], 2, "which exists already"),
        (None, ["--to={run}/gone/model"], 2, "gone does not exist: make it first"),
        (None, ["--seconds=0"], 2, "--seconds is 0, but must be > 0"),
        (None, ["--threads=0"], 2, "--threads is 0, but must be >= 1"),
        (None, ["--max-changed=2"], 2, "--max-changed is 2, but must be between 0 and 1"),
        (None, ["--max-drop=-1"], 2, "--max-drop is -1, but must be >= 0"),
        (lambda run: (run / "study.yaml").unlink(), [], 2, "it has no study.yaml"),
        (lambda run: shutil.rmtree(run / "models"), [], 2, "holds no student of rte yet"),
        (break_weights, [], 1, "model.safetensors is missing or has the wrong size: copy the"),
        (break_teacher, [], 1, "teachers/rte/config.json is damaged (its checksum differs)"),
        (forget_weights, [], 1, "manifest.json is damaged (it does not name model.safetensors)"),
        (break_event, [], 1, "seed-0000/end.json: its checksum differs"),
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
