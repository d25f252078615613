from pathlib import Path

from analysis.rendering import Table
from analysis.results.comparison import comparison
from analysis.run_data.runs import load_run
from analysis.tables.comparison import comparison_table, published_tables, skip_last_tables
from analysis.tables.settings import best_settings_table
from tests.support.runs.fake_run import FakeRun


def table(path: Path) -> Table:
    run = load_run(path)
    return comparison_table(run, comparison(run))


def test_cells_are_printed_as_the_paper_writes_them(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path, ("mrpc", "cola"))
    fake.trial("teachers", "mrpc", 12, "teacher", 0, 0.9)
    for seed, (accuracy, f1) in enumerate([(0.79, 0.85), (0.80, 0.86), (0.81, 0.87)]):
        metrics = {"validation": {"accuracy": accuracy, "f1": f1}}
        fake.trial("confirm", "mrpc", 6, "ft", seed, metrics)
    fake.trial("confirm", "mrpc", 6, "kd", 0, 0.8)
    cells = table(tmp_path).cells
    assert cells.columns.tolist() == ["Layers", "Method", "MRPC F1/acc", "CoLA MCC"]
    assert cells["Method"].tolist()[:4] == ["Teacher", "FT", "KD", "PKD-Skip"]
    mrpc = cells["MRPC F1/acc"].tolist()
    assert mrpc[0] == "90.0 ± – / 90.0 ± – (1/2 trials)"
    assert mrpc[1] == "86.0 ± 1.0 / 80.0 ± 1.0 (3)"
    assert mrpc[2] == "80.0 ± – / 80.0 ± – (1/3 seeds)"
    assert mrpc[3] == "not run"


def test_metrics_of_labels_have_readable_headings(tmp_path: Path) -> None:
    scores = {"accuracy": 0.9, "f1:account": 0.7, "macro_f1": 0.8}
    about = {"metrics": list(scores), "dev_splits": ["dev"], "labels": ["account", "bug"]}
    fake = FakeRun(tmp_path, (), own_tasks={"tickets": about})
    fake.trial("confirm", "tickets", 6, "ft", 0, {"dev": scores})
    cells = table(tmp_path).cells
    assert cells.columns.tolist()[2:] == ["tickets-dev F1 (account)/macro F1/acc"]
    assert cells.iloc[1, 2] == "70.0 ± – / 80.0 ± – / 90.0 ± – (1/3 seeds)"


def test_the_best_student_is_bold_in_markdown_and_starred_in_a_terminal(fake: FakeRun) -> None:
    for seed in range(3):
        fake.trial("confirm", "rte", 6, "ft", seed, 0.60)
        fake.trial("confirm", "rte", 6, "kd", seed, 0.61)
    found = table(fake.path)
    assert "**61.0 ± 0.0 (3)**" in found.markdown() and "**60.0" not in found.markdown()
    assert "61.0 ± 0.0 (3) *" in found.only([0, 1, 2]).transposed().text()


def test_the_average_appears_and_says_what_it_averages(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path, ("rte", "mrpc"))
    for seed in range(3):
        fake.trial("confirm", "rte", 6, "ft", seed, 0.6)
        fake.trial("confirm", "mrpc", 6, "ft", seed, {"validation": {"accuracy": 0.8, "f1": 0.9}})
    found = table(tmp_path)
    assert found.cells["Average"].tolist()[:3] == ["–", "72.5", "–"]
    assert "mean over 2 tasks, RTE, MRPC (F1, acc)" in found.markdown()


def published(path: Path) -> Table:
    run = load_run(path)
    [found] = published_tables(run, comparison(run))
    return found


def test_published_numbers_are_beside_ours_with_their_split(fake: FakeRun) -> None:
    for seed in range(3):
        fake.trial("confirm", "rte", 6, "kd", seed, 0.66)
    found = published(fake.path)
    [kd] = found.cells[(found.cells["Layers"] == "6") & (found.cells["Method"] == "KD")].to_dict(
        "records"
    )
    assert kd["This study (dev)"] == "66.0 ± 0.0"
    assert (kd["Authors (dev)"], kd["Difference"]) == ("67.5", "-1.5")
    assert kd["Paper (test server)"] == "64.7"
    assert "Not a replication" not in found.markdown()


def test_another_encoder_keeps_the_column_with_a_note(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path, teacher={"name": "small", "layers": 6, "hidden": 384}, depths=[3])
    for seed in range(3):
        fake.trial("confirm", "rte", 3, "kd", seed, 0.6)
    text = published(tmp_path).markdown()
    assert "(+0.5)" in text  # 60 - 59.45, in parentheses
    assert "Not a replication for RTE: another encoder (small, not bert-base-uncased)" in text
    assert "layers 10 and 11" in text  # whose layers the published 3-layer numbers used


def test_the_score_of_a_single_class_has_a_mark_and_a_footnote(fake: FakeRun) -> None:
    for seed in range(3):
        fake.trial("confirm", "rte", 6, "ft", seed, 0.60)
        fake.trial("confirm", "rte", 6, "kd", seed, 0.52, constant=seed == 2)
    found = table(fake.path)
    rte = found.cells.loc[found.cells["Layers"] == "6", "RTE"].tolist()
    assert rte[:3] == ["60.0 ± 0.0 (3)", "52.0 ± 0.0 (3) †", "not run"]
    [note] = [note for note in found.notes if note.startswith("†")]
    assert note == (
        "† Constant on at least one seed: the model predicts a single class. Such a score is that "
        "of always predicting this class and says nothing about the method."
    )
    assert r"52.0 $\pm$ 0.0 (3) $\dagger$" in found.latex()


def test_no_mark_if_every_model_predicts_several_classes(fake: FakeRun) -> None:
    fake.trial("confirm", "rte", 6, "ft", 0, 0.60)
    fake.trial("search", "rte", 6, "ft", 0, 0.60)
    for found in (table(fake.path), best_settings_table(load_run(fake.path))):
        assert "†" not in found.markdown()


def test_constant_models_are_marked_in_every_table_of_scores(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path, ("rte", "sst2"), depths=[6], methods=["pkd-skip", "pkd-last"])
    for task in ("rte", "sst2"):
        for seed in range(3):
            fake.trial("confirm", task, 6, "pkd-skip", seed, 0.6, constant=task == "rte")
            fake.trial("confirm", task, 6, "pkd-last", seed, 0.6)
    run = load_run(tmp_path)
    numbers = comparison(run)
    skip = comparison_table(run, numbers).cells.iloc[1]
    assert (skip["RTE"], skip["SST-2"], skip["Average"]) == (
        *("60.0 ± 0.0 (3) †", "60.0 ± 0.0 (3)", "60.0 †"),
    )
    [found] = published_tables(run, numbers)
    marked = found.cells[found.cells["This study (dev)"].str.contains("†")]
    assert marked[["Task", "Method"]].to_numpy().tolist() == [["RTE", "PKD-Skip"]]
    assert "† Constant on at least one seed" in found.markdown()
    [found] = skip_last_tables(run, numbers)
    assert found.cells.set_index("Task")[["Skip", "Last"]].to_numpy().tolist() == [
        ["60.0 ± 0.0 †", "60.0 ± 0.0"],
        ["60.0 ± 0.0", "60.0 ± 0.0"],
        ["60.0 ± – †", "60.0 ± –"],
    ]
    assert "† Constant on at least one seed" in found.markdown()


def test_a_split_of_the_paper_that_the_data_lack_is_named(tmp_path: Path) -> None:
    about = {"metrics": ["accuracy"], "dev_splits": ["validation_matched"], "labels": ["no"]}
    fake = FakeRun(tmp_path, ("mnli", "rte"), own_tasks={"mnli": about})
    for seed in range(3):
        fake.trial("confirm", "mnli", 6, "ft", seed, 0.8)
    found = table(tmp_path)
    assert found.cells.columns.tolist() == ["Layers", "Method", "MNLI-m", "MNLI-mm", "RTE"]
    assert set(found.cells["MNLI-mm"]) == {"not in the data"}
    note = "MNLI-mm: not in the data. The study had no rows of the split validation_mismatched"
    assert note in found.markdown() and note in published(tmp_path).markdown()


def test_a_study_with_both_splits_of_mnli_lacks_none(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path, ("mnli",))
    fake.trial("confirm", "mnli", 6, "ft", 0, 0.8)
    assert "not in the data" not in table(tmp_path).markdown()


def test_a_metric_that_is_missing_on_some_seeds_shows_its_own_n(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path, ("mrpc",), depths=[6])
    for seed in range(3):
        scores = {"accuracy": 0.8, "f1": float("nan") if seed else 0.9}
        fake.trial("confirm", "mrpc", 6, "ft", seed, {"validation": scores})
        fake.trial("confirm", "mrpc", 6, "kd", seed, {"validation": {"accuracy": 0.7}})
    cells = table(tmp_path).cells["MRPC F1/acc"].tolist()
    assert cells[1] == "90.0 ± – / 80.0 ± 0.0 (1 / 3)"
    assert cells[2] == "– / 70.0 ± 0.0 (0 / 3)"


def test_columns_with_one_heading_are_all_shown(tmp_path: Path) -> None:
    # Task a with the split b-c, task a-b with the split c; long names differ in their middle.
    names = {"a": "b-c", "a-b": "c"} | {f"{'x' * 40}{i}{'y' * 20}": "validation" for i in (1, 2)}
    tasks = {
        task: {"metrics": ["accuracy"], "dev_splits": [split], "labels": ["no", "yes"]}
        for task, split in names.items()
    }
    fake = FakeRun(tmp_path, (), own_tasks=tasks)
    for number, task in enumerate(names):
        fake.trial("confirm", task, 6, "ft", 0, 0.5 + number / 10)
    found = table(tmp_path)
    assert [text[:4] for text in found.cells.iloc[1, 2:6]] == ["50.0", "60.0", "70.0", "80.0"]
    assert list(found.cells.columns[2:4]) == ["a-b-c", "a-b-c"]
    for text in (found.markdown(), found.latex(), found.transposed().text()):
        assert all(f"{score}.0" in text for score in (50, 60, 70, 80))
