"""Measures what unlabelled rows gain: few labelled rows of SST-2, the others without labels.

Every method takes the same number of steps; fine-tuning sees the labelled rows only. Each method's
settings are selected on one seed from a small grid and trained again on fresh seeds.

python -m tests.benchmarks.findings.unlabelled --data DIR --model DIR --out DIR
    [--labelled 2000] [--layers 3] [--epochs 2] [--seeds 3] [--workers 2]
"""

import argparse
from dataclasses import replace
from multiprocessing.pool import Pool
from pathlib import Path

import yaml
from pyarrow import parquet

from pkd.data.preparation import prepare_task
from pkd.distillation.layer_map import layer_map
from pkd.distillation.signals import ask_teacher
from pkd.models.encoder import depth_of
from pkd.tasks.task import Task
from pkd.tasks.task_file import resolve_tasks
from pkd.training.training_run import Files
from tests.benchmarks.findings.trainings import compare, fine_tuned, make_pool, small_grids
from tests.benchmarks.options import real_data_parser

GRIDS = small_grids(1e-4, 2e-4)


def task_of(data: Path, folder: Path, labelled: int, pool: bool) -> Task:
    """Writes SST-2 as a user's task: ``labelled`` rows with labels, the others as a pool."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = parquet.read_table(data / "sst2" / "train.parquet")
    # The published file is in random order.
    tables = {"train": rows.slice(0, labelled)}
    tables["dev"] = parquet.read_table(data / "sst2" / "validation.parquet")
    if pool:
        tables["pool"] = rows.slice(labelled).drop_columns(["label"])
    for split, table in tables.items():
        parquet.write_table(table.drop_columns(["idx"]), folder / f"{split}.parquet")
    described = {
        "name": "sst2_pool" if pool else "sst2_few",
        "texts": ["sentence"],
        "label": "label",
        "labels": [0, 1],
        "metrics": ["accuracy"],
        "dev": ["dev"],
        "files": {split: f"{split}.parquet" for split in tables},
    }
    file = folder / "task.yaml"
    file.write_text(yaml.safe_dump(described | ({"unlabelled": ["pool"]} if pool else {})))
    return resolve_tasks([str(file)])[0]


def files_of(
    task: Task, pool: Pool, options: argparse.Namespace, teacher: Path | None
) -> tuple[Files, Path]:
    """Returns a task's files, including its teacher's signals, and the teacher."""
    cache = options.out / task.name
    prepared = prepare_task(task, options.model, cache / "tokens")
    print(f"{task.name}: {prepared.rows}", flush=True)
    files = Files(prepared.task, prepared.tokens, options.model)
    if teacher is None:
        teacher = fine_tuned(pool, files, (5e-5, 1e-4), cache / "teachers")
    depth = depth_of(teacher)
    states = layer_map("skip", depth, options.layers)
    signals = ask_teacher(prepared, teacher, states, cache / "signals")
    return replace(files, signals=signals, teacher_layers=depth), teacher


def main() -> None:
    """Trains with the pool, and with the labelled rows alone for ten times the epochs."""
    parser = real_data_parser(__doc__, out=True)
    parser.add_argument("--labelled", type=int, default=2000)
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    labelled, pooled = (
        task_of(options.data, options.out / name, options.labelled, name == "pool")
        for name in ("few", "pool")
    )
    common = {"layers": options.layers, "epochs": options.epochs}
    taught = {method: grid for method, grid in GRIDS.items() if method != "ft"}
    with make_pool(options.workers) as pool:
        few, teacher = files_of(labelled, pool, options, None)
        many, _ = files_of(pooled, pool, options, teacher)
        print("| rows | method | dev accuracy | seeds | settings |\n|---|---|---|---|---|")
        compare(pool, many, GRIDS, common, options.seeds)
        compare(pool, few, taught, common | {"epochs": 10 * options.epochs}, options.seeds)


if __name__ == "__main__":
    main()
