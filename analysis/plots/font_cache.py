"""Where matplotlib keeps its list of fonts while a command draws plots."""

import os
import tempfile
from pathlib import Path


def keep_fonts_out_of_home() -> None:
    """Gives matplotlib a folder in the system's temporary folder, unless ``MPLCONFIGDIR`` is set.

    It is for the process of a command, before matplotlib is imported: a user's own process keeps
    the user's matplotlibrc.
    """
    if "MPLCONFIGDIR" not in os.environ:
        os.environ["MPLCONFIGDIR"] = str(_folder())


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
