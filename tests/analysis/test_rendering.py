from pathlib import Path

import pandas as pd
import pytest

from analysis.rendering import Table, plain_table
from analysis.results.comparison import comparison
from analysis.run_data.runs import load_run
from analysis.tables.comparison import comparison_table
from tests.support.runs.fake_run import FakeRun


def table(path: Path) -> Table:
    run = load_run(path)
    return comparison_table(run, comparison(run))


def test_a_table_is_written_as_markdown_and_full_precision_csv(fake: FakeRun) -> None:
    for seed, score in enumerate([0.6, 0.6, 0.7]):
        fake.trial("confirm", "rte", 6, "kd", seed, score)
    table(fake.path).write(fake.path)
    assert (fake.path / "comparison.md").read_text().startswith("# Comparison")
    written = pd.read_csv(fake.path / "comparison.csv").set_index(["depth", "method"])
    assert written.loc[(6, "kd"), "mean"] == (60 + 60 + 70) / 3


def test_latex_escapes_what_it_would_read_as_a_command(tmp_path: Path) -> None:
    cells = pd.DataFrame({"a_b": ["50 % & more", "x ± y"]})
    bold = pd.DataFrame({"a_b": [True, False]})
    latex = Table("name", "A title", cells, cells, bold, ("note_1: `run a_b`",)).latex()
    assert r"\textbf{50 \% \& more}" in latex and r"x $\pm$ y" in latex
    assert r"a\_b \\" in latex and r"note\_1: \texttt{run a\_b}" in latex
    assert latex.count(r"\toprule") == latex.count(r"\bottomrule") == 1


def test_names_keep_their_characters_in_one_cell_of_each_format() -> None:
    cells = pd.DataFrame({"F1 (a|b)": ["<b>\nx", "p < 0.001"]})
    bold = pd.DataFrame({"F1 (a|b)": [False, False]})
    found = Table("name", "A title", cells, cells, bold)
    grid = [line for line in found.markdown().splitlines() if line.startswith("|")]
    assert len(grid) == 4 and grid[0].strip("| ") == r"F1 (a\|b)"
    assert grid[2].strip("| ") == r"&lt;b>\\nx" and grid[3].strip("| ") == "p < 0.001"
    assert "F1 (a|b)" in found.text() and len(found.text().splitlines()) == 4
    assert r"F1 (a\textbar{}b)" in found.latex()


@pytest.mark.parametrize("shape", [(200, 20), (3, 2), (0, 4), (1, 1)])
def test_a_table_that_a_page_can_show_is_not_shortened(shape: tuple[int, int]) -> None:
    cells = pd.DataFrame("x", index=range(shape[0]), columns=map(str, range(shape[1])))
    table = plain_table("scores", "Scores", cells, cells)
    assert table.shortened() is table


def test_a_page_shows_the_first_rows_and_says_where_all_are() -> None:
    cells = pd.DataFrame([[f"{i} {j}" for j in range(30)] for i in range(1001)])
    table = plain_table("scores", "Scores", cells, cells.rename(columns=str), "About scores.")
    short = table.shortened()
    assert short.cells.shape == short.bold.shape == (200, 20)
    assert short.cells.iloc[199, [0, 18, 19]].tolist() == ["199 0", "199 18", "199 29"]
    assert short.notes == (
        "About scores.",
        "This page shows 200 of 1,001 rows and 20 of 30 columns; `tables/scores.csv` and `.md` "
        "hold all.",
    )
    assert len(short.numbers) == 1001
