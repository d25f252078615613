"""One configuration file for each searched cell, which runs only that cell again.

The settings of the search winner are fixed values, so that the new study trains one teacher, one
search trial and the confirm seeds.
"""

import textwrap
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.labels import method_label, task_label
from analysis.rendering import GENERATED, shell_path
from analysis.results.comparison import teachers
from analysis.results.settings import best_settings
from analysis.run_data.runs import Run
from pkd.distillation.methods import TEACHER
from pkd.files.yaml_file import yaml_text
from pkd.shown_text import one_line

_WIDTH = 97


def write_fragments(run: Run, folder: Path) -> list[Path]:
    """Writes ``<task>-<depth>-<method>.yaml`` for each cell with a search winner.

    Args:
        run: The study, in any state.
        folder: The folder to write to; made if there is something to write.

    Returns:
        The files, in the order of the cells in the study.
    """
    if not isinstance(run.study.get("config"), dict):
        return []
    taught = teachers(run)
    written = []
    for winner in best_settings(run).to_dict("records"):
        if winner["method"] == TEACHER or pd.isna(winner.get("learning_rate")):
            continue  # every fragment trains a teacher; a damaged start has no settings
        path = folder / f"{winner['task']}-{winner['depth']}-{winner['method']}.yaml"
        folder.mkdir(parents=True, exist_ok=True)
        config = yaml_text(fragment(run, winner, taught))
        path.write_text(f"{_header(run, winner, path)}\n{config}", encoding="utf-8")
        written.append(path)
    return written


def fragment(run: Run, winner: dict[Hashable, Any], taught: pd.DataFrame) -> dict[str, Any]:
    """Returns the configuration of a study of one cell.

    Args:
        run: The study.
        winner: A student's row of `analysis.results.settings.best_settings`.
        taught: What `analysis.results.comparison.teachers` returns.

    Returns:
        The configuration of the study with one task, depth and method. The search space is the
        winner's settings, with one trial and no early stopping. The teacher has one trial with
        the learning rate of the recorded teacher, or the same trials again for an ensemble. Data,
        training and confirm seeds stay the same.
    """
    config, task = run.study["config"], str(winner["task"])
    entry = _task_files(run).get(task, task)
    data = {key: _cap_of_task(value, task) for key, value in (config.get("data") or {}).items()}
    return {
        **{key: value for key, value in config.items() if key != "trackers"},
        "name": f"{run.study['name']}-{task}-{winner['depth']}-{winner['method']}",
        "tasks": [entry],
        "depths": [int(winner["depth"])],
        "methods": [str(winner["method"])],
        "data": data,
        "teacher": _teacher(run, taught, task),
        "search": {
            **(config.get("search") or {}),
            **{"trials": 1, "asha": None, "published_points": False, "inherit_from_kd": False},
            "space": {
                name: _python_value(winner[name])
                for name in run.settings
                if not pd.isna(winner[name])
            },
        },
    }


def _teacher(run: Run, taught: pd.DataFrame, task: str) -> dict[str, Any]:
    teacher = run.study["config"].get("teacher") or {}
    given = teacher.get("fine_tuned") or {}
    own = {"fine_tuned": {task: given[task]}} if task in given else {}
    # The same trials again give the same ensemble.
    return {**teacher, **own, **({} if _is_ensemble(run) else _fixed_teacher(taught, task))}


def _is_ensemble(run: Run) -> bool:
    """Whether the teachers of a task are an ensemble of its best trials."""
    return int((run.study["config"].get("teacher") or {}).get("ensemble", 1)) > 1


def _fixed_teacher(taught: pd.DataFrame, task: str) -> dict[str, Any]:
    """The teacher's settings as fixed values; empty if they are unknown."""
    taught = taught[taught["task"] == task]
    if not len(taught) or pd.isna(taught.iloc[0]["learning_rate"]):
        return {}
    return {"trials": 1, "learning_rate": _python_value(taught.iloc[0]["learning_rate"])}


def _task_files(run: Run) -> dict[str, str]:
    """The files of the user's tasks; built-in tasks are in the configuration by name."""
    listed = list(map(str, run.study["config"].get("tasks") or []))
    own = [task for task in run.study["tasks"] if task not in listed]
    files = [each for each in listed if each.endswith((".yaml", ".yml"))]
    return dict(zip(own, files, strict=False))


def _cap_of_task(value: Any, task: str) -> Any:
    """A limit on rows; of limits by task, the one of this task."""
    return value.get(task) if isinstance(value, dict) else value


def _python_value(value: Any) -> Any:
    """A value that YAML can write: a Python number for a NumPy number."""
    return value.item() if hasattr(value, "item") else value


def _header(run: Run, winner: dict[Hashable, Any], path: Path) -> str:
    cell = f"{task_label(winner['task'])}, {winner['depth']} layers, "
    cell += method_label(winner["method"])
    planned = run.study["budget"]["search_trials"][winner["method"]]
    found = f"the best of {winner['trials']} trials" if planned > 1 else "the only trial"
    if winner["trials"] < planned:
        found = f"the best of {winner['trials']} of {planned} planned trials"
    teacher = "The same teachers" if _is_ensemble(run) else "One teacher"
    text = (
        f"One cell of the study {run.study['name']} again: {cell}, with the settings of its "
        f"search winner ({winner['trial']}, {winner['search_score']:.1f} % on dev in epoch "
        f"{winner['best_epoch']:.0f}, {found}). {teacher}, one search trial, then "
        f"{run.study['budget']['confirm_seeds']} confirm seeds."
    )
    lines = textwrap.wrap(text, _WIDTH)
    if run.generated:
        lines += ["", *textwrap.wrap(GENERATED, _WIDTH)]
    file = _task_files(run).get(str(winner["task"]))
    if file is not None and not file.startswith("~") and not Path(file).is_absolute():
        lines += [
            "",
            "The path of the task file is relative to the folder where the study started.",
        ]
    lines += ["", "Command:", f"  pkd-study run --config {shell_path(path.resolve())}"]
    return "".join(f"# {one_line(line)}".rstrip() + "\n" for line in lines)
