"""What stands in the way of a file or a folder is named before work begins."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from pkd.errors import InputError
from pkd.files.run_format import BENCHMARK_FILE, FILES, FOLDERS
from pkd.files.run_places import (
    FOLDER_NAME,
    SUFFIXES,
    check_file_place,
    check_folder_place,
    check_run_folder,
)


def made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def dangling(path: Path) -> None:
    path.symlink_to("gone")


def loop(path: Path) -> None:
    path.symlink_to(path.name)


FOR_FILES = {
    "folder": (os.mkdir, "is a folder, but a file is to be written there: move it away"),
    "pipe": (os.mkfifo, "is a pipe or a device, but a file"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "is a pipe or a device, but a file"),
    "dangling": (dangling, "is a link that leads nowhere, but a file"),
    "loop": (loop, "is a link that leads nowhere, but a file"),
}
FOR_FOLDERS = {
    "file": (Path.touch, "is a file, but a folder is to be written there: move it away"),
    "pipe": (os.mkfifo, "is a file, but a folder"),
    "dangling": (dangling, "is a link that leads nowhere, but a folder"),
    "loop": (loop, "is a link that leads nowhere, but a folder"),
}
FILE_PLACES = [
    *(*FILES, BENCHMARK_FILE, "report/index.html", "report/tables/comparison.csv"),
    *("report/plots/methods.png", "ledger/search/rte-2-ft/trial-0000/end.json"),
    *("models/rte-2-ft/config.json", "logs/confirm/rte-2-ft/seed-0000.log"),
]
FOLDER_PLACES = [
    *(*FOLDERS, "report/tables", "report/plots", "ledger/search", "ledger/search/rte-2-ft"),
    *("ledger/search/rte-2-ft/trial-0000", "models/rte-2-pkd-skip", "teachers/rte"),
    *("logs/confirm", "tokens/0123456789abcdef", "predictions/predict/rte-4-teacher/job-0000"),
]


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        pytest.param(name, *case, id=f"{name}: {kind}")
        for places, kinds in ((FILE_PLACES, FOR_FILES), (FOLDER_PLACES, FOR_FOLDERS))
        for name in places
        for kind, case in kinds.items()
    ],
)
def test_what_is_in_the_place_is_named(
    tmp_path: Path, name: str, make: Callable[[Path], object], message: str
) -> None:
    make(made(tmp_path / name))
    with pytest.raises(InputError, match=f"{name} {message}"):
        check_run_folder(tmp_path)


def test_only_the_named_places_are_checked(tmp_path: Path) -> None:
    (tmp_path / "ledger").touch()
    (tmp_path / "benchmark.json").mkdir()
    check_run_folder(tmp_path, ("report",))
    with pytest.raises(InputError, match="benchmark.json is a folder"):
        check_run_folder(tmp_path, ("report", "benchmark.json"))


@pytest.mark.parametrize(
    "name",
    [
        *("ledger/search/NOTES", "trackers/mlruns/x.json", "models/.DS_Store", "mine/x.csv"),
        *("checkpoints/teachers/old.bin", "teachers/x.pkl"),
    ],
)
def test_files_of_others_are_left_alone(tmp_path: Path, name: str) -> None:
    made(tmp_path / name).touch()
    check_run_folder(tmp_path)


def test_links_to_folders_are_followed(tmp_path: Path) -> None:
    (tmp_path / "disk" / "tables").mkdir(parents=True)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "report").symlink_to(tmp_path / "disk")
    check_run_folder(tmp_path / "run")


def test_a_new_folder_may_not_lie_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file is a file, but a folder"):
        check_folder_place(tmp_path / "file" / "below" / "new")


@pytest.mark.parametrize(
    ("check", "name"),
    [
        (check_folder_place, "shut"),
        (check_folder_place, "shut/new/below"),
        (check_file_place, "shut/new.csv"),
    ],
)
def test_a_folder_that_cannot_be_written_is_named(
    tmp_path: Path, check: Callable[[Path], None], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shut = tmp_path / "shut"
    shut.mkdir()
    check(tmp_path / name)
    # Root may write everywhere: a read-only disk answers so.
    monkeypatch.setattr(os, "access", lambda path, mode, **more: Path(path) != shut)
    with pytest.raises(InputError, match="cannot write in .*shut: give this user the right"):
        check(tmp_path / name)


def test_a_socket_is_no_place_for_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("scored.csv")
        with pytest.raises(InputError, match=r"scored.csv is a pipe or a device"):
            check_file_place(Path("scored.csv"))


def test_the_rule_knows_every_file_and_folder_of_a_report(finished_run: Path) -> None:
    from analysis.pages import build_report

    build_report(finished_run)
    names_of_tasks = {"rte"}
    for path in finished_run.rglob("*"):
        if path.is_file():
            assert path.suffix in SUFFIXES, path
        elif path.parent != finished_run:
            assert FOLDER_NAME.fullmatch(path.name) or path.name in names_of_tasks, path
    check_run_folder(finished_run)
