"""Measures private memory and time of a step of a trial with large signals.

Trains a pkd-skip student of a 1024-wide teacher, once on a task's rows and once on copies of them
until the signals have the requested size, each in its own process. The signals are random, because
only their source matters. Prints
  private     memory without a file behind it (RssAnon of Linux), after the last step; the system
              may take back the pages of mapped files at any time
  state       weights, gradients and AdamW's two moments
  verify      seconds of the first opening, which checks the checksum of every byte
  step        milliseconds of a step on rows that are read for the first time

python -m tests.benchmarks.scale.large_signals --data DIR --model DIR --out DIR
    [--task sst2] [--gb 7]
"""

import time
from pathlib import Path

import numpy as np
import torch
from pyarrow import concat_tables
from pyarrow.parquet import read_table, write_table
from torch import multiprocessing

from pkd.acceleration.vocabulary import keep_used_words
from pkd.data.preparation import Prepared, prepare_task
from pkd.data.tokens import open_tokens
from pkd.distillation.layer_map import layer_map
from pkd.distillation.recipe import Recipe
from pkd.distillation.signals import open_signals
from pkd.files.cache import write_manifest
from pkd.models.classifier import load_classifier
from pkd.tasks.glue import GLUE
from pkd.tasks.task import Task
from pkd.training.objective import Objective
from pkd.training.training_loop import TrainingLoop
from tests.benchmarks.options import real_data_parser

LAYERS, TEACHER_LAYERS, WIDTH, CHUNK = 6, 12, 1024, 4096
STATES = layer_map("skip", TEACHER_LAYERS, LAYERS)


def copied(task: Task, data: Path, folder: Path, copies: int) -> Path:
    """Writes a task's data with ``copies`` copies of its training rows."""
    (folder / task.name).mkdir(parents=True)
    for path in (data / task.name).glob("*.parquet"):
        table = read_table(path).drop_columns("idx")  # not unique after copying
        times = copies if path.stem == "train" else 1
        write_table(concat_tables([table] * times), folder / task.name / path.name)
    return folder


def make_signals(folder: Path, rows: int, classes: int) -> Path:
    """Writes a signal folder of random values; see `pkd.distillation.signals.build_signals`."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    np.save(folder / "logits.npy", random.standard_normal((rows, classes), dtype=np.float32))
    for layer in STATES:
        path = folder / f"layer-{layer:02d}.npy"
        states = np.lib.format.open_memmap(path, "w+", dtype=np.float16, shape=(rows, WIDTH))
        for start in range(0, rows, CHUNK):
            part = states[start : start + CHUNK]
            part[:] = random.standard_normal(part.shape, dtype=np.float32)
    write_manifest(folder, {"rows": rows})
    return folder


def train(prepared: Prepared, model: Path, signals: Path, steps: int) -> str:
    """Trains ``steps`` steps and returns a row of the table."""
    began = time.perf_counter()
    opened = open_signals(signals, STATES)
    verified = time.perf_counter() - began
    student = load_classifier(model, prepared.task.labels, LAYERS)
    tokens = open_tokens(prepared.train)
    keep_used_words(student, [tokens])
    recipe = Recipe.checked(method="pkd-skip", layers=LAYERS)
    cpu = torch.device("cpu")
    loop = TrainingLoop(
        Objective(
            recipe,
            student,
            tokens,
            cpu,
            signals=opened,
            teacher_map=recipe.teacher_map(TEACHER_LAYERS, LAYERS),
        )
    )
    epoch = loop.run_epoch()
    next(epoch)
    began = time.perf_counter()
    for _ in range(steps):
        next(epoch)
    step = (time.perf_counter() - began) / steps
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    private = 1024 * int(status.partition("RssAnon:")[2].split()[0])
    learnt = sum(piece.parameter.numel() for piece in loop.objective.pieces)
    size = sum(path.stat().st_size for path in signals.iterdir())
    return (
        f"| {len(tokens):,} | {size / 1e9:.1f} | {16 * learnt / 1e6:.0f} | {private / 1e6:.0f} | "
        f"{verified:.1f} | {1e3 * step:.0f} |"
    )


def main() -> None:
    """Prints a row for each size."""
    parser = real_data_parser(__doc__, out=True)
    parser.add_argument("--task", default="sst2")
    parser.add_argument("--gb", type=float, default=7.0)
    parser.add_argument("--steps", type=int, default=100)
    options = parser.parse_args()
    task = GLUE[options.task]
    print("| rows | signals, GB | state, MB | private, MB | verify, s | step, ms |")
    print("|---" * 6 + "|", flush=True)
    once = read_table(options.data / task.name / "train.parquet").num_rows
    for copies in (1, round(options.gb * 1e9 / (2 * WIDTH * len(STATES) * once))):
        out = options.out / f"{copies}"
        data = copied(task, options.data, out / "data", copies)
        prepared = prepare_task(task, options.model, out / "tokens", data)
        signals = make_signals(out / "signals", copies * once, len(task.labels))
        # A new process, so that memory of one size is not counted for the other.
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            arguments = (prepared, options.model, signals, options.steps)
            print(pool.apply(train, arguments), flush=True)


if __name__ == "__main__":
    main()
