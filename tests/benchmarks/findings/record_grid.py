"""Trains every point of the paper's grid of PKD-Skip and records the scores of all epochs.

`replay_search.py` then computes what a search would have found with fewer epochs.

python -m tests.benchmarks.findings.record_grid --data DIR --model DIR --to grid.json
    [--tasks rte,mrpc] [--layers 3] [--learning-rates 5e-5,2e-5,1e-5] [--seeds 5] [--workers 2]
"""

import argparse
import json
import time
from dataclasses import replace
from multiprocessing.pool import Pool
from pathlib import Path
from typing import Any

from pkd.data.preparation import prepare_task
from pkd.distillation.layer_map import layer_map
from pkd.distillation.recipe import Recipe
from pkd.distillation.signals import ask_teacher
from pkd.models.encoder import depth_of
from pkd.tasks.glue import GLUE
from pkd.training.training_run import Files
from tests.benchmarks.findings.trainings import Job, best, fine_tuned, make_pool, train_all
from tests.benchmarks.options import real_data_parser

TEMPERATURES, ALPHAS, BETAS = (5.0, 10.0, 20.0), (0.2, 0.5, 0.7), (10.0, 100.0, 500.0, 1000.0)


def record(task: str, pool: Pool, options: argparse.Namespace) -> dict[str, Any]:
    """Returns the scores of a task's whole grid, and those of its best point on fresh seeds."""
    cache = options.to.with_suffix("") / task
    prepared = prepare_task(GLUE[task], options.model, cache / "tokens", options.data)
    files = Files(prepared.task, prepared.tokens, options.model)
    teacher = fine_tuned(pool, files, (5e-5, 1e-4), cache / "teachers")
    depth = depth_of(teacher)
    states = layer_map("skip", depth, options.layers)
    signals = ask_teacher(prepared, teacher, states, cache / "signals")
    files = replace(files, signals=signals, teacher_layers=depth)

    def job(settings: dict[str, float], seed: int = 0) -> Job:
        recipe = Recipe.checked(method="pkd-skip", layers=options.layers, seed=seed, **settings)
        return Job(files, recipe)

    rates = [float(rate) for rate in options.learning_rates.split(",")]
    points = [
        {"learning_rate": rate, "temperature": temperature, "alpha": alpha, "beta": beta}
        for rate in rates
        for temperature in TEMPERATURES
        for alpha in ALPHAS
        for beta in BETAS
    ]
    started = time.perf_counter()
    trials = []
    for reports in train_all(pool, map(job, points)):
        trials.append(
            {
                "settings": points[len(trials)],
                "scores": [report.score for report in reports],
                "classes": [report.classes_predicted for report in reports],
            }
        )
        if len(trials) % 12 == 0:
            seconds = time.perf_counter() - started
            print(f"{task}: {len(trials)} of {len(points)} after {seconds:.0f} s", flush=True)
    winner = points[max(range(len(points)), key=lambda i: max(trials[i]["scores"]))]
    again = [job(winner, seed) for seed in range(1, 1 + options.seeds)]
    seeds = [best(reports).score for reports in train_all(pool, again)]
    return {"trials": trials, "winner": winner, "winner_on_fresh_seeds": seeds}


def main() -> None:
    """Writes the record after each task."""
    parser = real_data_parser(__doc__)
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--tasks", default="rte,mrpc")
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--learning-rates", default="5e-5,2e-5,1e-5", help="the paper's")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    found: dict[str, Any] = {}
    with make_pool(options.workers) as pool:
        for task in options.tasks.split(","):
            found[task] = record(task, pool, options)
            options.to.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
