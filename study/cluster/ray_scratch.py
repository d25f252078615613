"""The folder in which the Ray of one study works: private, and removed when the study ends.

A study finds the folder of its own earlier run by the name, which follows from its run folder. So
nothing has to be recorded, and no other study's folder can be taken for it.
"""

import os
import shutil
import tempfile
import time
from pathlib import Path

from pkd.files.cache import fingerprint

LONGEST_NAME = "pkd-01234567/r"
_TRIES, _PAUSE_S = 50, 0.1


def make_scratch(parent: Path, run_folder: Path) -> Path:
    """Makes the folder; what an earlier run of the same study left in its place is removed.

    Args:
        parent: where; see `study.cluster.local_machine.ray_folder`.
        run_folder: of the study. This process is its only driver.

    Returns:
        The folder, which only this user can enter.
    """
    remove_remains(parent, run_folder)
    folder = _place(parent, run_folder)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:  # another user's
        return Path(tempfile.mkdtemp(prefix="pkd-", dir=parent))
    return folder


def ray_part(scratch: Path) -> Path:
    """Returns Ray's part of a scratch folder. Ray lets everybody write into it."""
    return scratch / "r"


def remove_remains(parent: Path, run_folder: Path) -> Path | None:
    """Removes what an earlier run of a study left when it was killed.

    Args:
        parent: as for `make_scratch`.
        run_folder: of the study. This process is its only driver.

    Returns:
        The folder that was removed, if any.
    """
    folder = _place(parent, run_folder)
    if folder.is_symlink() or not folder.is_dir() or folder.stat().st_uid != os.getuid():
        return None
    remove_scratch(folder)
    return folder


def remove_scratch(folder: Path) -> None:
    """Removes a scratch folder as far as possible: Ray's processes write until they end."""
    for _ in range(_TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(_PAUSE_S)


def _place(parent: Path, run_folder: Path) -> Path:
    # The inode too: containers may share the temporary folder and name their run folders alike.
    name = fingerprint([os.getuid(), str(run_folder.resolve()), run_folder.stat().st_ino])
    return parent / f"pkd-{name[:8]}"
