"""The private folder of a study's Ray: found again by its name, removed, and no other's."""

import os
import threading
from pathlib import Path

import pytest

from study.cluster import ray_scratch
from study.cluster.ray_scratch import (
    LONGEST_NAME,
    make_scratch,
    ray_part,
    remove_remains,
    remove_scratch,
)


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    """A temporary folder with the sessions of other people."""
    parent = tmp_path / "tmp"
    (parent / "ray" / "session_1").mkdir(parents=True)
    (parent / "ray" / "session_latest").symlink_to("session_1")
    (parent / "pkd-study-0").mkdir()
    return parent


@pytest.fixture
def study(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


def others(parent: Path) -> set[str]:
    return {str(path.relative_to(parent)) for path in parent.rglob("*")}


def test_only_its_user_can_enter_it(parent: Path, study: Path) -> None:
    scratch = make_scratch(parent, study)
    assert scratch.parent == parent and scratch.stat().st_mode & 0o777 == 0o700
    assert len(str(ray_part(scratch).relative_to(parent))) == len(LONGEST_NAME)


def test_the_next_session_removes_what_a_killed_one_left(parent: Path, study: Path) -> None:
    before = others(parent)
    scratch = make_scratch(parent, study)
    (ray_part(scratch) / "session_2" / "logs").mkdir(parents=True)
    (scratch / "wandb").touch()
    assert remove_remains(parent, study) == scratch
    assert others(parent) == before
    assert remove_remains(parent, study) is None


def test_a_restart_begins_with_an_empty_folder(parent: Path, study: Path) -> None:
    scratch = make_scratch(parent, study)
    (scratch / "old").touch()
    assert make_scratch(parent, study) == scratch
    assert list(scratch.iterdir()) == []


def test_a_copy_of_a_run_folder_is_another_study(parent: Path, study: Path) -> None:
    scratch = make_scratch(parent, study)
    copy = study.with_name("copy")
    copy.mkdir()
    assert remove_remains(parent, copy) is None
    assert make_scratch(parent, copy) != scratch and scratch.is_dir()
    # Another container has a folder of the same name.
    study.rename(study.with_name("moved"))
    copy.rename(study)
    assert remove_remains(parent, study) is None and scratch.is_dir()


def test_another_user_s_folder_in_its_place_is_left_alone(
    parent: Path, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = make_scratch(parent, study)
    (foreign / "theirs").touch()
    uid = os.getuid()
    # The name holds the user's number: this user's own, as if the other one had guessed it.
    real = Path.stat

    def stat(path: Path, **options: bool) -> os.stat_result:
        result = real(path, **options)
        return os.stat_result([*result[:4], uid + 1, *result[5:10]]) if path == foreign else result

    monkeypatch.setattr(Path, "stat", stat)
    assert remove_remains(parent, study) is None
    scratch = make_scratch(parent, study)
    assert scratch != foreign and scratch.parent == parent
    assert (foreign / "theirs").exists()


def test_a_link_in_its_place_is_not_followed(parent: Path, study: Path, tmp_path: Path) -> None:
    scratch = make_scratch(parent, study)
    scratch.rmdir()
    (tmp_path / "precious").mkdir()
    scratch.symlink_to(tmp_path / "precious")
    assert remove_remains(parent, study) is None
    assert make_scratch(parent, study) != scratch
    assert (tmp_path / "precious").is_dir()


def test_a_process_that_still_writes_is_outlasted(
    parent: Path, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_scratch, "_PAUSE_S", 0.01)
    scratch = make_scratch(parent, study)
    stop = threading.Event()

    def write() -> None:
        while not stop.wait(0.001):
            (scratch / "logs").mkdir(parents=True, exist_ok=True)

    writer = threading.Thread(target=write)
    writer.start()
    threading.Timer(0.1, stop.set).start()
    try:
        for _ in range(10):
            remove_scratch(scratch)
            writer.join(0.05)
        remove_scratch(scratch)
    finally:
        stop.set()
        writer.join()
    assert not scratch.exists()
