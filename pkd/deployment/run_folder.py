"""What `pkd` reads of a study's run folder: plan, models, scores and dev rows."""

import json
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pkd.errors import CacheError, InputError, listed
from pkd.files.run_format import (
    LEDGER,
    MODEL_RECORD,
    MODELS,
    STUDY_FILE,
    TEACHERS,
    TOKENS,
    DamagedFile,
    RunFormatError,
    read_event,
)
from pkd.files.run_format import read_study as read_study_file
from pkd.tasks.glue import GLUE


@dataclass(frozen=True)
class Student:
    """A saved student and the dev scores of its settings.

    Attributes:
        method: one of the study's methods.
        depth: number of layers.
        folder: the weights of its best confirm seed.
        seeds: the result of each confirm seed that finished: ``score`` (0 … 1; mcc -1 … 1)
            and ``metrics`` by split.
    """

    method: str
    depth: int
    folder: Path
    seeds: tuple[dict[str, Any], ...]

    @property
    def name(self) -> str:
        """The value of ``--student``, for example ``pkd-skip-3``."""
        return f"{self.method}-{self.depth}"

    @property
    def mean(self) -> float:
        """Mean score over the seeds, of which there is at least one."""
        return statistics.fmean(seed["score"] for seed in self.seeds)


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
        raise InputError(f"--task is {unknown[0]!r}, but this study has {', '.join(known)}")
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


def students(run_dir: Path, study: dict[str, Any], task: str) -> list[Student]:
    """Returns the saved students of a task that have a confirmed score, the best mean first.

    Raises:
        InputError: if there are none yet.
        CacheError: if an event of the ledger is damaged.
    """
    found = []
    for depth in study["depths"]:
        for method in study["methods"]:
            folder = student_folder(run_dir, task, depth, method)
            seeds = tuple(_confirmed(run_dir / LEDGER / "confirm" / folder.name))
            if is_saved(folder) and seeds:
                found.append(Student(method, int(depth), folder, seeds))
    if not found:
        raise InputError(
            f"{run_dir} holds no student of {task} yet (models/{task}-<depth>-<method>): a study "
            "saves its students in the confirm stage"
        )
    return sorted(found, key=lambda student: student.mean, reverse=True)


def find_student(found: Sequence[Student], name: str | None) -> Student:
    """Returns the student with a name, or the first one if there is no name.

    Raises:
        InputError: if no student has the name.
    """
    if name is None:
        return found[0]
    for student in found:
        if student.name == name:
            return student
    raise InputError(
        f"--student is {name!r}, but this run has {listed([each.name for each in found])}"
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
        card = json.loads(path.read_text(encoding="utf-8"))
        return {key: card[key] for key in ("trial", "settings", "score", "metrics")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"cannot read {path}, which the study wrote: {error}") from None


def _confirmed(cell: Path) -> Iterator[dict[str, Any]]:
    """Yields score and metrics of each confirm seed of a cell that finished."""
    for path in sorted(cell.glob("*/end.json")):
        try:
            event = read_event(path)
            if event["state"] == "complete":
                yield {"score": float(event["score"]), "metrics": dict(event["metrics"])}
        except DamagedFile as error:
            raise CacheError(f"the ledger event {path} is damaged: {error.reason}") from None
        except RunFormatError as error:
            raise CacheError(str(error)) from None
        except (ValueError, KeyError, TypeError) as error:
            raise CacheError(f"the ledger event {path} is damaged: {error}") from None
