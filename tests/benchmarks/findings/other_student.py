"""Trains a student of another width and vocabulary than its teacher's, from random weights.

Its tokenizer is trained on the training texts. A linear map compares states of different widths.

python -m tests.benchmarks.findings.other_student --data DIR --model DIR --out DIR
    [--task sst2] [--rows N] [--layers 4] [--width 256] [--epochs 2] [--seeds 3] [--workers 2]
"""

import argparse
from dataclasses import replace
from pathlib import Path

from transformers import AutoModel, AutoTokenizer, BertConfig

from pkd.data.preparation import Prepared, prepare_task
from pkd.data.rows import load_rows
from pkd.distillation.layer_map import layer_map
from pkd.distillation.signals import ask_teacher
from pkd.models.encoder import depth_of
from pkd.models.loading import quiet_transformers
from pkd.tasks.glue import GLUE
from pkd.tasks.task import Task
from pkd.training.training_run import Files
from tests.benchmarks.findings.trainings import compare, fine_tuned, make_pool, small_grids
from tests.benchmarks.options import real_data_parser

GRIDS = small_grids(5e-4, 1e-3)


def random_student(task: Task, options: argparse.Namespace) -> Path:
    """Writes a BERT with random weights and 8,000 words of the task; returns its folder."""
    folder: Path = options.out / "student"
    texts = load_rows(task, task.train, options.data).texts
    words = AutoTokenizer.from_pretrained(options.model).train_new_from_iterator(texts, 8000)
    words.save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=options.width,
        num_hidden_layers=options.layers,
        num_attention_heads=options.width // 64,
        intermediate_size=4 * options.width,
        pad_token_id=words.pad_token_id,
    )
    with quiet_transformers():
        AutoModel.from_config(config).save_pretrained(folder)
    return folder


def main() -> None:
    """Prints the scores of ft, kd and pkd-skip."""
    parser = real_data_parser(__doc__, out=True)
    parser.add_argument("--task", default="sst2")
    parser.add_argument("--rows", type=int, help="training rows; all by default")
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    task = GLUE[options.task]

    def prepared(encoder: Path) -> Prepared:
        tokens: Path = options.out / "tokens"
        return prepare_task(task, encoder, tokens, options.data, max_train_rows=options.rows)

    teacher_task = prepared(options.model)
    files = Files(teacher_task.task, teacher_task.tokens, options.model)
    student = random_student(task, options)
    with make_pool(options.workers) as pool:
        teacher = fine_tuned(pool, files, (5e-5, 1e-4), options.out / "teachers")
        depth = depth_of(teacher)
        states = layer_map("skip", depth, options.layers)
        signals = ask_teacher(teacher_task, teacher, states, options.out / "signals")
        student_task = prepared(student)
        files = Files(student_task.task, student_task.tokens, student)
        files = replace(files, signals=signals, teacher_layers=depth)
        print("| task | method | score | seeds | settings |\n|---|---|---|---|---|")
        compare(pool, files, GRIDS, {"epochs": options.epochs}, options.seeds)


if __name__ == "__main__":
    main()
