"""A user's text in each form, read back by what reads that form."""

import csv
import io
import re
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from pkd.errors import did_you_mean, listed, shown
from pkd.shown_text import (
    NAME,
    csv_cell,
    latex,
    latex_sentence,
    lines,
    markdown,
    markdown_block,
    markdown_code,
    markdown_sentence,
    one_line,
)
from tests.support.hostile_texts import HOSTILE, unseen

hostile = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


class Read(HTMLParser):
    """The tags and the text of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags, self.text = list[str](), ""
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@hostile
def test_a_line_shows_all_its_characters(text: str) -> None:
    line = one_line(text)
    assert not unseen(line) and "\n" not in line
    assert len(one_line(text, NAME)) <= NAME
    # Nothing but the escapes differs.
    assert one_line(line) == line and (text.isprintable() is (line == text))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\x1b[0m", "a\\x1b[0m"),
        ("a\n\t\rb", "a\\n\\t\\rb"),
        ("\u202e\ud800\U000e0041", "\\u202e\\ud800\\U000e0041"),
        ("Größe 宽\u00a0度 é 😀", "Größe 宽\u00a0度 é 😀"),
        (7, "7"),
    ],
)
def test_escapes_are_those_of_python_and_letters_stay(text: object, line: str) -> None:
    assert one_line(text) == line


def test_a_long_text_loses_its_middle_and_says_how_much() -> None:
    assert one_line("b" + "x" * 298 + "e", 64) == f"b{'x' * 37}…(250 more)…{'x' * 11}e"
    assert one_line("x" * 64, 64) == "x" * 64


def test_lines_stay_lines() -> None:
    assert lines("a\x1b\nb\r\n") == "a\\x1b\nb\\r\n"


@hostile
def test_messages_show_all_characters(text: str) -> None:
    for message in (shown(text), listed([text, "b"]), did_you_mean(text, [text]), shown([text])):
        assert not unseen(message) and "\n" not in message and len(message) < 130


@hostile
def test_markdown_shows_the_text_and_nothing_else(text: str) -> None:
    expected = re.sub(r"\s+", " ", one_line(text)).strip()
    table = f"| h | i |\n|---|---|\n| {markdown(text)} | **{markdown(text)}** |\n"
    read = Read(READER.render(table))
    assert read.tags == ["table", "thead", "tr", "th", "th", "tbody", "tr", "td", "td", "strong"]
    cells = [" ".join(cell.split()) for cell in read.text.split("\n") if cell.strip()]
    assert cells == ["h", "i", expected, expected]
    for before in ("", "- ", "# "):
        read = Read(READER.render(f"{before}{markdown(text)}\n"))
        assert read.tags == {"": ["p"], "- ": ["ul", "li"], "# ": ["h1"]}[before]
        assert " ".join(read.text.split()) == expected


@hostile
def test_markdown_keeps_code_as_it_is(text: str) -> None:
    block = Read(READER.render(f"a\n\n{markdown_block(text, 'yaml')}\n\nb\n"))
    assert block.tags == ["p", "pre", "code", "p"]
    assert block.text.split("\n", 1)[1].rsplit("\nb\n", 1)[0].strip("\n") == lines(text).strip(
        "\n"
    )
    code = Read(READER.render(f"a {markdown_code(text)} b"))
    assert code.tags == ["p", "code"] and code.text.strip() == f"a {one_line(text)} b"


def test_a_sentence_keeps_its_code() -> None:
    html = READER.render(markdown_sentence("run `pkd-study a_b|c *x*` for *y*"))
    assert html == "<p>run <code>pkd-study a_b|c *x*</code> for *y*</p>\n"
    assert latex_sentence("run `a_b` for 5 %") == r"run \texttt{a\_b} for 5 \%"


def read_latex(source: str) -> str:
    """Reads LaTeX strictly: escaped characters, braces, and the commands that stand for one."""
    commands = {
        **{f"\\{each}": each for each in "&%$#_{}"},
        **{"\\textbackslash{}": "\\", "\\textasciitilde{}": "~", "\\textasciicircum{}": "^"},
        **{"\\textbar{}": "|", "\\textless{}": "<", "\\textgreater{}": ">", "\\ldots{}": "…"},
        **{"{[}": "[", "{]}": "]", "{*}": "*"},
    }
    token = "|".join(map(re.escape, sorted(commands, key=len, reverse=True)))
    parts = re.findall(rf"{token}|[^\\&%$#_{{}}~^\[\]*]", source)
    assert "".join(parts) == source, "LaTeX would read a character of the text as its own"
    return "".join(commands.get(part, part) for part in parts)


@hostile
def test_latex_shows_the_text_and_nothing_else(text: str) -> None:
    assert read_latex(latex(text)) == one_line(text)


@hostile
def test_a_cell_of_csv_is_no_formula_and_reads_back(text: str) -> None:
    file = io.StringIO()
    csv.writer(file).writerow([csv_cell(text), "b"])
    [[cell, second]] = csv.reader(io.StringIO(file.getvalue()))
    assert second == "b" and not unseen(cell)
    assert cell.lstrip("' ")[:1] not in ("=", "+", "-", "@", "\t", "\r") or cell[0] == "'"
    assert cell == one_line(text) or (cell[0] == "'" and cell[1:] == one_line(text))


@pytest.mark.parametrize("text", ["-1.2", "+5", "-1e-05", "-1,234.5", "a=b", "'tis", "–", "", "5"])
def test_numbers_and_ordinary_texts_stay(text: str) -> None:
    assert csv_cell(text) == text


@pytest.mark.parametrize("text", ["=5", "-", "--x", "-1-1", "'=x", " =x", "''@x"])
def test_a_formula_gets_one_apostrophe(text: str) -> None:
    assert csv_cell(text) == f"'{text}"
