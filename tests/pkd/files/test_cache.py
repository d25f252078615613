"""Cached folders are built once, and are not used when damaged."""

import json
import multiprocessing
from pathlib import Path

import pytest

from pkd.errors import CacheError
from pkd.files.cache import MANIFEST, build_once, file_digest, fingerprint, folder_digest, verify


class Builder:
    """Writes one file and counts its calls."""

    def __init__(self, text: str = "content") -> None:
        self.text, self.calls = text, 0

    def __call__(self, folder: Path) -> None:
        self.calls += 1
        (folder / "a.txt").write_text(self.text)


def build_slowly(root: Path, log: Path) -> None:
    """Builds in another process."""

    def build(folder: Path) -> None:
        with log.open("a") as file:
            file.write("built\n")
        (folder / "a.txt").write_text("content")

    build_once(root, {"k": 1}, build)


def test_a_fingerprint_depends_on_values_and_not_on_the_order_of_keys() -> None:
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert len({fingerprint(value) for value in ({"a": 1}, {"a": 2}, {"b": 1}, [1], "1", 1)}) == 6
    assert len(fingerprint({})) == 16


def test_a_file_digest_is_its_sha256(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    assert file_digest(tmp_path / "abc") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def test_a_folder_digest_sees_names_and_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    first = folder_digest(tmp_path)
    (tmp_path / "a").write_text("2")
    second = folder_digest(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    assert len({first, second, folder_digest(tmp_path)}) == 3


def test_a_key_builds_once_and_another_key_builds_again(tmp_path: Path) -> None:
    build = Builder()
    one = build_once(tmp_path, {"k": 1}, build)
    assert build_once(tmp_path, {"k": 1}, build) == one
    assert build.calls == 1
    assert build_once(tmp_path, {"k": 2}, build) != one
    assert build.calls == 2


def test_a_manifest_holds_key_sizes_and_checksums(tmp_path: Path) -> None:
    folder = build_once(tmp_path, {"k": 1}, Builder("abc"))
    assert json.loads((folder / MANIFEST).read_text()) == {
        "key": {"k": 1},
        "files": {
            "a.txt": {
                "bytes": 3,
                "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            }
        },
    }


def test_a_build_that_fails_leaves_nothing_that_looks_complete(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half.txt").write_text("half")
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        build_once(tmp_path, {"k": 1}, fail)
    assert not (tmp_path / fingerprint({"k": 1})).exists()
    folder = build_once(tmp_path, {"k": 1}, Builder())
    assert sorted(path.name for path in folder.iterdir()) == ["a.txt", MANIFEST]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "a.txt").write_text("contenT"), "a.txt is damaged"),
        (lambda folder: (folder / "a.txt").write_text("conten"), "a.txt is missing or has"),
        (lambda folder: (folder / "a.txt").unlink(), "a.txt is missing or has"),
        (lambda folder: (folder / MANIFEST).unlink(), "no readable manifest"),
        (lambda folder: (folder / MANIFEST).write_text("{"), "no readable manifest"),
        (lambda folder: (folder / MANIFEST).write_text("{}"), "no readable manifest"),
        (lambda folder: (folder / MANIFEST).write_text("[]"), "no readable manifest"),
    ],
    ids=["byte", "truncated", "file", "no manifest", "half manifest", "empty", "list"],
)
def test_a_damaged_folder_is_refused_and_built_again(
    tmp_path: Path, new_process: None, damage, message: str
) -> None:
    build = Builder()
    folder = build_once(tmp_path, {"k": 1}, build)
    from pkd.files import cache

    cache._verified.clear()
    damage(folder)
    with pytest.raises(CacheError, match=message):
        verify(folder)
    assert build_once(tmp_path, {"k": 1}, build) == folder
    assert build.calls == 2
    assert (folder / "a.txt").read_text() == "content"


def test_sizes_are_checked_again_in_the_same_process(tmp_path: Path, new_process: None) -> None:
    folder = build_once(tmp_path, {"k": 1}, Builder())
    verify(folder)
    (folder / "a.txt").write_text("longer than before")
    with pytest.raises(CacheError, match="wrong size"):
        verify(folder)


def test_processes_that_need_a_folder_at_the_same_time_build_it_once(tmp_path: Path) -> None:
    start = multiprocessing.get_context("fork")
    log = tmp_path / "log"
    processes = [
        start.Process(target=build_slowly, args=(tmp_path / "root", log)) for _ in range(4)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]
    assert log.read_text() == "built\n"
