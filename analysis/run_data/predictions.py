"""Predictions of models for the rows of a dev split, from the Parquet files of a run."""

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyarrow import parquet

from analysis.run_data.runs import Run
from pkd.files.ledger.predictions import AGAIN, METADATA, final_predictions
from pkd.files.run_format import PREDICTIONS

Model = tuple[int, str, str]  # depth, method, trial
Codes = NDArray[np.int64]

_COLUMNS = ["idx", "label", "prediction"]


@dataclass(frozen=True)
class Predictions:
    """Predictions of several models for the same labelled rows, in the order of ``idx``.

    Attributes:
        labels: (rows,) classes 0 … C-1.
        predicted: (rows,) classes, for each model with a usable file.
        problems: The files that could not be used, one line each.
    """

    labels: Codes
    predicted: dict[Model, Codes]
    problems: list[str]


def load_predictions(
    run_dir: Path, trials: pd.DataFrame, split: str, tokens: str | None
) -> Predictions:
    """Loads ``predictions/<stage>/<task>-<depth>-<method>/<trial>/<split>.parquet`` of trials.

    A missing or damaged file is left out and listed in the problems. So is a file with other rows
    (``idx`` and ``label``) than most files have.

    Args:
        run_dir: The run directory.
        trials: Rows of `analysis.run_data.runs.Run.trials`, all of one task.
        split: A dev split of that task.
        tokens: The name of the split's tokens in ``study.yaml``; None if it is not recorded. A
            file that was made from other rows is not used either.
    """
    problems: list[str] = []
    groups: dict[tuple[bytes, bytes], dict[Model, pd.DataFrame]] = defaultdict(dict)
    places: dict[Model, Path] = {}
    for trial in trials.to_dict("records"):
        model = (int(trial["depth"]), str(trial["method"]), str(trial["trial"]))
        cell = f"{trial['task']}-{trial['depth']}-{trial['method']}"
        place = Path(PREDICTIONS, trial["stage"], cell, trial["trial"], f"{split}.parquet")
        rows = _load_file(run_dir, place, problems, tokens)
        if rows is not None:
            groups[(rows["idx"].to_numpy().tobytes(), rows["label"].to_numpy().tobytes())][
                model
            ] = rows
            places[model] = place
    if not groups:
        return Predictions(np.empty(0, dtype=np.int64), {}, problems)
    same = max(groups.values(), key=len)
    for model in places.keys() - same.keys():
        problems.append(
            f"{places[model]} is not used: its rows (idx, label) differ from those of the other "
            f"predictions of {split}"
        )
    labels = next(iter(same.values()))["label"].to_numpy()
    predicted = {model: rows["prediction"].to_numpy() for model, rows in same.items()}
    return Predictions(labels, predicted, sorted(problems))


def prediction_problems(run: Run) -> list[str]:
    """Returns what is wrong with the predictions of the final models, one line each."""
    problems = []
    for model in final_predictions(run.path, run.study).values():
        place = model.folder.relative_to(run.path)
        if model.flaw:
            problems.append(f"{place} is not used: {model.flaw}: {AGAIN}")
            continue
        problems += [
            f"{place}/{split}.parquet is not used: {problem}"
            for split in model.digests
            if (problem := model.problem(split))
        ]
    return problems


def _load_file(
    run_dir: Path, place: Path, problems: list[str], tokens: str | None
) -> pd.DataFrame | None:
    """The rows of one file by ``idx``; None, and a line in `problems`, if it cannot be used."""
    if not (run_dir / place).is_file():
        problems.append(f"{place} is missing")
        return None
    try:
        file = parquet.ParquetFile(run_dir / place, page_checksum_verification=True)
        made_from = json.loads((file.metadata.metadata or {}).get(METADATA, b"{}"))
        if made_from.get("tokens", tokens) != tokens is not None:
            problems.append(f"{place} is not used: it was made from other rows than the study has")
            return None
        table = file.read(_COLUMNS).to_pandas()
    except (OSError, ValueError, AttributeError) as error:  # base classes of pyarrow's errors
        problems.append(f"{place} is damaged and not used: {' '.join(str(error).split())}")
        return None
    flaw = _flaw(table)
    if flaw:
        problems.append(f"{place} is not used: {flaw}")
        return None
    return table.astype("int64").sort_values("idx", ignore_index=True)


def _flaw(table: pd.DataFrame) -> str | None:
    """Why the rows of a readable file cannot be used, or None if they can."""
    absent = [name for name in _COLUMNS if name not in table]
    if absent:
        return f"it lacks {', '.join(absent)}"
    if table.empty:
        return "it has no rows"
    if not all(pd.api.types.is_integer_dtype(table[name]) for name in _COLUMNS):
        return "its idx, label and prediction are not all whole numbers"
    if table["idx"].duplicated().any():
        return "the same idx occurs twice"
    if (table[["label", "prediction"]] < 0).any(axis=None):
        return "it has a negative label or prediction"
    return None
