"""Jobs of one step: scoring given teachers, caching a teacher's signals, predicting."""

import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import torch

from pkd.acceleration.last_layer import read_summary_token_only
from pkd.data.tokens import open_tokens
from pkd.distillation.signals import ask_teacher
from pkd.errors import CacheError, TrainingError
from pkd.evaluation.inference import predict_logits, write_predictions
from pkd.evaluation.metrics import cross_entropy, score, selection_score
from pkd.files.cache import damage, file_digest, manifest_digest
from pkd.models.classifier import load_classifier, move
from pkd.runtime.devices import resolve_precision
from study.trials.job_reports import (
    GivenTeacherResult,
    JobReport,
    JobResult,
    PredictResult,
    Scores,
    SignalsResult,
    TeacherScores,
)
from study.trials.work import GivenTeacherWork, PredictWork, SignalsWork, TrainedModel, Work
from study.trials.worker import logged, logger, trial_cpus, trial_device

W = TypeVar("W", bound=Work)


class Job(ABC, Generic[W]):
    """Work of one step.

    Args:
        work: what to do.
    """

    def __init__(self, work: W) -> None:
        torch.set_num_threads(trial_cpus())
        self.work = work

    def step(self) -> dict[str, Any]:
        """Does the work.

        Returns:
            A ``report`` (a `JobReport`), or why it ``failed``.
        """
        started = time.perf_counter()
        with logged(self.work.log):
            try:
                result = self.run()
            except TrainingError as error:
                logger.error("%s", error)
                return {"failed": str(error)}
        return {"report": JobReport(time.perf_counter() - started, result)}

    @abstractmethod
    def run(self) -> JobResult:
        """Does the work and returns what the ledger records of it."""


class SignalsJob(Job[SignalsWork]):
    """Caches a teacher's signals for the training rows."""

    def run(self) -> SignalsResult:
        """Writes a signal folder."""
        work, store = self.work, self.work.store
        teacher = store.fetch(work.teacher)
        store.fetch(work.prepared.distilled)
        folder = ask_teacher(work.prepared, teacher, work.layers, work.root, work.precision)
        store.publish(folder)
        return SignalsResult(folder.name)


class PredictJob(Job[PredictWork]):
    """Predicts the test splits, and predicts and scores the held-out splits."""

    def run(self) -> PredictResult:
        """Writes ``<split>.parquet`` for each split."""
        task = self.work.model.prepared.task
        scores: Scores = {}
        files = {}
        predicted = _predict(self.work, self.work.model, task.predicted, task.held_out)
        for split, path, logits, labels in predicted:
            files[split] = file_digest(path)
            if labels is not None:
                scores[split] = score(task.metrics, logits, labels, task.labels)
        return PredictResult(files, scores)


class GivenTeacherJob(Job[GivenTeacherWork]):
    """Scores the given teachers of a task on its dev splits."""

    def run(self) -> GivenTeacherResult:
        """Copies the first teacher's weights and writes ``<dev split>.parquet`` of each one."""
        work = self.work
        scores = self._scores(work.teacher)
        shutil.copytree(work.teacher.folder, work.weights, dirs_exist_ok=True)
        work.store.publish(work.weights)
        return GivenTeacherResult(scores, [self._scores(other) for other in work.others])

    def _scores(self, model: TrainedModel) -> TeacherScores:
        task, metrics, predicted = model.prepared.task, {}, {}
        for split, _, logits, labels in _predict(self.work, model, task.dev, task.dev):
            metrics[split] = score(task.metrics, logits, labels, task.labels)
            predicted[split] = (logits, labels)
        logits, labels = predicted[task.dev[0]]
        return TeacherScores(
            score=selection_score(task, metrics),
            metrics=metrics,
            dev_loss=cross_entropy(logits, labels),
            classes_predicted=len(np.unique(logits.argmax(axis=1))),
            device=str(trial_device()),
        )


def _predict(
    work: PredictWork | GivenTeacherWork,
    model: TrainedModel,
    splits: Sequence[str],
    labelled: Sequence[str],
) -> Iterator[tuple[str, Path, np.ndarray, Any]]:
    """Predicts splits one after the other and writes the predictions.

    Yields:
        The split, the file of its predictions, its logits, and its labels if it is one of
        ``labelled``, else None.
    """
    task, device, store = model.prepared.task, trial_device(), work.store
    precision = resolve_precision(work.precision, device)
    folder = store.fetch(model.folder)
    if found := damage(folder):
        raise CacheError(found)
    digest = str(manifest_digest(folder))
    classifier = load_classifier(folder, task.labels, fine_tuned=True)
    classifier = read_summary_token_only(move(classifier, device))
    for split in splits:
        tokens = open_tokens(store.fetch(model.prepared.tokens[split]), device)
        logits = predict_logits(classifier, tokens, device, precision)
        labels = tokens.all_labels() if split in labelled else None
        path = model.predictions / f"{split}.parquet"
        made_from = {"tokens": tokens.path.name, "model": digest}
        write_predictions(path, task, tokens.idx, logits, labels, made_from)
        store.publish(path)
        yield split, path, logits, labels
