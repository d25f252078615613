"""Text files of users: regular files in UTF-8, read line by line."""

import errno
import io
import stat
from pathlib import Path
from typing import BinaryIO

from pkd.errors import InputError

_BLOCK = 1 << 16  # bytes
_OTHER_ENCODINGS = {
    b"\xff\xfe\0\0": "UTF-32",
    b"\0\0\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}


def open_file(path: Path) -> BinaryIO:
    """Opens a file on a disk for reading. All files that a user may have made are opened by this.

    A pipe or a device could block or never end, and can be read only once.

    Raises:
        OSError: for a missing file, a folder, a pipe or a device; ``strerror`` is the reason.
        ValueError: for a path that cannot be one.
    """
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder; name a file", str(path))
    if not stat.S_ISREG(mode):
        reason = "it is a pipe or a device; save its content as a file first"
        raise OSError(errno.ESPIPE, reason, str(path))
    return path.open("rb")


def read_file(path: Path) -> bytes:
    """Returns the bytes of a file on a disk; see `open_file`."""
    with open_file(path) as file:
        return file.read()


def check_regular(path: Path) -> None:
    """Checks that a library can open a path: it is a file on a disk, and this user may read it.

    Raises:
        InputError: for anything that `open_file` refuses.
    """
    try:
        open_file(path).close()
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {path}: {getattr(error, 'strerror', error)}") from None


def check_encoding(path: Path, start: bytes) -> None:
    """Checks the first bytes of a file of text for another byte order mark than that of UTF-8.

    Raises:
        InputError: with the encoding and how to convert the file.
    """
    for mark, encoding in _OTHER_ENCODINGS.items():
        if start.startswith(mark):
            raise InputError(
                f"{path}, line 1: byte {mark[0]:#04x} is not UTF-8: the file is {encoding}, as "
                "Excel's 'Unicode Text' is; save it as 'CSV UTF-8', or convert it: "
                f"iconv -f {encoding} -t UTF-8 {path.name} > new{path.suffix}"
            )


def open_lines(path: Path, file: BinaryIO, newline: str | None = None) -> io.TextIOWrapper:
    """Opens the lines of a file, with their ends as they are.

    Bytes that are not UTF-8 become lone surrogates. A byte order mark is skipped.

    Args:
        path: the file, for messages.
        file: its bytes, at their beginning.
        newline: where lines end, ``\\n`` or ``\\r``; None takes ``\\r`` if the first line ends so,
            as files of the old Macintosh do, else ``\\n``.

    Raises:
        InputError: if its encoding is another one, see `check_encoding`.
    """
    check_encoding(path, file.read(4))
    file.seek(0)
    newline = newline or _line_end(file)
    return io.TextIOWrapper(file, "utf-8-sig", errors="surrogateescape", newline=newline)


def _line_end(file: BinaryIO) -> str:
    block = file.read(_BLOCK)
    while block and b"\r" not in block and b"\n" not in block:
        block = file.read(_BLOCK)
    before, found, after = block.partition(b"\r")
    after = after or file.read(1)
    file.seek(0)
    return "\r" if found and b"\n" not in before and not after.startswith(b"\n") else "\n"
