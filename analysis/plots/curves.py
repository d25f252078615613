"""Learning curves of teacher and students on train and dev (the paper's Figure 2)."""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from analysis.labels import method_label, metric_label, task_label
from analysis.plots.canvas import (
    MAX_DEPTHS,
    MAX_PANELS,
    MAX_TASKS,
    Plot,
    colour,
    finish,
    marker,
    methods_in_order,
    panels,
    shown,
)
from analysis.results.comparison import confirmed, teachers
from analysis.run_data.runs import Run, metric_columns
from pkd.distillation.methods import TEACHER

_TRIAL = ["stage", "task", "depth", "method", "trial"]
_EPOCH = ["epoch", "samples", "train_accuracy", "train_curve"]
_LINE = ["task", "depth", "method", "kind", "metric"]
_CAPTIONS = {
    "train": (
        "Accuracy on the training rows while the model trains (dropout on), against training "
        "steps; each place is the mean of up to {} neighbouring points of the curve"
    ),
    "dev": "Dev score after each epoch, against training steps",
}
_WINDOW = 5  # points of a train curve (of 20 an epoch) that are averaged: few rows each, so noisy


def plots(run: Run) -> Iterator[Plot]:
    """One plot for train and one for dev, if any student has been confirmed."""
    numbers = curves(run)
    students = numbers[numbers["method"] != TEACHER]
    tasks = [task for task in run.study["tasks"] if (students["task"] == task).any()]
    depths = sorted(students["depth"].unique(), reverse=True)
    for kind, caption in _CAPTIONS.items():
        name = f"curves-{kind}"
        part = numbers[numbers["kind"] == kind]
        if not (part["method"] != TEACHER).any():
            continue
        columns, fewer_depths = shown(depths, MAX_DEPTHS, "depths", name)
        most = min(MAX_TASKS, MAX_PANELS // len(columns))
        drawn, fewer_tasks = shown(tasks, most, "tasks", name)
        yield Plot(
            name,
            caption.format(_WINDOW) + ": mean over the confirm seeds that ended, the band from "
            "the lowest to the highest. The teacher is the one that taught (n = 1)."
            + fewer_tasks
            + fewer_depths,
            part,
            curves_figure(part, kind, drawn, columns),
        )


def curves(run: Run) -> pd.DataFrame:
    """Learning curves of the confirmed students and of the teacher that taught, in percent.

    Columns: ``task``, ``depth``, ``method``, ``kind`` (``train`` or ``dev``), ``metric``,
    ``step`` (of the whole training, at the end of what the point covers), and ``mean``, ``low``,
    ``high`` and ``n`` over seeds. Train is the accuracy over the steps since the point before;
    dev is the accuracy on the first dev split, or the task's first metric where accuracy is none
    of its metrics. Epochs whose number of steps is not known are left out.
    """
    trained = pd.concat([teachers(run), confirmed(run)])[_TRIAL]
    metrics = metric_columns(run.reports)
    reports = run.reports[[*_TRIAL, *_EPOCH, *metrics]].merge(trained, on=_TRIAL)
    points = [point for report in reports.to_dict("records") for point in _points(run, report)]
    frame = pd.DataFrame(points, columns=[*_LINE, "step", "value"])
    values = (100 * frame["value"]).groupby([frame[key] for key in [*_LINE, "step"]], sort=False)
    table = values.agg(mean="mean", low="min", high="max", n="count").reset_index()
    return table[table["n"] > 0].reset_index(drop=True)


def curves_figure(
    numbers: pd.DataFrame, kind: str, tasks: Sequence[str], depths: Sequence[int]
) -> Figure:
    """A row of panels per task, a column per depth, a line per method, the teacher in each.

    Args:
        numbers: What `curves` returns, of one kind.
        kind: ``train`` or ``dev``.
        tasks: Those to draw, in their order.
        depths: Likewise.
    """
    figure, grid = panels(len(tasks), len(depths))
    methods = methods_in_order(numbers["method"])
    for task, row in zip(tasks, grid, strict=True):
        of_task = numbers[numbers["task"] == task]
        for depth, axes in zip(depths, row, strict=True):
            if axes is not row[0]:
                axes.sharey(row[0])  # before anything is drawn, or its limits are lost
            for i, method in enumerate(methods):
                line = of_task[of_task["method"] == method]
                if method != TEACHER:
                    line = line[line["depth"] == depth]
                _draw(axes, line, method, kind, i)
            axes.set_title(f"{task_label(task)}, {depth} layers", fontsize=9)
            axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
            axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
            axes.set_xlim(left=0)
    for axes in grid[-1]:
        axes.set_xlabel("training steps", fontsize=9)
    handles = [Line2D([], [], label=method_label(m), **_style(m)) for m in methods]
    finish(figure, grid, f"Learning curves on the {kind} rows", handles)
    for task, row in zip(tasks, grid, strict=True):
        metric = numbers.loc[numbers["task"] == task, "metric"].iloc[0]
        unit = "accuracy (%)" if metric == "accuracy" else f"{metric_label(metric)} (× 100)"
        row[0].set_ylabel(f"{kind} {unit}", fontsize=9)
    return figure


def _points(run: Run, report: dict[Any, Any]) -> Iterator[tuple[Any, ...]]:
    """The rows of `curves` before averaging that one epoch gives."""
    place = [report[key] for key in ("task", "depth", "method")]
    curve = report["train_curve"] if isinstance(report["train_curve"], list) else []
    end = curve[-1]["step"] if curve else _last_step(run, report)
    if end is None:
        return
    if not curve:
        curve = [{"step": end, "accuracy": report["train_accuracy"]}]
    for point in curve:
        yield (*place, "train", "accuracy", point["step"], point["accuracy"])
    about = run.study["tasks"][report["task"]]
    metric = "accuracy" if "accuracy" in about["metrics"] else about["metrics"][0]
    yield (*place, "dev", metric, end, report.get(f"{about['dev_splits'][0]}/{metric}"))


def _last_step(run: Run, report: dict[Any, Any]) -> int | None:
    """The step at an epoch's end, for reports without a curve (of older versions)."""
    batch = run.study.get("config", {}).get("train", {}).get("batch_size")
    if not batch or pd.isna(report["samples"]):
        return None
    return int(report["epoch"]) * -(-int(report["samples"]) // int(batch))


def _draw(axes: Axes, line: pd.DataFrame, method: str, kind: str, number: int) -> None:
    line = line.sort_values("step")
    values = line[["mean", "low", "high"]]
    style = _style(method)
    if kind == "train":
        values = values.rolling(_WINDOW, center=True, min_periods=1).mean()
        # Few marks, at other places for each method, tell the lines apart in grey print.
        style["markevery"] = (0.03 + 0.03 * number, 0.2)
    axes.plot(line["step"], values["mean"], **style)
    if (line["n"] > 1).any():
        style = {"color": colour(method), "alpha": 0.15, "lw": 0}
        axes.fill_between(line["step"], values["low"], values["high"], **style)


def _style(method: str) -> dict[str, Any]:
    style: dict[str, Any] = {"color": colour(method), "marker": marker(method)}
    return {**style, "ms": 7 if method == TEACHER else 4, "lw": 1.2}
