from pathlib import Path

from analysis.rendering import Table
from analysis.run_data.runs import load_run
from analysis.tables.all_tables import all_tables
from tests.support.runs.fake_run import FakeRun

TICKETS = {"metrics": ["accuracy", "f1:bug"], "dev_splits": ["dev"], "labels": ["ok", "bug"]}


def study(path: Path) -> FakeRun:
    return FakeRun(path, (), own_tasks={"tickets": TICKETS}, depths=[6], methods=["ft", "kd"])


def held_out_tables(path: Path) -> list[Table]:
    return [table for table in all_tables(load_run(path)) if table.name == "held-out"]


def test_held_out_rows_have_a_table(tmp_path: Path) -> None:
    fake = study(tmp_path)
    assert not held_out_tables(tmp_path)
    fake.trial("predict", "tickets", 12, "teacher", 0, {"test": {"accuracy": 0.9, "f1:bug": 0.8}})
    fake.trial("predict", "tickets", 6, "kd", 0, {"test": {"accuracy": 0.75, "f1:bug": 0.5}})
    fake.trial("predict", "tickets", 6, "ft", 0, None, state="unfinished")
    [found] = held_out_tables(tmp_path)
    assert found.cells.to_dict("list") == {
        "Layers": ["12", "6", "6"],
        "Method": ["Teacher", "FT", "KD"],
        "tickets-test F1 (bug)/acc": ["80.0 / 90.0", "–", "50.0 / 75.0"],
    }
    assert found.numbers["value"].tolist() == [80, 90, 50, 75]
    assert "the only scores that nothing was chosen by" in found.markdown()


def test_the_score_of_a_constant_model_has_a_mark(tmp_path: Path) -> None:
    fake = study(tmp_path)
    for seed in range(3):
        fake.trial("confirm", "tickets", 6, "ft", seed, 0.5, constant=True)
        fake.trial("confirm", "tickets", 6, "kd", seed, 0.5, constant=seed > 0)
    for method in ("ft", "kd"):
        fake.trial("predict", "tickets", 6, method, 0, {"test": {"accuracy": 0.5, "f1:bug": 0.0}})
    [found] = held_out_tables(tmp_path)
    # KD's final model is the seed that learnt something.
    assert found.cells.iloc[:, 2].tolist() == ["–", "0.0 / 50.0 †", "0.0 / 50.0"]
    assert "† Constant on at least one seed" in found.markdown()


def test_a_note_says_where_dev_and_held_out_rows_disagree(tmp_path: Path) -> None:
    fake = study(tmp_path)
    for method, dev, later in (("ft", 0.7, 0.80), ("kd", 0.8, 0.75)):
        for seed in range(3):
            fake.trial("confirm", "tickets", 6, method, seed, dev)
        scores = {"later": {"accuracy": later, "f1:bug": later}}
        fake.trial("predict", "tickets", 6, method, 0, scores)
    [found] = held_out_tables(tmp_path)
    assert (
        "tickets: KD, 6 layers, has the best mean dev score, but FT, 6 layers, a higher held-out "
        "score: 80.0 against 75.0." in found.markdown()
    )
