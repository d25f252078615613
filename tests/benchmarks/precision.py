"""Tests whether bf16 learns what fp32 learns: the same trainings in both, seed by seed.

Prints the mean training loss of each epoch and the best dev score. Compare the difference between
the precisions with the spread over seeds.

python -m tests.benchmarks.precision --data DIR --model DIR --out DIR
    [--task rte] [--rows N] [--layers 3] [--epochs 4] [--seeds 3] [--workers 2]
"""

import statistics
from collections.abc import Sequence
from dataclasses import replace

from pkd.data.preparation import prepare_task
from pkd.distillation.layer_map import layer_map
from pkd.distillation.recipe import Recipe
from pkd.distillation.signals import ask_teacher
from pkd.models.encoder import depth_of
from pkd.tasks.glue import GLUE
from pkd.training.training_run import Files
from tests.benchmarks.findings.trainings import Job, best, fine_tuned, make_pool, train_all
from tests.benchmarks.options import real_data_parser

SETTINGS = {"learning_rate": 5e-5, "temperature": 5.0, "alpha": 0.5, "beta": 100.0}


def spread(values: Sequence[float], form: str) -> str:
    """Formats mean ± standard deviation."""
    return f"{statistics.mean(values):{form}} ± {statistics.stdev(values):{form}}"


def main() -> None:
    """Prints a row for each precision."""
    parser = real_data_parser(__doc__, out=True)
    parser.add_argument("--task", default="rte")
    parser.add_argument("--rows", type=int, help="train on the first N rows; all by default")
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    task, depth = GLUE[options.task], depth_of(options.model)
    prepared = prepare_task(
        task, options.model, options.out / "tokens", options.data, max_train_rows=options.rows
    )
    files = Files(prepared.task, prepared.tokens, options.model)
    states = layer_map("skip", depth, options.layers)
    with make_pool(options.workers) as pool:
        teacher = fine_tuned(pool, files, (5e-5,), options.out / "teachers")
        signals = ask_teacher(prepared, teacher, states, options.out / "signals")
        files = replace(files, signals=signals, teacher_layers=depth)
        heads = [f"loss, epoch {epoch}" for epoch in range(1, options.epochs + 1)]
        print(f"| | {' | '.join(heads)} | best dev score |")
        print("|---" * (len(heads) + 2) + "|")
        fixed = SETTINGS | {"layers": options.layers, "epochs": options.epochs}
        for precision in ("fp32", "bf16"):
            jobs = [
                Job(
                    files,
                    Recipe.checked(method="pkd-skip", precision=precision, seed=seed, **fixed),
                )
                for seed in range(options.seeds)
            ]
            found = list(train_all(pool, jobs))
            losses = [
                spread([reports[epoch].train_loss for reports in found], ".3f")
                for epoch in range(options.epochs)
            ]
            score = spread([100 * best(reports).score for reports in found], ".1f")
            print(f"| {precision} | {' | '.join(losses)} | {score} |", flush=True)


if __name__ == "__main__":
    main()
