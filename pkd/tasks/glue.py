"""GLUE's tasks, by name."""

from collections.abc import Sequence
from typing import Any

from pkd.tasks.task import Task


def _glue(name: str, texts: str, labels: str, metrics: str = "accuracy", **splits: Any) -> Task:
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


# Label codes are those of the hub's nyu-mll/glue. (The authors' MNLI order is another one.)
GLUE: dict[str, Task] = {
    task.name: task
    for task in (
        _glue("sst2", "sentence", "negative positive"),
        _glue("mrpc", "sentence1 sentence2", "not_equivalent equivalent", "f1 accuracy"),
        _glue("qqp", "question1 question2", "not_duplicate duplicate", "f1 accuracy"),
        _glue(
            "mnli",
            "premise hypothesis",
            "entailment neutral contradiction",
            dev=("validation_matched", "validation_mismatched"),
            test=("test_matched", "test_mismatched"),
        ),
        _glue("qnli", "question sentence", "entailment not_entailment"),
        _glue("rte", "sentence1 sentence2", "entailment not_entailment"),
        _glue("cola", "sentence", "unacceptable acceptable", "mcc"),
    )
}


# The data sets of the paper's Table 1: seven columns, because MNLI has two dev and test sets.
PAPER_TASKS = ("sst2", "mrpc", "qqp", "mnli", "qnli", "rte")


def expand_groups(names: Sequence[str]) -> tuple[str, ...]:
    """Replaces ``glue`` by the paper's tasks; each name once, in order."""
    expanded = [each for name in names for each in (PAPER_TASKS if name == "glue" else (name,))]
    return tuple(dict.fromkeys(expanded))
