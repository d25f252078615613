"""A table of the report: its numbers, the text of its cells, and its output formats."""

import os
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
from tabulate import tabulate

from pkd.shown_text import (
    csv_cell,
    latex,
    latex_sentence,
    markdown,
    markdown_sentence,
    one_line,
)

GENERATED = (
    "GENERATED DATA: a program made up the rows of this study, to try out the software. "
    "The numbers say nothing about GLUE and nothing about the methods."
)


_WIDEST = 80  # characters of a cell on a terminal
_MOST_ROWS, _MOST_COLUMNS = 200, 20  # of a table on a page


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
        grid = self._grid("pipe", lambda text: f"**{text}**", markdown)
        notes = map(markdown_sentence, self.notes)
        return "\n\n".join([grid if len(self.cells) else "Nothing yet.", *notes]) + "\n"

    def text(self) -> str:
        """Returns the table for a terminal: bold cells have a star, notes are left out."""
        return self._grid("simple", lambda text: f"{text} *", lambda text: one_line(text, _WIDEST))

    def latex(self) -> str:
        """Returns a ``table`` environment for the package booktabs, with the notes below it."""
        # By number: two columns may have one heading.
        columns, header = range(self.cells.shape[1]), list(map(latex, self.cells.columns))
        cells, bold = (frame.set_axis(columns, axis=1) for frame in (self.cells, self.bold))
        emphasis = bold.astype(object).where(bold, "").replace(True, "textbf:--rwrap")
        styler = cells.style.hide(axis="index").format(latex)
        styler = styler.format_index(header.__getitem__, axis=1)
        styler = styler.apply(lambda _: emphasis, axis=None)
        tabular = styler.to_latex(hrules=True, column_format="l" * len(header))
        lines = [
            "% needs \\usepackage{booktabs}",
            "\\begin{table}",
            "\\centering",
            f"\\caption{{{latex(self.title)}}}",
            f"\\label{{tab:{self.name}}}",
            tabular.rstrip(),
            *(f"\\par\\footnotesize {latex_sentence(note)}" for note in self.notes),
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

    def shortened(self) -> "Table":
        """Returns the table as the pages show it: the first rows, and a note if more exist.

        Of too many columns the first ones stay, and the last, which holds the average.
        """
        rows, columns = self.cells.shape
        if rows <= _MOST_ROWS and columns <= _MOST_COLUMNS:
            return self
        kept = [*range(min(columns, _MOST_COLUMNS) - 1), columns - 1]
        note = (
            f"This page shows {min(rows, _MOST_ROWS):,} of {rows:,} rows and {len(kept)} of "
            f"{columns} columns; `tables/{self.name}.csv` and `.md` hold all."
        )
        cells, bold = (frame.iloc[:_MOST_ROWS, kept] for frame in (self.cells, self.bold))
        return replace(self, cells=cells, bold=bold, notes=(*self.notes, note))

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
        text = f"# {markdown(self.title)}\n\n{self.markdown()}"
        (folder / f"{self.name}.md").write_text(text, encoding="utf-8")
        (folder / f"{self.name}.tex").write_text(self.latex(), encoding="utf-8")
        write_csv(self.numbers, folder / f"{self.name}.csv")


def plain_table(
    name: str, title: str, numbers: pd.DataFrame, cells: pd.DataFrame, *notes: str
) -> Table:
    """Returns a table without bold cells."""
    bold = pd.DataFrame(False, index=cells.index, columns=cells.columns)
    return Table(name, title, numbers, cells, bold, notes)


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Writes a table as CSV: numbers at full precision, times in UTC, texts as `csv_cell` does."""
    shown = frame.rename(columns=lambda name: csv_cell(str(name)))
    for at, kind in enumerate(shown.dtypes):
        if pd.api.types.is_string_dtype(kind) or pd.api.types.is_object_dtype(kind):
            shown.isetitem(at, shown.iloc[:, at].map(_csv_value, na_action="ignore"))
    shown.to_csv(path, index=False, date_format="%Y-%m-%dT%H:%M:%S.%fZ")


def _csv_value(value: object) -> object:
    return csv_cell(value) if isinstance(value, str) else value


def shell_path(path: Path) -> str:
    """Returns a path for a shell, with ~ for the home folder: reports do not show its name."""
    home = Path(os.path.expanduser("~"))
    for each in (home, home.resolve()):
        if path.is_relative_to(each) and each != Path(each.anchor):
            return f"~/{shlex.quote(path.relative_to(each).as_posix())}"
    return shlex.quote(str(path))
