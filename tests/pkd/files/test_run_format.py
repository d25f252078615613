"""``study.yaml``: what is read and what is refused."""

from pathlib import Path

import pytest

from pkd.files.run_format import (
    FILES,
    FOLDERS,
    DamagedFile,
    MissingStudyFile,
    UnknownFormat,
    UnreadableFile,
    read_study,
)


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


def test_all_names_of_a_run_folder_differ() -> None:
    assert len({*FILES, *FOLDERS}) == len(FILES) + len(FOLDERS) == 19
