"""What of a large study a figure draws, and its files."""

from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from analysis.plots.canvas import Plot, panels, shown_grid, shown_trials, trials_caption


@pytest.mark.parametrize(
    ("tasks", "depths", "drawn"),
    [
        (1, 1, (1, 1)),
        (1, 5, (1, 4)),
        (6, 2, (6, 2)),  # the paper's study
        (8, 2, (8, 2)),
        (4, 4, (4, 4)),
        (9, 1, (4, 1)),
        (9, 2, (2, 2)),
        (5, 4, (2, 2)),
        (2, 9, (2, 2)),
        (3, 9, (2, 2)),
        (10, 5, (2, 2)),
        (1000, 1, (4, 1)),
        (1000, 100, (2, 2)),
    ],
)
def test_a_figure_has_at_most_sixteen_panels(
    tasks: int, depths: int, drawn: tuple[int, int]
) -> None:
    names, layers = [f"task{i}" for i in range(tasks)], list(range(depths, 0, -1))
    rows, columns, caption = shown_grid(names, layers, "trials.csv")
    assert (rows, columns) == (names[: drawn[0]], layers[: drawn[1]])
    assert len(rows) * len(columns) <= 16
    assert (f"first {len(rows)} of {tasks} tasks" in caption) is (len(rows) < tasks)
    assert (f"first {len(columns)} of {depths} depths" in caption) is (len(columns) < depths)
    assert ("trials.csv holds all" in caption) is (drawn != (tasks, depths))


def _frames(*sizes: int) -> list[pd.DataFrame]:
    return [pd.DataFrame({"trial": range(size)}) for size in sizes]


def test_up_to_two_thousand_trials_are_all_drawn() -> None:
    frames = _frames(1200, 800)
    assert [len(frame) for frame in shown_trials(frames)] == [1200, 800]
    assert trials_caption(2000) == ""


def test_of_more_trials_each_panel_keeps_a_few_that_are_evenly_spaced() -> None:
    first, second, third = shown_trials(_frames(10_000, 0, 30))
    assert (len(first), len(second), len(third)) == (250, 0, 30)
    assert first["trial"].iloc[[0, -1]].tolist() == [0, 9999]
    assert set(first["trial"].diff().dropna()) <= {40.0, 41.0}
    assert "a panel shows 250, evenly spaced; trials.csv holds all" in trials_caption(10_030)


def test_an_image_has_a_palette_with_a_white_background(tmp_path: Path) -> None:
    figure, grid = panels(1, 1)
    grid[0][0].plot([0, 1], [0, 1], color="#0072b2")
    figure.suptitle("Warning\nScores")
    written = Plot("scores", "About scores.", pd.DataFrame({"x": [1]}), figure).write(tmp_path)
    assert (written.name, written.title, written.caption) == ("scores", "Scores", "About scores.")
    with Image.open(tmp_path / "scores.png") as image:
        assert image.mode == "P" and image.size == (682, 352)
        colours = image.convert("RGB").getcolors() or []
    shares = {colour: count for count, colour in colours}
    assert max(shares, key=shares.__getitem__) == (255, 255, 255)
    distances = [
        max(abs(a - b) for a, b in zip(colour, (0, 114, 178), strict=True)) for colour in shares
    ]
    assert min(distances) < 12
