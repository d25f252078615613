from analysis.run_data.runs import load_run
from analysis.tables.settings import best_settings_table
from tests.support.runs.fake_run import FakeRun


def test_best_settings_are_short_texts_and_dashes_if_missing(fake: FakeRun) -> None:
    fake.trial("search", "rte", 6, "ft", 0, 0.6, learning_rate=2e-5)
    fake.trial("search", "rte", 6, "pkd-skip", 0, 0.6, beta=1000.0)
    cells = best_settings_table(load_run(fake.path)).cells
    assert cells["learning rate"].tolist() == ["2e-5", "2e-5"]
    assert cells["beta"].tolist() == ["–", "1000"]
    assert cells["normalised hidden states"].tolist() == ["–", "True"]


def test_a_winner_that_predicts_a_single_class_is_marked_in_the_best_settings(
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
