"""The tasks of GLUE."""

from collections.abc import Sequence
from typing import Any

from pkd.tasks.task import Task


def _glue_task(
    name: str, texts: str, labels: str, metrics: str = "accuracy", **splits: Any
) -> Task:
    splits = {"test": ("test",)} | splits
    return Task.model_validate(
        {
            "name": name,
            "texts": texts.split(),
            "labels": labels.split(),
            "metrics": metrics.split(),
            **splits,
        }
    )


# Label codes are those of the hub's nyu-mll/glue; the authors' code orders MNLI's differently.
GLUE: dict[str, Task] = {
    task.name: task
    for task in (
        _glue_task("sst2", "sentence", "negative positive"),
        _glue_task("mrpc", "sentence1 sentence2", "not_equivalent equivalent", "f1 accuracy"),
        _glue_task("qqp", "question1 question2", "not_duplicate duplicate", "f1 accuracy"),
        _glue_task(
            "mnli",
            "premise hypothesis",
            "entailment neutral contradiction",
            dev=("validation_matched", "validation_mismatched"),
            test=("test_matched", "test_mismatched"),
        ),
        _glue_task("qnli", "question sentence", "entailment not_entailment"),
        _glue_task("rte", "sentence1 sentence2", "entailment not_entailment"),
        _glue_task("cola", "sentence", "unacceptable acceptable", "mcc"),
    )
}

# Training rows in the hub's nyu-mll/glue: a study on fewer is not a replication.
TRAIN_ROWS = {
    "sst2": 67_349,
    "mrpc": 3_668,
    "qqp": 363_846,
    "mnli": 392_702,
    "qnli": 104_743,
    "rte": 2_490,
    "cola": 8_551,
}


# The data sets of the paper's Table 1: seven columns, because MNLI has two dev and test sets.
PAPER_TASKS = ("sst2", "mrpc", "qqp", "mnli", "qnli", "rte")


def expand_groups(names: Sequence[str]) -> tuple[str, ...]:
    """Replaces ``glue`` by the paper's tasks, and drops repeated names."""
    expanded = [each for name in names for each in (PAPER_TASKS if name == "glue" else (name,))]
    return tuple(dict.fromkeys(expanded))
