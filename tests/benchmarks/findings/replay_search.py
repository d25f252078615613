"""Replays searches on a recorded grid: the best score against the epochs spent.

The study's own samplers and ASHA choose among the grid's points and get the scores that
`record_grid.py` recorded. Nothing is trained. One trial runs at a time.

python -m tests.benchmarks.findings.replay_search grid.json [--repeats 50] [--plot curves.png]
"""

import argparse
import json
import random
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from study.config.cell import Cell
from study.config.sections import Asha
from study.search.budget import Budget
from study.search.cell_search import CellSearch
from study.search.samplers import ListSampler, OptunaSampler, Sampler
from study.search.trial_record import STOP

SHARES = (0.05, 0.1, 0.15, 0.25, 0.5, 1.0)
# Random trials before TPE, as in a study with 16 trials a cell.
STARTUP = 5


def best_so_far(search: CellSearch, recorded: dict[str, Any], epochs: int) -> list[float]:
    """Returns the best score so far after each of ``epochs`` epochs."""
    curve: list[float] = []
    while len(curve) < epochs:
        name = search.propose()
        trial = recorded[_key(search.trials[name].settings)]
        for epoch, score in enumerate(trial["scores"], 1):
            curve.append(max(score, curve[-1] if curve else 0.0))
            report = {"epoch": epoch, "score": score, "classes_predicted": trial["classes"]}
            if search.report(name, report) == STOP:
                break
        search.end(name)
    return curve[:epochs]


def searches(
    points: list[dict[str, float]], epochs: int
) -> dict[str, Callable[[int], CellSearch]]:
    """Returns, by name, functions that make a search from a seed."""
    cell = Cell("search", "recorded", 3, "pkd-skip")
    space = {key: tuple(dict.fromkeys(point[key] for point in points)) for key in points[0]}

    def search(sampler: Sampler, asha: Asha | None = None) -> CellSearch:
        return CellSearch(cell, sampler, Budget(len(points), epochs, asha))

    def optuna(algorithm: str, seed: int) -> OptunaSampler:
        return OptunaSampler(dict(space), algorithm, seed, cell.name, startup=STARTUP)

    return {
        "grid, in its order": lambda seed: search(ListSampler(points)),
        "grid, in any order": lambda seed: search(
            ListSampler(random.Random(seed).sample(points, len(points)))
        ),
        "random": lambda seed: search(optuna("random", seed)),
        "TPE": lambda seed: search(optuna("tpe", seed)),
        "TPE + ASHA": lambda seed: search(optuna("tpe", seed), Asha()),
    }


def curves(trials: list[dict[str, Any]], repeats: int) -> dict[str, np.ndarray]:
    """Returns best scores so far by search, each of shape (repeats, epochs of the whole grid)."""
    recorded = {_key(trial["settings"]): trial for trial in trials}
    epochs = len(trials[0]["scores"])
    made = searches([trial["settings"] for trial in trials], epochs)
    whole = len(trials) * epochs
    return {
        name: np.array([best_so_far(make(seed), recorded, whole) for seed in range(repeats)])
        for name, make in made.items()
    }


def _key(settings: dict[str, float]) -> tuple[tuple[str, float], ...]:
    return tuple(sorted(settings.items()))


def show(task: str, record: dict[str, Any], found: dict[str, np.ndarray]) -> None:
    """Prints a task's table."""
    fresh = [100 * score for score in record["winner_on_fresh_seeds"]]
    whole = next(iter(found.values())).shape[1]
    best = 100 * max(max(trial["scores"]) for trial in record["trials"])
    print(
        f"{task}: {len(record['trials'])} points, {whole} epochs, best {best:.1f}; the best point "
        f"on {len(fresh)} fresh seeds: {statistics.mean(fresh):.1f} ± "
        f"{statistics.stdev(fresh):.1f}"
    )
    print("| search | " + " | ".join(f"{share:.0%} of the epochs" for share in SHARES) + " |")
    print("|---" * (1 + len(SHARES)) + "|")
    for name, curve in found.items():
        at = [100 * curve[:, max(0, round(share * whole) - 1)] for share in SHARES]
        cells = [f"{values.mean():.1f} ± {values.std(ddof=1):.1f}" for values in at]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def plot(found: dict[str, dict[str, np.ndarray]], path: Path) -> None:
    """Draws the best score so far against epochs, mean of the repeats, one panel per task."""
    figure = Figure(figsize=(5 * len(found), 4), layout="constrained")
    for axes, (task, by_search) in zip(
        np.ravel(figure.subplots(1, len(found))), found.items(), strict=True
    ):
        for (name, curve), style in zip(
            by_search.items(), (":", "--", "-.", "-", "-"), strict=True
        ):
            width = 2.5 if "ASHA" in name else 1.5
            epochs = np.arange(1, 1 + curve.shape[1])
            axes.plot(epochs, 100 * curve.mean(axis=0), style, lw=width, label=name)
        axes.set(title=task, xlabel="epochs trained", xscale="log")
        axes.set_ylabel("best dev score so far, percent (mean of repeats)")
        axes.axvline(0.15 * curve.shape[1], color="0.7", lw=1)
    axes.legend()
    figure.savefig(path, dpi=150)


def main() -> None:
    """Prints a table for each task of the record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("record", type=Path)
    parser.add_argument("--repeats", type=int, default=50)
    parser.add_argument("--plot", type=Path, help="PNG to write")
    options = parser.parse_args()
    records = json.loads(options.record.read_text())
    found = {}
    for task, record in records.items():
        found[task] = curves(record["trials"], options.repeats)
        show(task, record, found[task])
    if options.plot:
        plot(found, options.plot)


if __name__ == "__main__":
    main()
