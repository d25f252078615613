"""One event of a ledger: what is read, and what is refused for which reason."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pkd.files.ledger.event import MisplacedEvent, checksum, read_event
from pkd.files.run_format import DamagedFile, UnknownFormat, UnreadableFile

ROOT = Path(__file__).resolve().parents[4]
PLACE = {"stage": "search", "task": "rte", "depth": 3, "method": "pkd-skip", "trial": "trial-0000"}
REPORT: dict[str, Any] = {
    **{"format": 1, "event": "report", "seq": 2, **PLACE, "epoch": 2, "score": 0.65},
    "decision": "stop",
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The place of the report."""
    folder = tmp_path / "search" / "rte-3-pkd-skip" / "trial-0000"
    folder.mkdir(parents=True)
    return folder / "report-0002.json"


def write(path: Path, event: dict[str, Any]) -> None:
    path.write_text(json.dumps(event | {"check": checksum(event)}))


def test_an_event_is_read_without_its_checksum(path: Path) -> None:
    write(path, REPORT)
    assert read_event(path) == REPORT == read_event(path, study="5a1d")


def test_the_checksum_of_an_event_stays_what_earlier_versions_wrote() -> None:
    assert checksum({"format": 1, "score": 0.5, "task": "ä"}) == checksum(
        {"task": "ä", "score": 0.5, "format": 1}
    )
    assert checksum({"format": 1, "event": "end", "score": 0.65}) == "73032560"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "Expecting value: line 1 column 1 (char 0)"),
        (b'{"format": 1, ', "Expecting property name enclosed in double quotes"),
        (b"\xff\xfe\x00", "'utf-16-le' codec can't decode"),
        (b'{"score": NaN}', "it holds NaN, which is not JSON"),
        (b'{"score": -Infinity}', "it holds -Infinity, which is not JSON"),
        (b"[" * 100_000, "it holds too many brackets"),
        (b'{"a": ' + b"9" * 5000 + b"}", "Exceeds the limit (4300 digits)"),
    ],
    ids=["empty", "truncated", "bytes", "nan", "infinity", "brackets", "digits"],
)
def test_what_is_not_json_is_unreadable(path: Path, content: bytes, reason: str) -> None:
    path.write_bytes(content)
    with pytest.raises(UnreadableFile) as caught:
        read_event(path)
    assert caught.value.reason.startswith(reason) and caught.value.path == path


def test_a_huge_file_is_not_read(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a file of zeros that takes no disk
    with pytest.raises(UnreadableFile, match="it has more than 64 MB"):
        read_event(path)


def test_what_is_no_file_has_a_reason_without_the_path(path: Path) -> None:
    path.symlink_to(path)
    with pytest.raises(UnreadableFile) as caught:
        read_event(path)
    assert caught.value.reason == "Too many levels of symbolic links"
    path.unlink()
    path.mkdir()
    with pytest.raises(UnreadableFile, match="it is a folder; name a file$"):
        read_event(path)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"event": "begin"}, "its event is 'begin'"),
        ({"event": None}, "its event is None"),
        ({"seq": "2"}, "its seq is '2', which is not a number"),
        ({"epoch": 2.0}, "its epoch is 2.0, which is not a whole number"),
        ({"score": "high"}, "its score is 'high', which is not a number"),
        ({"metrics": [1]}, "its metrics are not {split: {metric: value}}"),
        ({"metrics": {"dev": {"f1": "x"}}}, "its metric dev/f1 is 'x', which is not a number"),
        ({"settings": [1]}, "its settings are not a mapping"),
        ({"settings": {"a b": 1}}, "a setting cannot be named 'a b'"),
        ({"study": "77b0"}, "it belongs to another study, '77b0'"),
        ({"epoch": 1}, "it is a copy of report-0001.json"),
        ({"event": "end", "state": "complete", "epochs": 2}, "it is a copy of end.json"),
        ({"depth": "x"}, "it belongs to search/rte-x-pkd-skip/trial-0000, which no trial can be"),
        ({"stage": "../.."}, "it belongs to ../../rte-3-pkd-skip/trial-0000, which no trial can"),
    ],
)
def test_an_event_that_says_something_wrong_is_refused(
    path: Path, change: dict[str, Any], reason: str
) -> None:
    write(path, REPORT | change)
    with pytest.raises(DamagedFile) as caught:
        read_event(path, study="5a1d")
    assert caught.value.reason.startswith(reason)


@pytest.mark.parametrize("key", ["format", "seq", *PLACE, "epoch", "score", "decision"])
def test_an_event_needs_its_keys(path: Path, key: str) -> None:
    write(path, {name: value for name, value in REPORT.items() if name != key})
    with pytest.raises(DamagedFile, match=f"it lacks {key}$"):
        read_event(path)


def test_a_changed_value_and_a_missing_checksum_are_noticed(path: Path) -> None:
    write(path, REPORT)
    path.write_text(path.read_text().replace("0.65", "0.95"))
    with pytest.raises(DamagedFile, match=r"report-0002\.json is damaged: its checksum differs"):
        read_event(path)
    path.write_text(json.dumps(REPORT | {"score": 0.99}))
    with pytest.raises(DamagedFile, match="it has no checksum"):
        read_event(path)


def test_half_of_a_surrogate_pair_is_refused(path: Path) -> None:
    path.write_text(json.dumps(REPORT | {"error": "\ud800", "check": "00000000"}))
    with pytest.raises(DamagedFile, match="half of a surrogate pair"):
        read_event(path)


def test_a_copied_and_a_renamed_trial_are_told_apart(path: Path) -> None:
    write(path, REPORT)
    copy = path.parent.with_name("trial-0007")
    copy.mkdir()
    (copy / path.name).write_bytes(path.read_bytes())
    with pytest.raises(MisplacedEvent) as caught:
        read_event(copy / path.name)
    assert caught.value.reason == "it is a copy of search/rte-3-pkd-skip/trial-0000"
    path.unlink()
    path.parent.rmdir()
    with pytest.raises(MisplacedEvent) as caught:
        read_event(copy / path.name)
    assert caught.value.reason == "it was moved here from search/rte-3-pkd-skip/trial-0000"
    assert caught.value.home == path.parent


def test_a_newer_event_is_refused_though_its_checksum_may_differ(path: Path) -> None:
    path.write_text(json.dumps(REPORT | {"format": 2, "check": "other"}))
    with pytest.raises(UnknownFormat, match="written by a newer version") as caught:
        read_event(path)
    assert caught.value.version == 2


def test_the_reader_needs_neither_torch_nor_pandas() -> None:
    code = "import pkd.files.ledger.reader, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not {"torch", "transformers", "pandas"} & set(done.stdout.split())
