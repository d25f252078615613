"""A run folder as two tables: ``study.yaml`` and the events of its ledger.

A damaged event, or one of a newer format, is listed in `Run.problems` and the rest is used,
because the report must also work while a study runs and after a crash. A ``study.yaml`` of a newer
format is an error: without it the meaning of the numbers is unknown.
"""

import os
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.labels import SETTINGS, add_recorded_methods
from pkd.distillation.methods import TEACHER
from pkd.errors import InputError
from pkd.files.run_format import (
    EVENT_FORMAT,
    LEDGER,
    STUDY_FILE,
    STUDY_FORMAT,
    DamagedFile,
    Event,
    MissingStudyFile,
    UnknownFormat,
    UnreadableFile,
    read_event,
    read_study,
)

STAGES = ("teachers", "search", "confirm")  # the stages that hold trained trials

_EVENT_FILE = re.compile(r"(start|end|report-\d+)\.json")
_STUDY_KEYS = (
    *("format", "name", "depths", "methods", "tasks", "teacher.name", "teacher.layers"),
    *("budget.teacher_trials", "budget.search_trials", "budget.confirm_seeds"),
)
_IDENTITY = ("stage", "task", "depth", "method", "trial")
_REPORT_COLUMNS = (
    *_IDENTITY,
    *("epoch", "score", "train_loss", "train_accuracy", "train_curve", "dev_loss"),
    *("train_seconds", "eval_seconds", "samples", "device", "decision", "time", "seq"),
)
_TRIAL_COLUMNS = (
    *_IDENTITY,
    *("seed", "state", "score", "best_epoch", "epochs", "epochs_planned", "seconds"),
    *("started", "seq", "constant", "error"),
)
_NUMERIC = {
    *("score", "seconds", "epochs", "epochs_planned", "best_epoch"),
    *("epoch", "train_seconds", "eval_seconds", "train_accuracy"),
}


class RunError(InputError):
    """The folder holds no run that this version can read; the text names the file."""


@dataclass(frozen=True)
class Run:
    """The files of one study as tables.

    Attributes:
        path: The run folder.
        study: ``study.yaml``.
        trials: One row per trial of the stages in `STAGES`. ``state`` is ``complete``,
            ``stopped``, ``failed`` or ``unfinished`` (still running, or interrupted). ``score``
            (0..1) is the best epoch's, missing unless the trial ended; ``constant`` is whether
            that epoch predicts a single class on the first dev split. There is one column per
            hyperparameter (missing if the method does not have it) and one per metric, named
            ``<split>/<metric>`` (0..1). ``seconds`` and ``epochs`` count the training so far.
            ``seq`` is the recorded order of the last events of all trials; unlike times, it is
            not affected by a clock that was changed.
        reports: One row per epoch of a trial, with the same metric columns.
        problems: The files that could not be used, one line each.
    """

    path: Path
    study: dict[str, Any]
    trials: pd.DataFrame
    reports: pd.DataFrame
    problems: list[str]

    @property
    def generated(self) -> bool:
        """Whether a program made up the rows, so that scores mean nothing."""
        return bool(self.study.get("generated_data", False))

    @property
    def settings(self) -> list[str]:
        """The hyperparameters of all trials, the built-in ones first."""
        known = [*_TRIAL_COLUMNS, *metric_columns(self.trials)]
        found = [name for name in self.trials.columns if name not in known]
        return sorted(found, key=lambda name: (name not in SETTINGS, found.index(name)))


def metric_columns(frame: pd.DataFrame) -> list[str]:
    """Returns the columns of `frame` that hold metrics, each named ``<split>/<metric>``."""
    return [name for name in frame.columns if "/" in name]


def load_run(run_dir: Path | str) -> Run:
    """Loads the files of a study, whatever state the study is in.

    Args:
        run_dir: The folder of the study (its ``--out``).

    Raises:
        RunError: There is no readable ``study.yaml``, or it has a newer format.
    """
    path = Path(run_dir)
    study = _load_study(path / STUDY_FILE)
    add_recorded_methods(study)
    trials: list[dict[str, Any]] = []
    reports: list[dict[str, Any]] = []
    problems: list[str] = []
    # Reading a large ledger is mostly waiting for a disk, often a remote one.
    with ThreadPoolExecutor() as pool:
        loaded = pool.map(partial(_load_events, run_dir=path), _trial_folders(path / LEDGER))
    for events, unusable in loaded:
        problems += unusable
        if events:
            trials.append(_trial_row(events))
            reports += [_report_row(event) for event in events if event["event"] == "report"]
    return Run(
        path,
        study,
        _ordered(_frame(trials, _TRIAL_COLUMNS), study),
        _ordered(_frame(reports, _REPORT_COLUMNS), study),
        problems,
    )


def job_ends(run: Run, stage: str) -> list[dict[str, Any]]:
    """Returns the end event of each job of a stage without training, for example ``predict``."""
    folders = _trial_folders(run.path / "ledger", [stage])
    ends = [event for folder in folders for event in _load_events(folder, run.path)[0][-1:]]
    return [event for event in ends if event["event"] == "end"]


def _load_study(path: Path) -> dict[str, Any]:
    try:
        study = read_study(path)
    except (MissingStudyFile, DamagedFile) as error:
        raise RunError(str(error)) from None
    except UnknownFormat as error:
        raise RunError(
            f"{path} has format {error.version!r}, but this version reads format {STUDY_FORMAT}; "
            "use the version of the project that wrote it"
        ) from None
    needed = [*_STUDY_KEYS]
    for task in study.get("tasks") or {}:
        needed += [f"tasks.{task}.metrics", f"tasks.{task}.dev_splits"]
    absent = [key for key in needed if not _has(study, key)]
    if absent:
        raise RunError(f"{path} lacks {', '.join(absent)}")
    return study


def _has(content: Any, dotted: str) -> bool:
    for key in dotted.split("."):
        if not isinstance(content, dict) or key not in content:
            return False
        content = content[key]
    return True


def _trial_folders(ledger: Path, stages: Iterable[str] = STAGES) -> Iterator[Path]:
    for stage in stages:
        if (ledger / stage).is_dir():
            yield from sorted(folder for folder in (ledger / stage).glob("*/*") if folder.is_dir())


def _load_events(folder: Path, run_dir: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """The readable events of one trial (start, reports by epoch, end), and what is wrong."""
    events, problems = [], []
    for name in sorted(os.listdir(folder)):
        if not _EVENT_FILE.fullmatch(name):
            continue
        path = folder / name
        place = path.relative_to(run_dir)
        try:
            event = read_event(path)
        except UnreadableFile as error:
            problems.append(f"{place} is damaged and not used: {error.reason}")
            continue
        except DamagedFile as error:
            problems.append(f"{place} is not used: {error.reason}")
            continue
        except UnknownFormat as error:
            problems.append(
                f"{place} is not used: it has format {error.version!r}, but this version reads "
                f"format {EVENT_FORMAT}"
            )
            continue
        flaw = _flaw(event, name)
        if flaw:
            problems.append(f"{place} is not used: {flaw}")
        else:
            events.append(event)
    order = {"start": 0, "report": 1, "end": 2}
    return sorted(events, key=lambda event: order[event["event"]]), problems


def _flaw(event: Event, file_name: str) -> str | None:
    """Why the content of an event cannot be used, or None if it can."""
    kind = file_name.partition(".")[0].partition("-")[0]
    needs = {"start": ("settings",), "report": ("epoch", "score"), "end": ("state", "score")}[kind]
    absent = [key for key in ("event", *_IDENTITY, *needs) if key not in event]
    if absent:
        return f"it lacks {', '.join(absent)}"
    if event["event"] != kind:
        return f"its event is {event['event']!r}"
    for key in sorted(_NUMERIC):
        if not isinstance(event.get(key), int | float | None):
            return f"its {key} is {event[key]!r}, which is not a number"
    splits = event.get("metrics") or {}
    if not isinstance(splits, dict) or not all(isinstance(m, dict) for m in splits.values()):
        return "its metrics are not {split: {metric: value}}"
    for name, value in _metrics(event).items():
        if not isinstance(value, int | float | None):
            return f"its metric {name} is {value!r}, which is not a number"
    if not isinstance(event.get("settings", {}), dict):
        return "its settings are not a mapping"
    return None


def _metrics(event: dict[str, Any]) -> dict[str, float]:
    splits = event.get("metrics") or {}
    return {f"{split}/{name}": v for split, values in splits.items() for name, v in values.items()}


def _report_row(event: dict[str, Any]) -> dict[str, Any]:
    return {**{key: event.get(key) for key in _REPORT_COLUMNS}, **_metrics(event)}


def _trial_row(events: list[dict[str, Any]]) -> dict[str, Any]:
    start = events[0] if events[0]["event"] == "start" else {}
    reports = [event for event in events if event["event"] == "report"]
    end = events[-1] if events[-1]["event"] == "end" else {}
    trained = sum((r.get("train_seconds") or 0) + (r.get("eval_seconds") or 0) for r in reports)
    return {
        **{key: events[0][key] for key in _IDENTITY},
        "seed": start.get("seed"),
        "state": end.get("state", "unfinished"),
        "score": end.get("score"),
        "best_epoch": end.get("best_epoch"),
        "epochs": end.get("epochs", len(reports)),
        "epochs_planned": start.get("epochs"),
        "seconds": end.get("seconds", trained),
        "started": start.get("time"),
        "seq": events[-1].get("seq"),
        "constant": bool(end.get("constant", False)),
        "error": end.get("error"),
        **start.get("settings", {}),
        **_metrics(end),
    }


def _frame(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> pd.DataFrame:
    # Without rows, pandas would give the columns a numeric type, and joins by name would fail.
    frame = pd.DataFrame(rows) if rows else pd.DataFrame(columns=list(columns), dtype=object)
    others = [name for name in frame.columns if name not in columns]
    frame = frame.reindex(columns=[*columns, *others])
    for name in [*_NUMERIC.intersection(columns), *metric_columns(frame)]:
        frame[name] = pd.to_numeric(frame[name]).astype(float)
    return frame.astype({"constant": bool}) if "constant" in columns else frame


def _ordered(frame: pd.DataFrame, study: dict[str, Any]) -> pd.DataFrame:
    """The rows in the study's order of stages, tasks, depths and methods, then by trial."""
    orders = {
        "stage": list(STAGES),
        "task": list(study["tasks"]),
        "depth": list(study["depths"]),
        "method": [TEACHER, *study["methods"]],
    }

    def rank(column: pd.Series) -> pd.Series:
        known = orders.get(str(column.name))
        return column.map({key: i for i, key in enumerate(known)}) if known else column

    keys = [*_IDENTITY, *(["epoch"] if "epoch" in frame else [])]
    return frame.sort_values(keys, key=rank, kind="stable", ignore_index=True)
