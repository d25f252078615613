"""What Ray assigned to the process of a trial, and the trial's log."""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

import ray
import torch

from pkd.runtime.devices import default_device

logger = logging.getLogger("study.trial")


def trial_device() -> torch.device:
    """Returns the GPU that Ray assigned to this process, else the CPU.

    In a process without Ray it is the first GPU, if any.
    """
    if not ray.is_initialized() or ray.get_gpu_ids():
        return default_device()
    return torch.device("cpu")


def trial_cpus() -> int:
    """Returns the number of CPU threads that Ray assigned to this process."""
    if not ray.is_initialized():
        return torch.get_num_threads()
    resources = ray.get_runtime_context().get_assigned_resources()
    return max(1, int(resources.get("CPU", 1)))


@contextlib.contextmanager
def logged(path: Path | None) -> Iterator[None]:
    """Writes log messages, warnings and an exception of the block to ``path``."""
    if path is None:
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, encoding="utf-8")
    # With the process: many trials share one, and users may look for what else it did.
    form = "%(asctime)s %(process)d %(levelname)s %(message)s"
    handler.setFormatter(logging.Formatter(form))
    root = logging.getLogger()
    root.addHandler(handler)
    logger.setLevel(logging.INFO)
    logging.captureWarnings(True)
    try:
        yield
    except Exception:  # any error is logged and raised again
        logger.exception("the trial failed")
        raise
    finally:
        logging.captureWarnings(False)
        root.removeHandler(handler)
        handler.close()
