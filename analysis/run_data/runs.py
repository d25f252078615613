"""A run folder as two tables: ``study.yaml`` and the events of its ledger.

A damaged, misplaced or missing event, or one of a newer format, is listed in `Run.problems` and
the rest is used, because the report must also work while a study runs and after a crash. A
``study.yaml`` of a newer format is an error: without it the meaning of the numbers is unknown.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.labels import SETTINGS, add_recorded_methods
from pkd.distillation.methods import TEACHER
from pkd.errors import InputError, listed, shown
from pkd.files.ledger.reader import LedgerContent, read_ledger
from pkd.files.run_format import (
    LEDGER,
    STUDY_FILE,
    STUDY_FORMAT,
    DamagedFile,
    MissingStudyFile,
    UnknownFormat,
    read_study,
)

STAGES = ("teachers", "search", "confirm")  # the stages that hold trained trials

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
    content = read_ledger(path / LEDGER, study.get("id"))
    trained = [trial.events for trial in content.trials if _is_trained(trial.events)]
    trials = [_trial_row(events) for events in trained]
    every = (event for events in trained for event in events)
    reports = [_report_row(event) for event in every if event["event"] == "report"]
    return Run(
        path,
        study,
        _ordered(_frame(trials, _TRIAL_COLUMNS), study),
        _ordered(_frame(reports, _REPORT_COLUMNS), study),
        list(_problems(content, path)),
    )


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
    for name in (*(study.get("tasks") or ()), *(study.get("methods") or ())):
        if not _is_file_name(str(name)):  # it names files of the report
            raise RunError(f"{path} is damaged: a task or method cannot be named {shown(name)}")
    needed = [*_STUDY_KEYS]
    for task in study.get("tasks") or {}:
        needed += [f"tasks.{task}.metrics", f"tasks.{task}.dev_splits"]
    absent = [key for key in needed if not _has(study, key)]
    if absent:
        raise RunError(f"{path} lacks {', '.join(absent)}")
    if not _is_unicode(study):
        raise RunError(f"{path} is damaged: a text in it holds half of a surrogate pair")
    return study


def _is_file_name(name: str) -> bool:
    return name.isprintable() and bool(name) and Path(name).name == name


def _is_unicode(content: object) -> bool:
    """Whether no text holds half of a surrogate pair, which neither files nor tables can hold."""
    try:
        json.dumps(content, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        return False
    return True


def _has(content: Any, dotted: str) -> bool:
    for key in dotted.split("."):
        if not isinstance(content, dict) or key not in content:
            return False
        content = content[key]
    return True


def _is_trained(events: list[dict[str, Any]]) -> bool:
    """Whether a trial has events, and is of a stage that trains."""
    return bool(events) and events[0]["stage"] in STAGES


def _problems(content: LedgerContent, run_dir: Path) -> Iterator[str]:
    for trial in content.trials:
        for problem in trial.problems:
            unused = " is not used" if problem.error is not None else ""
            yield f"{problem.path.relative_to(run_dir)}{unused}: {problem.reason}"
    if content.foreign:
        names = [str(path.relative_to(run_dir)) for path in content.foreign]
        yield f"not of this study, so neither read nor changed: {listed(names)}"


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
