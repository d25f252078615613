"""The report, and what commands print, of a study in which every text is hostile."""

import csv
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from html.parser import HTMLParser
from io import StringIO
from itertools import groupby
from pathlib import Path

import pandas as pd
import pytest
import yaml
from markdown_it import MarkdownIt

from analysis.choose import main as choose
from analysis.report import main as report
from analysis.submission import main as submission
from tests.support.hostile_texts import unseen
from tests.support.runs.hostile_run import TEXTS, hostile_run


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A finished study with a report, and what the command printed."""
    path = hostile_run(tmp_path_factory.mktemp("hostile") / "run").path
    printed = StringIO()
    with redirect_stdout(printed), redirect_stderr(printed):
        assert report([str(path)]) == 0
    return path, printed.getvalue()


@pytest.fixture
def run(reported: tuple[Path, str]) -> Path:
    """The run folder."""
    return reported[0]


@pytest.fixture
def files(run: Path) -> dict[str, str]:
    """The texts of the report, by path."""
    folder = run / "report"
    paths = [path for path in folder.rglob("*.*") if path.suffix not in (".png", ".parquet")]
    return {str(path.relative_to(folder)): path.read_bytes().decode() for path in paths}


def of_kind(files: dict[str, str], suffix: str) -> dict[str, str]:
    found = {name: text for name, text in files.items() if name.endswith(suffix)}
    assert found
    return found


def test_all_characters_of_all_files_can_be_seen(files: dict[str, str]) -> None:
    kinds = {name.rpartition(".")[2] for name in files}
    assert kinds == {"md", "html", "tex", "csv", "svg", "txt", "yaml"}
    assert {name: unseen(text) for name, text in files.items() if unseen(text)} == {}


def test_the_page_has_no_tags_of_a_text(files: dict[str, str]) -> None:
    found = set()

    class Tags(HTMLParser):
        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            found.add(tag)
            for name, value in attributes:
                assert not name.startswith("on")
                assert name not in ("src", "href") or str(value).startswith(("data:", "#"))

    Tags().feed(files["index.html"])
    assert not found & {"script", "b&gt;", "x"} and {"td", "img", "pre"} <= found
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in files["index.html"]


def test_markdown_has_no_markup_of_a_text(run: Path, files: dict[str, str]) -> None:
    reader = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    for name, text in of_kind(files, ".md").items():
        blocks = reader.parse(text)
        tokens = [token for block in blocks for token in (block, *(block.children or []))]
        kinds = {token.type for token in tokens}
        assert not kinds & {"html_block", "html_inline", "em_open", "s_open", "hr"}
        links = [token.attrGet("href") or token.attrGet("src") for token in tokens]
        places = [(run / "report" / name).parent / str(link) for link in links if link]
        assert all(place.is_file() for place in places)
        headings = [
            block.content for block in blocks if block.type == "inline" and block.level == 1
        ]
        assert not [each for each in headings if each in ("a", "b")]
        for rows in markdown_tables(text):
            widths = {len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) for row in rows}
            assert len(widths) == 1, rows[:3]


def markdown_tables(text: str) -> Iterator[list[str]]:
    for is_row, rows in groupby(text.splitlines(), lambda line: line.startswith("|")):
        if is_row:
            yield list(rows)


def test_cells_of_csv_are_no_formulas_and_rows_are_whole(files: dict[str, str]) -> None:
    cells = list[str]()
    for text in of_kind(files, ".csv").values():
        header, *rows = csv.reader(text.splitlines())
        assert {len(row) for row in rows} <= {len(header)}
        cells += [cell for row in (header, *rows) for cell in row]
    number = re.compile(r"-\d+(\.\d+)?(e-?\d+)?")
    begins = {cell[0] for cell in cells if cell and not number.fullmatch(cell)}
    assert "'" in begins and not begins & set("=+-@\t\r")


def test_rows_of_latex_are_whole(files: dict[str, str]) -> None:
    for text in of_kind(files, ".tex").values():
        body = text.partition("\\toprule\n")[2].partition("\\bottomrule")[0]
        rows = [row for row in body.splitlines() if row != "\\midrule"]
        bare = [re.sub(r"\\[&%$#_{}]", "", row) for row in rows]
        assert len({row.count("&") for row in bare}) == 1
        assert all(row.endswith(r"\\") and row.count("{") == row.count("}") for row in bare)
        assert not [row for row in bare if "%" in row or row.startswith(("[", "*"))]
        commands = set(re.findall(r"\\([a-z]+)", text))
        assert not commands & {"input", "frac"}


def test_figures_are_whole(files: dict[str, str]) -> None:
    for text in of_kind(files, ".svg").values():
        ElementTree.fromstring(text)


def test_configurations_read_back_exactly(run: Path, files: dict[str, str]) -> None:
    config = yaml.safe_load((run / "study.yaml").read_text())["config"]
    for text in of_kind(files, ".yaml").values():
        assert yaml.safe_load(text)["train"] == config["train"]
    block = files["report.md"].partition("```yaml\n")[2].partition("\n```\n")[0]
    assert yaml.safe_load(block) == config


def test_parquet_holds_the_exact_texts(run: Path) -> None:
    trials = pd.read_parquet(run / "report" / "trials.parquet")
    assert {f"{TEXTS[0]}/f1:{text}" for text in TEXTS[:16]} <= set(trials.columns)
    assert "\x1b[31mred" in trials["error"].dropna().iloc[0]


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (lambda run: choose([run, "--task", "t0", "--max-drop", "50"]), 0),
        (lambda run: choose([run, "--task", "t\x1b[31m"]), 2),
        (lambda run: submission([run]), 2),
    ],
    ids=["choose", "unknown task", "submission"],
)
def test_commands_print_only_what_can_be_seen(
    run: Path, command: Callable[[str], int], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(str(run)) == code
    check_printed("".join(capsys.readouterr()))


def test_the_report_prints_only_what_can_be_seen(reported: tuple[Path, str]) -> None:
    check_printed(reported[1])


def check_printed(printed: str) -> None:
    assert printed and not unseen(printed)
    # Every line is the project's own.
    assert not [line for line in printed.splitlines() if line.startswith(("second", "# b", "x"))]
