"""Ensures that a study has one driver at a time."""

import contextlib
import json
import os
import platform
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from pkd.errors import InputError, PkdError
from pkd.files.atomic import write_json
from pkd.files.run_places import check_run_folder
from pkd.files.text_file import read_file
from study.storage.layout import Layout
from study.storage.store import Store

# The lock ends with its process, but some network file systems enforce it only on the host that
# took it. So a driver also touches its card (``driver.json``) this often, and a driver whose card
# has not been touched for several intervals has died.
_HEARTBEAT_S = 10.0
_DEAD_AFTER_S = 60.0


@contextlib.contextmanager
def only_driver(layout: Layout) -> Iterator[None]:
    """Locks a study's folder for this process while the block runs.

    Two drivers that start in the same second on two hosts may both lock a URI: object storage has
    no locks.

    Args:
        layout: of the study, whose folder exists.

    Raises:
        InputError: if another driver has the lock, naming its process, its host and its start; if
            the folder is not writable; or if there is a folder in place of one of the study's
            files, or the reverse.
    """
    out, store, card = layout.out, layout.store, layout.driver
    lock = FileLock(out / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise InputError(_locked(store.place(out), _read_card(card))) from None
    except OSError as error:
        raise InputError(
            f"cannot write in {out} ({error.strerror}): choose another --out"
        ) from None
    try:
        store.fetch(card)
        check_run_folder(out)
        holder = _read_card(card)
        elsewhere = holder.get("host") not in (None, platform.node())
        # abs: a card from the future was written before the clock was set back.
        if elsewhere and abs(store.age(card)) < _DEAD_AFTER_S:
            raise InputError(_locked(store.place(out), holder))
        write_json(card, {"pid": os.getpid(), "host": platform.node(), "since": time.time()})
        store.publish(card)
        with _heartbeat(card, store):
            yield
        store.delete(card)
    finally:
        lock.release()


@contextlib.contextmanager
def _heartbeat(card: Path, store: Store) -> Iterator[None]:
    stopped = threading.Event()
    thread = threading.Thread(target=_touch_regularly, args=(card, store, stopped), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def _touch_regularly(card: Path, store: Store, stopped: threading.Event) -> None:
    while not stopped.wait(_HEARTBEAT_S):
        # A short outage of the storage must not end a study of days.
        with contextlib.suppress(OSError, PkdError):
            card.touch()
            store.publish(card)


def _read_card(card: Path) -> dict[str, Any]:
    """Returns the card's content; empty if there is none or it is damaged."""
    try:
        content = json.loads(read_file(card))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _locked(out: str, holder: dict[str, Any]) -> str:
    who = "another driver"
    if isinstance(holder.get("since"), (int, float)) and {"pid", "host"} <= holder.keys():
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(holder["since"]))
        who = f"process {holder['pid']} on {holder['host']}, since {since}"
    return f"{out} belongs to a study that is running ({who}): wait for it or give another --out"
