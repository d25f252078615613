"""The students of a task in a run folder, their scores, and which of them is the best."""

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pkd.deployment.run_folder import is_saved, student_folder
from pkd.errors import CacheError, InputError, did_you_mean, listed
from pkd.files.ledger.predictions import final_predictions
from pkd.files.ledger.reader import read_ledger
from pkd.files.run_format import LEDGER

Scores = dict[str, dict[str, float]]  # the value of each metric, by split
Read = TypeVar("Read")


@dataclass(frozen=True)
class Student:
    """A saved student and its scores.

    Attributes:
        method: one of the study's methods.
        depth: number of layers.
        folder: the weights of its best confirm seed.
        seeds: the result of each confirm seed that finished: ``score`` (0 … 1; mcc -1 … 1),
            ``metrics`` by split, and ``constant``: whether it predicts a single class.
        held_out: the metrics of these weights on the held-out splits, by split; empty without
            such splits, and until the predict stage has scored them.
        planned: the number of confirm seeds that the study plans; 0 if it is not recorded.
    """

    method: str
    depth: int
    folder: Path
    seeds: tuple[dict[str, Any], ...]
    held_out: Scores
    planned: int = 0

    @property
    def name(self) -> str:
        """The value of ``--student``, for example ``pkd-skip-3``."""
        return f"{self.method}-{self.depth}"

    @property
    def mean(self) -> float:
        """Mean score over the seeds, of which there is at least one."""
        return statistics.fmean(seed["score"] for seed in self.seeds)

    @property
    def constant(self) -> int:
        """How many seeds predict a single class."""
        return sum(seed["constant"] for seed in self.seeds)

    @property
    def held_out_score(self) -> float | None:
        """The mean over held-out splits of the mean of their metrics; None if unknown."""
        if not self.held_out:
            return None
        return statistics.fmean(
            statistics.fmean(metrics.values()) for metrics in self.held_out.values()
        )


def students(run_dir: Path, study: dict[str, Any], task: str) -> list[Student]:
    """Returns the saved students of a task that have a confirmed score, the best first.

    A higher mean dev score is better. Means that print alike (0.1 points) are ties, which the
    higher held-out score breaks, then the smaller depth. Students that lack seeds, or all of
    whose seeds predict a single class, come last.

    Raises:
        InputError: if there are none yet.
        CacheError: if an event of the ledger is damaged.
    """
    found = []
    planned = int((study.get("budget") or {}).get("confirm_seeds", 0))
    for depth in study["depths"]:
        for method in study["methods"]:
            folder = student_folder(run_dir, task, depth, method)
            seeds = tuple(_of_complete(run_dir, "confirm", folder.name, _seed_result))
            if is_saved(folder) and seeds:
                held_out = held_out_metrics(run_dir, study, folder.name)
                found.append(Student(method, int(depth), folder, seeds, held_out, planned))
    if not found:
        raise InputError(
            f"{run_dir} holds no student of {task} yet (models/{task}-<depth>-<method>): a study "
            "saves its students in the confirm stage"
        )
    return sorted(found, key=_rank)


def _rank(student: Student) -> tuple[bool, bool, float, float, int]:
    """Sorts the best student first."""
    held_out = student.held_out_score
    return (
        student.constant == len(student.seeds),
        len(student.seeds) < student.planned,
        -printed(student.mean),
        float("inf") if held_out is None else -held_out,
        student.depth,
    )


def printed(score: float) -> float:
    """Returns a score in percent as tables print it, with one decimal."""
    return float(f"{round(100 * score, 9):.1f}")  # 78.35 and 78.35000000000001 are one score


def find_student(found: Sequence[Student], name: str | None) -> Student:
    """Returns the student called ``name``; the first student if ``name`` is None.

    Raises:
        InputError: if no student has the name.
    """
    if name is None:
        return found[0]
    for student in found:
        if student.name == name:
            return student
    names = [each.name for each in found]
    raise InputError(
        f"--student is {name!r}, but this run has {listed(names)}{did_you_mean(name, names)}"
    )


def doubts(found: Sequence[Student], taken: Student) -> list[str]:
    """Returns what speaks against a student, one sentence each.

    Args:
        found: all students of the task.
        taken: one of them.
    """
    sentences = []
    scores = {each.name: each.held_out_score for each in found if each.constant < len(each.seeds)}
    known = {name: score for name, score in scores.items() if score is not None}
    best = max(known, key=known.__getitem__, default=None)
    mine = taken.held_out_score
    if best is not None and mine is not None and printed(known[best]) > printed(mine):
        sentences.append(
            f"{best} has a higher held-out score, {printed(known[best])} against {printed(mine)} "
            f"of {taken.name}: dev and held-out rows disagree"
        )
    if len(taken.seeds) < taken.planned:
        sentences.append(
            f"{len(taken.seeds)} of the {taken.planned} confirm seeds of {taken.name} are complete"
        )
    if taken.constant:
        sentences.append(
            f"{taken.name} is constant on {taken.constant} of {len(taken.seeds)} seeds (predicts "
            "a single class): it has learnt nothing there"
        )
    return sentences


def held_out_metrics(run_dir: Path, study: dict[str, Any], cell: str) -> Scores:
    """Returns the held-out metrics of a cell's final model, by split; empty if there are none.

    Those of an earlier model, or of other rows than the study has now, do not count.

    Args:
        run_dir: the run folder of a study.
        study: its ``study.yaml``.
        cell: for example ``rte-3-kd``, or ``rte-12-teacher``.

    Raises:
        CacheError: if an event of the ledger is damaged.
    """
    found = list(_of_complete(run_dir, "predict", cell, _scored_splits))
    return {} if held_out_flaw(run_dir, study, cell) else next(iter(found), {})


def held_out_flaw(run_dir: Path, study: dict[str, Any], cell: str) -> str | None:
    """Returns why the recorded held-out metrics of a cell do not count; None if they do."""
    predicted = final_predictions(run_dir, study, cell).get(cell)
    return None if predicted is None else predicted.flaw


def _scored_splits(event: dict[str, Any]) -> Scores:
    """Returns the splits that all metrics are defined on."""
    return {
        split: {name: float(value) for name, value in metrics.items()}
        for split, metrics in (event.get("metrics") or {}).items()
        if metrics and None not in metrics.values()
    }


def _seed_result(event: dict[str, Any]) -> dict[str, Any]:
    return {
        "score": float(event["score"]),
        "metrics": dict(event["metrics"]),
        "constant": bool(event.get("constant", False)),
    }


def _of_complete(
    run_dir: Path, stage: str, cell: str, read: Callable[[dict[str, Any]], Read]
) -> Iterator[Read]:
    """Reads the end of each trial of a cell that finished."""
    for trial in read_ledger(run_dir / LEDGER, None, [stage], cell).trials:
        if trial.problems:
            problem = trial.problems[0]
            raise CacheError(
                f"the record of a trial is damaged: {problem.path}: {problem.reason}. The "
                "study's own command says how to train this trial again"
            )
        end = trial.events[-1] if trial.events else {}
        if end.get("state") == "complete":
            try:
                yield read(end)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise CacheError(f"{trial.folder} holds an unknown end: {error}") from None
