"""``pkd-study export --onnx --int8``: files that agree with PyTorch, and those that do not."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification

from pkd.data.preparation import Prepared
from pkd.data.tokens import open_tokens
from pkd.deployment import variants
from pkd.deployment.variants import INT8_FILE, ONNX_FILE
from tests.support.runs.exportable_run import LABELS, export, write_run


@pytest.fixture
def run(encoder: Path, teacher: Path, prepared: Prepared, tmp_path: Path) -> Path:
    return write_run(encoder, teacher, prepared, tmp_path / "run")


def test_onnx_and_int8_files_predict_as_pytorch_does(
    run: Path, prepared: Prepared, capsys: pytest.CaptureFixture[str]
) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    # A tiny model is unsure of its labels; how many int8 changes depends on the CPU.
    assert export(run, "--int8", "--max-drop", "100", "--max-changed", "1") == 0
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
    assert "the same labels on 12 dev rows; the largest difference" in shown.out
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
    monkeypatch.setattr("pkd.deployment.bundle.check_packages", lambda *_: None)
    monkeypatch.setattr("pkd.deployment.bundle.write_onnx", write_nothing)
    monkeypatch.setattr(variants, "OnnxClassifier", Contrary)
    assert export(run, "--onnx") == 1
    shown = capsys.readouterr().err
    assert "another label than PyTorch for 12 of 12 dev rows (100 %; the limit is 0 %)" in shown
    assert "Accept that with --max-changed 1" in shown and "Nothing was exported" in shown
    assert [path.name for path in run.parent.iterdir()] == ["run"]


class Rounded(Contrary):
    """An int8 file predicts the opposite of PyTorch, an ONNX file the same."""

    def __call__(self, **inputs: torch.Tensor) -> np.ndarray:
        return super().__call__(**inputs) * (1 if self.int8 else -1)

    def __init__(self, path: Path, threads: int) -> None:
        super().__init__(path, threads)
        self.int8 = path.name == "model_int8.onnx"


@pytest.mark.parametrize(
    ("options", "code"),
    [([], 1), (["--max-changed=1"], 1), (["--max-changed=1", "--max-drop=100"], 0)],
)
def test_an_int8_file_past_the_limits_is_exported_only_if_they_are_set(
    run: Path,
    options: list[str],
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("pkd.deployment.bundle.check_packages", lambda *_: None)
    monkeypatch.setattr("pkd.deployment.bundle.write_onnx", write_nothing)
    monkeypatch.setattr("pkd.deployment.bundle.write_int8", lambda _, target: target.touch())
    monkeypatch.setattr(variants, "OnnxClassifier", Rounded)
    assert export(run, "--int8", *options) == code
    shown = capsys.readouterr()
    if code:
        assert "the ONNX int8 file " in shown.err and "--max-drop" in shown.err
        assert ("12 of 12 dev rows" in shown.err) == (not options)
        assert [path.name for path in run.parent.iterdir()] == ["run"]
        return
    folder = run.parent / "model"
    forms = {
        each["form"]: each for each in json.loads((folder / "export.json").read_text())["forms"]
    }
    assert forms["ONNX"]["changed"] == 0 and forms["ONNX int8"]["changed"] == 12
    for label in LABELS:
        before, after = (forms[form]["classes"][label] for form in ("ONNX", "ONNX int8"))
        assert after["recall"] == pytest.approx(1 - before["recall"])
    assert "recall / F1 of each label, percent:" in shown.out
    card = (folder / "README.md").read_text()
    assert "--onnx --int8 --max-changed 1 --max-drop 100" in card
    assert "The int8 file predicts another label than PyTorch for 12 of these rows" in card
    assert "--output scored.csv --form int8" in card and "`, 'int8'" not in card
