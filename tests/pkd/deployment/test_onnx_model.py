"""ONNX files: their inputs, and messages for models that cannot be exported."""

from pathlib import Path

import pytest
import torch

from pkd.deployment.onnx_model import OnnxClassifier, write_onnx
from pkd.errors import ExportError
from pkd.models.classifier import load_classifier
from tests.support.training.family_encoders import write_encoder


def test_inputs_that_a_model_does_not_read_are_left_out(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    model = load_classifier(write_encoder("distilbert", tmp_path / "encoder"), ("no", "yes"), 1)
    ids = torch.tensor([[2, 7, 8, 3], [2, 9, 3, 0], [2, 3, 0, 0]])
    # As a BERT's tokenizer gives them; a DistilBERT has no token types.
    inputs = {"input_ids": ids, "attention_mask": (ids > 0).long(), "token_type_ids": 0 * ids}
    path = tmp_path / "model.onnx"
    assert write_onnx(model.eval(), inputs, path) == ["input_ids", "attention_mask"]
    with torch.inference_mode():
        expected = model(**inputs).logits.numpy()
    assert abs(OnnxClassifier(path, 1)(**inputs) - expected).max() < 1e-5


def test_the_reason_holds_no_terminal_colours(
    encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("\x1b[96mstep 2/3\x1b[0m failed\nmore")

    monkeypatch.setattr("torch.onnx.export", refuse)
    model = load_classifier(encoder, ("no", "yes"), 1)
    with pytest.raises(ExportError, match=r"this bert to ONNX \(RuntimeError: step 2/3 failed\);"):
        write_onnx(model, {"input_ids": torch.ones(2, 3, dtype=torch.long)}, tmp_path / "m.onnx")


def test_an_exporter_that_returns_nothing_is_reported(
    encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.onnx.export", lambda *_, **__: None)
    model = load_classifier(encoder, ("no", "yes"), 1)
    with pytest.raises(ExportError, match="torch wrote no ONNX program"):
        write_onnx(model, {"input_ids": torch.ones(2, 3, dtype=torch.long)}, tmp_path / "m.onnx")
