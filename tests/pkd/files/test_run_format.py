"""``study.yaml`` and ledger events: what is read and what is refused."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pkd.files.run_format import (
    FILES,
    FOLDERS,
    DamagedFile,
    MissingStudyFile,
    UnknownFormat,
    UnreadableFile,
    checksum,
    read_event,
    read_study,
)

ROOT = Path(__file__).resolve().parents[3]
EVENT = {"format": 1, "event": "end", "score": 0.65}


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_study_is_read_with_the_formats_that_are_known(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    assert read_study(written(path, "format: 1\nname: x")) == {"format": 1, "name": "x"}
    assert read_study(written(path, "name: x")) == {"name": "x"}
    for version in ("2", "x", "0"):
        with pytest.raises(UnknownFormat, match="study.yaml was written by a newer version"):
            read_study(written(path, f"format: {version}"))


def test_a_folder_without_a_study_is_refused(tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()
    with pytest.raises(MissingStudyFile, match="the folder does not exist; did you mean 'first'"):
        read_study(tmp_path / "frist" / "study.yaml")
    with pytest.raises(MissingStudyFile, match=r"is not a run directory: it has no study\.yaml"):
        read_study(tmp_path / "study.yaml")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("a: [", UnreadableFile),
        ("a: 1\na: 2", UnreadableFile),
        ("", DamagedFile),
        ("- 1", DamagedFile),
    ],
)
def test_a_damaged_study_is_refused_with_the_reason(
    tmp_path: Path, text: str, kind: type[DamagedFile]
) -> None:
    with pytest.raises(DamagedFile) as caught:
        read_study(written(tmp_path / "study.yaml", text))
    assert type(caught.value) is kind and caught.value.path == tmp_path / "study.yaml"
    assert "\n" not in caught.value.reason and str(tmp_path) not in caught.value.reason


def test_an_event_is_read_with_its_checksum_and_without(tmp_path: Path) -> None:
    path = tmp_path / "end.json"
    assert read_event(written(path, json.dumps(EVENT))) == EVENT
    whole = EVENT | {"check": checksum(EVENT)}
    assert read_event(written(path, json.dumps(whole))) == EVENT
    with pytest.raises(DamagedFile, match=r"end\.json is damaged: its checksum differs"):
        read_event(written(path, json.dumps(whole | {"score": 0.95})))


def test_the_checksum_of_an_event_stays_what_earlier_versions_wrote() -> None:
    assert checksum({"format": 1, "score": 0.5, "task": "ä"}) == checksum(
        {"task": "ä", "score": 0.5, "format": 1}
    )
    assert checksum(EVENT) == "73032560"


@pytest.mark.parametrize(
    ("text", "kind"),
    [('{"format": 1, ', UnreadableFile), ("", UnreadableFile), ("[1]", DamagedFile)],
)
def test_a_damaged_event_is_refused(tmp_path: Path, text: str, kind: type[DamagedFile]) -> None:
    with pytest.raises(DamagedFile) as caught:
        read_event(written(tmp_path / "end.json", text))
    assert type(caught.value) is kind


def test_an_event_that_cannot_be_opened_has_a_reason_without_the_path(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile) as caught:
        read_event(tmp_path)
    assert caught.value.reason == "Is a directory"


def test_a_newer_event_is_refused_though_its_checksum_may_differ(tmp_path: Path) -> None:
    newer = json.dumps(EVENT | {"format": 2, "check": "other"})
    with pytest.raises(UnknownFormat, match="written by a newer version") as caught:
        read_event(written(tmp_path / "end.json", newer))
    assert caught.value.version == 2


def test_all_names_of_a_run_folder_differ() -> None:
    assert len({*FILES, *FOLDERS}) == len(FILES) + len(FOLDERS) == 19


def test_the_reader_needs_neither_torch_nor_pandas() -> None:
    code = "import pkd.files.run_format, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not {"torch", "transformers", "pandas"} & set(done.stdout.split())
