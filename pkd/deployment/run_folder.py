"""What a study left in its folder, as far as `pkd` needs it: plan, models, scores, dev rows."""

import json
import statistics
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pkd.errors import CacheError, InputError, listed
from pkd.tasks.glue import GLUE

STUDY_FORMAT = 1  # the newest `study.yaml` that is understood


@dataclass(frozen=True)
class Student:
    """A saved student and how its settings did on dev.

    Attributes:
        method: one of the study's methods.
        depth: number of layers.
        folder: the weights of its best confirm seed.
        seeds: the end of each confirm seed that ran to its end: ``score`` (0 … 1; mcc -1 … 1)
            and ``metrics`` by split.
    """

    method: str
    depth: int
    folder: Path
    seeds: tuple[dict[str, Any], ...]

    @property
    def name(self) -> str:
        """What ``--student`` calls it, for example ``pkd-skip-3``."""
        return f"{self.method}-{self.depth}"

    @property
    def mean(self) -> float:
        """Mean score of the seeds; there is one at least."""
        return statistics.fmean(seed["score"] for seed in self.seeds)


def read_study(run_dir: Path) -> dict[str, Any]:
    """Reads a run's ``study.yaml``.

    Raises:
        InputError: if the folder is no run, or its file cannot be read.
    """
    path = run_dir / "study.yaml"
    if not path.is_file():
        raise InputError(f"{run_dir} is not a run directory: it has no study.yaml")
    try:
        study = yaml.safe_load(path.read_text(encoding="utf-8"))
        newer = study["format"] > STUDY_FORMAT
        [study[key] for key in ("tasks", "depths", "methods")], study["teacher"]["layers"]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError) as error:
        raise InputError(f"cannot read {path}: {error}") from None
    if newer:
        raise InputError(f"{path} was written by a newer version of this project; update it")
    return dict(study)


def chosen_tasks(study: dict[str, Any], tasks: Sequence[str] | None) -> list[str]:
    """The tasks of a study that were asked for, or all of them.

    Raises:
        InputError: for one that the study does not have.
    """
    known = list(study["tasks"])
    unknown = [task for task in tasks or () if task not in known]
    if unknown:
        raise InputError(f"--task is {unknown[0]!r}, but this study has {', '.join(known)}")
    return list(dict.fromkeys(tasks or known))


def dev_tokens(run_dir: Path, study: dict[str, Any], task: str, teacher: bool = False) -> Path:
    """The token folder of a task's first dev split; KeyError where an old run does not tell.

    Args:
        run_dir: what ``study/run.py`` wrote.
        study: its ``study.yaml``.
        task: the task's name.
        teacher: whether as the teacher reads the rows, whose tokenizer may be another one.
    """
    about = study["tasks"][task]
    own = study.get("teacher_tokens", {}).get(task) if teacher else None
    return run_dir / "tokens" / str((own or about["tokens"])[about["dev_splits"][0]])


def text_columns(study: dict[str, Any], task: str) -> tuple[str, ...]:
    """The text columns of a task; none where a run of an older version does not tell them."""
    known = GLUE[task].texts if task in GLUE else ()
    return tuple(study["tasks"][task].get("texts") or known)


def is_saved(folder: Path) -> bool:
    """Whether there is a model."""
    return (folder / "config.json").is_file()


def students(run_dir: Path, study: dict[str, Any], task: str) -> list[Student]:
    """The saved students of a task that have a confirmed score, the best mean first.

    Raises:
        InputError: if there is none as yet.
        CacheError: for an event of the ledger that is damaged.
    """
    found = []
    for depth in study["depths"]:
        for method in study["methods"]:
            cell = f"{task}-{depth}-{method}"
            folder = run_dir / "models" / cell
            seeds = tuple(_confirmed(run_dir / "ledger" / "confirm" / cell))
            if is_saved(folder) and seeds:
                found.append(Student(method, int(depth), folder, seeds))
    if not found:
        raise InputError(
            f"{run_dir} holds no student of {task} yet (models/{task}-<depth>-<method>): they are "
            "kept when the study has confirmed its winners"
        )
    return sorted(found, key=lambda student: student.mean, reverse=True)


def find_student(found: Sequence[Student], name: str | None) -> Student:
    """Picks a student by its name; the first without one.

    Raises:
        InputError: for a name that none has.
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
    """What a study says of a model that it saved: ``trial``, ``settings``, ``score``, ``metrics``.

    Raises:
        InputError: if its ``study.json`` is missing or damaged.
    """
    path = folder / "study.json"
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        return {key: card[key] for key in ("trial", "settings", "score", "metrics")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"cannot read {path}, which the study wrote: {error}") from None


def checksum(event: dict[str, Any]) -> str:
    """8 hex digits that depend on every value of a ledger event, so that a flipped bit shows."""
    text = json.dumps(event, sort_keys=True, ensure_ascii=False)
    return f"{zlib.crc32(text.encode()):08x}"


def _confirmed(cell: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(cell.glob("*/end.json")):
        try:
            event = json.loads(path.read_text(encoding="utf-8"))
            check = event.pop("check", None)
            if check is not None and check != checksum(event):
                raise ValueError("its checksum differs")
            if event["state"] == "complete":
                yield {"score": float(event["score"]), "metrics": dict(event["metrics"])}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CacheError(f"the ledger event {path} is damaged: {error}") from None
