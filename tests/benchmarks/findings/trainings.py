"""Many trainings without Ray, in a pool of processes; shared by several findings."""

import itertools
import statistics
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.pool import Pool
from pathlib import Path
from typing import Any

import torch
from torch import multiprocessing

from pkd.distillation.recipe import Recipe
from pkd.training.epoch_report import EpochReport
from pkd.training.training_run import Files, Outputs, TrainingRun


@dataclass(frozen=True)
class Job:
    """One training: its files, recipe and outputs."""

    files: Files
    recipe: Recipe
    outputs: Outputs = Outputs()


def train(job: Job) -> list[EpochReport]:
    """Trains to the end and returns a report for each epoch."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    training = TrainingRun(job.recipe, job.files, job.outputs)
    while not training.finished:
        training.run_epoch()
    return training.reports


def make_pool(workers: int) -> Pool:
    """Returns a pool of processes with one thread each."""
    return multiprocessing.get_context("spawn").Pool(workers, _one_thread)


def train_all(pool: Pool, jobs: Iterable[Job]) -> Iterator[list[EpochReport]]:
    """Yields the reports of each job, in order."""
    return pool.imap(train, jobs)


def best(reports: list[EpochReport]) -> EpochReport:
    """Returns the report of the best epoch; the first one if several are equal."""
    return max(reports, key=lambda report: report.score)


def fine_tuned(pool: Pool, files: Files, learning_rates: Iterable[float], folder: Path) -> Path:
    """Fine-tunes a teacher with each learning rate and returns the folder of the best."""
    folders = [folder / f"{rate:g}" for rate in learning_rates]
    jobs = [
        Job(files, Recipe.checked(method="teacher", learning_rate=float(each.name)), keep(each))
        for each in folders
    ]
    scores = [best(reports).score for reports in train_all(pool, jobs)]
    for each, score in zip(folders, scores, strict=True):
        print(f"{files.task.name}, teacher, learning rate {each.name}: {score:.4f}", flush=True)
    return folders[scores.index(max(scores))]


def small_grids(*rates: float) -> dict[str, dict[str, tuple[float, ...]]]:
    """Returns a few settings of each method, for learning rates that fit the student."""
    alone: dict[str, tuple[float, ...]] = {"learning_rate": rates}
    soft = alone | {"temperature": (5.0,), "alpha": (0.5, 0.9)}
    return {"ft": alone, "kd": soft, "pkd-skip": soft | {"beta": (100.0, 1000.0)}}


def compare(
    pool: Pool,
    files: Files,
    grids: Mapping[str, Mapping[str, tuple[float, ...]]],
    common: dict[str, Any],
    seeds: int,
) -> None:
    """Prints each method's mean score on fresh seeds, with the settings that one seed chose.

    Args:
        pool: the processes that train.
        files: input files of all trainings.
        grids: by method, the choices of each hyperparameter; every combination is trained.
        common: fields that all recipes share.
        seeds: number of fresh seeds.
    """

    def job(method: str, seed: int, settings: dict[str, float]) -> Job:
        return Job(files, Recipe.checked(method=method, seed=seed, **common, **settings))

    for method, grid in grids.items():
        points = [dict(zip(grid, each, strict=True)) for each in itertools.product(*grid.values())]
        tried = train_all(pool, [job(method, 0, point) for point in points])
        scores = [best(reports).score for reports in tried]
        chosen = points[scores.index(max(scores))]
        again = [job(method, seed, chosen) for seed in range(1, 1 + seeds)]
        fresh = [100 * best(reports).score for reports in train_all(pool, again)]
        print(
            f"| {files.task.name} | {method} | {statistics.mean(fresh):.2f} ± "
            f"{statistics.stdev(fresh):.2f} | {len(fresh)} | {chosen} |",
            flush=True,
        )


def keep(folder: Path) -> Outputs:
    """Returns outputs that keep the weights of the best epoch in a folder."""
    return Outputs(best_model=folder)


def _one_thread() -> None:
    torch.set_num_threads(1)
