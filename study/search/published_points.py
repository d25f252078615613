"""The settings that won in the authors' search: the first points of ours."""

import csv
from pathlib import Path

from transformers import PretrainedConfig

from study.search.samplers import Settings

_FILE = Path(__file__).with_name("published_points.csv")


def published_points(
    encoder: PretrainedConfig, task: str, depth: int, method: str
) -> list[Settings]:
    """Returns the authors' winning settings of a cell (their released result files, dev set).

    Args:
        encoder: settings are published only for a 12-layer, 768-wide BERT.
        task: a GLUE task.
        depth: 3 or 6.
        method: ``ft``, ``kd``, ``pkd-skip`` or ``pkd-last``.

    Returns:
        At most one point; none if nothing is published for the cell.
    """
    base = (encoder.model_type, encoder.num_hidden_layers, encoder.hidden_size)
    if base != ("bert", 12, 768):
        return []
    points = []
    with _FILE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if (row["task"], row["depth"], row["method"]) == (task, str(depth), method):
                names = ("learning_rate", "temperature", "alpha", "beta")
                point: Settings = {name: float(row[name]) for name in names if row[name]}
                if row["normalize"]:
                    point["normalize"] = row["normalize"] == "True"
                points.append(point)
    return points
