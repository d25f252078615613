"""Speed of making signals against plain inference of the teacher.

Compares, in turn, on the same rows and threads:
  inference   the teacher as transformers loads it, on the same batches; logits are discarded
  signals     `pkd.distillation.signals.build_signals` into a new folder: the states of a layer
              map, the files on the disk, their checksums
and times the second use of the signals: opening an existing folder.

python -m tests.benchmarks.teacher_pass --data DIR --model DIR [--tasks rte,sst2] [--rows 2490]
"""

import argparse
import shutil
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

import torch
from transformers import PreTrainedModel

from pkd.acceleration.last_layer import read_summary_token_only
from pkd.data.preparation import prepare_task
from pkd.data.tokens import TokenArrays, open_tokens
from pkd.distillation.layer_map import layer_map
from pkd.distillation.signals import ask_teacher, build_signals
from pkd.evaluation.timing import Limits, time_interleaved
from pkd.files import cache
from pkd.models.classifier import load_classifier
from pkd.models.encoder import weights_digest
from pkd.models.hub import fetch_model
from pkd.runtime.devices import autocast, resolve_precision
from pkd.tasks.glue import GLUE
from tests.benchmarks.options import real_data_parser

LAYERS = 3
CPU = torch.device("cpu")


@torch.inference_mode()
def inference(teacher: PreTrainedModel, tokens: TokenArrays, precision: str) -> None:
    for rows in tokens.batches():
        with autocast(precision, CPU):
            teacher(**tokens.batch(rows))


def main() -> None:
    parser = real_data_parser(__doc__)
    parser.add_argument("--tasks", default="rte,sst2")
    parser.add_argument("--rows", type=int, default=2490)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    model, precision = fetch_model(str(options.model)), resolve_precision("auto", CPU)
    print(f"{torch.get_num_threads()} threads, {precision}, {options.rows} rows")
    print("| task | inference, rows/s | signals, rows/s | signals ÷ inference | second use, s |")
    print("|---|---|---|---|---|")
    for name in options.tasks.split(","):
        with tempfile.TemporaryDirectory() as folder:
            print(row(name, model, precision, options, Path(folder)), flush=True)


def row(name: str, model: Path, precision: str, options: argparse.Namespace, folder: Path) -> str:
    task, root = GLUE[name], folder / "signals"
    prepared = prepare_task(
        task, model, folder / "tokens", options.data, max_train_rows=options.rows
    )
    tokens = open_tokens(prepared.train)
    plain = load_classifier(model, task.labels).eval()
    summary_only = read_summary_token_only(load_classifier(model, task.labels))
    layers = layer_map("skip", int(plain.config.num_hidden_layers), LAYERS)

    def signals() -> None:
        shutil.rmtree(root, ignore_errors=True)
        build_signals(summary_only, weights_digest(model), tokens, layers, root, CPU, precision)

    times = time_interleaved(
        {"inference": partial(inference, plain, tokens, precision), "signals": signals},
        Limits(options.repeats, seconds=100.0),
    )
    ratios = [i / s for i, s in zip(times["inference"], times["signals"], strict=True)]
    ask_teacher(prepared, model, layers, root, precision)
    cache._verified.clear()  # as in a new process
    started = time.perf_counter()
    ask_teacher(prepared, model, layers, root, precision)
    again = time.perf_counter() - started
    speeds = [len(tokens) / statistics.median(times[each]) for each in ("inference", "signals")]
    spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"
    return f"| {name} | {speeds[0]:.0f} | {speeds[1]:.0f} | {spread} | {again:.2f} |"


if __name__ == "__main__":
    main()
