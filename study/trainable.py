"""Training as a Ray Tune class trainable, for the study and for anybody's own Tuner."""

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
import torch
from ray import tune

from pkd.cache import verify
from pkd.devices import default_device, resolve_precision
from pkd.errors import TrainingError
from pkd.evaluate import predict_logits, score, write_predictions
from pkd.experiment import Experiment, Files, Outputs
from pkd.lastlayer import read_summary_token_only
from pkd.models import load_classifier, move
from pkd.prepare import ask_teacher
from pkd.recipe import Recipe
from pkd.tokens import open_tokens
from study.store import Store
from study.triallog import logged, logger


class DistilTrainable(tune.Trainable):
    """One training; a step is an epoch with its evaluation. Actors can be reused.

    The config holds ``files`` (a `pkd.experiment.Files`), optionally ``outputs`` (a
    `pkd.experiment.Outputs`) and any field of `pkd.recipe.Recipe`: method, layers,
    learning_rate, temperature, alpha, beta, normalize, …

    Each result holds ``score`` (to be maximised), ``epoch`` (for a scheduler's ``time_attr``),
    ``train_loss``, ``train_accuracy``, ``dev_loss`` and ``<split>_<metric>``.

    Raises:
        InputError: in `setup`, for a wrong recipe.
        TrainingError: in `step`, if loss or score stop being finite numbers.
    """

    def setup(self, config: dict[str, Any]) -> None:
        """Loads model, data and signals, and the checkpoint if there is one."""
        torch.set_num_threads(_cpus())
        recipe = {key: value for key, value in config.items() if key in Recipe.model_fields}
        outputs: Outputs = config.get("outputs") or Outputs()
        self.experiment = Experiment(
            Recipe.checked(**recipe), config["files"], outputs, device=_device()
        )

    def step(self) -> dict[str, Any]:
        """Trains one epoch."""
        report = self.experiment.run_epoch().to_dict()
        flat = {
            f"{split}_{metric}": value
            for split, metrics in report["metrics"].items()
            for metric, value in metrics.items()
        }
        return {**report, **flat, "done": self.experiment.finished}

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Takes up another trial in the same process: 0.1 s instead of 5 s of imports."""
        del self.experiment
        self.setup(new_config)
        return True


class StudyTrial(DistilTrainable):
    """A trial of the study: it resumes by itself, and its end is the board's decision.

    Further config: ``recorded``, the number of epochs that the ledger holds, ``log``, the file for
    the trial's log, and ``store``, where its files come from.
    """

    def setup(self, config: dict[str, Any]) -> None:
        """As above; epochs that only the checkpoint knows of are reported again first."""
        self._log: Path = config["log"]
        self._store: Store = config["store"]
        with logged(self._log):
            files: Files = config["files"]
            for path in (*files.read(), config["outputs"].checkpoint):
                self._store.fetch(path)
            super().setup(config)
            self._unrecorded = self.experiment.reports[config["recorded"] :]
            logger.info("%s, %d epochs done", self.experiment.recipe, len(self.experiment.reports))

    def step(self) -> dict[str, Any]:
        """Reports the next epoch that the ledger lacks, or why there is none."""
        with logged(self._log):
            if self._unrecorded:
                return {"report": self._unrecorded.pop(0)}
            try:
                report = self.experiment.run_epoch()
            except TrainingError as error:
                logger.error("%s", error)
                return {"failed": str(error)}
            finally:
                self._store.publish(self._log)
            logger.info("%s", report)
            return {"report": report}


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
        torch.set_num_threads(_cpus())
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
        store.fetch(prepared.train)
        folder = ask_teacher(prepared, teacher, job["layers"], job["root"], job["precision"])
        store.publish(folder)
        return {"folder": folder.name}


class PredictJob(Job):
    """Predicts the test splits and scores those that are held out. Config: ``prepared``,
    ``model``, ``root``, ``precision``, ``store``."""

    def work(self, job: dict[str, Any]) -> dict[str, Any]:
        """Writes ``<root>/<split>.parquet`` for each split; gives the scores of the held out."""
        task, device, store = job["prepared"].task, _device(), job["store"]
        precision = resolve_precision(job["precision"], device)
        model = load_classifier(verify(store.fetch(job["model"])), task.labels)
        model = read_summary_token_only(move(model, device))
        scores: dict[str, dict[str, float]] = {}
        for split in task.predicted:
            tokens = open_tokens(store.fetch(job["prepared"].tokens[split]), device)
            logits = predict_logits(model, tokens, device, precision)
            labels = tokens.all_labels() if split in task.held_out else None
            if labels is not None:
                scores[split] = score(task.metrics, logits, labels, task.labels)
            path = job["root"] / f"{split}.parquet"
            write_predictions(path, task, tokens.idx, logits, labels)
            store.publish(path)
        return {"splits": list(task.predicted)} | ({"metrics": scores} if scores else {})


def _device() -> torch.device:
    """The GPU that Ray gave this process, if any; a visible GPU that was not given is not used."""
    if not ray.is_initialized() or ray.get_gpu_ids():
        return default_device()
    return torch.device("cpu")


def _cpus() -> int:
    """CPU threads that Ray gave this process."""
    if not ray.is_initialized():
        return torch.get_num_threads()
    resources = ray.get_runtime_context().get_assigned_resources()
    return max(1, int(resources.get("CPU", 1)))
