"""A run in which every text that a user or a library can choose is hostile."""

import json
from pathlib import Path
from typing import Any

from tests.support.hostile_texts import HOSTILE
from tests.support.runs.fake_benchmark import write_benchmark
from tests.support.runs.fake_run import FakeRun, write

# A study refuses halves of surrogate pairs.
TEXTS = [text for text in HOSTILE.values() if "\ud800" not in text]
ALL = " ".join(TEXTS)
_PER_TASK = 16
_BUDGET = {"teacher_trials": 1, "search_trials": {"ft": 1, "kd": 1}, "confirm_seeds": 2}


def hostile_run(path: Path) -> FakeRun:
    """Writes a finished study whose labels, splits, models, methods, notes and errors are hostile.

    Task ``t0`` has the first texts as labels, with a metric for each, ``t1`` the next ones, and
    so on; the dev and held-out splits of each task are among its labels.
    """
    chunks = [TEXTS[at : at + _PER_TASK] for at in range(0, len(TEXTS), _PER_TASK)]
    fake = FakeRun(
        path,
        (),
        own_tasks={f"t{at}": _task(chunk) for at, chunk in enumerate(chunks)},
        config={"tasks": ["t0.yaml"], "train": {"model": ALL}, "teacher": {"model": ALL}},
        versions={"python": "3.11", "torch": ALL},
        command=f"python study/run.py --data {ALL} ```",
        git_commit=ALL,
        created=ALL,
        teacher={"name": ALL, "layers": 12, "hidden": 768},
        student={"name": "x" * 300 + "\x1b[31m|", "layers": 6, "hidden": 768},
        depths=[6],
        methods=["ft", "kd"],
        budget={**_BUDGET, "epochs": 2},
    )
    for task, about in fake.study["tasks"].items():
        for stage, method, depth, count in (
            ("teachers", "teacher", 12, 1),
            ("search", "ft", 6, 1),
            ("search", "kd", 6, 1),
            ("confirm", "ft", 6, 2),
            ("confirm", "kd", 6, 2),
        ):
            for number in range(count):
                _trial(fake, task, stage, method, depth, number)
        for method, depth in (("teacher", 12), ("ft", 6), ("kd", 6)):
            held_out = {about["held_out"][0]: dict.fromkeys(about["metrics"], 0.5)}
            fake.trial("predict", task, depth, method, 0, held_out)
    failed = fake.trial("search", "t0", 6, "ft", 99, None, state="failed")
    end = json.loads((failed / "end.json").read_text())
    write(failed / "end.json", {**end, "error": f"=cmd {ALL}"})
    (fake.trial("search", "t0", 6, "kd", 99, 0.5) / "start.json").write_text("{")
    write_benchmark(path, tasks=tuple(fake.study["tasks"]), device_name=ALL)
    return fake


def _task(labels: list[str]) -> dict[str, Any]:
    return {
        "metrics": [f"f1:{label}" for label in labels],
        "dev_splits": [labels[0]],
        "held_out": [labels[1]],
        "labels": labels,
        "train_rows": 100,
        "dev_rows": 10,
        "notes": [f"the label {label} is rare" for label in labels],
    }


def _trial(fake: FakeRun, task: str, stage: str, method: str, depth: int, number: int) -> None:
    about = fake.study["tasks"][task]
    value = 0.5 + number / 50 + (method == "kd") / 10
    scores = {about["dev_splits"][0]: dict.fromkeys(about["metrics"], value)}
    curve = [{"step": step, "loss": 1 / step, "accuracy": 0.5} for step in (5, 10)]
    fake.trial(
        *(stage, task, depth, method, number, scores),
        epochs=2,
        reports=[{"device": ALL, "train_curve": curve}] * 2,
        learning_rate=1e-5 * (1 + number),
    )
