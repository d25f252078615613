"""A run whose models have known costs."""

from pathlib import Path
from typing import Any

from tests.support.runs.fake_benchmark import BERT
from tests.support.runs.fake_run import FakeRun

BASE = {"name": "bert-base-uncased", "layers": 12, "hidden": 768, "parameters": BERT}


def study(path: Path, tasks: tuple[str, ...] = ("rte",), **about: Any) -> FakeRun:
    """A teacher with 70 %, FT with 60 and 50 %, and KD with 65 and 55 % (6 and 3 layers)."""
    fake = FakeRun(path, tasks, **{"teacher": BASE, **about})
    for task in tasks:
        fake.trial("teachers", task, 12, "teacher", 0, 0.7)
        for seed in range(3):
            for method, score in (("ft", 0.60), ("kd", 0.65)):
                fake.trial("confirm", task, 6, method, seed, score)
                fake.trial("confirm", task, 3, method, seed, score - 0.1)
    return fake
