"""The inference times of ``benchmark.json``, measured by ``pkd-study benchmark``."""

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from pkd.files.run_format import BENCHMARK_FILE, BENCHMARK_FORMAT
from pkd.files.text_file import read_file
from pkd.shown_text import one_line

PAPER = {"batch_size": 128, "tokens": 128}  # what the paper's Table 4 measured


@dataclass(frozen=True)
class Benchmark:
    """Inference times of the teacher and one student of each depth.

    Attributes:
        about: ``device_name``, ``threads``, ``precision``, ``attention``, ``load_average`` and
            ``versions`` from the file.
        parameters: For each depth the parameters of the saved model: ``embeddings``,
            ``layers``, ``pooler`` and ``total``.
        times: One row per timed call: ``task`` (empty for rows of one length), ``batch_size``,
            ``tokens`` (mean per row), ``rows`` (of the call), ``depth``, ``repeat`` (calls with
            the same number ran one after the other) and ``seconds``.
    """

    about: dict[str, Any]
    parameters: dict[int, dict[str, int]]
    times: pd.DataFrame

    @property
    def conditions(self) -> str:
        """Device, threads, precision and versions, in words."""
        about = self.about
        threads = ""
        if about["device"] == "cpu":
            threads = f", {about['threads']} thread" + ("s" if about["threads"] != 1 else "")
        versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
        return one_line(
            f"{about['device_name']}{threads}, {about['precision']}, {about['attention']} "
            f"attention, {versions}"
        )


def load_benchmark(run_dir: Path) -> tuple[Benchmark | None, str | None]:
    """Loads the measured times of a run.

    Returns:
        The times and None; None and why the file cannot be used; or twice None without a file.
    """
    path = run_dir / BENCHMARK_FILE
    if not os.path.lexists(path):
        return None, None
    try:
        content = json.loads(read_file(path))
        if content["format"] != BENCHMARK_FORMAT:
            return None, (
                f"{BENCHMARK_FILE} has format {content['format']!r}, but this version reads "
                f"format {BENCHMARK_FORMAT}: it is not used"
            )
        benchmark = _parsed(content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = getattr(error, "strerror", None) or error
        if isinstance(error, KeyError):
            reason = f"it lacks {error}"
        return None, f"{BENCHMARK_FILE} is damaged and not used: {reason}"
    return benchmark, None


def speeds(benchmark: Benchmark) -> pd.DataFrame:
    """Returns one row per kind of batch and depth, the teacher's depth first.

    Columns: ``task`` (empty for rows of one length), ``batch_size``, ``tokens`` (mean per row),
    ``depth``, ``repeats``, median and quartiles of the milliseconds per row (``ms``, ``ms_q1``,
    ``ms_q3``) and of the speed-up over the teacher (``speedup``, ``speedup_q1``,
    ``speedup_q3``). The speed-up is the ratio of calls that ran one after the other, because
    other load on the machine affects both alike.
    """
    kind = ["task", "batch_size", "tokens", "rows"]
    teacher = next(iter(benchmark.parameters))
    times = benchmark.times
    base = times[times["depth"] == teacher].set_index([*kind, "repeat"])["seconds"]
    times = times.join(base.rename("base"), on=[*kind, "repeat"])
    times = times.assign(
        ms=1000 * times["seconds"] / times["rows"], speedup=times["base"] / times["seconds"]
    )
    groups = times.groupby([*kind, "depth"], sort=False)
    table = groups.size().rename("repeats").to_frame()
    for name in ("ms", "speedup"):
        table[name] = groups[name].median()
        table[f"{name}_q1"] = groups[name].quantile(0.25)
        table[f"{name}_q3"] = groups[name].quantile(0.75)
    return table.reset_index().drop(columns="rows")


def _parsed(content: dict[str, Any]) -> Benchmark:
    about = {
        **{key: content[key] for key in ("device", "device_name", "threads", "precision")},
        **{key: content.get(key) for key in ("attention", "load_average", "created")},
        "versions": dict(content["versions"]),
    }
    parameters = {
        int(model["depth"]): {
            part: int(model["parameters"][part])
            for part in ("embeddings", "layers", "pooler", "total")
        }
        for model in content["models"]
    }
    rows = [
        {
            "task": str(entry["task"] or ""),
            "batch_size": int(entry["batch_size"]),
            "tokens": float(entry["tokens"]),
            "rows": int(entry["rows"]),
            "depth": int(entry["depth"]),
            "repeat": repeat,
            "seconds": float(seconds),
        }
        for entry in content["times"]
        for repeat, seconds in enumerate(entry["seconds"])
    ]
    if not parameters or not rows:
        raise ValueError("it holds no times")
    times = pd.DataFrame(rows)
    if not times["seconds"].between(0, math.inf, inclusive="neither").all():
        raise ValueError("a time is not above 0 seconds")  # speed-ups would be nan or inf
    return Benchmark(about, parameters, times)
