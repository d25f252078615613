from pathlib import Path

import pandas as pd

from analysis.labels import setting_text
from analysis.rendering import Table
from analysis.results.comparison import comparison
from analysis.run_data.runs import load_run
from analysis.tables import all_tables
from analysis.tables.comparison import comparison_table, published_tables
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


def test_metrics_of_labels_get_headings_that_read_well(tmp_path: Path) -> None:
    scores = {"accuracy": 0.9, "f1:account": 0.7, "macro_f1": 0.8}
    about = {"metrics": list(scores), "dev_splits": ["dev"], "labels": ["account", "bug"]}
    fake = FakeRun(tmp_path, (), own_tasks={"tickets": about})
    fake.trial("confirm", "tickets", 6, "ft", 0, {"dev": scores})
    cells = table(tmp_path).cells
    assert cells.columns.tolist()[2:] == ["tickets-dev F1 (account)/macro F1/acc"]
    assert cells.iloc[1, 2] == "70.0 ± – / 80.0 ± – / 90.0 ± – (1/3 seeds)"


def test_held_out_rows_have_a_table_of_their_own(tmp_path: Path) -> None:
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


def test_published_numbers_stand_beside_ours_with_their_split(fake: FakeRun) -> None:
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


def test_another_encoder_keeps_the_column_and_says_so(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path, teacher={"name": "small", "layers": 6, "hidden": 384}, depths=[3])
    for seed in range(3):
        fake.trial("confirm", "rte", 3, "kd", seed, 0.6)
    text = published(tmp_path).markdown()
    assert "(+0.5)" in text  # 60 - 59.45, in parentheses
    assert "Not a replication for RTE: another encoder (small, not bert-base-uncased)" in text
    assert "layers 10 and 11" in text  # whose layers the published 3-layer numbers used


def test_a_table_is_written_as_markdown_and_full_precision_csv(fake: FakeRun) -> None:
    for seed, score in enumerate([0.6, 0.6, 0.7]):
        fake.trial("confirm", "rte", 6, "kd", seed, score)
    table(fake.path).write(fake.path)
    assert (fake.path / "comparison.md").read_text().startswith("# Comparison")
    written = pd.read_csv(fake.path / "comparison.csv").set_index(["depth", "method"])
    assert written.loc[(6, "kd"), "mean"] == (60 + 60 + 70) / 3


def test_best_settings_are_short_and_missing_ones_dashes(fake: FakeRun) -> None:
    fake.trial("search", "rte", 6, "ft", 0, 0.6, learning_rate=2e-5)
    fake.trial("search", "rte", 6, "pkd-skip", 0, 0.6, beta=1000.0)
    cells = best_settings_table(load_run(fake.path)).cells
    assert cells["learning rate"].tolist() == ["2e-5", "2e-5"]
    assert cells["beta"].tolist() == ["–", "1000"]
    assert cells["normalised hidden states"].tolist() == ["–", "True"]


def test_setting_texts_are_exact_enough_to_retype() -> None:
    texts = ["1e-4", "3.16e-5", "0.5", "10", "50000"]
    assert [setting_text(v) for v in (1e-4, 3.162e-5, 0.5, 10.0, 5e4)] == texts


def test_every_table_of_an_empty_run_can_be_rendered(fake: FakeRun) -> None:
    for empty in all_tables(load_run(fake.path)):
        assert empty.markdown() and empty.text() is not None


def test_latex_escapes_what_it_would_read_as_a_command(tmp_path: Path) -> None:
    cells = pd.DataFrame({"a_b": ["50 % & more", "x ± y"]})
    bold = pd.DataFrame({"a_b": [True, False]})
    latex = Table("name", "A title", cells, cells, bold, ("note_1: `run a_b`",)).latex()
    assert r"\textbf{50 \% \& more}" in latex and r"x $\pm$ y" in latex
    assert r"a\_b \\" in latex and r"note\_1: \texttt{run a\_b}" in latex
    assert latex.count(r"\toprule") == latex.count(r"\bottomrule") == 1


def test_a_score_that_takes_no_learning_bears_a_mark_and_a_footnote(fake: FakeRun) -> None:
    for seed in range(3):
        fake.trial("confirm", "rte", 6, "ft", seed, 0.60)
        fake.trial("confirm", "rte", 6, "kd", seed, 0.52, constant=seed == 2)
    found = table(fake.path)
    rte = found.cells.loc[found.cells["Layers"] == "6", "RTE"].tolist()
    assert rte[:3] == ["60.0 ± 0.0 (3)", "52.0 ± 0.0 (3) †", "not run"]
    [note] = [note for note in found.notes if note.startswith("†")]
    assert note == (
        "† Predicts one class only (of several seeds, at least one does): the score is that of "
        "always naming this class, and says nothing of the method."
    )
    assert r"52.0 $\pm$ 0.0 (3) $\dagger$" in found.latex()


def test_a_winner_that_predicts_one_class_only_is_marked_among_the_best_settings(
    fake: FakeRun,
) -> None:
    fake.trial("search", "rte", 6, "ft", 0, 0.7, constant=True, learning_rate=1e-4)
    fake.trial("search", "rte", 6, "kd", 0, 0.7, constant=True, learning_rate=1e-4)
    fake.trial("search", "rte", 6, "kd", 1, 0.6, learning_rate=2e-5)
    found = best_settings_table(load_run(fake.path))
    # KD has a trial that predicts both classes: it wins, though its score is lower.
    assert found.cells["learning rate"].tolist() == ["1e-4", "2e-5"]
    assert found.cells["Search score"].tolist() == ["70.0 †", "60.0"]
    assert any(note.startswith("†") for note in found.notes)


def test_nothing_is_marked_where_every_model_predicts_more_than_one_class(fake: FakeRun) -> None:
    fake.trial("confirm", "rte", 6, "ft", 0, 0.60)
    fake.trial("search", "rte", 6, "ft", 0, 0.60)
    for found in (table(fake.path), best_settings_table(load_run(fake.path))):
        assert "†" not in found.markdown()
