"""Tests which families export to ONNX and int8, and how far their logits are from PyTorch's.

Encoders have random weights, four layers and a tokenizer of their family. Batches have 1 and 7
rows and are as wide as their longest row.

python -m tests.benchmarks.onnx_families
"""

import tempfile
from pathlib import Path

import numpy as np
import torch

from pkd.data.preparation import prepare_task
from pkd.data.tokens import TokenArrays, open_tokens
from pkd.deployment.onnx_model import OnnxClassifier, write_int8, write_onnx
from pkd.errors import ExportError
from pkd.models.classifier import load_classifier
from pkd.tasks.glue import GLUE
from tests.support.studies.tiny_inputs import write_data
from tests.support.training.family_encoders import CASES, write_encoder


def differences(case: str, data: Path, folder: Path) -> list[float]:
    """Returns the largest difference of a logit, for ONNX and for int8."""
    encoder = write_encoder(case, folder / "encoder")
    prepared = prepare_task(GLUE["rte"], encoder, folder, data, max_length=48)
    tokens = open_tokens(prepared.tokens["validation"])
    model = load_classifier(encoder, prepared.task.labels).eval()
    write_onnx(model, tokens.batch(np.arange(4)), folder / "fp32.onnx")
    write_int8(folder / "fp32.onnx", folder / "int8.onnx")
    return [_difference(model, folder / f"{form}.onnx", tokens) for form in ("fp32", "int8")]


@torch.inference_mode()
def _difference(model: torch.nn.Module, path: Path, tokens: TokenArrays) -> float:
    found, classify = 0.0, OnnxClassifier(path, 1)
    for rows in (np.arange(1), np.arange(1, 8)):
        inputs = tokens.batch(rows)
        expected = model(**inputs).logits.numpy()
        found = max(found, float(np.abs(classify(**inputs) - expected).max()))
    return found


def main() -> None:
    """Prints a row for each family."""
    print("| family | ONNX | int8 |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as root:
        data = write_data(Path(root) / "data")
        for case in CASES:
            try:
                cells = [f"{each:.1e}" for each in differences(case, data, Path(root) / case)]
            except ExportError as error:
                cells = [str(error), ""]
            print(f"| {' | '.join([case, *cells])} |", flush=True)


if __name__ == "__main__":
    main()
