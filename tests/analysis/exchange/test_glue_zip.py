"""Predictions of a study in the files that the GLUE server reads."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.exchange.glue_server import FILES, ServerFile
from analysis.exchange.glue_zip import Refused, server_labels
from pkd.evaluation.inference import write_predictions
from pkd.tasks.glue import GLUE as GLUE_TASKS

PREDICTED = [file for file in FILES if file.task in GLUE_TASKS]
SERVER = {file.name: file for file in FILES}
NLI = ("entailment", "not_entailment")


@pytest.mark.parametrize("file", PREDICTED, ids=lambda file: file.name)
def test_predictions_are_read_as_the_study_writes_them(file: ServerFile, tmp_path: Path) -> None:
    task = GLUE_TASKS[str(file.task)]
    codes = np.arange(file.rows) % len(task.labels)
    logits = np.eye(len(task.labels), dtype=np.float32)[codes]
    path = tmp_path / f"{file.split}.parquet"
    write_predictions(path, task, np.arange(file.rows), logits, None, {})
    words = file.name in ("MNLI-m", "MNLI-mm", "QNLI", "RTE")
    expected = [task.labels[code] if words else str(code) for code in codes[:6]]
    assert server_labels(path, file)[:6] == expected


def predict(path: Path, labels: tuple[str, ...], codes: list[int], idx: list[int]) -> Path:
    """Writes a prediction file in the format of a study."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns: dict[str, Any] = {"idx": idx, "prediction": codes}
    for code, label in enumerate(labels):
        columns[f"logit_{label}"] = [float(each == code) for each in codes]
    pd.DataFrame(columns).to_parquet(path)
    return path


@pytest.mark.parametrize(
    "labels",
    [
        ("entailment", "neutral", "contradiction"),  # the hub's order
        ("contradiction", "entailment", "neutral"),  # the authors' order
    ],
)
def test_mnli_is_written_by_name_whatever_the_order_of_its_labels(
    tmp_path: Path, labels: tuple[str, ...]
) -> None:
    rows = SERVER["MNLI-m"].rows
    codes = [row % 3 for row in range(rows)]
    path = predict(tmp_path / "test_matched.parquet", labels, codes, list(range(rows)))
    written = server_labels(path, SERVER["MNLI-m"])
    assert written[:4] == [*labels, labels[0]] and len(written) == rows


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("SST-2", ("negative", "positive")),
        ("MRPC", ("not_equivalent", "equivalent")),
        ("CoLA", ("unacceptable", "acceptable")),
    ],
)
def test_sentiment_paraphrase_and_acceptability_are_written_as_codes(
    tmp_path: Path, name: str, labels: tuple[str, ...]
) -> None:
    rows = SERVER[name].rows
    codes = [1] + [0] * (rows - 1)
    path = predict(tmp_path / "test.parquet", labels, codes, list(range(rows)))
    assert server_labels(path, SERVER[name])[:2] == ["1", "0"]
    swapped = predict(tmp_path / "swapped.parquet", labels[::-1], codes, list(range(rows)))
    assert server_labels(swapped, SERVER[name])[:2] == ["0", "1"]


def test_rows_are_written_by_their_idx(tmp_path: Path) -> None:
    codes = [1] + [0] * 2999
    path = predict(tmp_path / "test.parquet", NLI, codes, list(range(2999, -1, -1)))
    written = server_labels(path, SERVER["RTE"])
    assert written[-1] == "not_entailment" and set(written[:-1]) == {"entailment"}


@pytest.mark.parametrize(
    ("rows", "first", "labels", "code", "reason"),
    [
        (2999, 0, NLI, 0, "2,999 rows, but the server's test set has 3,000"),
        (3000, 1, NLI, 0, "idx is not 0 … 2999"),
        (3000, 0, ("no", "yes"), 0, "its labels are no, yes, not entailment, not_entailment"),
        (3000, 0, NLI, 2, "a prediction is not one of the classes 0 … 1"),
    ],
)
def test_another_test_set_is_refused_with_the_reason(
    tmp_path: Path, rows: int, first: int, labels: tuple[str, ...], code: int, reason: str
) -> None:
    idx = list(range(first, first + rows))
    path = predict(tmp_path / "test.parquet", labels, [code] * rows, idx)
    with pytest.raises(Refused, match=reason):
        server_labels(path, SERVER["RTE"])


def test_missing_and_damaged_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="not been predicted"):
        server_labels(tmp_path / "test.parquet", SERVER["RTE"])
    (tmp_path / "test.parquet").write_bytes(b"PAR1")
    with pytest.raises(Refused, match="damaged"):
        server_labels(tmp_path / "test.parquet", SERVER["RTE"])
    pd.DataFrame({"idx": [0]}).to_parquet(tmp_path / "test.parquet")
    with pytest.raises(Refused, match="damaged.*prediction"):
        server_labels(tmp_path / "test.parquet", SERVER["RTE"])
