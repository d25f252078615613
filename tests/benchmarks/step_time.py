"""Training speed of one student, side by side in one process, as ratios.

Compares, on the same rows and the same threads:
  plain   an ordinary Hugging Face loop: AutoModel, DataCollatorWithPadding, AdamW, fp32
  padded  the same with every row filled up to 128 tokens, as the authors' released code does
  ft      our fine-tuning step
  pkd     our patient distillation step (pkd-skip) on cached signals

python -m tests.benchmarks.step_time --data DIR --model DIR [--tasks rte,sst2] [--steps 300]
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader
from transformers import AutoModelForSequenceClassification, AutoTokenizer, DataCollatorWithPadding

from pkd.data import load_rows
from pkd.models import fetch_model, load_classifier, quiet_transformers
from pkd.objective import Objective
from pkd.prepare import Prepared, ask_teacher, prepare_task
from pkd.recipe import Recipe
from pkd.signals import open_signals
from pkd.tasks import GLUE, Task
from pkd.tokens import open_tokens
from pkd.trainer import Trainer
from pkd.vocabulary import keep_used_words
from tests.benchmarks.options import real_data_parser

LAYERS, BATCH = 3, 32
Epoch = Iterator[int]


def plain_epoch(task: Task, model: Path, data: Path, width: int | None = None) -> Epoch:
    """The loop of the transformers documentation; yields the rows of each step.

    Rows are filled up to ``width`` tokens, or to the longest of their batch.
    """
    tokenizer = AutoTokenizer.from_pretrained(model)
    split = load_rows(task, task.train, data)
    encoded = tokenizer(*split.texts, truncation=True, max_length=128)
    assert split.labels is not None
    examples = [
        {key: encoded[key][i] for key in encoded} | {"label": int(split.labels[i])}
        for i in range(len(split))
    ]
    with quiet_transformers():
        student = AutoModelForSequenceClassification.from_pretrained(
            model, num_hidden_layers=LAYERS, num_labels=len(task.labels)
        )
    student.train()
    optimizer = torch.optim.AdamW(student.parameters(), lr=5e-5, weight_decay=0.01)
    collate = DataCollatorWithPadding(tokenizer, "max_length" if width else True, width)
    for batch in DataLoader(examples, batch_size=BATCH, shuffle=True, collate_fn=collate):
        student(**batch).loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        yield len(batch["input_ids"])


def our_trainer(
    prepared: Prepared, model: Path, method: str, signals: Path, layers: int, **more: Any
) -> Trainer:
    """A `pkd.trainer.Trainer` as a study makes it, of a teacher of so many layers."""
    recipe = Recipe.checked(method=method, layers=LAYERS, batch_size=BATCH, **more)
    student = load_classifier(model, prepared.task.labels, LAYERS)
    tokens = open_tokens(prepared.train)
    keep_used_words(student, [tokens])
    asked = open_signals(signals, (2, 4))
    return Trainer(Objective(recipe, student, tokens, torch.device("cpu"), asked, layers))


def our_epoch(prepared: Prepared, model: Path, method: str, signals: Path, layers: int) -> Epoch:
    """One epoch of `pkd.trainer.Trainer`; yields the rows of each step."""
    for _ in our_trainer(prepared, model, method, signals, layers).run_epoch():
        yield BATCH


def interleave(
    epochs: dict[str, Callable[[], Epoch]], repeats: int, steps: int
) -> dict[str, list[float]]:
    """Runs one step of each in turn, so that all see the same machine.

    Args:
        epochs: what begins an epoch of each.
        repeats: epochs that are begun.
        steps: of an epoch that are taken, at most.

    Returns:
        For each, samples a second of each repeat.
    """
    speeds: dict[str, list[float]] = {name: [] for name in epochs}
    for _ in range(repeats):
        running = {name: islice(make(), steps) for name, make in epochs.items()}
        rows, seconds = dict.fromkeys(epochs, 0), dict.fromkeys(epochs, 0.0)
        for epoch in running.values():
            next(epoch)  # loading and the first step are not the steady state
        while running:
            for name, epoch in list(running.items()):
                started = time.perf_counter()
                try:
                    rows[name] += next(epoch)
                    seconds[name] += time.perf_counter() - started
                except StopIteration:
                    del running[name]
        for name in epochs:
            speeds[name].append(rows[name] / seconds[name])
    return speeds


def main() -> None:
    parser = real_data_parser(__doc__)
    parser.add_argument("--tasks", default="rte,sst2")
    parser.add_argument("--steps", type=int, default=300, help="of an epoch, at most")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    model = fetch_model(str(options.model))
    print(f"{torch.get_num_threads()} threads, {LAYERS} layers, batch {BATCH}")
    ratios = "pkd ÷ padded | pkd ÷ plain | pkd ÷ ft step time"
    print(f"| task | tokens/row | padded | plain | ft | pkd-skip | {ratios} |")
    print("|---" * 9 + "|")
    for name in options.tasks.split(","):
        with tempfile.TemporaryDirectory() as folder:
            _measure(GLUE[name], model, options, Path(folder))


def _measure(task: Task, model: Path, options: argparse.Namespace, cache: Path) -> None:
    prepared = prepare_task(task, model, cache, options.data)
    # What the teacher says does not change the time of a step: the encoder itself will do.
    teacher = load_classifier(model, task.labels)
    teacher.save_pretrained(cache / "teacher")
    signals = ask_teacher(prepared, cache / "teacher", (2, 4), cache / "signals")
    depth = teacher.config.num_hidden_layers
    speeds = interleave(
        {
            # All of its steps cost the same.
            "padded": lambda: islice(plain_epoch(task, model, options.data, 128), 20),
            "plain": lambda: plain_epoch(task, model, options.data),
            "ft": lambda: our_epoch(prepared, model, "ft", signals, depth),
            "pkd": lambda: our_epoch(prepared, model, "pkd-skip", signals, depth),
        },
        options.repeats,
        options.steps,
    )
    ratios = [
        [one / other for one, other in zip(speeds[mine], speeds[theirs], strict=True)]
        for mine, theirs in (("pkd", "padded"), ("pkd", "plain"), ("ft", "pkd"))
    ]
    tokens = float(np.mean(open_tokens(prepared.train).lengths))
    cells = [f"{statistics.median(each):.0f}" for each in speeds.values()]
    print(f"| {' | '.join([task.name, f'{tokens:.0f}', *cells, *map(_spread, ratios)])} |")


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f}–{max(values):.2f})"


if __name__ == "__main__":
    main()
