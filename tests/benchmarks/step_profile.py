"""Profiles a training step and compares its rate with the processor's peak.

For a patient distillation step (pkd-skip) on cached signals:
  share   operations of its matrix products per second (counted by torch's FlopCounterMode),
          relative to one large bf16 product in the same process, in turn
  groups  the profiler's self time of each group of kernels, in percent of the step

python -m tests.benchmarks.step_profile --data DIR --model DIR [--tasks rte,sst2] [--steps 200]
"""

import argparse
import itertools
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from pkd.data.preparation import prepare_task
from pkd.distillation.signals import ask_teacher
from pkd.models.classifier import load_classifier
from pkd.models.hub import fetch_model
from pkd.tasks.glue import GLUE
from pkd.tasks.task import Task
from tests.benchmarks.loops import our_trainer
from tests.benchmarks.options import real_data_parser
from tests.benchmarks.products import peak

PARTS = 6
REST = "launching and the rest"
# A kernel belongs to the first group that has a word of its name.
GROUPS = {
    "matrix products": ("mm", "convolution"),
    "AdamW": ("adam",),
    "gradient norm": ("aten::dot",),
    "casts and copies": ("copy", "aten::to"),
    "layer norm": ("layer_norm",),
    "dropout": ("random_", "aten::ge", "bernoulli"),
    "GELU and softmax": ("gelu", "softmax"),
    "embeddings": ("embedding", "index"),
    "filling with zeros": ("fill_", "zero_"),
    "sums and products of elements": ("aten::mul", "aten::add", "aten::sum", "aten::div"),
}


def group_of(kernel: str) -> str:
    """Returns the group of a kernel of the profiler."""
    found = (group for group, words in GROUPS.items() if any(word in kernel for word in words))
    return next(found, REST)


def row(task: Task, model: Path, options: argparse.Namespace, folder: Path) -> list[str]:
    """Returns the cells of a task: numbers, then the groups' shares in percent."""
    prepared = prepare_task(task, model, folder, options.data)
    # The teacher's predictions do not change the time of a step, so the encoder serves as teacher.
    teacher = load_classifier(model, task.labels)
    teacher.save_pretrained(folder / "teacher")
    signals = ask_teacher(prepared, folder / "teacher", (2, 4), folder / "signals")
    depth = teacher.config.num_hidden_layers

    def steps() -> Iterator[object]:
        """Returns the same steps each time, without the time of loading."""
        epoch = our_trainer(prepared, model, "pkd-skip", signals, depth).run_epoch()
        next(epoch)
        return itertools.islice(epoch, options.steps)

    with FlopCounterMode(display=False) as counter:
        count = sum(1 for _ in steps())
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        for _ in steps():
            pass
    spent: Counter[str] = Counter()
    for kernel in profiler.key_averages():
        spent[group_of(kernel.key)] += kernel.self_cpu_time_total
    seconds, peaks, timed = 0.0, [], steps()
    for _ in range(PARTS):
        peaks.append(peak())
        started = time.perf_counter()
        for _ in itertools.islice(timed, -(-count // PARTS)):
            pass
        seconds += time.perf_counter() - started
    # The first batch was counted too.
    flops = counter.get_total_flops() / (count + 1)
    rate, best = flops * count / seconds / 1e9, statistics.median(peaks)
    numbers = [1e3 * seconds / count, flops / 1e9, rate, best, 100 * rate / best]
    shares = [100 * spent[group] / spent.total() for group in (*GROUPS, REST)]
    return [task.name, *(f"{value:.0f}" for value in (*numbers, *shares))]


def main() -> None:
    """Prints one column per task."""
    parser = real_data_parser(__doc__)
    parser.add_argument("--tasks", default="rte,sst2")
    parser.add_argument("--steps", type=int, default=200, help="most steps of an epoch")
    options = parser.parse_args()
    model = fetch_model(str(options.model))
    columns = []
    for name in options.tasks.split(","):
        with tempfile.TemporaryDirectory() as folder:
            columns.append(row(GLUE[name], model, options, Path(folder)))
    heads = ["", "ms a step", "GFLOP a step", "GFLOP/s", "large bf16 product, GFLOP/s"]
    names = [*heads, "share of it, %", *(f"{group}, % of the step" for group in (*GROUPS, REST))]
    for line, cells in enumerate(zip(names, *columns, strict=True)):
        print(f"| {' | '.join(cells)} |")
        if line == 0:
            print("|---" * len(cells) + "|")


if __name__ == "__main__":
    main()
