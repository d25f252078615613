"""What `pkd` reads of a study's run folder: plan, models and dev rows."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pkd.errors import CacheError, InputError, did_you_mean
from pkd.files.cache import MANIFEST, damage
from pkd.files.run_format import (
    MODEL_RECORD,
    MODELS,
    STUDY_FILE,
    TEACHERS,
    TOKENS,
    DamagedFile,
    RunFormatError,
)
from pkd.files.run_format import read_study as read_study_file
from pkd.files.text_file import read_file
from pkd.tasks.glue import GLUE


def read_study(run_dir: Path) -> dict[str, Any]:
    """Reads the ``study.yaml`` of a run folder.

    Raises:
        InputError: if the folder is not a run folder, or its file cannot be read.
    """
    path = run_dir / STUDY_FILE
    try:
        study = read_study_file(path)
        [study[key] for key in ("format", "tasks", "depths", "methods")]
        study["teacher"]["layers"]
    except DamagedFile as error:
        raise InputError(f"cannot read {path}: {error.reason}") from None
    except RunFormatError as error:
        raise InputError(str(error)) from None
    except KeyError as error:
        raise InputError(f"cannot read {path}: it lacks {error}") from None
    except TypeError as error:
        raise InputError(f"cannot read {path}: {error}") from None
    return study


def chosen_tasks(study: dict[str, Any], tasks: Sequence[str] | None) -> list[str]:
    """Returns the chosen tasks of a study; all of them by default.

    Raises:
        InputError: for a task that the study does not have.
    """
    known = list(study["tasks"])
    unknown = [task for task in tasks or () if task not in known]
    if unknown:
        raise InputError(
            f"--task is {unknown[0]!r}, but this study has {', '.join(known)}"
            + did_you_mean(unknown[0], known)
        )
    return list(dict.fromkeys(tasks or known))


def dev_tokens(run_dir: Path, study: dict[str, Any], task: str, teacher: bool = False) -> Path:
    """Returns the token folder of a task's first dev split.

    Args:
        run_dir: the run folder of a study.
        study: its ``study.yaml``.
        task: the task's name.
        teacher: whether to return the teacher's tokens; its tokenizer may differ.

    Raises:
        KeyError: if the study was run with an older version, which did not record the folder.
    """
    entry = study["tasks"][task]
    teachers_own = study.get("teacher_tokens", {}).get(task) if teacher else None
    return run_dir / TOKENS / str((teachers_own or entry["tokens"])[entry["dev_splits"][0]])


def text_columns(study: dict[str, Any], task: str) -> tuple[str, ...]:
    """Returns the text columns of a task; none where an older version did not record them."""
    known = GLUE[task].texts if task in GLUE else ()
    return tuple(study["tasks"][task].get("texts") or known)


def teacher_folder(run_dir: Path, task: str) -> Path:
    """Returns the folder of a task's teacher, whether or not it has been saved."""
    return run_dir / TEACHERS / task


def student_folder(run_dir: Path, task: str, depth: int, method: str) -> Path:
    """Returns the folder of a cell's student, whether or not it has been saved."""
    return run_dir / MODELS / f"{task}-{depth}-{method}"


def is_saved(folder: Path) -> bool:
    """Returns whether a folder holds a model."""
    return (folder / "config.json").is_file()


def check_saved(folder: Path) -> None:
    """Checks the files of a model that a study saved; any other model folder is accepted.

    Raises:
        CacheError: naming a file that is missing or damaged.
    """
    of_study = (folder / MODEL_RECORD).exists() or (folder / MANIFEST).exists()
    if of_study and (found := damage(folder)):
        raise CacheError(
            f"{found}: copy the folder again from the study, or run the study's command again, "
            "which says how to train this model again"
        )


def read_card(folder: Path) -> dict[str, Any]:
    """Reads what a study recorded of a saved model.

    Returns:
        ``trial``, ``settings``, ``score`` and ``metrics``.

    Raises:
        InputError: if its ``study.json`` is missing or damaged.
    """
    path = folder / MODEL_RECORD
    try:
        card = json.loads(read_file(path))
        return {key: card[key] for key in ("trial", "settings", "score", "metrics")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"cannot read {path}, which the study wrote: {error}") from None
