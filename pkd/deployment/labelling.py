"""Labels for the rows of a file of any size, from an exported or saved classifier."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from pkd.deployment.text_classifier import Classifier
from pkd.errors import InputError, listed, shown
from pkd.files.atomic import write_atomic
from pkd.files.missing_text import is_missing_text
from pkd.files.row_parsers import Quoting
from pkd.files.row_reader import Chunk, open_rows
from pkd.files.row_writer import open_writer

ADDED = ("prediction", "probability")
_MOST_REPORTED = 100  # bad rows that are named; the others are only counted


@dataclass
class _BadRows:
    """Reports bad rows by number as they come, and counts them."""

    source: Path
    counts: dict[str, int] = field(default_factory=lambda: {"kept": 0, "left out": 0})

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def leave_out(self, place: str, reason: str) -> None:
        self._report(place, reason, "left out")

    def keep(self, place: str, reason: str) -> None:
        self._report(place, reason, "kept")

    def _report(self, place: str, reason: str, outcome: str) -> None:
        self.counts[outcome] += 1
        if self.total <= _MOST_REPORTED:
            what = "left out" if outcome == "left out" else "kept without a prediction"
            tqdm.write(f"{self.source}, {place}: {reason}; {what}", file=sys.stderr)
        elif self.total == _MOST_REPORTED + 1:
            tqdm.write("all other bad rows are counted, but not named", file=sys.stderr)


def predict_file(
    classifier: Classifier,
    source: Path,
    target: Path,
    texts: Sequence[str],
    batch_size: int | None = None,
    precision: str = "fp32",
    quoting: Quoting = "double",
) -> tuple[int, dict[str, int]]:
    """Labels the rows of a file; the target appears only when it is complete.

    Args:
        classifier: the model that labels them.
        source: the file to label, with a suffix of `pkd.files.row_parsers.SUFFIXES`.
        target: the file to write, with such a suffix.
        texts: one or two text columns.
        batch_size: rows in a batch; see `pkd.data.tokens.TokenArrays.batches`.
        precision: ``fp32`` or ``bf16``.
        quoting: of a CSV or TSV source, see `pkd.files.row_reader.open_rows`; the target has
            quotes where a field needs them.

    Returns:
        The number of rows written, and of bad rows: ``kept`` without a prediction, ``left out``.

    Raises:
        InputError: for a file or columns that cannot be used.
    """
    bad, rows = _BadRows(source), 0
    with open_rows(source, texts, bad.leave_out, quoting) as opened:
        if not texts:
            raise InputError(
                f"which columns of {source} hold the text? Name one, or two for a pair, with "
                f"--text; there are {listed(opened.columns)}"
            )
        taken = [name for name in ADDED if name in opened.columns]
        if taken:
            raise InputError(f"{source} has a column {shown(taken[0])} already: rename or drop it")

        def write(partial: Path) -> None:
            nonlocal rows
            columns = [*opened.columns, *ADDED]
            with open_writer(partial, target.suffix.lower(), columns) as add, _bar() as bar:
                for chunk in opened.chunks:
                    add(chunk, _label_chunk(classifier, chunk, texts, batch_size, precision, bad))
                    rows += len(chunk.rows)
                    bar.total = opened.total
                    bar.set_postfix_str(f"{rows:,} rows", refresh=False)
                    bar.update(chunk.done - bar.n)

        write_atomic(target, write)
    return rows, bad.counts


def _label_chunk(
    classifier: Classifier,
    chunk: Chunk,
    texts: Sequence[str],
    batch_size: int | None,
    precision: str,
    bad: _BadRows,
) -> list[dict[str, Any]]:
    """Returns the added columns of each row, None in rows that cannot be predicted."""
    good = []
    for number, (row, place) in enumerate(zip(chunk.rows, chunk.places, strict=True)):
        problem = _problem(row, texts)
        if problem is None:
            good.append(number)
        else:
            bad.keep(place, problem)
    columns = [[chunk.rows[number][name] for number in good] for name in texts]
    labels = classifier.label(columns, batch_size, precision)
    added: list[dict[str, Any]] = [dict.fromkeys(ADDED) for _ in chunk.rows]
    for number, label in zip(good, labels, strict=True):
        added[number] = label
    return added


def _problem(row: Mapping[str, Any], texts: Sequence[str]) -> str | None:
    """Returns why a row cannot be predicted; None if it can."""
    for name in texts:
        text = row.get(name)
        if is_missing_text(text):
            return f"column {shown(name)} holds no text ({shown(text)})"
        if not isinstance(text, str):
            return f"column {shown(name)} holds {shown(text)}, but must be text"
    return None


@contextmanager
def _bar() -> Iterator[Any]:
    with tqdm(unit="", unit_scale=True, disable=None) as bar:  # None: on a terminal only
        yield bar
