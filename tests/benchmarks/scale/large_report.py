"""Measures time and memory of building the report of a large study with a made-up ledger.

python -m tests.benchmarks.scale.large_report [--cells 1000] [--trials 20] [--reports 8]
    [--dir DIR]
"""

import argparse
import itertools
import random
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from tests.support.runs.fake_run import write

METHODS = ["ft", "kd", "pkd-skip", "pkd-last"]
DEPTHS = [9, 6, 4, 3, 2]
_NUMBERS = itertools.count(1)  # of the events


def write_run(folder: Path, cells: int, trials: int, reports: int) -> None:
    """Writes a finished study: its cells spread over tasks, five depths and four methods."""
    rng = random.Random(0)
    tasks = [f"task{i:02d}" for i in range(-(-cells // (len(METHODS) * len(DEPTHS))))]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "study.yaml").write_text(yaml.safe_dump(_study(tasks, trials, reports)))
    places = [(t, d, m) for t in tasks for d in DEPTHS for m in METHODS][:cells]
    for task in tasks:
        _trial(folder, rng, ("teachers", task, 12, "teacher"), 0, reports, reports)
    for place in places:
        for number in range(trials):
            ran = reports if number % 3 == 0 else rng.randrange(1, reports)
            _trial(folder, rng, ("search", *place), number, ran, reports)
        for seed in range(2):
            _trial(folder, rng, ("confirm", *place), seed, reports, reports)


def _study(tasks: list[str], trials: int, epochs: int) -> dict[str, Any]:
    about = {
        "metrics": ["accuracy"],
        "dev_splits": ["validation"],
        "labels": ["no", "yes"],
        "train_rows": 10_000,
        "dev_rows": 1000,
    }
    ranges = {
        "learning_rate": {"low": 1e-5, "high": 1e-4, "log": True},
        "temperature": {"low": 2.0, "high": 20.0, "log": True},
        "alpha": {"low": 0.2, "high": 0.9, "log": False},
        "beta": {"low": 10.0, "high": 1000.0, "log": True},
        "normalize": [True, False],
    }
    return {
        "format": 1,
        "name": "large",
        "command": "python study/run.py",
        "generated_data": False,
        "teacher": {"name": "bert-base-uncased", "layers": 12, "hidden": 768},
        "tasks": dict.fromkeys(tasks, about),
        "depths": DEPTHS,
        "methods": METHODS,
        "budget": {
            "teacher_trials": 1,
            "search_trials": dict.fromkeys(METHODS, trials),
            "confirm_seeds": 2,
            "epochs": epochs,
        },
        "versions": {},
        "config": {
            "name": "large",
            "tasks": tasks,
            "depths": DEPTHS,
            "methods": METHODS,
            "data": {},
            "teacher": {"model": "bert-base-uncased", "learning_rate": [2e-5], "trials": 1},
            "train": {"epochs": epochs},
            "search": {"algorithm": "tpe", "trials": trials, "space": ranges},
            "confirm": {"seeds": 2},
        },
    }


def _settings(rng: random.Random, method: str) -> dict[str, Any]:
    settings: dict[str, Any] = {"learning_rate": 10 ** rng.uniform(-5, -4)}
    if method not in ("teacher", "ft"):
        settings |= {"temperature": rng.uniform(2, 20), "alpha": rng.uniform(0.2, 0.9)}
    if method.startswith("pkd"):
        settings |= {"beta": 10 ** rng.uniform(1, 3), "normalize": rng.random() < 0.5}
    return settings


def _trial(
    folder: Path,
    rng: random.Random,
    place: tuple[str, str, int, str],
    number: int,
    ran: int,
    planned: int,
) -> None:
    stage, task, depth, method = place
    name = f"{'seed' if stage == 'confirm' else 'trial'}-{number:04d}"
    path = folder / "ledger" / stage / f"{task}-{depth}-{method}" / name
    path.mkdir(parents=True)
    who = {"format": 1, "stage": stage, "task": task, "depth": depth, "method": method}
    who |= {"trial": name, "time": 1e9 + number}
    start: dict[str, Any] = {"event": "start", "settings": _settings(rng, method), "seed": number}
    events: dict[str, dict[str, Any]] = {"start": start | {"epochs": planned}}
    score, scores = 0.6 + rng.random() / 5, []
    for epoch in range(1, ran + 1):
        scores.append(score + 0.01 * epoch * rng.random())
        curve = [{"step": 20 * epoch + i, "loss": 0.5, "accuracy": 0.8} for i in range(20)]
        events[f"report-{epoch:04d}"] = {
            **{"event": "report", "epoch": epoch, "score": scores[-1]},
            **{"metrics": {"validation": {"accuracy": scores[-1]}}, "train_loss": 0.5},
            **{"train_accuracy": 0.8, "train_curve": curve, "dev_loss": 0.6, "samples": 10_000},
            **{"train_seconds": 100.0, "eval_seconds": 5.0, "device": "cuda:0"},
            "decision": "continue",
        }
    end: dict[str, Any] = {"event": "end", "state": "complete" if ran == planned else "stopped"}
    end |= {"score": max(scores), "best_epoch": 1 + scores.index(max(scores)), "epochs": ran}
    end |= {"metrics": {"validation": {"accuracy": max(scores)}}, "seconds": 105.0 * ran}
    events["end"] = end
    for name, event in events.items():
        write(path / f"{name}.json", who | event | {"seq": next(_NUMBERS)})


def main() -> None:
    """Writes the study unless the folder holds one, builds its report and prints the cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--reports", type=int, default=8)
    parser.add_argument("--dir", type=Path, help="folder that keeps the made-up study for reuse")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.dir or Path(scratch) / "run"
        if not (folder / "study.yaml").exists():
            write_run(folder, options.cells, options.trials, options.reports)
        from analysis.pages import build_report

        started = time.perf_counter()
        report = build_report(folder)
        seconds = time.perf_counter() - started
        size = sum(path.stat().st_size for path in report.parent.rglob("*") if path.is_file())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{seconds:.1f} s, {peak:.2f} GB at most, a report of {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
