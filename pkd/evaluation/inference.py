"""Predictions of a model over the rows of a split."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from transformers import PreTrainedModel

from pkd.data.tokens import TokenArrays
from pkd.errors import TrainingError
from pkd.files.atomic import write_atomic
from pkd.files.ledger.predictions import METADATA
from pkd.runtime.devices import autocast
from pkd.runtime.memory import is_out_of_memory, release_memory
from pkd.tasks.task import Task


@torch.inference_mode()
def predict_logits(
    model: PreTrainedModel,
    tokens: TokenArrays,
    device: torch.device,
    precision: str,
    batch_size: int | None = None,
) -> np.ndarray:
    """Predicts the rows of a split without dropout, and restores the model's mode.

    Args:
        model: the classifier.
        tokens: the rows, on ``device``.
        device: the model's device.
        precision: ``fp32`` or ``bf16``.
        batch_size: rows in a batch; see `pkd.data.tokens.TokenArrays.batches`.

    Returns:
        (rows, classes) fp32, in the order of the rows.

    Raises:
        TrainingError: if a logit is not finite.
    """
    was_training = model.training
    model.eval()
    logits = np.empty((len(tokens), int(model.config.num_labels or 0)), dtype=np.float32)
    for rows in tokens.batches(batch_size):
        with autocast(precision, device):
            logits[rows] = _logits_within_memory(model, tokens, rows).float().cpu().numpy()
    model.train(was_training)
    if not np.isfinite(logits).all():
        raise TrainingError("the model predicts values that are not finite: training diverged")
    return logits


def _logits_within_memory(
    model: PreTrainedModel, tokens: TokenArrays, rows: np.ndarray
) -> torch.Tensor:
    """Returns the logits of a batch; halves the batch as long as memory does not suffice."""
    try:
        logits: torch.Tensor = model(**tokens.batch(rows)).logits
        return logits
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error) or len(rows) == 1:
            raise
    release_memory()
    halves = np.array_split(rows, 2)
    return torch.cat([_logits_within_memory(model, tokens, half) for half in halves])


def write_predictions(
    path: Path,
    task: Task,
    idx: np.ndarray,
    logits: np.ndarray,
    labels: np.ndarray | None,
    made_from: Mapping[str, str],
) -> None:
    """Writes predictions to a Parquet file: idx, label (if known), prediction, logit_<name>.

    Args:
        path: the file.
        task: names the classes.
        idx: (rows,) numbers of the rows.
        logits: (rows, classes).
        labels: (rows,) classes; None if they are unknown.
        made_from: goes into the file's metadata: ``tokens``, the name of the rows' token folder,
            and ``model``, the digest of the model's files, where there are such files.
    """
    import pyarrow as pa
    from pyarrow import parquet

    columns: dict[str, np.ndarray | list[str]] = {"idx": idx}
    if labels is not None:
        columns["label"] = labels
    columns["prediction"] = logits.argmax(axis=1)
    for code, name in enumerate(task.labels):
        columns[f"logit_{name}"] = logits[:, code]
    table = pa.table(columns).replace_schema_metadata({METADATA: json.dumps(made_from)})
    # Whoever reads the file can check every page of it.
    write_atomic(
        path, lambda partial: parquet.write_table(table, partial, write_page_checksum=True)
    )
