"""Work of a study that is one step: scoring a given teacher, asking a teacher, predicting."""

import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from ray import tune

from pkd.acceleration.last_layer import read_summary_token_only
from pkd.data.tokens import open_tokens
from pkd.distillation.signals import ask_teacher
from pkd.errors import TrainingError
from pkd.evaluation.inference import predict_logits, write_predictions
from pkd.evaluation.metrics import cross_entropy, score, selection_score
from pkd.files.cache import verify
from pkd.models.classifier import load_classifier, move
from pkd.runtime.devices import resolve_precision
from study.storage.store import Store
from study.trials.worker import logged, logger, trial_cpus, trial_device


@dataclass(frozen=True)
class JobReport:
    """What a one-step job gave; it counts as one epoch whose score nobody compares."""

    train_seconds: float
    details: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON-like values."""
        seconds = {"train_seconds": self.train_seconds, "eval_seconds": 0.0}
        return {"epoch": 1, "score": 0.0, **seconds, **self.details}


class Job(tune.Trainable, ABC):
    """Work that is one step: asking a teacher, predicting a split."""

    def setup(self, config: dict[str, Any]) -> None:
        """Keeps the config; all work is in the step."""
        torch.set_num_threads(trial_cpus())
        self.job = config

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Takes up another job in the same process."""
        self.setup(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Does the work and reports once."""
        started = time.perf_counter()
        with logged(self.job["log"]):
            try:
                details = self.work(self.job)
            except TrainingError as error:
                logger.error("%s", error)
                return {"failed": str(error)}
        return {"report": JobReport(time.perf_counter() - started, details)}

    @abstractmethod
    def work(self, job: dict[str, Any]) -> dict[str, Any]:
        """The work itself; gives what the ledger is to hold of it."""


class SignalsJob(Job):
    """Caches a teacher's signals. Config: ``prepared``, ``teacher``, ``layers``, ``root``,
    ``precision``, ``store``."""

    def work(self, job: dict[str, Any]) -> dict[str, Any]:
        """Runs the teacher over the training rows."""
        store: Store = job["store"]
        prepared, teacher = job["prepared"], store.fetch(job["teacher"])
        store.fetch(prepared.distilled)
        folder = ask_teacher(prepared, teacher, job["layers"], job["root"], job["precision"])
        store.publish(folder)
        return {"folder": folder.name}


class PredictJob(Job):
    """Predicts the test splits and scores those that are held out. Config: ``prepared``,
    ``model``, ``root``, ``precision``, ``store``."""

    def work(self, job: dict[str, Any]) -> dict[str, Any]:
        """Writes ``<root>/<split>.parquet`` for each split; gives the scores of the held out."""
        task = job["prepared"].task
        scores: dict[str, dict[str, float]] = {}
        for split, logits, labels in _predicted(job, task.predicted, task.held_out):
            if labels is not None:
                scores[split] = score(task.metrics, logits, labels, task.labels)
        return {"splits": list(task.predicted)} | ({"metrics": scores} if scores else {})


class GivenTeacherJob(Job):
    """Scores a teacher that was fine-tuned elsewhere. Config: that of `PredictJob`; ``weights``,
    where the trained ones would have left theirs; ``further``, the others of its ensemble."""

    def work(self, job: dict[str, Any]) -> dict[str, Any]:
        """Predicts the dev splits; gives what an epoch of training reports of its scores, and
        under ``further`` those of the others."""
        told = self._scores(job)
        shutil.copytree(job["model"], job["weights"], dirs_exist_ok=True)
        job["store"].publish(job["weights"])
        for each in job["further"]:
            other = {"prepared": each.prepared, "model": each.folder}
            other["root"] = job["root"] / each.folder.name
            told.setdefault("further", []).append(self._scores(job | other))
        return told

    def _scores(self, job: dict[str, Any]) -> dict[str, Any]:
        task, metrics, found = job["prepared"].task, {}, {}
        for split, logits, labels in _predicted(job, task.dev, task.dev):
            metrics[split] = score(task.metrics, logits, labels, task.labels)
            found[split] = (logits, labels)
        logits, labels = found[task.dev[0]]
        return {
            "score": selection_score(task, metrics),
            "metrics": metrics,
            "dev_loss": cross_entropy(logits, labels),
            "classes_predicted": len(np.unique(logits.argmax(axis=1))),
            "device": str(trial_device()),
        }


def _predicted(
    job: dict[str, Any], splits: Sequence[str], labelled: Sequence[str]
) -> Iterator[tuple[str, np.ndarray, Any]]:
    """Predicts splits one after the other, and keeps what was predicted.

    Yields:
        The split, its logits, and its labels if it is one of ``labelled``.
    """
    task, device, store = job["prepared"].task, trial_device(), job["store"]
    precision = resolve_precision(job["precision"], device)
    model = load_classifier(verify(store.fetch(job["model"])), task.labels)
    model = read_summary_token_only(move(model, device))
    for split in splits:
        tokens = open_tokens(store.fetch(job["prepared"].tokens[split]), device)
        logits = predict_logits(model, tokens, device, precision)
        labels = tokens.all_labels() if split in labelled else None
        path = job["root"] / f"{split}.parquet"
        write_predictions(path, task, tokens.idx, logits, labels)
        store.publish(path)
        yield split, logits, labels
