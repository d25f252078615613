"""The zip that the GLUE server takes, from the test predictions of a study."""

import zipfile
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import pandas as pd
import pyarrow as pa
from tabulate import tabulate

from analysis.exchange.glue_server import FILES, ServerFile
from analysis.run_data.runs import Run
from pkd.distillation.methods import TEACHER
from pkd.errors import InputError
from pkd.files.ledger.predictions import final_predictions
from pkd.shown_text import one_line

_EPOCH = (1980, 1, 1, 0, 0, 0)  # a fixed date: the same predictions make the same bytes


class Refused(InputError):
    """Predictions that must not be sent to the server; the text says why."""


@dataclass(frozen=True)
class Part:
    """One file of a zip.

    Attributes:
        file: What the server wants.
        predictions: What the server reads, in the order of its index; a constant if the study
            has no predictions.
        trial: The trial that predicted, ``<stage>/<trial>``; None for a constant.
        reason: Why the file is filled with a constant; None if it holds predictions.
    """

    file: ServerFile
    predictions: list[str]
    trial: str | None = None
    reason: str | None = None


def other_tasks(run: Run) -> list[str]:
    """Returns the tasks of a study that the server does not know.

    Raises:
        Refused: The study has generated data, or none of its tasks is one of GLUE's.
    """
    if run.generated:
        raise Refused(f"{run.path} is a study of generated data: its rows are not GLUE's")
    names = {file.task for file in FILES}
    others = [task for task in run.study["tasks"] if task not in names]
    if len(others) == len(run.study["tasks"]):
        tasks = ", ".join(others) or "it has no tasks"
        raise Refused(f"no task of {run.path} is one of GLUE's: {tasks}")
    return others


def collect(run: Run, depth: int, method: str) -> list[Part]:
    """Returns the eleven files of one row of the comparison.

    Args:
        run: The study.
        depth: The number of layers of the model.
        method: ``teacher`` or a student's method.
    """
    return [_part(run, file, depth, method) for file in FILES]


def lacking(run: Run, parts: list[Part]) -> list[Part]:
    """Returns the filled files of the study's own tasks: predictions that should be there."""
    return [part for part in parts if part.reason and part.file.task in run.study["tasks"]]


def server_labels(path: Path, file: ServerFile) -> list[str]:
    """Reads the predictions of a test split and translates them for the server.

    Args:
        path: Parquet file with ``idx``, ``prediction`` (classes) and a column ``logit_<label>``
            for each label, in the order of the classes.
        file: What the server wants.

    Returns:
        One text for each row, by ascending ``idx``.

    Raises:
        Refused: The file is missing or damaged, or belongs to another test set than the
            server's. The text does not name the file.
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
    # By name, not by class: the order of labels differs between sources, for MNLI in particular.
    names = [
        name.removeprefix("logit_") for name in map(str, table.columns) if name[:6] == "logit_"
    ]
    if set(names) != set(file.labels):
        raise Refused(f"its labels are {', '.join(names)}, not {', '.join(file.labels)}")
    if not codes.between(0, len(names) - 1).all():
        raise Refused(f"a prediction is not one of the classes 0 … {len(names) - 1}")
    wanted = dict(enumerate(file.labels[name] for name in names))
    return codes.set_axis(idx).sort_index().map(wanted).tolist()


def write_zip(path: Path, parts: list[Part]) -> None:
    """Writes one submission: ``<name>.tsv`` for each part, without folders."""
    with zipfile.ZipFile(path, "w") as archive:
        for part in parts:
            rows = "".join(f"{i}\t{text}\n" for i, text in enumerate(part.predictions))
            name = zipfile.ZipInfo(f"{part.file.name}.tsv", _EPOCH)
            name.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(name, f"index\tprediction\n{rows}")


def contents(parts: list[Part]) -> pd.DataFrame:
    """Returns what a zip holds, one row per file.

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


def contents_text(table: pd.DataFrame) -> str:
    """Returns the result of `contents` as a text for a terminal."""
    rows = table.assign(
        rows=table["rows"].map("{:,}".format),
        source=table["source"].replace("filled", "FILLED"),
        origin=table["trial"].fillna(table["filling"] + " in every row: " + table["reason"]),
    )
    shown = rows[["file", "rows", "source", "origin"]].map(one_line)
    header = ["file", "rows", "", "from"]
    return tabulate(
        shown.to_numpy().tolist(), header, colalign=("left", "right"), disable_numparse=True
    )


def _part(run: Run, file: ServerFile, depth: int, method: str) -> Part:
    filling = list(islice(cycle(file.filling), file.rows))
    if file.task not in run.study["tasks"]:
        reason = "not a task of the study" if file.task else "no study predicts it"
        return Part(file, filling, reason=reason)
    known = run.study["tasks"][file.task].get("tokens")
    if known is not None and file.split not in known:
        return Part(file, filling, reason=f"the study's data have no split {file.split}")
    cell = f"{file.task}-{depth}-{method}"
    model = final_predictions(run.path, run.study, cell).get(cell)
    if model is None:
        return Part(file, filling, reason=f"{cell} has not been predicted yet")
    path = model.folder / f"{file.split}.parquet"
    try:
        if problem := model.problem(str(file.split)):
            raise Refused(problem)
        labels = server_labels(path, file)
    except Refused as error:
        return Part(file, filling, reason=f"{path.relative_to(run.path)}: {error}")
    stage = "teachers" if method == TEACHER else "confirm"
    return Part(file, labels, trial=f"{stage}/{model.trial}")
