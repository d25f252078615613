"""The numbers of the paper's Table 4: parameters and inference time by depth."""

from typing import Any

import pandas as pd

from analysis.run_data.measured_times import PAPER, Benchmark, speeds
from analysis.run_data.published import published_size_speed
from analysis.run_data.runs import Run

_PARTS = ("embeddings", "layers", "pooler", "total")


def sizes(run: Run, benchmark: Benchmark | None = None) -> pd.DataFrame:
    """Returns one row per depth, the teacher's first.

    Columns: ``depth``; the parameters ``embeddings``, ``layers`` (all together), ``pooler`` and
    ``total`` (without the classifier, as in the paper; missing if the run is of an older version,
    which did not record them); ``compression`` (the teacher's total over this one); the paper's
    ``published_total`` (millions), ``published_compression``, ``published_seconds`` and
    ``published_speedup`` for the depths that it has, the two ratios over its model with as many
    layers as the teacher here; and with a benchmark ``ms``, ``ms_q1``, ``ms_q3``, ``speedup``,
    ``speedup_q1``, ``speedup_q3`` and ``repeats`` with the paper's batch size and length.

    Args:
        run: The study.
        benchmark: Its measured times, see `analysis.run_data.measured_times.load_benchmark`.
    """
    counts = [{"depth": depth, **_parameters(run, depth, benchmark)} for depth in depths(run)]
    table = pd.DataFrame(counts).reindex(columns=["depth", *_PARTS])
    table["compression"] = table["total"].iloc[0] / table["total"]
    table = table.join(published_ratios(depths(run)[0]), on="depth")
    if benchmark is not None:
        measured = speeds(benchmark)
        fixed = (measured["task"] == "") & (measured["batch_size"] == PAPER["batch_size"])
        measured = measured[fixed].drop(columns=["task", "batch_size", "tokens"])
        table = table.join(measured.set_index("depth"), on="depth")
    return table


def depths(run: Run) -> list[int]:
    """Returns the number of layers of the teacher, then of the students."""
    return [int(run.study["teacher"]["layers"]), *run.study["depths"]]


def published_ratios(teacher_layers: int) -> pd.DataFrame:
    """Returns the paper's Table 4 by depth, with ratios over its model of `teacher_layers`.

    ``published_compression`` and ``published_speedup`` are missing if the paper has no such model.
    """
    table = published_size_speed().set_index("layers")
    base = table.reindex([teacher_layers]).iloc[0]
    return pd.DataFrame(
        {
            "published_total": table["total_params_m"],
            "published_compression": table["compression"] / base["compression"],
            "published_seconds": table["inference_seconds"],
            "published_speedup": table["speedup"] / base["speedup"],
        }
    )


def _parameters(run: Run, depth: int, benchmark: Benchmark | None) -> dict[str, Any]:
    """Counts of the saved model, else computed from the encoder: all its layers have one size."""
    if benchmark is not None and depth in benchmark.parameters:
        return benchmark.parameters[depth]
    teacher = run.study["teacher"]
    return parameters_of_layers(
        teacher if depth == int(teacher["layers"]) else student_encoder(run), depth
    )


def student_encoder(run: Run) -> dict[str, Any]:
    """Returns the record of the encoder that students start from, the teacher's by default."""
    start: dict[str, Any] = run.study.get("student") or run.study["teacher"]
    return start


def parameters_of_layers(model: dict[str, Any], depth: int) -> dict[str, Any]:
    """Returns the parameters of a recorded model cut to `depth` layers; empty if not recorded."""
    whole = model.get("parameters")
    if not isinstance(whole, dict) or not set(_PARTS) <= whole.keys() or not whole["total"]:
        return {}
    layers = whole["layers"] * depth // int(model["layers"])
    return {**whole, "layers": layers, "total": whole["embeddings"] + layers + whole["pooler"]}
