"""The saved models of a study: each is compared with its manifest before it is believed."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pkd.errors import CacheError
from study.storage.set_aside import set_aside
from study.storage.store import Store


class SavedModels:
    """The teachers and students at their places, and how each can be made again.

    Args:
        store: where they are.
        ledger: the folder of the study's ledger.
    """

    def __init__(self, store: Store, ledger: Path) -> None:
        self._store, self._ledger = store, ledger
        self._trials: dict[Path, Path] = {}

    def add(self, model: Path, trial: Path) -> None:
        """Adds a model and the folder of its trial's events."""
        self._trials[model] = trial

    def damaged(self) -> list[str]:
        """Returns a sentence for each model that is damaged: the file, and what to do."""
        # Threads, because hashing releases Python's lock and reading waits for the disk.
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            found = list(pool.map(self._store.damage, self._trials))
        trials = zip(found, self._trials.values(), strict=True)
        return [self._advice(damage, trial) for damage, trial in trials if damage]

    def check(self) -> None:
        """Checks all models before other trials depend on them.

        Raises:
            CacheError: with the sentences of `damaged`.
        """
        if found := self.damaged():
            raise CacheError("\n".join(found))

    def lost(self, model: Path, trial: Path) -> str:
        """Returns a sentence about a model that is not at its place though its trial has ended."""
        place = self._store.place(model)
        return self._advice(f"{place} does not hold the model of {trial.name}", trial)

    def _advice(self, damage: str, trial: Path) -> str:
        remedy = set_aside(trial, self._ledger, self._store)
        return (
            f"{damage}: copy it back from a backup, or train only {trial.name} again: {remedy}, "
            "then run the same command"
        )
