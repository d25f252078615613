"""Where matplotlib keeps its list of fonts while a command draws plots."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def fonts_out_of_home() -> Iterator[None]:
    """Gives matplotlib a folder in the system's temporary folder, unless ``MPLCONFIGDIR`` is set.

    It works if matplotlib is first imported in the block.
    """
    if "MPLCONFIGDIR" in os.environ:
        yield
        return
    os.environ["MPLCONFIGDIR"] = str(_folder())
    try:
        yield
    finally:
        os.environ.pop("MPLCONFIGDIR", None)


def _folder() -> Path:
    """Returns a folder that belongs to this user alone."""
    folder = Path(tempfile.gettempdir()) / f"pkd-study-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.stat().st_uid == os.getuid():
            return folder
    except OSError:
        pass
    return Path(tempfile.mkdtemp())
