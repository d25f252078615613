import numpy as np

from analysis.plots.methods import methods_figure, plots
from analysis.results.settings import scores_by_method
from analysis.run_data.runs import load_run
from tests.support.runs.fake_run import FakeRun


def test_the_teacher_is_a_line_in_each_tasks_panel(fake: FakeRun) -> None:
    fake.trial("teachers", "rte", 12, "teacher", 0, 0.7)
    fake.trial("confirm", "rte", 6, "kd", 0, 0.6)
    [axes] = methods_figure(scores_by_method(load_run(fake.path)), ["rte"]).axes
    assert [70.0, 70.0] in [np.asarray(line.get_ydata()).tolist() for line in axes.get_lines()]


def test_constant_models_have_a_mark_that_the_caption_explains(fake: FakeRun) -> None:
    fake.trial("teachers", "rte", 12, "teacher", 0, 0.7)
    fake.trial("confirm", "rte", 6, "kd", 0, 0.6)
    [plain] = plots(load_run(fake.path))
    assert "†" not in plain.caption and not plain.figure.axes[0].texts
    fake.trial("confirm", "rte", 6, "kd", 1, 0.5, constant=True)
    [marked] = plots(load_run(fake.path))
    assert "† marks what is constant (predicts a single class)" in marked.caption
    assert [text.get_text() for text in marked.figure.axes[0].texts] == ["†"]
