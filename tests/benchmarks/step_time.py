"""Training speed of one student and of several at once, as ratios measured side by side.

Compares, on the same rows and the same threads:
  released  the modules of the authors' released code: fp32, rows of 128 tokens, signals in memory
            (if its package is installed: pip install pytorch-pretrained-bert boto3)
  plain     an ordinary Hugging Face loop: AutoModel, DataCollatorWithPadding, AdamW, fp32
  ft        our fine-tuning step
  pkd-skip  our patient distillation step on cached signals
  product   one large bf16 matrix product, in GFLOP a second

in one process that has all threads, and in several that share them, as the trials of a study do.
All processes do the same at the same time, and their speeds are added up. The loops take turns, a
few steps each; a repeat has several such rounds. The table shows medians of the repeats.

python -m tests.benchmarks.step_time --data DIR --model DIR [--tasks rte,sst2] [--rounds 8]
"""

import argparse
import importlib.util
import itertools
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from multiprocessing.synchronize import Barrier
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from torch import multiprocessing
from torch.utils.flop_counter import FlopCounterMode

from pkd.data.preparation import Prepared, prepare_task
from pkd.distillation.signals import ask_teacher
from pkd.models.classifier import load_classifier
from pkd.models.hub import fetch_model
from pkd.models.loading import quiet_transformers
from pkd.tasks.glue import GLUE
from pkd.tasks.task import Task
from tests.benchmarks.loops import (
    BATCH,
    LAYERS,
    TEACHER_LAYERS,
    Epoch,
    our_epoch,
    plain_epoch,
    released_epoch,
    tokens_a_row,
)
from tests.benchmarks.options import real_data_parser
from tests.benchmarks.products import peak

# Steps of each loop in a round: about a second, and the same number for ft and pkd-skip.
STEPS = {"released": 2, "plain": 2, "ft": 6, "pkd-skip": 6, "product": 1}
RATIOS = (("pkd-skip", "released"), ("pkd-skip", "plain"), ("ft", "pkd-skip"))


@dataclass(frozen=True)
class Inputs:
    """The inputs of all loops."""

    prepared: Prepared
    model: Path
    data: Path
    signals: Path
    depth: int

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return -(-self.prepared.rows[self.prepared.task.train] // BATCH)

    def epoch(self, kind: str) -> Epoch:
        """Starts an epoch of a loop."""
        if kind == "plain":
            return plain_epoch(self.prepared.task, self.model, self.data)
        if kind == "released":
            return released_epoch(self.prepared, self.model, self.signals)
        return our_epoch(self.prepared, self.model, kind, self.signals, self.depth)


def run(inputs: Inputs, kind: str) -> tuple[float, float]:
    """Returns the rows of a few steps of one process and their seconds; GFLOP for ``product``."""
    if kind == "product":
        _together.wait()
        return peak(), 1.0
    if _left.get(kind, 0) < STEPS[kind]:
        _epochs[kind], _left[kind] = inputs.epoch(kind), inputs.steps - 2
        for _ in range(2):  # do not time loading and the first steps
            next(_epochs[kind])
    _left[kind] -= STEPS[kind]
    _together.wait()
    started = time.perf_counter()
    rows = sum(islice(_epochs[kind], STEPS[kind]))
    return rows, time.perf_counter() - started


def operations(inputs: Inputs) -> float:
    """Returns GFLOP per row of pkd-skip's matrix products, over a hundred steps."""
    with FlopCounterMode(display=False) as counter:
        rows = sum(islice(inputs.epoch("pkd-skip"), 100))
    return counter.get_total_flops() / rows / 1e9


def all_speeds(
    inputs: Inputs, modes: Sequence[int], kinds: Sequence[str], repeats: int, rounds: int
) -> dict[int, dict[str, list[float]]]:
    """Returns, for each number of processes and each loop, the summed speeds of each repeat."""
    context = multiprocessing.get_context("spawn")
    pools = {
        mode: ProcessPoolExecutor(mode, context, _begin, (mode, context.Barrier(mode)))
        for mode in modes
    }
    speeds: dict[int, dict[str, list[float]]] = {m: {kind: [] for kind in kinds} for m in modes}
    progress = track(range(repeats), inputs.prepared.task.name, console=Console(stderr=True))
    for _ in progress:
        done = {(mode, kind): np.zeros((mode, 2)) for mode in modes for kind in kinds}
        for _, kind, mode in itertools.product(range(rounds), kinds, modes):
            phases = pools[mode].map(run, [inputs] * mode, [kind] * mode)
            done[mode, kind] += np.array(list(phases))
        for (mode, kind), totals in done.items():
            speeds[mode][kind].append(float((totals[:, 0] / totals[:, 1]).sum()))
    for pool in pools.values():
        pool.shutdown()
    return speeds


def _begin(processes: int, together: Barrier) -> None:
    global _together
    _together = together
    torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) // processes))


# State of a process: the barrier of all processes, each loop's epoch and its remaining steps.
_together: Barrier
_epochs: dict[str, Epoch] = {}
_left: dict[str, int] = {}


def main() -> None:
    """Prints one row for each task and number of processes."""
    parser = real_data_parser(__doc__)
    parser.add_argument("--tasks", default="rte,sst2")
    parser.add_argument("--processes", default="1,2", help="processes at once")
    parser.add_argument(
        "--rounds", type=int, default=8, help="rounds of a repeat, a few steps of each loop each"
    )
    parser.add_argument("--repeats", type=int, default=3, help="repeats of all rounds")
    options = parser.parse_args()
    modes = [int(each) for each in options.processes.split(",")]
    kinds = list(STEPS)
    if importlib.util.find_spec("pytorch_pretrained_bert") is None:
        print("released is left out: pip install pytorch-pretrained-bert boto3")
        kinds.remove("released")
    ratios = [pair for pair in RATIOS if set(pair) <= set(kinds)]
    print(f"{len(os.sched_getaffinity(0))} threads, {LAYERS} layers, batch {BATCH}")
    heads = ["task", "tokens a row", "processes", *kinds, *(f"{a} ÷ {b}" for a, b in ratios)]
    heads.append("pkd-skip, % of product")
    print(f"| {' | '.join(heads)} |\n{'|---' * len(heads)}|", flush=True)
    for name in options.tasks.split(","):
        with tempfile.TemporaryDirectory() as folder:
            inputs = _prepare(GLUE[name], fetch_model(str(options.model)), options, Path(folder))
            speeds = all_speeds(inputs, modes, kinds, options.repeats, options.rounds)
            work = operations(inputs)
            for mode in modes:
                cells = _cells(speeds[mode], ratios, work)
                tokens = f"{tokens_a_row(inputs.prepared):.0f}"
                print(f"| {' | '.join([name, tokens, str(mode), *cells])} |", flush=True)


def _prepare(task: Task, model: Path, options: argparse.Namespace, folder: Path) -> Inputs:
    prepared = prepare_task(task, model, folder, options.data)
    # The teacher's predictions do not change the time of a step, so the encoder serves as teacher.
    teacher = load_classifier(model, task.labels)
    with quiet_transformers():
        teacher.save_pretrained(folder / "teacher")
    signals = ask_teacher(prepared, folder / "teacher", TEACHER_LAYERS, folder / "signals")
    return Inputs(prepared, model, options.data, signals, teacher.config.num_hidden_layers)


def _cells(
    speeds: dict[str, list[float]], ratios: Sequence[tuple[str, str]], work: float
) -> list[str]:
    """Returns speeds, ratios, and pkd-skip's operations per second in percent of one product's."""

    def of(one: str, other: str, factor: float = 1) -> list[float]:
        pairs = zip(speeds[one], speeds[other], strict=True)
        return [factor * left / right for left, right in pairs]

    quotients = [*(of(*pair) for pair in ratios), of("pkd-skip", "product", 100 * work)]
    formats: list[Callable[[float], str]] = ["{:.2f}".format] * len(ratios) + ["{:.0f}".format]
    middle = [f"{statistics.median(each):.0f}" for each in speeds.values()]
    return middle + [_spread(*each) for each in zip(quotients, formats, strict=True)]


def _spread(values: list[float], written: Callable[[float], str]) -> str:
    return (
        f"{written(statistics.median(values))} ({written(min(values))} to {written(max(values))})"
    )


if __name__ == "__main__":
    main()
