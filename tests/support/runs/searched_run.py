"""Searches whose scores depend on one hyperparameter."""

from typing import Any

import numpy as np

from tests.support.runs.fake_run import FakeRun

SPACE: dict[str, Any] = {
    "learning_rate": {"low": 1e-5, "high": 1e-3, "log": True},
    "temperature": {"low": 2.0, "high": 20.0},
    "alpha": {"low": 0.0, "high": 1.0},
    "beta": {"low": 1.0, "high": 1000.0, "log": True},
    "normalize": [True, False],
}


def search(fake: FakeRun, method: str, count: int = 16, weight: str = "alpha") -> None:
    """Writes random trials whose score depends on one hyperparameter."""
    numbers = np.random.default_rng(0)
    for number in range(count):
        settings = {
            "learning_rate": 1e-5 * 100 ** numbers.random(),
            "temperature": 2 + 18 * numbers.random(),
            "alpha": numbers.random(),
            "beta": 1000 ** numbers.random(),
            "normalize": bool(numbers.random() < 0.5),
        }
        have = {"ft": 1, "kd": 3}.get(method, 5)
        settings = dict(list(settings.items())[:have])
        fake.trial("search", "rte", 6, method, number, 0.5 + 0.2 * settings[weight], **settings)
