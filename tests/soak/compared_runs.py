"""What is equal in two run folders: numbers of the ledger, predictions, weights."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyarrow import parquet
from safetensors.numpy import load_file

# What says when, where and in which study an event happened.
NOT_COMPARED = {
    *("time", "seq", "seconds", "train_seconds", "eval_seconds"),
    *("folder", "study", "format", "check"),
}

Events = dict[str, dict[str, dict[str, Any]]]


@dataclass(frozen=True)
class Compared:
    """How a second run differs from a first one.

    Attributes:
        equal: how many things (events, files) both have with equal content.
        different: things that both have and that differ, with the fields that differ.
        missing: things that only the first run has.
        added: things that only the second run has.
    """

    equal: int
    different: list[str]
    missing: list[str]
    added: list[str]

    @property
    def same(self) -> bool:
        """Whether the runs are equal."""
        return self.equal > 0 and not (self.different or self.missing or self.added)


def events_of(out: Path) -> Events:
    """Returns the events by ``stage/cell/trial`` and by file, without what is not compared."""
    found: Events = {}
    for path in sorted((out / "ledger").glob("*/*/*/*.json")):
        event = json.loads(path.read_text())
        trial = str(path.parent.relative_to(out / "ledger"))
        kept = {key: value for key, value in event.items() if key not in NOT_COMPARED}
        found.setdefault(trial, {})[path.stem] = kept
    return found


def compare_ledgers(first: Path, second: Path) -> Compared:
    """Compares all events of two runs, field by field."""
    return _compare(_flat(first), _flat(second))


def compare_trainings(first: Path, second: Path) -> Compared:
    """Compares the epochs of the trainings that both runs have, whatever their trials' names.

    A training is known by its cell, settings and seed. Where ASHA stopped one earlier, the epochs
    that both have are compared, without ASHA's decisions.
    """
    ours, theirs = _trainings(first), _trainings(second)
    equal, different = 0, []
    for key in ours.keys() & theirs.keys():
        for mine, other in zip(ours[key], theirs[key], strict=False):
            equal += mine == other
            if mine != other:
                different.append(f"{key} epoch {mine['epoch']}: {_fields(mine, other)}")
    return Compared(
        equal,
        sorted(different),
        sorted(ours.keys() - theirs.keys()),
        sorted(theirs.keys() - ours.keys()),
    )


def compare_files(first: Path, second: Path) -> Compared:
    """Compares predictions by their rows, and weights of teachers and students bit for bit."""
    return _compare(dict(_contents(first)), dict(_contents(second)))


def _contents(out: Path) -> Iterator[tuple[str, Any]]:
    for path in sorted((out / "predictions").rglob("*.parquet")):
        yield str(path.relative_to(out)), {"rows": parquet.read_table(path).to_pydict()}
    for folder in ("teachers", "models"):
        for path in sorted((out / folder).rglob("*.safetensors")):
            tensors = load_file(path)
            yield (
                str(path.relative_to(out)),
                {name: tensor.tobytes() for name, tensor in tensors.items()},
            )


def _flat(out: Path) -> dict[str, Any]:
    return {
        f"{trial}/{file}": event
        for trial, events in events_of(out).items()
        for file, event in events.items()
    }


def _trainings(out: Path) -> dict[str, list[dict[str, Any]]]:
    found = {}
    for trial, events in events_of(out).items():
        start = events["start"]
        stage, cell, _ = trial.split("/")
        key = f"{stage}/{cell} {json.dumps(start['settings'], sort_keys=True)} {start['seed']}"
        found[key] = [
            {name: value for name, value in event.items() if name not in ("decision", "trial")}
            for file, event in sorted(events.items())
            if file.startswith("report")
        ]
    return found


def _compare(first: dict[str, Any], second: dict[str, Any]) -> Compared:
    both = first.keys() & second.keys()
    different = {key for key in both if first[key] != second[key]}
    return Compared(
        len(both) - len(different),
        sorted(f"{key}: {_fields(first[key], second[key])}" for key in different),
        sorted(first.keys() - second.keys()),
        sorted(second.keys() - first.keys()),
    )


def _fields(first: dict[str, Any], second: dict[str, Any]) -> str:
    names = first.keys() | second.keys()
    return ", ".join(sorted(name for name in names if first.get(name) != second.get(name)))
