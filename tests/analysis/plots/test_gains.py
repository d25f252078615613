from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from analysis.plots.gains import plots, push_apart
from analysis.results.gains import gains
from analysis.run_data.runs import load_run
from tests.support.runs.fake_run import GLUE, FakeRun


def confirm(fake: FakeRun, method: str, scores: list[float], task: str = "rte") -> None:
    for seed, score in enumerate(scores):
        fake.trial("confirm", task, 6, method, seed, score)


def rows(path: Path) -> dict[str, Any]:
    return {row["method"]: row for row in gains(load_run(path)).to_dict("records")}


def test_without_ft_the_first_method_is_the_baseline(fake: FakeRun) -> None:
    confirm(fake, "kd", [0.6])
    confirm(fake, "pkd-last", [0.7])
    [plot] = plots(load_run(fake.path))
    assert plot.figure.axes[0].get_ylabel() == "dev score minus KD's (points)"
    assert rows(fake.path)["pkd-last"]["baseline"] == "kd"


def test_a_single_method_has_no_plot(fake: FakeRun) -> None:
    assert list(plots(load_run(fake.path))) == []
    confirm(fake, "ft", [0.6])
    assert list(plots(load_run(fake.path))) == []


def test_the_names_of_seven_close_lines_do_not_overlap(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path, tuple(GLUE))
    for i, task in enumerate(GLUE):
        confirm(fake, "ft", [0.6], task)
        confirm(fake, "pkd-skip", [0.62 + 0.0001 * i], task)
    [plot] = plots(load_run(tmp_path))
    [axes] = plot.figure.axes
    canvas = FigureCanvasAgg(plot.figure)
    canvas.draw()
    # The box of the text only: the box of an annotation includes its arrow.
    names = [Text.get_window_extent(text, canvas.get_renderer()) for text in axes.texts]
    boxes = sorted(names, key=lambda box: box.y0)
    assert len(boxes) == 7
    assert all(below.y1 <= above.y0 for below, above in zip(boxes, boxes[1:], strict=False))
    panel = axes.get_window_extent()
    assert panel.y0 <= boxes[0].y0 and boxes[-1].y1 <= panel.y1
    assert all(box.x1 <= panel.x1 + 1 for box in boxes)


def test_distant_places_stay_and_equal_places_move_apart_evenly() -> None:
    assert push_apart([0.0, 5.0, 9.0], 1, 0, 10) == [0, 5, 9]
    assert push_apart([5.0, 5.0], 1, 0, 10) == [4.5, 5.5]
    assert push_apart([9.9, 0.1, 10.0], 1, 0, 10) == pytest.approx([9, 0.1, 10])


@given(st.lists(st.floats(0, 10), min_size=1, max_size=12), st.floats(0.1, 3))
def test_places_pushed_apart_keep_order_distance_and_limits(
    wanted: list[float], least: float
) -> None:
    places = push_apart(wanted, least, 0, 10)
    assert min(places) >= -1e-9 and max(places) <= 10 + 1e-9
    order = np.argsort(wanted, kind="stable")
    fits = min(least, 10 / max(len(wanted) - 1, 1))
    assert (np.diff(np.take(places, order)) >= fits - 1e-9).all()
