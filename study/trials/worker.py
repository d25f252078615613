"""What Ray gave the process of a trial."""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

import ray
import torch

from pkd.runtime.devices import default_device


def trial_device() -> torch.device:
    """The GPU that Ray gave this process, if any; a visible GPU that was not given is not used."""
    if not ray.is_initialized() or ray.get_gpu_ids():
        return default_device()
    return torch.device("cpu")


def trial_cpus() -> int:
    """CPU threads that Ray gave this process."""
    if not ray.is_initialized():
        return torch.get_num_threads()
    resources = ray.get_runtime_context().get_assigned_resources()
    return max(1, int(resources.get("CPU", 1)))


logger = logging.getLogger("study.trial")


@contextlib.contextmanager
def logged(path: Path | None) -> Iterator[None]:
    """Sends what is logged (and warned) in the block to ``path``, an exception included."""
    if path is None:
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, encoding="utf-8")
    # The process: many trials share one, and a person may look for what else it did.
    form = "%(asctime)s %(process)d %(levelname)s %(message)s"
    handler.setFormatter(logging.Formatter(form))
    root = logging.getLogger()
    root.addHandler(handler)
    logger.setLevel(logging.INFO)
    logging.captureWarnings(True)
    try:
        yield
    except Exception:  # whatever it is, it goes into the log, and on
        logger.exception("the trial failed")
        raise
    finally:
        logging.captureWarnings(False)
        root.removeHandler(handler)
        handler.close()
