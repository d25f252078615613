import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from analysis.exchange.trial_tables import write_trials
from analysis.run_data.runs import load_run
from tests.support.runs.fake_run import FakeRun, write

KEYS = ["study", "stage", "task", "depth", "method", "trial"]


@pytest.fixture
def folder(fake: FakeRun) -> Path:
    """The tables of a complete teacher, and a stopped, a failed and an unfinished student."""
    fake.trial("teachers", "rte", 12, "teacher", 0, 0.7, epochs=2)
    fake.trial("search", "rte", 6, "ft", 0, 0.6, state="stopped", epochs=1)
    fake.trial("search", "rte", 6, "ft", 1, None, state="failed", epochs=0)
    fake.trial("confirm", "rte", 6, "pkd-skip", 3, 0.65, state="unfinished", epochs=3)
    report = fake.path / "ledger/teachers/rte-12-teacher/trial-0000/report-0001.json"
    event = json.loads(report.read_text())
    event["train_curve"] = [{"step": 5, "loss": 0.7, "accuracy": 0.5}]
    write(report, event)
    out = fake.path / "report"
    out.mkdir()
    write_trials(load_run(fake.path), out)
    return out


def test_every_trial_of_every_training_stage_is_one_row(folder: Path) -> None:
    table = pd.read_parquet(folder / "trials.parquet")
    assert list(table.columns[:6]) == KEYS and set(table["study"]) == {"fake"}
    assert table["stage"].tolist() == ["teachers", "search", "search", "confirm"]
    assert table["state"].tolist() == ["complete", "stopped", "failed", "unfinished"]
    assert table["seed"].tolist() == [0, 0, 1, 3]
    assert table["error"].dropna().tolist() == ["RuntimeError: the loss is nan"]
    assert table["learning_rate"].tolist() == [2e-5] * 4
    assert table["temperature"].notna().tolist() == [False, False, False, True]
    assert table["score"].tolist()[:2] == [0.7, 0.6]
    assert table["started"][0] == pd.Timestamp("2001-09-09T01:46:40Z")
    assert table["validation/accuracy"].tolist()[:2] == [0.7, 0.6]
    assert not table.duplicated(KEYS).any()


def test_every_epoch_is_one_row_that_joins_its_trial(folder: Path) -> None:
    trials, epochs = (pd.read_parquet(folder / f"{n}.parquet") for n in ("trials", "epochs"))
    assert epochs["epoch"].tolist() == [1, 2, 1, 1, 2, 3]
    joined = epochs.merge(trials, on=KEYS, validate="many_to_one")
    assert len(joined) == len(epochs)
    assert joined.groupby("stage")["epoch"].max().to_dict() == {
        **{"teachers": 2, "search": 1, "confirm": 3}
    }
    assert {"score", "validation/accuracy", "train_loss", "dev_loss"} <= set(epochs.columns)


def test_csv_holds_the_same_rows_without_lists(folder: Path) -> None:
    for name, time in (("trials", "started"), ("epochs", "time")):
        table = pd.read_parquet(folder / f"{name}.parquet")
        table = table.drop(columns="train_curve", errors="ignore")
        read = pd.read_csv(folder / f"{name}.csv", parse_dates=[time])
        assert list(read.columns) == list(table.columns)
        for column in table.columns:
            assert read[column].isna().tolist() == table[column].isna().tolist()
            assert read[column].dropna().tolist() == table[column].dropna().tolist()


def test_columns_have_types_that_other_tools_read(folder: Path) -> None:
    trials = parquet.read_schema(folder / "trials.parquet")
    for name in ("depth", "seed", "best_epoch", "epochs", "epochs_planned"):
        assert trials.field(name).type == pa.int64()
    assert trials.field("normalize").type == pa.bool_()
    assert pa.types.is_timestamp(trials.field("started").type)
    curve = parquet.read_schema(folder / "epochs.parquet").field("train_curve").type
    assert pa.types.is_list(curve) and pa.types.is_struct(curve.value_type)
    assert parquet.read_table(folder / "epochs.parquet")["train_curve"].to_pylist()[:2] == [
        [{"step": 5, "loss": 0.7, "accuracy": 0.5}],
        None,
    ]


def test_settings_without_a_common_type_become_text(fake: FakeRun) -> None:
    fake.trial("search", "rte", 6, "ft", 0, 0.6, layers=[2, 4])
    fake.trial("search", "rte", 6, "ft", 1, 0.6, layers="skip")
    write_trials(load_run(fake.path), fake.path)
    table = pd.read_parquet(fake.path / "trials.parquet")
    assert table["layers"].tolist() == ["[2, 4]", '"skip"']


def test_a_run_that_has_just_begun_has_empty_tables(fake: FakeRun) -> None:
    write_trials(load_run(fake.path), fake.path)
    for name in ("trials", "epochs"):
        table = pd.read_parquet(fake.path / f"{name}.parquet")
        assert len(table) == 0 and list(table.columns[:6]) == KEYS
        assert list(pd.read_csv(fake.path / f"{name}.csv").columns[:6]) == KEYS
