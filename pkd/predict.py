"""Labels the rows of a file, of any size, with an exported or saved classifier.

    python -m pkd.predict MODEL_DIR --input rows.csv --output scored.csv [--text COLUMN [COLUMN]]

Reads and writes .csv, .tsv, .jsonl and .parquet. The output has the input's columns, then
``prediction``, the label's name, and ``probability``, the model's own for that label. A row whose
text is missing is kept and has neither; what is no row at all (a line with other fields than the
header, or that is no JSON or no UTF-8) is left out. Both are reported by number, and the exit
code is then 1.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from pkd.data.tokens import encode
from pkd.errors import InputError, listed, shown
from pkd.evaluation.inference import predict_logits
from pkd.export import EXPORT_FILE
from pkd.files.atomic import write_atomic
from pkd.files.row_reader import Chunk, check_suffix, open_rows
from pkd.files.row_writer import open_writer
from pkd.models.classifier import load_as_deployed
from pkd.models.encoder import load_encoder_config, load_tokenizer, longest_input
from pkd.runtime.command_line import make_parser, run_command
from pkd.runtime.devices import default_device

ADDED = ("prediction", "probability")
_MOST_REPORTED = 100  # bad rows that are named; the others are counted


@dataclass
class _BadRows:
    """Reports rows by number as they come, and counts them."""

    source: Path
    counts: dict[str, int] = field(default_factory=lambda: {"kept": 0, "left out": 0})

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def lost(self, place: str, why: str) -> None:
        self._report(place, why, "left out")

    def kept(self, place: str, why: str) -> None:
        self._report(place, why, "kept")

    def _report(self, place: str, why: str, done: str) -> None:
        self.counts[done] += 1
        if self.total <= _MOST_REPORTED:
            what = "left out" if done == "left out" else "kept without a prediction"
            tqdm.write(f"{self.source}, {place}: {why}; {what}", file=sys.stderr)
        elif self.total == _MOST_REPORTED + 1:
            tqdm.write("further bad rows are counted, not named", file=sys.stderr)


@dataclass(frozen=True)
class Classifier:
    """A model with its tokenizer.

    Attributes:
        model: on the device that it runs on.
        tokenizer: its own.
        max_length: tokens, behind which rows are cut.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    max_length: int

    def label(
        self, texts: Sequence[list[str]], batch_size: int | None, precision: str
    ) -> list[dict[str, Any]]:
        """Predicts rows.

        Args:
            texts: one list of strings for each text column.
            batch_size: rows at a time; see `pkd.data.tokens.TokenArrays.batches`.
            precision: ``fp32`` or ``bf16`` (autocast).

        Returns:
            For each row ``prediction`` and ``probability``.
        """
        if not texts[0]:
            return []
        tokens = encode(texts, self.tokenizer, self.max_length, self.model.device)
        logits = predict_logits(self.model, tokens, self.model.device, precision, batch_size)
        chances, codes = torch.from_numpy(logits).double().softmax(dim=1).max(dim=1)
        names = self.model.config.id2label or {}
        return [
            {"prediction": names[code], "probability": round(chance, 6)}
            for code, chance in zip(codes.tolist(), chances.tolist(), strict=True)
        ]


def main(argv: list[str] | None = None) -> int:
    """Runs the command line. The code is 1 too if rows have no prediction."""
    return run_command(_parser(), _predict, argv)


def _predict(options: argparse.Namespace) -> int:
    _check(options)
    rows, bad = predict_file(
        load_classifier_folder(options.model_dir),
        options.input,
        options.output,
        options.text or exported_texts(options.model_dir),
        options.batch_size,
        options.precision,
    )
    print(f"{options.output}: {rows:,} rows")
    if any(bad.values()):
        print(
            f"bad rows: {bad['kept']:,} kept without a prediction, {bad['left out']:,} left out",
            file=sys.stderr,
        )
        return 1
    return 0


def load_classifier_folder(folder: Path) -> Classifier:
    """Loads a folder that ``from_pretrained`` loads: of `pkd.export`, of a study, or another's.

    Raises:
        InputError: if it holds no classifier, or one of a family that is not supported.
    """
    if not (folder / "config.json").is_file():
        raise InputError(f"{folder} is no model folder: it has no config.json")
    config = load_encoder_config(folder)
    tokenizer = load_tokenizer(folder)
    longest = min(int(tokenizer.model_max_length), longest_input(config))
    return Classifier(load_as_deployed(folder, device=default_device()), tokenizer, longest)


def exported_texts(folder: Path) -> list[str]:
    """The text columns that an exported model was trained on; none where no export tells."""
    path = folder / EXPORT_FILE
    if not path.exists():
        return []
    try:
        return [str(name) for name in json.loads(path.read_text(encoding="utf-8"))["texts"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"cannot read {path}: {error}; name the columns with --text") from None


def predict_file(
    classifier: Classifier,
    source: Path,
    target: Path,
    texts: Sequence[str],
    batch_size: int | None = None,
    precision: str = "fp32",
) -> tuple[int, dict[str, int]]:
    """Labels the rows of a file; the target appears only when it is complete.

    Args:
        classifier: what labels them.
        source: one of `pkd.files.row_reader.SUFFIXES`.
        target: likewise.
        texts: one or two text columns.
        batch_size: rows at a time; see `pkd.data.tokens.TokenArrays.batches`.
        precision: ``fp32`` or ``bf16``.

    Returns:
        The rows written, and the bad ones: ``kept`` without a prediction, and ``left out``.

    Raises:
        InputError: for a file or columns that cannot be used.
    """
    bad, rows = _BadRows(source), 0
    with open_rows(source, texts, bad.lost) as opened:
        if not texts:
            raise InputError(
                f"which columns of {source} hold the text? Name one, or two for a pair, with "
                f"--text; there are {listed(opened.columns)}"
            )
        taken = [name for name in ADDED if name in opened.columns]
        if taken:
            raise InputError(f"{source} has a column {taken[0]!r} already: rename or drop it")

        def write(partial: Path) -> None:
            nonlocal rows
            columns = [*opened.columns, *ADDED]
            with open_writer(partial, target.suffix.lower(), columns) as add, _bar() as bar:
                for chunk in opened.chunks:
                    add(chunk, _labelled(classifier, chunk, texts, batch_size, precision, bad))
                    rows += len(chunk.rows)
                    bar.total = opened.total
                    bar.set_postfix_str(f"{rows:,} rows", refresh=False)
                    bar.update(chunk.done - bar.n)

        write_atomic(target, write)
    return rows, bad.counts


def _labelled(
    classifier: Classifier,
    chunk: Chunk,
    texts: Sequence[str],
    batch_size: int | None,
    precision: str,
    bad: _BadRows,
) -> list[dict[str, Any]]:
    good = []
    for number, (row, place) in enumerate(zip(chunk.rows, chunk.places, strict=True)):
        why = _flaw(row, texts)
        if why is None:
            good.append(number)
        else:
            bad.kept(place, why)
    columns = [[chunk.rows[number][name] for number in good] for name in texts]
    found = classifier.label(columns, batch_size, precision)
    added: list[dict[str, Any]] = [dict.fromkeys(ADDED) for _ in chunk.rows]
    for number, label in zip(good, found, strict=True):
        added[number] = label
    return added


def _flaw(row: Mapping[str, Any], texts: Sequence[str]) -> str | None:
    """Why a row cannot be predicted."""
    for name in texts:
        text = row.get(name)
        if not isinstance(text, str):
            return f"column {name!r} holds {shown(text)}, but must be text"
    return None


@contextmanager
def _bar() -> Iterator[Any]:
    with tqdm(unit="", unit_scale=True, disable=None) as bar:  # None: on a terminal only
        yield bar


def _check(options: argparse.Namespace) -> None:
    check_suffix("--input", options.input)
    check_suffix("--output", options.output)
    if options.batch_size is not None and options.batch_size < 1:
        raise InputError(f"--batch-size is {options.batch_size}, but must be >= 1")
    if options.text is not None and len(options.text) > 2:
        raise InputError(f"--text names {len(options.text)} columns, but must name one or two")
    if not options.output.parent.is_dir():
        raise InputError(
            f"--output is {options.output}, but the folder {options.output.parent} does not exist"
        )
    if options.output.is_dir():
        raise InputError(f"--output is {options.output}, which is a folder")
    if options.output.exists() and options.output.resolve() == options.input.resolve():
        raise InputError(f"--output is {options.output}, which is the input: give another name")


def _parser() -> argparse.ArgumentParser:
    parser = make_parser("pkd.predict", __doc__)
    parser.add_argument("model_dir", metavar="MODEL_DIR", type=Path, help="e.g. of pkd.export")
    parser.add_argument("--input", type=Path, required=True, help="rows to label")
    parser.add_argument("--output", type=Path, required=True, help="the rows with their labels")
    parser.add_argument(
        "--text",
        metavar="COLUMN",
        nargs="+",
        help="the text column, or two for a pair; those of the task by default",
    )
    parser.add_argument(
        "--batch-size",
        type=int,
        help="rows at a time; by default as many as have 4096 tokens, or 65536 on a GPU",
    )
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    return parser


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    sys.exit(main())
