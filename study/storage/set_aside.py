"""What the user does with damaged trials: the words and commands that set only them aside."""

import os
import shlex
from collections.abc import Iterable
from pathlib import Path

from pkd.errors import CacheError
from pkd.files.ledger.trial import Problem, Trial
from pkd.files.run_format import SUPERSEDED, UnknownFormat
from study.storage.store import SharedFolder, Store


def damage(trials: Iterable[Trial], ledger: Path, store: Store) -> CacheError:
    """Returns the error that names all damaged trials of a ledger, and how to go on.

    Args:
        trials: the damaged trials.
        ledger: the folder of the ledger.
        store: the storage of the study.
    """
    problems = {trial.folder: trial.problems for trial in trials}
    for problem in (each for found in problems.values() for each in found):
        if isinstance(problem.error, UnknownFormat):
            return CacheError(str(problem.error))
    count = "1 trial is" if len(problems) == 1 else f"{len(problems)} trials are"
    lines = [f"{count} damaged in the ledger; all others are as they were:"]
    for folder, (first, *more) in problems.items():
        also = f" (and {len(more)} more)" if more else ""
        lines += [f"  {first.path.relative_to(ledger)}: {first.reason}{also}"]
        lines += [f"    {_remedy(folder, first, ledger, store)}"]
    return CacheError(
        "\n".join(lines) + "\nDo what stands below each trial, then run the same command again: "
        "it trains the trials that are missing then, and no others"
    )


def set_aside(folder: Path, ledger: Path, store: Store) -> str:
    """Returns how to move a trial out of the ledger: a command, or a sentence for a URI.

    Args:
        folder: the folder of the trial, or what stands in its place.
        ledger: the folder of the ledger.
        store: the storage of the study.
    """
    if not isinstance(store, SharedFolder):
        return f"move {store.place(folder)} out of the ledger"
    superseded = ledger.parent / SUPERSEDED
    name, number = "-".join(folder.relative_to(ledger).parts), 1
    while (target := superseded / f"{name}-{number}").exists():
        number += 1
    return f"mkdir -p {_quoted(superseded)} && mv {_quoted(folder)} {_quoted(target)}"


def _remedy(folder: Path, problem: Problem, ledger: Path, store: Store) -> str:
    if problem.path.exists() and not os.access(problem.path, os.R_OK):
        return f"give this user the right to read {store.place(problem.path)}"
    if problem.home is None:
        return set_aside(folder, ledger, store)
    if not isinstance(store, SharedFolder):
        return f"move {store.place(folder)} back to {store.place(problem.home)}"
    return f"mv {_quoted(folder)} {_quoted(problem.home)}"


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
