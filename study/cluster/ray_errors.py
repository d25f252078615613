"""Summarises Ray's errors in a line."""

import re

OUT_OF_MEMORY = "memory ran out"

_KILLED = re.compile(
    r"killed due to the node running low on memory\. "
    r"Memory on the node \(IP: ([^,)]+).*? was (.+? limit)"
)


def reason_of(text: str) -> str:
    """Returns the last line of an error's text, which names the error.

    If Ray killed the process because memory ran out, which its text explains in pages, the line
    starts with `OUT_OF_MEMORY`.
    """
    if killed := _KILLED.findall(text):
        node, used = killed[-1]
        return f"{OUT_OF_MEMORY} on {node}, {used}"
    lines = text.strip().splitlines()
    return lines[-1] if lines else "unknown error"
