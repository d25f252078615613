"""A study at a URI: two nodes with a cache each, on a real S3 server and on files."""

import os
import pickle
import time
from pathlib import Path

import numpy as np
import pytest
from ray.experimental import internal_kv

from pkd.errors import CacheError, InputError
from pkd.files.cache import MANIFEST, build_once
from study.config.cell import Cell
from study.pull import main as pull_main
from study.storage.driver_lock import only_driver
from study.storage.layout import Layout
from study.storage.ledger import Ledger
from study.storage.mirror import Mirror, StoreError
from study.storage.store import SharedFolder, open_store

CELL = Cell("search", "rte", 3, "kd")
GB = 10**9


@pytest.fixture(params=["file", "s3"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "s3":
        return str(request.getfixturevalue("s3_uri"))
    return (tmp_path / "storage").as_uri()


@pytest.fixture
def nodes(uri: str, tmp_path: Path) -> tuple[Mirror, Mirror]:
    return Mirror(uri, tmp_path / "a", GB), Mirror(uri, tmp_path / "b", GB)


def tokens_on(node: Mirror, value: int = 7) -> Path:
    """A cached folder with a manifest, built on a node."""

    def build(folder: Path) -> None:
        np.save(folder / "ids.npy", np.full(1000, value))

    return build_once(node.root / "tokens", {"value": value}, build)


def on(node: Mirror, other: Mirror, path: Path) -> Path:
    """The same path on another node."""
    return node.root / path.relative_to(other.root)


def test_one_node_fetches_what_another_publishes(nodes: tuple[Mirror, Mirror]) -> None:
    here, there = nodes
    folder = tokens_on(here)
    here.publish(folder)
    fetched = there.fetch(on(there, here, folder))
    assert (np.load(fetched / "ids.npy") == 7).all()
    assert (fetched / MANIFEST).read_bytes() == (folder / MANIFEST).read_bytes()


def test_a_cached_folder_is_not_copied_again(nodes: tuple[Mirror, Mirror]) -> None:
    here, there = nodes
    folder = tokens_on(here)
    here.publish(folder)
    fetched = there.fetch(on(there, here, folder))
    before = (fetched / "ids.npy").stat().st_ino
    there.fetch(fetched)
    assert (fetched / "ids.npy").stat().st_ino == before


def test_a_folder_that_was_published_again_is_fetched_again(nodes: tuple[Mirror, Mirror]) -> None:
    here, there = nodes
    teacher = here.root / "teachers" / "rte"
    for value in (1, 2):
        source = tokens_on(here, value)
        teacher.parent.mkdir(exist_ok=True)
        source.rename(teacher)
        here.publish(teacher)
        fetched = there.fetch(on(there, here, teacher))
        assert (np.load(fetched / "ids.npy") == value).all()
        here_again = here.root / "old" / str(value)
        here_again.parent.mkdir(exist_ok=True)
        teacher.rename(here_again)


def test_a_file_that_is_damaged_in_the_storage_is_named(nodes: tuple[Mirror, Mirror]) -> None:
    here, there = nodes
    folder = tokens_on(here)
    here.publish(folder)
    damaged = folder / "ids.npy"
    content = bytearray(damaged.read_bytes())
    content[-1] ^= 1
    damaged.write_bytes(content)
    here.publish(damaged)
    target = on(there, here, folder)
    with pytest.raises(CacheError, match=r"ids\.npy is damaged"):
        there.fetch(target)
    assert not target.exists()


def test_the_cache_keeps_no_file_that_the_storage_lacks(
    nodes: tuple[Mirror, Mirror],
) -> None:
    here, _ = nodes
    checkpoint = here.root / "checkpoints" / "trial.pt"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_bytes(b"of a trial that was moved away and ended elsewhere")
    assert not here.fetch(checkpoint).exists()


def test_a_deleted_folder_is_deleted_in_cache_and_storage(nodes: tuple[Mirror, Mirror]) -> None:
    here, there = nodes
    folder = tokens_on(here)
    here.publish(folder)
    assert there.exists(on(there, here, folder))
    here.delete(folder)
    assert not folder.exists() and not there.exists(on(there, here, folder))
    here.delete(folder)  # deleting it again is allowed


def test_tokens_that_were_not_used_recently_are_deleted_for_room(uri: str, tmp_path: Path) -> None:
    builder = Mirror(uri, tmp_path / "builder", GB)
    small = Mirror(uri, tmp_path / "small", 20_000)  # each folder is a little over 8,000 bytes
    folders = [tokens_on(builder, value) for value in range(4)]
    for folder in folders:
        builder.publish(folder)
    fetched = []
    for age, folder in zip((7200, 3600, 60, 0), folders, strict=True):
        fetched.append(small.fetch(on(small, builder, folder)))
        os.utime(fetched[-1], (time.time() - age,) * 2)
        if age == 60:
            # 25,000 bytes: the least recently used was deleted, that of an hour ago may stay.
            assert [path.exists() for path in fetched] == [False, True, True]
    # The fourth is too much again, but a folder that was used a minute ago is never deleted.
    assert [path.exists() for path in fetched] == [False, False, True, True]
    assert small.fetch(fetched[0]).exists()


def test_the_age_of_a_file_is_that_of_its_last_upload(nodes: tuple[Mirror, Mirror]) -> None:
    here, there = nodes
    card = here.root / "driver.json"
    for node in nodes:
        node.root.mkdir()
    card.write_text("{}")
    assert there.age(there.root / "driver.json") == float("inf")
    here.publish(card)
    assert 0 <= there.age(there.root / "driver.json") < 60


def test_events_are_published_one_by_one(nodes: tuple[Mirror, Mirror]) -> None:
    here, there = nodes
    ledger = Ledger(here.root / "ledger", here)
    ledger.start(CELL, "trial-0000", {"alpha": 0.5}, seed=1, epochs=2)
    ledger.report(CELL, "trial-0000", {"epoch": 1, "score": 0.5}, "continue")
    there.fetch(there.root / "ledger")
    events = Ledger(there.root / "ledger", there).events()
    assert [event["event"] for event in events] == ["start", "report"]


def test_a_second_driver_on_another_host_is_refused(
    nodes: tuple[Mirror, Mirror], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = (Layout(node.root, node) for node in nodes)
    for layout in (here, there):
        layout.out.mkdir()
    with only_driver(here):
        monkeypatch.setattr("platform.node", lambda: "elsewhere")
        with pytest.raises(InputError, match="belongs to a study that is running"):
            with only_driver(there):
                pass
    with only_driver(there):
        pass


def test_an_error_of_the_storage_names_the_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(key, "test")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    options = "endpoint_override=127.0.0.1:9&scheme=http&region=us-east-1"
    store = Mirror(f"s3://bucket/run?{options}", tmp_path, GB)
    file = tmp_path / "a.json"
    file.write_text("{}")
    ledger = Ledger(tmp_path / "ledger", store)
    with pytest.raises(StoreError, match="bucket/run/ledger"):
        ledger.start(CELL, "trial-0000", {}, seed=1, epochs=2)
    assert isinstance(ledger.failure, StoreError)


def test_a_plain_path_is_shared_and_a_uri_has_a_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PKD_STUDY_CACHE", str(tmp_path / "cache"))
    store, out = open_store(str(tmp_path / "run"))
    assert isinstance(store, SharedFolder) and out == tmp_path / "run"
    store, out = open_store(f"{(tmp_path / 'storage').as_uri()}/")
    assert isinstance(store, Mirror) and out == store.root and out.parent == tmp_path / "cache"
    # It is the same on every node.
    assert open_store((tmp_path / "storage").as_uri())[1] == out


@pytest.mark.parametrize("out", ["ftp://host/x", "nonsense://", "s3://"])
def test_a_uri_that_cannot_be_used_is_refused(out: str) -> None:
    with pytest.raises(InputError, match="cannot be used"):
        open_store(out)


def test_pull_copies_the_record_but_no_caches(
    nodes: tuple[Mirror, Mirror], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here, _ = nodes
    tokens_on(here)
    for name in ("study.yaml", "ledger/search/a/start.json", "checkpoints/t.pt"):
        (here.root / name).parent.mkdir(parents=True, exist_ok=True)
        (here.root / name).write_text(name)
    here.publish(here.root)
    target = tmp_path / "laptop"
    assert pull_main([here.uri, str(target)]) == 0
    found = sorted(str(path.relative_to(target)) for path in target.rglob("*") if path.is_file())
    assert found == ["ledger/search/a/start.json", "study.yaml"]
    assert f"pkd-study report {target}" in capsys.readouterr().out


def test_pull_of_a_place_without_a_study_is_refused(
    uri: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pull_main([uri, str(tmp_path / "laptop")]) == 2
    assert "error:" in capsys.readouterr().err


def test_a_cluster_gets_a_secret_uri_that_no_file_of_a_trial_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared: dict[bytes, bytes] = {}
    monkeypatch.setattr(internal_kv, "_internal_kv_initialized", lambda: True)
    monkeypatch.setattr(
        internal_kv, "_internal_kv_put", lambda key, value, overwrite: shared.update({key: value})
    )
    monkeypatch.setattr(internal_kv, "_internal_kv_get", shared.get)
    mirror = Mirror("s3://KEY:s3cr3t@bucket/x?token=0ther", tmp_path, 7)
    written = pickle.dumps(mirror)
    assert b"s3cr3t" not in written and b"0ther" not in written
    assert pickle.loads(written) == mirror
    plain = Mirror("s3://bucket/x?region=eu", tmp_path / "plain", 7)
    assert pickle.loads(pickle.dumps(plain)) == plain and len(shared) == 1
