"""What a study ran, as labels and texts: models, rows, budget, time, machines, versions."""

from typing import Any

import pandas as pd

from analysis.labels import method_label, printed_name, task_label
from analysis.run_data.runs import Run
from pkd.shown_text import one_line

_LONGEST_NOTE = 500  # characters


def summary(run: Run, cells: pd.DataFrame) -> list[tuple[str, str]]:
    """Returns the report's list of what was run: pairs of a label and a text.

    Args:
        run: The study.
        cells: What `analysis.results.budget.budget` returns.
    """
    study, teacher = run.study, run.study["teacher"]
    methods = ", ".join(method_label(method) for method in study["methods"])
    depths = ", ".join(map(str, study["depths"]))
    devices = sorted(run.reports["device"].dropna().unique())
    name, layers = printed_name(teacher["name"]), teacher["layers"]
    spent = (
        f"{cells['done'].sum()} trials ended ({cells['planned'].sum()} planned), "
        f"{cells['device_hours'].sum():.2f} device hours{_wall_time(run)}"
    )
    return [
        ("Teacher", f"{name}, {layers} layers of {teacher.get('hidden')}{_ensemble(teacher)}"),
        ("Students", f"{depths} layers{_other_encoder(study)}; {methods}"),
        *((task_label(task), _rows(about)) for task, about in study["tasks"].items()),
        ("Budget per cell", _pairs(study["budget"])),
        ("Spent", spent),
        ("Devices", ", ".join(map(printed_name, devices)) or "unknown"),
        ("Started", str(study.get("created", "unknown"))),
        ("Git commit", str(study.get("git_commit") or "unknown")),
        ("Versions", _pairs(study.get("versions") or {})),
    ]


def data_notes(run: Run) -> list[str]:
    """Returns what the study found in the data of its tasks, one sentence each.

    ``study.yaml`` holds them under ``notes`` of a task; an older version recorded none.
    """
    return [
        f"{task_label(task)}: {one_line(note, _LONGEST_NOTE)}"
        for task, about in run.study["tasks"].items()
        for note in about.get("notes") or ()
    ]


def _ensemble(teacher: dict[str, Any]) -> str:
    """The number of teachers per task, if it is more than one."""
    sizes = teacher.get("ensemble", {})
    if not sizes:
        return ""
    return (
        f"; {_value(sizes)} teachers per task: students learn from the mean of their softened "
        "predictions; the patience loss and the tables use the first one"
    )


def _rows(about: dict[str, Any]) -> str:
    """The number of rows of a task, in words."""
    text = f"{_count(about, 'train_rows')} training rows"
    if "unlabelled_rows" in about:
        text += f" and {_count(about, 'unlabelled_rows')} unlabelled rows"
    split = " split off the training file" if about.get("dev_fraction") else ""
    return f"{text}, {_count(about, 'dev_rows')} dev rows{split}"


def _other_encoder(study: dict[str, Any]) -> str:
    """The encoder that students start from, if it is not the teacher's."""
    return f" of {printed_name(study['student']['name'])}" if "student" in study else ""


def _wall_time(run: Run) -> str:
    if run.reports.empty:
        return ""
    times = run.reports.sort_values("seq")["time"]
    # A clock that was set back does not shorten the study.
    hours = times.diff().clip(lower=0).sum() / 3600
    return f", {hours:.2f} hours from the first report to the last"


def _count(about: dict[str, Any], key: str) -> str:
    rows = about.get(key)
    return f"{rows:,}" if isinstance(rows, int) else "unknown"


def _pairs(mapping: dict[str, Any]) -> str:
    pairs = ((name.replace("_", " "), _value(value)) for name, value in mapping.items())
    return ", ".join(f"{name} {value}" for name, value in pairs)


def _value(value: Any) -> str:
    """A value as text; of a mapping the one common value, or each key with its value."""
    if not isinstance(value, dict):
        return str(value)
    same = len(set(value.values())) == 1
    return str(next(iter(value.values()))) if same else f"({_pairs(value)})"
