"""The processor's rate of matrix products, to compare a step's operations with."""

import time

import torch

SIZE = 2048


def peak(repeats: int = 10) -> float:
    """Returns GFLOP/s of one large bf16 product."""
    left, right = (torch.randn(SIZE, SIZE).bfloat16() for _ in range(2))
    left @ right
    started = time.perf_counter()
    for _ in range(repeats):
        left @ right
    return repeats * 2 * SIZE**3 / (time.perf_counter() - started) / 1e9
