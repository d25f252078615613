"""Zips for the GLUE server: ``python -m analysis.submission RUN_DIR [--to DIR]``.

One zip for each row of the comparison: the teacher, and each method at each depth. A row's
predictions are those of its best confirm seed, or of the teacher that taught. The server refuses a
zip that lacks one of its eleven files, so the tasks that the study does not have are filled with a
constant, and every filled file is announced. A row that lacks predictions of one of the study's
own tasks is skipped with the reason, unless ``--fill-missing`` fills those too.

Exit codes: 0 wrote at least one zip, 2 wrote none.
"""

import argparse
import json
import sys
import zipfile
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import pandas as pd
import pyarrow as pa
from tabulate import tabulate

from analysis.exchange.glue_server import FILES, ServerFile
from analysis.labels import method_label
from analysis.results.comparison import models
from analysis.run_data.runs import Run, RunError, load_run
from pkd.distillation.methods import TEACHER

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same predictions make the same bytes


class Refused(ValueError):
    """Predictions that the server must not get; the text says why."""


@dataclass(frozen=True)
class Part:
    """One file of a zip.

    Attributes:
        file: What the server wants.
        predictions: What the server reads, in the order of its index; the filling where the
            study has no predictions.
        trial: The trial that predicted, ``<stage>/<trial>``; None for a filling.
        reason: Why the file is filled; None where it is not.
    """

    file: ServerFile
    predictions: list[str]
    trial: str | None = None
    reason: str | None = None


def collect(run: Run, depth: int, method: str) -> list[Part]:
    """The eleven files of one row of the comparison.

    Args:
        run: The study.
        depth: Layers of the model.
        method: ``teacher`` or a student's method.
    """
    return [_part(run, file, depth, method) for file in FILES]


def lacking(run: Run, parts: list[Part]) -> list[Part]:
    """The filled files of tasks that the study has: its row is not finished without them."""
    return [part for part in parts if part.reason and part.file.task in run.study["tasks"]]


def server_labels(path: Path, file: ServerFile) -> list[str]:
    """Reads the predictions of a test split and turns them into what the server reads.

    Args:
        path: Parquet with ``idx``, ``prediction`` (label codes) and a column ``logit_<label>`` for
            each label, in the order of the codes.
        file: What the server wants.

    Returns:
        One text for each row, by ascending ``idx``.

    Raises:
        Refused: The file is missing or damaged, or holds another test set than the server's. The
            text does not name the file.
    """
    if not path.is_file():
        raise Refused("missing: it has not been predicted yet")
    try:
        table = pd.read_parquet(path)
        idx, codes = table["idx"].astype(int), table["prediction"].astype(int)
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise Refused(f"damaged: {error}") from error
    if len(table) != file.rows:
        raise Refused(
            f"{len(table):,} rows, but the server's test set has {file.rows:,}: it is a part of "
            "that set, or another set"
        )
    if sorted(idx) != list(range(file.rows)):
        raise Refused(f"idx is not 0 … {file.rows - 1}, the rows of the server's test set")
    # By name, not by code: the order of labels differs between sources, most of all for MNLI.
    names = [
        name.removeprefix("logit_") for name in map(str, table.columns) if name[:6] == "logit_"
    ]
    if set(names) != set(file.labels):
        raise Refused(f"its labels are {', '.join(names)}, not {', '.join(file.labels)}")
    if not codes.between(0, len(names) - 1).all():
        raise Refused(f"a prediction is none of the codes 0 … {len(names) - 1}")
    wanted = dict(enumerate(file.labels[name] for name in names))
    return codes.set_axis(idx).sort_index().map(wanted).tolist()


def write_zip(path: Path, parts: list[Part]) -> None:
    """Writes one submission: ``<name>.tsv`` for each part, in no folder."""
    with zipfile.ZipFile(path, "w") as archive:
        for part in parts:
            rows = "".join(f"{i}\t{text}\n" for i, text in enumerate(part.predictions))
            name = zipfile.ZipInfo(f"{part.file.name}.tsv", _EPOCH)
            name.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(name, f"index\tprediction\n{rows}")


def contents(parts: list[Part]) -> pd.DataFrame:
    """What a zip holds, one row per file.

    Columns: ``file``, ``rows``, ``source`` (``predicted`` or ``filled``), ``trial``, ``filling``
    and ``reason`` (both missing for predictions).
    """
    return pd.DataFrame(
        {
            "file": f"{part.file.name}.tsv",
            "rows": len(part.predictions),
            "source": "filled" if part.reason else "predicted",
            "trial": part.trial,
            "filling": " or ".join(part.file.filling) if part.reason else None,
            "reason": part.reason,
        }
        for part in parts
    )


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status: 0, or 2 if no zip was written."""
    options = _parser().parse_args(arguments)
    try:
        run = load_run(options.run_dir)
        _check(run)
        folder = options.to or run.path / "submission"
        folder.mkdir(parents=True, exist_ok=True)
    except (RunError, Refused, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    written: list[pd.DataFrame] = []
    for depth, method in models(run):
        parts = collect(run, depth, method)
        row, missing = f"{depth} layers, {method_label(method)}", lacking(run, parts)
        predicted = any(part.trial for part in parts)
        if not predicted or (missing and not options.fill_missing):
            reasons = "\n".join(f"  {part.file.name}: {part.reason}" for part in missing)
            lacks = "lacks predictions (--fill-missing)" if predicted else "has no predictions"
            print(f"skipped: {row}, {lacks}\n{reasons}\n")
            continue
        path = folder / f"{depth}-{method}.zip"
        write_zip(path, parts)
        table = contents(parts)
        about = pd.DataFrame({"zip": path.name, "depth": depth, "method": method}, table.index)
        written.append(about.join(table))
        print(f"{path}: {row}\n{_text(table)}\n")
    if not written:
        print(
            f"error: no zip was written: every row of {run.path} lacks test predictions "
            "(see above)",
            file=sys.stderr,
        )
        return 2
    pd.concat(written).to_csv(folder / "contents.csv", index=False)
    _warn(pd.concat(written))
    return 0


def _part(run: Run, file: ServerFile, depth: int, method: str) -> Part:
    filling = list(islice(cycle(file.filling), file.rows))
    if file.task not in run.study["tasks"]:
        reason = "not a task of the study" if file.task else "no study predicts it"
        return Part(file, filling, reason=reason)
    job = f"predict/{file.task}-{depth}-{method}/job-0000"
    known = run.study["tasks"][file.task].get("tokens")
    if known is not None and file.split not in known:
        return Part(file, filling, reason=f"the study's data have no split {file.split}")
    path = f"predictions/{job}/{file.split}.parquet"
    try:
        labels = server_labels(run.path / path, file)
    except Refused as error:
        return Part(file, filling, reason=f"{path}: {error}")
    stage = "teachers" if method == TEACHER else "confirm"
    return Part(file, labels, trial=f"{stage}/{_trial(run.path / 'ledger' / job)}")


def _trial(folder: Path) -> str:
    """The trial whose model a prediction job used, as the job's record says."""
    try:
        return str(json.loads((folder / "start.json").read_bytes())["settings"]["trial"])
    except (OSError, ValueError, KeyError, TypeError):
        return "unknown"


def _check(run: Run) -> None:
    if run.generated:
        raise Refused(f"{run.path} is a study of generated data: GLUE's test sets are other rows")
    names = {file.task for file in FILES}
    own = [task for task in run.study["tasks"] if task not in names]
    if len(own) == len(run.study["tasks"]):
        raise Refused(f"no task of {run.path} is one of GLUE's: {', '.join(own) or 'it has none'}")
    if own:
        print(f"not for the server: {', '.join(own)}\n")


def _text(table: pd.DataFrame) -> str:
    rows = table.assign(
        rows=table["rows"].map("{:,}".format),
        source=table["source"].replace("filled", "FILLED"),
        origin=table["trial"].fillna(table["filling"] + " in every row: " + table["reason"]),
    )
    shown = rows[["file", "rows", "source", "origin"]]
    header = ["file", "rows", "", "from"]
    return tabulate(shown.to_numpy().tolist(), header, colalign=("left", "right"))


def _warn(written: pd.DataFrame) -> None:
    filled = written[written["source"] == "filled"]
    names = ", ".join(filled["file"].unique())
    print(
        f"WARNING: filled with constants, not predicted: {names}.\n"
        "The server demands all eleven files. The scores that it gives to filled ones, and the "
        "average over all tasks, say nothing about the models: do not report them.",
        file=sys.stderr,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m analysis.submission",
        description="Write a zip for the GLUE server for each row of a study's comparison.",
        epilog="exit codes: 0 wrote at least one zip, 2 wrote none",
    )
    parser.add_argument("run_dir", metavar="RUN_DIR", type=Path, help="what study/run.py wrote")
    parser.add_argument("--to", metavar="DIR", type=Path, help="default: RUN_DIR/submission")
    parser.add_argument(
        "--fill-missing",
        action="store_true",
        help="also fill tasks of the study that have no usable test predictions",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
