import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyarrow import parquet

from analysis.results.comparison import confirmed
from analysis.run_data.predictions import Predictions, load_predictions
from analysis.run_data.runs import load_run
from pkd.evaluation.inference import write_predictions
from pkd.tasks.glue import GLUE
from tests.support.runs.fake_run import FakeRun

FT, KD, PKD = ((6, method, "seed-0000") for method in ("ft", "kd", "pkd-skip"))


def load(path: Path) -> Predictions:
    run = load_run(path)
    return load_predictions(path, confirmed(run), "validation", "now")


def rewrite(file: Path, **columns: object) -> None:
    """Replaces columns of a prediction file; None drops the column."""
    table = pd.read_parquet(file).assign(**columns)
    table.drop(columns=[name for name in columns if columns[name] is None]).to_parquet(file)


@pytest.fixture
def files(fake: FakeRun) -> dict[str, Path]:
    """The files of three methods for the same four rows."""
    return {
        method: fake.confirm("rte", 6, method, 0, [1, 0, 1, 0], right)
        for method, right in (
            *(("ft", [1, 1, 0, 0]), ("kd", [1, 1, 1, 0])),
            ("pkd-skip", [0, 1, 1, 1]),
        )
    }


def test_predictions_are_read_by_depth_method_and_trial(
    fake: FakeRun, files: dict[str, Path]
) -> None:
    found = load(fake.path)
    assert found.problems == [] and found.labels.tolist() == [1, 0, 1, 0]
    assert set(found.predicted) == {FT, KD, PKD}
    assert found.predicted[KD].tolist() == [1, 0, 1, 1]


def test_rows_are_matched_by_idx_whatever_their_order(
    fake: FakeRun, files: dict[str, Path]
) -> None:
    pd.read_parquet(files["kd"]).iloc[[2, 0, 3, 1]].to_parquet(files["kd"])
    found = load(fake.path)
    assert found.predicted[KD].tolist() == [1, 0, 1, 1] and found.problems == []


@pytest.mark.parametrize("columns", [{"idx": [0, 1, 2, 9]}, {"label": [1, 0, 1, 1]}])
def test_a_file_with_other_rows_is_named_and_the_others_are_used(
    fake: FakeRun, files: dict[str, Path], columns: dict[str, list[int]]
) -> None:
    rewrite(
        files["ft"], **columns
    )  # read first: the rows of most files are kept, not of the first
    found = load(fake.path)
    assert set(found.predicted) == {KD, PKD}
    [problem] = found.problems
    assert problem.startswith("predictions/confirm/rte-6-ft/seed-0000/validation.parquet")
    assert "differ from those of the other predictions" in problem


def test_a_missing_file_is_named(fake: FakeRun, files: dict[str, Path]) -> None:
    files["kd"].unlink()
    found = load(fake.path)
    assert set(found.predicted) == {FT, PKD}
    assert found.problems == [
        "predictions/confirm/rte-6-kd/seed-0000/validation.parquet is missing"
    ]


@pytest.mark.parametrize("share", [0, 0.5])
def test_a_truncated_file_is_named(fake: FakeRun, files: dict[str, Path], share: float) -> None:
    content = files["kd"].read_bytes()
    files["kd"].write_bytes(content[: int(share * len(content))])
    [problem] = load(fake.path).problems
    assert "rte-6-kd/seed-0000/validation.parquet is damaged and not used" in problem


def test_a_pickle_in_a_file_s_metadata_is_not_read(
    fake: FakeRun, files: dict[str, Path], trap: Any
) -> None:
    table = parquet.read_table(files["kd"])
    for key in ("pandas", "ARROW:schema"):
        parquet.write_table(table.replace_schema_metadata({key: trap.pickled}), files["kd"])
        assert b"mkdir" in files["kd"].read_bytes()
        found = load(fake.path)
        assert KD in found.predicted or "is damaged and not used" in found.problems[0]


def test_a_file_that_was_made_from_other_rows_is_named(
    fake: FakeRun, files: dict[str, Path]
) -> None:
    for method, tokens in (("ft", "now"), ("kd", "before")):
        table = parquet.read_table(files[method])
        made_from = {"pkd-study": json.dumps({"tokens": tokens})}
        parquet.write_table(table.replace_schema_metadata(made_from), files[method])
    found = load(fake.path)  # an older version wrote the third file without these metadata
    assert set(found.predicted) == {FT, PKD}
    [problem] = found.problems
    assert "rte-6-kd" in problem and "it was made from other rows" in problem


def test_a_flipped_byte_in_a_page_is_found_by_its_checksum(
    fake: FakeRun, files: dict[str, Path]
) -> None:
    labels = np.array([1, 0, 1, 0])
    write_predictions(files["kd"], GLUE["rte"], np.arange(4), np.eye(2)[labels], labels, {})
    idx = parquet.read_metadata(files["kd"]).row_group(0).column(0)
    end = (idx.dictionary_page_offset or idx.data_page_offset) + idx.total_compressed_size
    content = bytearray(files["kd"].read_bytes())
    content[end - 1] ^= 1
    files["kd"].write_bytes(content)
    [problem] = load(fake.path).problems
    assert "rte-6-kd" in problem and "is damaged and not used" in problem


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"idx": [0, 1, 1, 3]}, "the same idx occurs twice"),
        ({"label": None}, "it lacks label"),
        ({"prediction": ["a", "b", "c", "d"]}, "not all whole numbers"),
        ({"prediction": [1.0, 0.0, np.nan, 1.0]}, "not all whole numbers"),
        ({"label": [-1, -1, -1, -1]}, "a negative label"),
    ],
)
def test_a_file_with_unusable_content_is_named_with_the_reason(
    fake: FakeRun, files: dict[str, Path], columns: dict[str, object], why: str
) -> None:
    rewrite(files["kd"], **columns)
    found = load(fake.path)
    [problem] = found.problems
    assert "rte-6-kd" in problem and why in problem and set(found.predicted) == {FT, PKD}


def test_a_file_without_rows_is_named(fake: FakeRun, files: dict[str, Path]) -> None:
    pd.read_parquet(files["kd"]).iloc[:0].to_parquet(files["kd"])
    [problem] = load(fake.path).problems
    assert "it has no rows" in problem


def test_without_any_file_there_are_only_problems(fake: FakeRun, files: dict[str, Path]) -> None:
    shutil.rmtree(fake.path / "predictions")
    found = load(fake.path)
    assert found.predicted == {} and len(found.problems) == 3
