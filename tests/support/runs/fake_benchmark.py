"""A fake ``benchmark.json`` for a fake run of 12, 6 and 3 layers."""

from pathlib import Path
from typing import Any

from tests.support.runs.fake_run import write

BERT = {"embeddings": 23_837_184, "layers": 85_054_464, "pooler": 590_592, "total": 109_482_240}


def write_benchmark(run_dir: Path, tasks: tuple[str, ...] = ("rte",), **changes: Any) -> None:
    """Writes times proportional to depth and tokens: 0.1 ms for one layer and 128 tokens."""
    times = []
    for task, tokens in ((None, 128.0), *((task, 32.0) for task in tasks)):
        for batch_size in (1, 128):
            for depth in (12, 6, 3):
                unit = 1e-4 * depth * tokens / 128 * batch_size
                kind = {"task": task, "batch_size": batch_size, "tokens": tokens}
                seconds = [unit * factor for factor in (1.0, 1.1, 1.2, 0.9, 1.0)]
                times.append({**kind, "rows": batch_size, "depth": depth, "seconds": seconds})
    models = []
    for depth in (12, 6, 3):
        layers = BERT["layers"] * depth // 12
        total = BERT["total"] - BERT["layers"] + layers
        counts = {**BERT, "layers": layers, "total": total}
        models.append({"depth": depth, "folder": f"models/{depth}", "parameters": counts})
    content = {
        **{"format": 1, "device": "cpu", "device_name": "A Processor", "threads": 2},
        **{"precision": "bf16", "attention": "sdpa", "load_average": 0.1},
        **{"versions": {"torch": "2.13.0"}, "models": models, "times": times},
    }
    write(run_dir / "benchmark.json", {**content, **changes})
