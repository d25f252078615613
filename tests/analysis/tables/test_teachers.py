"""Studies of several teachers in one table."""

from pathlib import Path
from typing import Any

from analysis.run_data.runs import load_run
from analysis.tables.teachers import teachers_tables
from tests.support.runs.fake_run import FakeRun


def study(path: Path, name: str, **changes: Any) -> FakeRun:
    fake = FakeRun(path / name, ("rte", "mnli"), name=name, depths=[6], **changes)
    for seed in range(3):
        fake.trial("confirm", "rte", 6, "kd", seed, 0.6)
    return fake


def test_studies_of_two_teachers_share_one_table(tmp_path: Path) -> None:
    base = study(tmp_path, "base", methods=["kd"])
    large = {"name": "bert-large-uncased", "layers": 24, "hidden": 1024}
    other = study(tmp_path, "large", methods=["kd"], teacher=large)
    [table] = teachers_tables([load_run(base.path), load_run(other.path)])
    ours = table.cells[table.cells["Study"] != "paper"]
    assert ours["Teacher"].tolist() == [
        *["bert-base-uncased, 12 layers"] * 2,
        *["bert-large-uncased, 24 layers"] * 2,
    ]
    assert ours["RTE"].tolist() == ["not run", "60.0 ± 0.0 (3)"] * 2
    # The paper's row 4: BERT24 teaches BERT6[Large] with patience.
    paper = table.cells[table.cells["Method"] == "BERT6[Large]-PKD"].iloc[0]
    assert (paper["Teacher"], paper["RTE"], paper["MNLI-m"]) == ("BERT24", "53.2", "77.2")


def test_another_start_of_the_students_is_shown(tmp_path: Path) -> None:
    base = study(tmp_path, "base")
    started = study(tmp_path, "started", config={"train": {"init": "teacher"}})
    [table] = teachers_tables([load_run(base.path), load_run(started.path)])
    assert {"pretrained encoder", "fine-tuned teacher"} <= {*table.cells["Student starts from"]}
    spaced = study(tmp_path, "spaced", config={"train": {"start_layers": "spaced"}})
    lists = {"6": [1, 2, 3, 4, 5, 12], "3": [1, 4, 6]}
    listed = study(tmp_path, "listed", config={"train": {"start_layers": lists}})
    [table] = teachers_tables([load_run(base.path), load_run(spaced.path), load_run(listed.path)])
    assert {
        "pretrained encoder",
        "pretrained encoder, spaced layers",
        "pretrained encoder, 1-2-3-4-5-12, 1-4-6 layers",
    } <= {*table.cells["Student starts from"]}


def test_studies_of_one_teacher_have_no_table(tmp_path: Path) -> None:
    runs = [load_run(study(tmp_path, name).path) for name in ("one", "two")]
    assert teachers_tables(runs) == [] and teachers_tables(runs[:1]) == []
