"""A table of the report: its numbers, the text of its cells, and its output formats."""

import os
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
from tabulate import tabulate

GENERATED = (
    "GENERATED DATA: a program made up the rows of this study, to try out the software. "
    "The numbers say nothing about GLUE and nothing about the methods."
)

_TAG = re.compile("<(?=[A-Za-z/!])")  # the start of an HTML tag
# Code in a note, between backticks.
CODE = re.compile("`([^`]+)`")

_LATEX = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
    **{"±": r"$\pm$", "≥": r"$\geq$", "≤": r"$\leq$", "→": r"$\to$", "−": "$-$", "×": r"$\times$"},
    **{
        "–": "--",
        "†": r"$\dagger$",
        "|": r"\textbar{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
    },
}


@dataclass(frozen=True)
class Table:
    """One table of the report.

    Attributes:
        name: The name of its files, without the extension.
        title: One line.
        numbers: The numbers at full precision, in tidy form; the content of the CSV file.
        cells: The printed text, one row per printed row.
        bold: Which cells are bold: booleans of the shape of `cells`.
        notes: The explanations below the table.
    """

    name: str
    title: str
    numbers: pd.DataFrame
    cells: pd.DataFrame
    bold: pd.DataFrame
    notes: tuple[str, ...] = ()

    def markdown(self) -> str:
        """Returns the table and its notes in GitHub's Markdown."""
        grid = self._grid("pipe", lambda text: f"**{text}**", markdown_line)
        notes = map(markdown_line, self.notes)
        return "\n\n".join([grid if len(self.cells) else "Nothing yet.", *notes]) + "\n"

    def text(self) -> str:
        """Returns the table for a terminal: bold cells have a star, notes are left out."""
        return self._grid("simple", lambda text: f"{text} *", _one_line)

    def latex(self) -> str:
        """Returns a ``table`` environment for the package booktabs, with the notes below it."""
        emphasis = self.bold.astype(object).where(self.bold, "").replace(True, "textbf:--rwrap")
        header = list(map(_latex, self.cells.columns))
        styler = self.cells.set_axis(header, axis=1).style.hide(axis="index").format(_latex)
        styler = styler.apply(lambda _: emphasis.set_axis(header, axis=1), axis=None)
        tabular = styler.to_latex(hrules=True, column_format="l" * len(header))
        lines = [
            "% needs \\usepackage{booktabs}",
            "\\begin{table}",
            "\\centering",
            f"\\caption{{{_latex(self.title)}}}",
            f"\\label{{tab:{self.name}}}",
            tabular.rstrip(),
            *(f"\\par\\footnotesize {_latex(note)}" for note in self.notes),
            "\\end{table}",
        ]
        return "\n".join(lines) + "\n"

    def _grid(
        self, style: str, make_bold: Callable[[str], str], escape: Callable[[str], str]
    ) -> str:
        rows = [
            [make_bold(escape(text)) if bold else escape(text) for text, bold in row]
            for row in self.rows()
        ]
        # Otherwise tabulate turns "65.0" back into the number 65.
        return str(
            tabulate(rows, list(map(escape, self.cells.columns)), style, disable_numparse=True)
        )

    def rows(self) -> Iterator[list[tuple[str, bool]]]:
        """Yields the printed rows, each a list of (text, whether it is bold)."""
        for texts, bolds in zip(self.cells.to_numpy(), self.bold.to_numpy(), strict=True):
            yield list(zip(texts, map(bool, bolds), strict=True))

    def only(self, rows: list[int]) -> "Table":
        """Returns the table with only the printed rows at these positions."""
        return replace(self, cells=self.cells.iloc[rows], bold=self.bold.iloc[rows])

    def transposed(self, labels: int = 2) -> "Table":
        """Returns the table transposed; the first `labels` columns become the heading."""
        heading = self.cells.iloc[:, :labels].agg(" ".join, axis=1)
        cells, bold = (frame.iloc[:, labels:].T for frame in (self.cells, self.bold))
        cells.columns = bold.columns = pd.Index(heading)
        cells.insert(0, "", cells.index)
        bold.insert(0, "", False)
        return replace(self, cells=cells.reset_index(drop=True), bold=bold.reset_index(drop=True))

    def write(self, folder: Path) -> None:
        """Writes ``<name>.md``, ``<name>.tex`` and ``<name>.csv`` into `folder`."""
        text = f"# {self.title}\n\n{self.markdown()}"
        (folder / f"{self.name}.md").write_text(text, encoding="utf-8")
        (folder / f"{self.name}.tex").write_text(self.latex(), encoding="utf-8")
        self.numbers.to_csv(folder / f"{self.name}.csv", index=False)


def plain_table(
    name: str, title: str, numbers: pd.DataFrame, cells: pd.DataFrame, *notes: str
) -> Table:
    """Returns a table without bold cells."""
    bold = pd.DataFrame(False, index=cells.index, columns=cells.columns)
    return Table(name, title, numbers, cells, bold, notes)


def markdown_line(text: str) -> str:
    """Returns a text for Markdown, on one line: names of labels may hold any character."""
    return _TAG.sub("&lt;", _one_line(text).replace("|", "\\|"))


def _one_line(text: str) -> str:
    return " ".join(text.splitlines())


def _latex(text: str) -> str:
    parts = CODE.split(str(text))
    parts = ["".join(_LATEX.get(character, character) for character in part) for part in parts]
    parts[1::2] = [f"\\texttt{{{command}}}" for command in parts[1::2]]
    return "".join(parts)


def shell_path(path: Path) -> str:
    """Returns a path for a shell, with ~ for the home folder: reports do not show its name."""
    home = Path(os.path.expanduser("~"))
    for each in (home, home.resolve()):
        if path.is_relative_to(each) and each != Path(each.anchor):
            return f"~/{shlex.quote(path.relative_to(each).as_posix())}"
    return shlex.quote(str(path))
