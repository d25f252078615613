"""Speed of a forward pass on a CPU by its number of tokens, against 128 rows at a time.

python -m tests.benchmarks.inference_batches --data DIR --model DIR [--tasks rte] [--threads 1]
"""

import os
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
from transformers import PreTrainedModel

from pkd.acceleration.last_layer import read_summary_token_only
from pkd.data.batching import eval_batches, token_batches
from pkd.data.preparation import prepare_task
from pkd.data.tokens import PAD_MULTIPLE, TokenArrays, open_tokens
from pkd.models.classifier import load_classifier
from pkd.models.hub import fetch_model
from pkd.runtime.devices import autocast, resolve_precision
from pkd.tasks.glue import GLUE
from tests.benchmarks.options import real_data_parser

TOKENS = (512, 1024, 2048, 4096, 8192)
LAYERS = (3, 6)
CPU = torch.device("cpu")


@torch.inference_mode()
def seconds(model: PreTrainedModel, tokens: TokenArrays, batches: list[np.ndarray]) -> float:
    """Returns the seconds of one pass over all rows."""
    started = time.perf_counter()
    with autocast(resolve_precision("auto", CPU), CPU):
        for rows in batches:
            model(**tokens.batch(rows))
    return time.perf_counter() - started


def ratios(model: PreTrainedModel, tokens: TokenArrays, repeats: int) -> list[float]:
    """Returns, for each of `TOKENS`, the median speed relative to 128 rows at a time."""
    rows = eval_batches(tokens.lengths, 128)
    shapes = [rows, *(token_batches(tokens.lengths, each, PAD_MULTIPLE) for each in TOKENS)]
    run = partial(seconds, model, tokens)
    for batches in shapes:
        run(batches)  # the first call of a shape is slow
    times = np.array([[run(batches) for batches in shapes] for _ in range(repeats)])
    return [statistics.median(times[:, 0] / column) for column in times[:, 1:].T]


def main() -> None:
    """Prints a row for each task and depth."""
    parser = real_data_parser(__doc__)
    parser.add_argument("--tasks", default="rte,sst2")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--repeats", type=int, default=8)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = fetch_model(str(options.model))
    print(f"| {options.threads} threads | layers | {' | '.join(map(str, TOKENS))} |")
    print("|---" * (2 + len(TOKENS)) + "|")
    for name in options.tasks.split(","):
        with tempfile.TemporaryDirectory() as folder:
            task = GLUE[name]
            prepared = prepare_task(task, model, Path(folder), options.data)
            tokens = open_tokens(prepared.tokens[task.dev[0]])
            for layers in LAYERS:
                student = read_summary_token_only(load_classifier(model, task.labels, layers))
                found = ratios(student.eval(), tokens, options.repeats)
                cells = [name, str(layers), *(f"{ratio:.2f}" for ratio in found)]
                print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
