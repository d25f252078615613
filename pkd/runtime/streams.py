"""Standard streams that never fail on a character, and none that is missing."""

import codecs
import contextlib
import io
import os
import select
import sys

_HANDLER = "pkd.readable"
# What this project and rich print beyond ASCII; anything else is shown by its code, `\u2603`.
_READABLE = {
    "…": "...", "·": "|", "±": "+-", "×": "x", "–": "-", "—": "-", "−": "-", "²": "^2", "½": "1/2",
    "†": "+", "≤": "<=", "≥": ">=", "→": "->", "•": "*", "━": "-", "─": "-", "╸": "-", "╺": "-",
    "│": "|", "┃": "|", "‘": "'", "’": "'", "“": '"', "”": '"',
}  # fmt: skip


def prepare_streams() -> None:
    """Makes every text printable on the standard streams, whatever their encoding.

    What an encoding lacks is replaced by ASCII, e.g. ``…`` by ``...``, or shown by its code, as
    half surrogates are. The null device stands in for a stream that the parent has closed.
    """
    codecs.register_error(_HANDLER, _replaced)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # Open until the process ends.
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_HANDLER)


def reader_has_left() -> bool:
    """Returns whether nobody reads the standard output or error any more, as after ``| head``."""
    gone = False
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # a stream without a descriptor
            poll = select.poll()
            poll.register(stream.fileno(), 0)
            gone |= any(event & select.POLLERR for _, event in poll.poll(0))
    return gone


def drop_unwritable() -> None:
    """Drops what the standard streams still hold if it cannot be written.

    Otherwise Python complains about it when it ends: the reader has left, or the disk is full.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with contextlib.suppress(OSError, ValueError):
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, stream.fileno())
                os.close(null)


def _replaced(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    wrong = error.object[error.start : error.end]
    known = "".join(_READABLE.get(each, each) for each in wrong)
    return known.encode("ascii", "backslashreplace").decode("ascii"), error.end
