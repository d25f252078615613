"""A small valid ledger, and the ways in which one can be damaged."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from pkd.files.ledger.event import checksum
from study.config.cell import Cell
from study.storage.ledger import Ledger

STUDY = "5a1d"
FIRST, SECOND = "search/rte-2-ft/trial-0000", "search/rte-2-ft/trial-0001"
SEED, JOB = "confirm/rte-2-ft/seed-0000", "predict/rte-2-ft/job-0000"

Damage = Callable[[Path], object]


def write_ledger(root: Path, study: str = STUDY) -> None:
    """Writes four complete trials: two of a search, a confirm seed and a job."""
    ledger = Ledger(root, study=study)
    for place in (FIRST, SECOND, SEED, JOB):
        stage, _, trial = place.split("/")
        cell, epochs = Cell(stage, "rte", 2, "ft"), 1 if stage == "predict" else 3
        ledger.start(cell, trial, {"learning_rate": 1e-4}, seed=1, epochs=epochs)
        for epoch in range(1, epochs + 1):
            report = {"epoch": epoch, "score": 0.5 + epoch / 100, "train_seconds": 1.0}
            decision = "stop" if epoch == epochs else "continue"
            ledger.report(cell, trial, report | {"eval_seconds": 0.1}, decision)
        ledger.end(cell, trial, state="complete", score=0.53, epochs=epochs)


def delete(name: str) -> Damage:
    return lambda root: (root / name).unlink()


def write(name: str, content: bytes) -> Damage:
    return lambda root: (root / name).write_bytes(content)


def rename(name: str, to: str) -> Damage:
    return lambda root: (root / name).rename(root / to)


def copy(name: str, to: str) -> Damage:
    def damage(root: Path) -> None:
        if (root / name).is_dir():
            shutil.copytree(root / name, root / to)
        else:
            shutil.copy(root / name, root / to)

    return damage


def change(name: str, keep_checksum: bool = True, **values: object) -> Damage:
    """Sets keys of an event, which then lacks a checksum or has the old one."""

    def damage(root: Path) -> None:
        event = json.loads((root / name).read_text()) | values
        if not keep_checksum:
            del event["check"]
        (root / name).write_text(json.dumps(event))

    return damage


def forge(name: str, **values: object) -> Damage:
    """Sets keys of an event and its checksum."""

    def damage(root: Path) -> None:
        event = json.loads((root / name).read_text()) | values
        del event["check"]
        (root / name).write_text(json.dumps(event | {"check": checksum(event)}))

    return damage


def flip(name: str) -> Damage:
    """Changes the last digit of a number."""

    def damage(root: Path) -> None:
        content = (root / name).read_bytes()
        assert content.count(b'"score": 0.53') == 1
        (root / name).write_bytes(content.replace(b'"score": 0.53', b'"score": 0.57'))

    return damage


def folder_instead(name: str) -> Damage:
    def damage(root: Path) -> None:
        (root / name).unlink()
        (root / name).mkdir()

    return damage


def file_instead(name: str) -> Damage:
    def damage(root: Path) -> None:
        shutil.rmtree(root / name)
        (root / name).write_text("")

    return damage


def loop(name: str) -> Damage:
    def damage(root: Path) -> None:
        (root / name).unlink()
        (root / name).symlink_to(name.rpartition("/")[2])

    return damage


def trial_of_another_study(root: Path) -> None:
    write_ledger(root.parent / "other", study="77b0")
    shutil.rmtree(root / FIRST)
    (root.parent / "other" / FIRST).rename(root / FIRST)


def trial_of_a_second_driver(root: Path) -> None:
    """A third trial whose driver did not see the second one."""
    whole = root.parent / "whole"
    shutil.copytree(root, whole)
    for place in (SECOND, SEED, JOB):
        shutil.rmtree(root / place)
    ledger, cell = Ledger(root, study=STUDY), Cell("search", "rte", 2, "ft")
    ledger.start(cell, "trial-0002", {}, seed=1, epochs=1)
    for place in (SECOND, SEED, JOB):
        (whole / place).rename(root / place)


# What is damaged, how, the trials that are named, and the reason. One trial is damaged each time.
DAMAGES: dict[str, tuple[Damage, str, str]] = {
    "no start": (delete(f"{FIRST}/start.json"), FIRST, "start.json: it is missing"),
    "no report": (delete(f"{FIRST}/report-0002.json"), FIRST, "report-0002.json: it is missing"),
    "no last report": (
        delete(f"{SEED}/report-0003.json"),
        SEED,
        "report-0003.json: it is missing",
    ),
    "no first report": (delete(f"{JOB}/report-0001.json"), JOB, "report-0001.json: it is missing"),
    "empty": (write(f"{FIRST}/end.json", b""), FIRST, "end.json: Expecting value"),
    "zeros": (write(f"{FIRST}/end.json", bytes(400)), FIRST, "end.json: "),
    "bytes": (write(f"{SEED}/end.json", b"\xff\xfe\x01"), SEED, "end.json: "),
    "truncated": (write(f"{FIRST}/start.json", b'{"format": 1, "ev'), FIRST, "start.json: Unterm"),
    "a list": (write(f"{FIRST}/end.json", b"[1]"), FIRST, "end.json: it holds no JSON object"),
    "nan": (change(f"{FIRST}/end.json", score=float("nan")), FIRST, "end.json: it holds NaN"),
    "brackets": (write(f"{FIRST}/end.json", b"[" * 99_999), FIRST, "end.json: it holds too many"),
    "a flipped digit": (flip(f"{SEED}/end.json"), SEED, "end.json: its checksum differs"),
    "a changed score": (change(f"{SEED}/end.json", score=0.99), SEED, "its checksum differs"),
    "a score without checksum": (
        change(f"{SEED}/end.json", keep_checksum=False, score=0.99),
        SEED,
        "end.json: it has no checksum",
    ),
    "a forged depth": (
        forge(f"{FIRST}/end.json", depth=3),
        FIRST,
        "end.json: it was moved here from search/rte-3-ft/trial-0000",
    ),
    "a forged count": (
        forge(f"{FIRST}/end.json", epochs=9_999_999),
        FIRST,
        "report-0004.json: it is missing",
    ),
    "a forged low count": (
        forge(f"{FIRST}/end.json", epochs=2),
        FIRST,
        "report-0003.json: the trial ended after 2 reports",
    ),
    "a forged number": (
        forge(f"{FIRST}/report-0001.json", seq=1),
        FIRST,
        "report-0001.json: its number 1 is not above that of start.json, 1",
    ),
    "a copied report": (
        copy(f"{FIRST}/report-0003.json", f"{FIRST}/report-0004.json"),
        FIRST,
        "report-0004.json: it is a copy of report-0003.json",
    ),
    "a report of another trial": (
        copy(f"{SECOND}/report-0002.json", f"{FIRST}/report-0002.json"),
        FIRST,
        f"report-0002.json: it is a copy of {SECOND}",
    ),
    "a renamed report": (
        rename(f"{FIRST}/report-0003.json", f"{FIRST}/report-0005.json"),
        FIRST,
        "report-0005.json: it is a copy of report-0003.json",
    ),
    "a copied trial": (
        copy(SEED, "confirm/rte-2-ft/seed-0001"),
        "confirm/rte-2-ft/seed-0001",
        f"it is a copy of {SEED}",
    ),
    "a renamed trial": (
        rename(SEED, "confirm/rte-2-ft/seed-0001"),
        "confirm/rte-2-ft/seed-0001",
        f"it was moved here from {SEED}",
    ),
    "another study's trial": (
        trial_of_another_study,
        FIRST,
        f"{FIRST}: it belongs to another study, '77b0'",
    ),
    "a second driver": (
        trial_of_a_second_driver,
        "search/rte-2-ft/trial-0002",
        f"its event number 6 is that of {SECOND} too",
    ),
    "a folder": (folder_instead(f"{FIRST}/end.json"), FIRST, "end.json: it is a folder"),
    "a file": (file_instead(FIRST), FIRST, f"{FIRST}: it is not a folder"),
    "a loop of links": (loop(f"{FIRST}/end.json"), FIRST, "end.json: Too many levels of symbolic"),
}

# What is left alone: its name, and how it comes into the ledger.
FOREIGN: dict[str, Damage] = {
    "notes.txt": write("notes.txt", b"x"),
    "search/x.json": write("search/x.json", b"{}"),
    ".DS_Store": write(".DS_Store", b"\0"),
    f"{FIRST}/end.json~": copy(f"{FIRST}/end.json", f"{FIRST}/end.json~"),
    f"{FIRST}/end (1).json": copy(f"{FIRST}/end.json", f"{FIRST}/end (1).json"),
    f"{FIRST}/end.sync-conflict-20260101.json": copy(
        f"{FIRST}/end.json", f"{FIRST}/end.sync-conflict-20260101.json"
    ),
    f"{SEED} (copy)": copy(SEED, f"{SEED} (copy)"),
    f"{SEED}.bak": copy(SEED, f"{SEED}.bak"),
    "search.old": copy("search", "search.old"),
    "search/rte-2-ft/loop": lambda root: (root / "search/rte-2-ft/loop").symlink_to("loop"),
}
