"""What Ray's errors say, in a line."""

import re

OUT_OF_MEMORY = "memory ran out"

_KILLED = re.compile(
    r"killed due to the node running low on memory\. "
    r"Memory on the node \(IP: ([^,)]+).*? was (.+? limit)"
)


def reason_of(text: str) -> str:
    """The line of an error's text that tells most.

    Of Ray's kill for want of memory, which it tells in pages, it begins with `OUT_OF_MEMORY`.
    """
    if killed := _KILLED.findall(text):
        node, used = killed[-1]
        return f"{OUT_OF_MEMORY} on {node}, {used}"
    lines = text.strip().splitlines()
    return lines[-1] if lines else "unknown error"
