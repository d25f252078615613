"""Printed names of methods, metrics, tasks and hyperparameters, for all tables and plots.

A printed name is one line and not too long, whatever a user called the thing.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from pkd.distillation.methods import METHODS, Method
from pkd.errors import InputError
from pkd.shown_text import NAME, one_line

SETTINGS = {
    "learning_rate": "learning rate",
    "temperature": "temperature T",
    "alpha": "alpha (weight of the soft targets)",
    "beta": "beta (weight of the patience loss)",
    "normalize": "normalised hidden states",
    # Not settings of a trial: a study searches them as cells.
    "depth": "student depth (layers)",
    "strategy": "layer strategy of PKD",
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


def printed_name(name: object) -> str:
    """Returns a user's name of a split, a model or a label, as tables and plots print it."""
    return one_line(name, NAME)


def method_of(name: str) -> Method:
    """Returns the entry of a method; an unknown method has its name as label."""
    return METHODS.get(name) or Method(name)


def add_recorded_methods(study: Mapping[str, Any]) -> None:
    """Registers the user's methods that ``study.yaml`` records (key ``own_methods``).

    Raises:
        InputError: if the record is damaged.
    """
    try:
        for name, record in dict(study.get("own_methods") or {}).items():
            METHODS.setdefault(name, Method.from_record(record))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"study.yaml is damaged: cannot read `own_methods` ({error})") from None


def method_label(method: str) -> str:
    """Returns the printed name of a method."""
    return printed_name(method_of(method).label)


def methods_in_order(methods: Iterable[str]) -> list[str]:
    """Returns the distinct methods in the order that every plot uses."""
    order = list(METHODS)
    last = len(order)
    return sorted(set(methods), key=lambda m: (order.index(m) if m in order else last, m))


def metric_label(metric: str) -> str:
    """Returns the short printed name of a metric; for ``f1:billing`` it is ``F1 (billing)``."""
    if metric.startswith("f1:"):
        return f"F1 ({printed_name(metric.removeprefix('f1:'))})"
    return _METRICS.get(metric) or printed_name(metric)


def task_label(task: str) -> str:
    """Returns the name of a task as the paper prints it; a user's task keeps its name."""
    return _TASKS.get(task) or printed_name(task)


def column_label(task: str, split: str) -> str:
    """Returns the heading of a task on one split, for example ``MNLI-mm``."""
    if split == "validation":
        return task_label(task)
    return f"{task_label(task)}-{_SPLIT_SUFFIXES.get(split) or printed_name(split)}"


def ordered_metrics(metrics: list[str]) -> list[str]:
    """Returns the metrics in the order of the paper: F1 before accuracy."""
    return sorted(metrics, key=lambda metric: not metric.startswith(("f1", "macro_f1")))


def setting_text(value: Any) -> str:
    """Returns a hyperparameter's value as a short text, "–" for a missing one."""
    if value is None or value != value:
        return "–"
    if not isinstance(value, float):
        return printed_name(value)
    if 0 < abs(value) < 1e-3:  # 2e-5, not 2e-05
        mantissa, exponent = f"{value:.2e}".split("e")
        return f"{float(mantissa):g}e{int(exponent)}"
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
