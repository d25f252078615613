"""The log file of a trial: its epochs, its warnings, and the traceback if it fails."""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

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
