"""One configuration file for each searched cell, which re-runs just that cell.

Its settings are the search winner's as fixed values, so that the new study trains one teacher, one
searched trial and the confirm seeds.
"""

import textwrap
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from analysis.labels import method_label, task_label
from analysis.rendering import GENERATED, shell_path
from analysis.results.comparison import teachers
from analysis.results.settings import best_settings
from analysis.run_data.runs import Run
from pkd.distillation.methods import TEACHER

_WIDTH = 97


def write_fragments(run: Run, folder: Path) -> list[Path]:
    """Writes ``<task>-<depth>-<method>.yaml`` for each cell that has a search winner.

    Args:
        run: The study, in any state.
        folder: Made if there is something to write.

    Returns:
        The files, in the order of the study's cells.
    """
    if not isinstance(run.study.get("config"), dict):
        return []
    taught = teachers(run)
    written = []
    for winner in best_settings(run).to_dict("records"):
        if winner["method"] == TEACHER or pd.isna(winner.get("learning_rate")):
            continue  # each fragment trains the teacher; a damaged record has no settings
        path = folder / f"{winner['task']}-{winner['depth']}-{winner['method']}.yaml"
        folder.mkdir(parents=True, exist_ok=True)
        config = yaml.safe_dump(fragment(run, winner, taught), sort_keys=False, allow_unicode=True)
        path.write_text(f"{_opening(run, winner, path)}\n{config}", encoding="utf-8")
        written.append(path)
    return written


def fragment(run: Run, winner: dict[Hashable, Any], taught: pd.DataFrame) -> dict[str, Any]:
    """The configuration of a study of one cell.

    Args:
        run: The study.
        winner: A student's row of `analysis.results.settings.best_settings`.
        taught: What `analysis.results.comparison.teachers` returns.

    Returns:
        The study's own configuration with one task, depth and method; the winner's settings as
        the whole search space, one trial and no early stopping; the learning rate of the teacher
        that taught, or all of them where several taught together; and the same data, training and
        confirm seeds.
    """
    config, task = run.study["config"], str(winner["task"])
    entry = _files(run).get(task, task)
    data = {key: _cap(value, task) for key, value in (config.get("data") or {}).items()}
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
                name: _plain(winner[name]) for name in run.settings if not pd.isna(winner[name])
            },
        },
    }


def _teacher(run: Run, taught: pd.DataFrame, task: str) -> dict[str, Any]:
    teacher = run.study["config"].get("teacher") or {}
    given = teacher.get("fine_tuned") or {}
    own = {"fine_tuned": {task: given[task]}} if task in given else {}
    # The same trials again give the teachers that taught together.
    return {**teacher, **own, **({} if _together(run) else _taught(taught, task))}


def _together(run: Run) -> bool:
    """Whether the teachers are the best of several trials, not the best one."""
    return int((run.study["config"].get("teacher") or {}).get("ensemble", 1)) > 1


def _taught(taught: pd.DataFrame, task: str) -> dict[str, Any]:
    """The teacher's settings as fixed values; nothing where they are not known."""
    taught = taught[taught["task"] == task]
    if not len(taught) or pd.isna(taught.iloc[0]["learning_rate"]):
        return {}
    return {"trials": 1, "learning_rate": _plain(taught.iloc[0]["learning_rate"])}


def _files(run: Run) -> dict[str, str]:
    """The files of the user's own tasks; the others stand in the configuration by their names."""
    listed = list(map(str, run.study["config"].get("tasks") or []))
    own = [task for task in run.study["tasks"] if task not in listed]
    files = [each for each in listed if each.endswith((".yaml", ".yml"))]
    return dict(zip(own, files, strict=False))


def _cap(value: Any, task: str) -> Any:
    """Of rows capped by task, the one cap that is left."""
    return value.get(task) if isinstance(value, dict) else value


def _plain(value: Any) -> Any:
    """A value that YAML can write: Python's own number for NumPy's."""
    return value.item() if hasattr(value, "item") else value


def _opening(run: Run, winner: dict[Hashable, Any], path: Path) -> str:
    cell = f"{task_label(winner['task'])}, {winner['depth']} layers, "
    cell += method_label(winner["method"])
    planned = run.study["budget"]["search_trials"][winner["method"]]
    found = f"the best of {winner['trials']} trials" if planned > 1 else "the only trial"
    if winner["trials"] < planned:
        found = f"the best of {winner['trials']} of {planned} planned trials"
    taught = "The same teachers" if _together(run) else "One teacher"
    text = (
        f"One cell of the study {run.study['name']} again: {cell}, with the settings that won its "
        f"search ({winner['trial']}, {winner['search_score']:.1f} % on dev in epoch "
        f"{winner['best_epoch']:.0f}, {found}). {taught}, one searched trial, then "
        f"{run.study['budget']['confirm_seeds']} confirm seeds."
    )
    lines = textwrap.wrap(text, _WIDTH)
    if run.generated:
        lines += ["", *textwrap.wrap(GENERATED, _WIDTH)]
    file = _files(run).get(str(winner["task"]))
    if file is not None and not file.startswith("~") and not Path(file).is_absolute():
        lines += ["", "The task's file is given from the folder in which the study was started."]
    lines += ["", "Command:", f"  python study/run.py --config {shell_path(path.resolve())}"]
    return "".join(f"# {line}".rstrip() + "\n" for line in lines)
