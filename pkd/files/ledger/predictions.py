"""What the predictions of a study's final models were made from, and whether that still holds.

The predict stage records it in its ledger, and in the metadata of each file that it writes.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pkd.errors import named
from pkd.files.cache import file_digest, manifest_digest
from pkd.files.ledger.reader import read_ledger
from pkd.files.run_format import LEDGER, MODEL_RECORD, MODELS, PREDICTIONS, TEACHERS, Event
from pkd.files.text_file import read_file

STAGE = "predict"
METADATA = b"pkd-study"  # in a Parquet file: JSON of what it was made from
AGAIN = "run the study's command again, which predicts them again"


@dataclass(frozen=True)
class FinalPredictions:
    """What the predict stage recorded of one model.

    Attributes:
        task: the model's task.
        depth: its number of layers.
        method: ``teacher`` or a student's method.
        folder: where its predictions are, one Parquet file for each split.
        settings: what they depend on: ``trial`` that trained the model, its hyperparameters, the
            digest of the ``model``, and the ``tokens`` of each split.
        metrics: of the held-out splits.
        digests: the SHA-256 of each split's file; empty if an older version predicted.
        flaw: why the predictions are not those of the study as it is now; None if they are.
    """

    task: str
    depth: int
    method: str
    folder: Path
    settings: dict[str, Any]
    metrics: dict[str, dict[str, float | None]]
    digests: dict[str, str]
    flaw: str | None

    @property
    def trial(self) -> str:
        """The trial that trained the model, in the confirm or the teachers stage."""
        return str(self.settings.get("trial", "unknown"))

    def problem(self, split: str) -> str | None:
        """Says why the file of a split cannot be used; None if it can."""
        if self.flaw:
            return f"{self.flaw}: {AGAIN}"
        if split not in self.digests:
            return f"an older version made them, which did not record the rows: {AGAIN}"
        try:
            same = file_digest(self.folder / f"{split}.parquet") == self.digests[split]
        except OSError:
            return f"the file is missing: {AGAIN}"
        return None if same else f"the file is damaged (its checksum differs): {AGAIN}"


def final_predictions(
    run_dir: Path, study: dict[str, Any], cell: str | None = None
) -> dict[str, FinalPredictions]:
    """Returns what the predict stage recorded, by the name of the model's cell.

    Args:
        run_dir: the run folder.
        study: its ``study.yaml``; cells of other tasks are left out.
        cell: the only cell to read, e.g. ``rte-3-kd`` or ``rte-12-teacher``; all by default.
    """
    found = {}
    for trial in read_ledger(run_dir / LEDGER, study.get("id"), [STAGE], cell).trials:
        events = {event["event"]: event for event in trial.events}
        start, end = events.get("start"), events.get("end")
        if start is None or end is None or end["state"] != "complete":
            continue
        if start["task"] in study["tasks"]:
            name = trial.folder.parent.name
            found[name] = FinalPredictions(
                *(start["task"], start["depth"], start["method"]),
                run_dir / PREDICTIONS / STAGE / name / trial.folder.name,
                start["settings"],
                end.get("metrics") or {},
                events.get("report", {}).get("files") or {},
                _other_rows(study, start) or _other_model(run_dir, start),
            )
    return found


def tokens_of(study: dict[str, Any], task: str, method: str) -> dict[str, str]:
    """Returns the name of each split's tokens, as a model reads it; empty if not recorded."""
    own = (study.get("teacher_tokens") or {}).get(task) if method == "teacher" else None
    return dict(own or study["tasks"][task].get("tokens") or {})


def _made_from(settings: Mapping[str, Any]) -> dict[str, str]:
    """The tokens that predictions were made from; older versions recorded those held out."""
    return dict(settings.get("tokens") or settings.get("held_out") or {})


def _other_rows(study: dict[str, Any], start: Event) -> str | None:
    now = tokens_of(study, start["task"], start["method"])
    for split, folder in _made_from(start["settings"]).items() if now else ():
        if now.get(split) != folder:
            return f"they were made from other rows of {named(split)} than the study has now"
    return None


def _other_model(run_dir: Path, start: Event) -> str | None:
    """Why the saved model is not the one that predicted; None also if no model is there."""
    settings = start["settings"]
    if "trial" not in settings:  # not recorded
        return None
    cell = f"{start['task']}-{start['depth']}-{start['method']}"
    teacher = start["method"] == "teacher"
    saved = run_dir / TEACHERS / start["task"] if teacher else run_dir / MODELS / cell
    digest, known = manifest_digest(saved), settings.get("model")
    if digest is not None and known is not None:
        same = digest == known
    else:  # an older version predicted
        try:
            card = json.loads(read_file(saved / MODEL_RECORD))
            used = {name: settings.get(name) for name in card["settings"]}
            same = (card["trial"], card["settings"]) == (settings.get("trial"), used)
        except (OSError, ValueError, KeyError, TypeError):
            return None
    return None if same else "they were made by another model than the one that is saved now"
