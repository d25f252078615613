"""Checks the address of a Ray cluster: its form, and whether anything answers there."""

import socket
from urllib.parse import urlsplit

from pkd.errors import InputError

_RAY_CLIENT_PORT = 10001
_TIMEOUT_S = 10


def check_address(address: str) -> None:
    """Checks an address, because Ray itself would retry a wrong one for a quarter of an hour.

    Args:
        address: ``auto``, ``local``, ``host:port`` or ``ray://host:port``.

    Raises:
        InputError: if it has another form or nothing answers there.
    """
    if address in ("auto", "local"):
        return
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        port = parts.port or (_RAY_CLIENT_PORT if parts.scheme == "ray" else None)
        if parts.scheme not in ("", "ray") or not parts.hostname or not port:
            raise ValueError
    except ValueError:
        raise InputError(
            f"--address is {address!r}, but must be auto, host:port or ray://host:port"
        ) from None
    try:
        socket.create_connection((parts.hostname, port), timeout=_TIMEOUT_S).close()
    except (OSError, UnicodeError) as error:
        raise InputError(f"nothing answers at --address {address}: {error}") from None
