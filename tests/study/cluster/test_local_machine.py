"""The folder of Ray's sockets, and what a trial gets, checked before data are prepared."""

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from pkd.errors import InputError
from study.cluster import local_machine, ray_internals
from study.cluster.local_machine import check_local_share, ray_folder
from study.config.sections import Resources

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="paths of sockets on Linux")


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAY_TMPDIR", "TMPDIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a short path that stands for /tmp."""
    folder = Path(f"/tmp/p{os.getpid()}")
    folder.mkdir()
    monkeypatch.setattr(local_machine, "_SYSTEM", folder)
    yield folder
    for each in folder.iterdir():
        each.rmdir()
    folder.rmdir()


def long_folder(tmp_path: Path) -> Path:
    """A folder as Slurm makes it for a job."""
    folder = tmp_path / ("job" * 20) / ("x" * 40)
    folder.mkdir(parents=True)
    return folder


def test_without_variables_it_is_in_the_system_s_folder(short: Path) -> None:
    assert ray_folder() == (short, "")


@pytest.mark.parametrize("name", ["TMPDIR", "RAY_TMPDIR"])
def test_a_variable_names_another_folder(
    name: str, short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (short / "own").mkdir()
    monkeypatch.setenv(name, str(short / "own"))
    assert ray_folder() == (short / "own", "")
    assert not list((short / "own").iterdir())  # the trial left nothing


def test_ray_s_variable_counts_more(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (short / "own").mkdir()
    monkeypatch.setenv("TMPDIR", "/nowhere")
    monkeypatch.setenv("RAY_TMPDIR", str(short / "own"))
    assert ray_folder().path == short / "own"


def test_an_empty_variable_counts_as_none(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "")
    assert ray_folder().path == short


@pytest.mark.parametrize("name", ["TMPDIR", "RAY_TMPDIR"])
def test_a_path_that_is_too_long_is_replaced_and_said(
    name: str, short: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, str(long_folder(tmp_path)))
    path, note = ray_folder()
    assert path == short
    assert note == (
        f"note: Ray works in {short}, because {name} is too long a path for its sockets"
    )


def test_the_longest_path_is_the_one_that_a_socket_of_ray_can_have(
    short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 29 + /pkd-<8>/r/ + session_<26>_<7> + /sockets/plasma_store = 29 + 15 + 1 ....
    for length, fits in ((28, True), (29, False)):
        folder = short / ("x" * (length - len(str(short)) - 1))
        folder.mkdir()
        monkeypatch.setenv("TMPDIR", str(folder))
        assert (ray_folder().note == "") is fits
        session = (
            folder
            / "pkd-01234567"
            / "r"
            / "session_2026-01-01_00-00-00_123456_4194304"
            / "sockets"
        )
        with socket.socket(socket.AF_UNIX) as plasma:
            expected = "No such file" if fits else "too long"
            with pytest.raises(OSError, match=expected):
                plasma.bind(str(session / "plasma_store"))


def refused(text: str) -> str:
    with pytest.raises(InputError) as error:
        ray_folder()
    assert text in str(error.value) and "Set RAY_TMPDIR to a folder" in str(error.value)
    return str(error.value)


def test_a_folder_that_does_not_exist_is_refused(
    short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(short / "nowhere"))
    refused(f"{short}/nowhere (TMPDIR): No such file or directory")


def test_a_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    file = Path(f"/tmp/p{os.getpid()}.txt")
    file.touch()
    monkeypatch.setenv("RAY_TMPDIR", str(file))
    try:
        refused("(RAY_TMPDIR): Not a directory")
    finally:
        file.unlink()


def test_a_long_path_and_no_other_folder_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(long_folder(tmp_path)))
    monkeypatch.setattr(local_machine, "_SYSTEM", Path("/nowhere"))
    message = refused("/nowhere cannot be used either: No such file or directory")
    assert message.endswith("with a path of at most 28 bytes")


def test_more_than_this_machine_has_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_internals, "cpus_of_this_machine", lambda: 4.0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    check_local_share(Resources())
    check_local_share(Resources(cpus_per_trial=4, gpus_per_trial=1))
    with pytest.raises(InputError, match="this machine has 4 and 1"):
        check_local_share(Resources(cpus_per_trial=5))
    with pytest.raises(InputError, match="this machine has 4 and 1"):
        check_local_share(Resources(gpus_per_trial=2))


def test_without_numbers_nothing_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: pytest.fail("counted"))
    check_local_share(Resources(max_concurrent=1000))
