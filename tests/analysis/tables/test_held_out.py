from pathlib import Path

from analysis.run_data.runs import load_run
from analysis.tables.all_tables import all_tables
from tests.support.runs.fake_run import FakeRun


def test_held_out_rows_have_a_table(tmp_path: Path) -> None:
    about = {"metrics": ["accuracy", "f1:bug"], "dev_splits": ["dev"], "labels": ["ok", "bug"]}
    fake = FakeRun(tmp_path, (), own_tasks={"tickets": about}, depths=[6], methods=["ft", "kd"])
    assert not [table for table in all_tables(load_run(tmp_path)) if table.name == "held-out"]
    fake.trial("predict", "tickets", 12, "teacher", 0, {"test": {"accuracy": 0.9, "f1:bug": 0.8}})
    fake.trial("predict", "tickets", 6, "kd", 0, {"test": {"accuracy": 0.75, "f1:bug": 0.5}})
    fake.trial("predict", "tickets", 6, "ft", 0, None, state="unfinished")
    [found] = [table for table in all_tables(load_run(tmp_path)) if table.name == "held-out"]
    assert found.cells.to_dict("list") == {
        "Layers": ["12", "6", "6"],
        "Method": ["Teacher", "FT", "KD"],
        "tickets-test F1 (bug)/acc": ["80.0 / 90.0", "–", "50.0 / 75.0"],
    }
    assert found.numbers["value"].tolist() == [80, 90, 50, 75]
