"""What a study predicts is what the GLUE server reads: names of tasks, splits and labels agree."""

from pathlib import Path

import numpy as np
import pytest

from analysis.exchange.glue_server import FILES, ServerFile
from analysis.submission import server_labels
from pkd.evaluation.inference import write_predictions
from pkd.tasks.glue import GLUE

PREDICTED = [file for file in FILES if file.task in GLUE]


def test_every_test_split_of_the_built_in_tasks_has_a_file_on_the_server() -> None:
    splits = {(task.name, split) for task in GLUE.values() for split in task.test}
    assert {(file.task, file.split) for file in PREDICTED} == splits


@pytest.mark.parametrize("file", PREDICTED, ids=lambda file: file.name)
def test_predictions_are_read_as_the_study_writes_them(file: ServerFile, tmp_path: Path) -> None:
    task = GLUE[str(file.task)]
    codes = np.arange(file.rows) % len(task.labels)
    logits = np.eye(len(task.labels), dtype=np.float32)[codes]
    path = tmp_path / f"{file.split}.parquet"
    write_predictions(path, task, np.arange(file.rows), logits, labels=None)
    words = file.name in ("MNLI-m", "MNLI-mm", "QNLI", "RTE")
    expected = [task.labels[code] if words else str(code) for code in codes[:6]]
    assert server_labels(path, file)[:6] == expected
