"""What things are called and coloured, the same in every table and plot."""

from collections.abc import Mapping
from typing import Any

from pkd.distillation.methods import METHODS, Method

SETTINGS = {
    "learning_rate": "learning rate",
    "temperature": "temperature T",
    "alpha": "alpha (weight of the soft targets)",
    "beta": "beta (weight of the patience loss)",
    "normalize": "normalised hidden states",
    # No settings of a trial, but searched all the same: as cells.
    "depth": "student depth (layers)",
    "strategy": "teacher layers that PKD looks at",
}
LOG_SETTINGS = {"learning_rate", "beta"}

_METRICS = {"accuracy": "acc", "f1": "F1", "macro_f1": "macro F1", "mcc": "MCC"}
_TASKS = {
    "sst2": "SST-2",
    "mrpc": "MRPC",
    "qqp": "QQP",
    "mnli": "MNLI",
    "qnli": "QNLI",
    "rte": "RTE",
    "cola": "CoLA",
    "stsb": "STS-B",
    "wnli": "WNLI",
}
_SPLIT_SUFFIXES = {"validation_matched": "m", "validation_mismatched": "mm"}


def method_of(name: str) -> Method:
    """The entry of a method; one that this version does not know has its name as label."""
    return METHODS.get(name) or Method(name)


def add_recorded_methods(study: Mapping[str, Any]) -> None:
    """Makes the user's own methods of a study known, as its ``study.yaml`` describes them."""
    for name, record in (study.get("own_methods") or {}).items():
        METHODS.setdefault(name, Method.from_record(record))


def method_label(method: str) -> str:
    """The method's printed name."""
    return method_of(method).label


def metric_label(metric: str) -> str:
    """The metric's short printed name, for example ``F1 (billing)`` for ``f1:billing``."""
    if metric.startswith("f1:"):
        return f"F1 ({metric.removeprefix('f1:')})"
    return _METRICS.get(metric, metric)


def task_label(task: str) -> str:
    """The task's name as the paper prints it; a user's own task keeps its own name."""
    return _TASKS.get(task, task)


def column_label(task: str, split: str) -> str:
    """The heading of one table column: a task on one dev split, for example ``MNLI-mm``."""
    if split == "validation":
        return task_label(task)
    return f"{task_label(task)}-{_SPLIT_SUFFIXES.get(split, split)}"


def ordered_metrics(metrics: list[str]) -> list[str]:
    """The metrics in the paper's order: F1 before accuracy."""
    return sorted(metrics, key=lambda metric: not metric.startswith(("f1", "macro_f1")))


def setting_text(value: Any) -> str:
    """One hyperparameter's value, short; "–" where the method has no such hyperparameter."""
    if value is None or value != value:
        return "–"
    if not isinstance(value, float):
        return str(value)
    if 0 < abs(value) < 1e-3:  # 2e-5, not 2e-05
        mantissa, exponent = f"{value:.2e}".split("e")
        return f"{float(mantissa):g}e{int(exponent)}"
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
