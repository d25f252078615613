"""One driver a study: who holds it, since when, and whether that driver still lives."""

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
from study.storage.layout import Layout
from study.storage.store import Store

# A driver touches its card so often; one that has not for several beats is gone. The lock itself
# ends with its process, but some network file systems keep it to the host that took it.
_BEAT_S = 10.0
_DEAD_AFTER_S = 60.0


@contextlib.contextmanager
def only_driver(layout: Layout) -> Iterator[None]:
    """Holds a study's folder for this process while the block runs.

    Two drivers that begin in the same second on two hosts may both hold a URI: object storage
    knows no lock.

    Args:
        layout: the study's folder, which exists.

    Raises:
        InputError: if another driver holds it, naming its process, its host and its start; if
            nothing can be written there; or if a folder is where a file of the study belongs, or
            a file where a folder does.
    """
    out, store, card = layout.out, layout.store, layout.driver
    lock = FileLock(out / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise InputError(_held(store.place(out), _read(card))) from None
    except OSError as error:
        raise InputError(
            f"cannot write in {out} ({error.strerror}): choose another --out"
        ) from None
    try:
        store.fetch(card)
        layout.check_kinds()
        holder = _read(card)
        other = holder.get("host") not in (None, platform.node())
        # Either side of now: a card of the future is older than a clock that was set back.
        if other and abs(store.age(card)) < _DEAD_AFTER_S:
            raise InputError(_held(store.place(out), holder))
        write_json(card, {"pid": os.getpid(), "host": platform.node(), "since": time.time()})
        store.publish(card)
        with _beating(card, store):
            yield
        store.delete(card)
    finally:
        lock.release()


@contextlib.contextmanager
def _beating(card: Path, store: Store) -> Iterator[None]:
    stopped = threading.Event()
    thread = threading.Thread(target=_beat, args=(card, store, stopped), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def _beat(card: Path, store: Store, stopped: threading.Event) -> None:
    while not stopped.wait(_BEAT_S):
        # Storage that is gone for a moment must not end a study of days.
        with contextlib.suppress(OSError, PkdError):
            card.touch()
            store.publish(card)


def _read(card: Path) -> dict[str, Any]:
    try:
        content = json.loads(card.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _held(out: str, holder: dict[str, Any]) -> str:
    who = "another driver"
    if isinstance(holder.get("since"), (int, float)) and {"pid", "host"} <= holder.keys():
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(holder["since"]))
        who = f"process {holder['pid']} on {holder['host']}, since {since}"
    return f"{out} belongs to a study that is running ({who}): wait for it or give another --out"
