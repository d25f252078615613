"""Writing files so that a crash leaves the old one or the new one, never half of one."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def write_atomic(path: Path, write: Callable[[Path], None]) -> None:
    """Lets ``write`` fill a temporary file, makes it durable and gives it its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        write(partial)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Writes a JSON file atomically; NaN and infinity are refused."""
    text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    write_atomic(path, lambda partial: _write_text(partial, text + "\n"))


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def map_array(path: Path) -> np.ndarray:
    """Memory-maps an ``.npy`` file.

    Copy-on-write, because torch warns about arrays that cannot be written; nothing is ever
    written and no page is copied.
    """
    return np.load(path, mmap_mode="c", allow_pickle=False)
