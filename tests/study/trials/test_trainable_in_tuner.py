"""The trainable in a plain `ray.tune.Tuner`: schedulers, killed workers, restored searches."""

import os
import secrets
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import ray
import torch
from ray import tune
from ray.tune.schedulers import ASHAScheduler, PopulationBasedTraining

from pkd.distillation.losses import Loss, LossInputs, LossTerms, distillation_loss
from pkd.distillation.recipe import Recipe
from pkd.training.epoch_report import EpochReport
from pkd.training.training_run import Files, Outputs, TrainingRun
from study.trials.trainable import DistilTrainable
from tests.support.commands.study_process import ROOT
from tests.support.studies.works import PKD

pytestmark = pytest.mark.slow

EPOCHS = 4
STEPS = 4  # of an epoch: 64 rows in batches of 16
RECIPE = PKD | {"epochs": EPOCHS}
EACH_EPOCH = tune.CheckpointConfig(checkpoint_frequency=1)
NUMBERS = ("epoch", "score", "dev_loss", "train_loss", "train_accuracy")


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    """Ray with two workers of one thread; by itself it keeps a token in the home folder."""
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    variables = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    ray.init(
        "local",
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=80_000_000,
        runtime_env={"env_vars": variables},
    )
    yield
    ray.shutdown()


def tuner(place: Path, space: dict[str, Any], **options: Any) -> tune.Tuner:
    """A Tuner that maximises the score and keeps its files in ``place``."""
    config = {"name": "search", "storage_path": str(place), "verbose": 0}
    run_config = {key: options.pop(key) for key in list(options) if key.endswith("_config")}
    return tune.Tuner(
        tune.with_resources(DistilTrainable, {"cpu": 1}),
        param_space=RECIPE | space,
        tune_config=tune.TuneConfig(metric="score", mode="max", **options),
        run_config=tune.RunConfig(**config, **run_config),
    )


def expected(files: Files, **changed: Any) -> list[EpochReport]:
    """The reports of the same training without Ray and without an interruption."""
    training = TrainingRun(Recipe.checked(**RECIPE | changed), files, device=torch.device("cpu"))
    return [training.run_epoch() for _ in range(EPOCHS)]


def numbers(metrics: dict[str, Any]) -> dict[str, Any]:
    return {key: metrics[key] for key in NUMBERS}


def in_third_epoch_once(place: Path, do: Callable[[], None]) -> Loss:
    """A loss that does something in the third epoch of the first process that gets there."""
    marker = place / "happened"
    steps = 0

    def loss(inputs: LossInputs) -> LossTerms:
        nonlocal steps
        steps += 1
        if steps > 2 * STEPS and not marker.exists():
            marker.touch()
            do()
        return distillation_loss(inputs)

    return loss


def test_asha_and_reused_actors_give_the_numbers_of_a_loop(files: Files, tmp_path: Path) -> None:
    rates = [1e-3, 2e-3, 3e-3]
    results = tuner(
        tmp_path,
        {
            "files": files,
            "learning_rate": tune.grid_search(rates),
            "outputs": Outputs(best_model=Path("best_model"), predictions=Path("predictions")),
        },
        scheduler=ASHAScheduler(time_attr="epoch", grace_period=EPOCHS, max_t=EPOCHS),
        reuse_actors=True,
    ).fit()
    assert results.num_errors == 0
    assert sorted(result.config["learning_rate"] for result in results) == rates
    for result in results:
        *_, last = expected(files, learning_rate=result.config["learning_rate"])
        assert numbers(result.metrics) == numbers(last.to_dict())
        kept = Path(result.checkpoint.path)
        assert (kept / "best_model" / "model.safetensors").exists()
        assert (kept / "predictions" / "validation.parquet").exists()
    assert not (Path.cwd() / "best_model").exists()


def test_a_killed_worker_goes_on_bit_for_bit(files: Files, tmp_path: Path) -> None:
    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    results = tuner(
        tmp_path,
        {"files": files, "loss": in_third_epoch_once(tmp_path, die)},
        checkpoint_config=EACH_EPOCH,
        failure_config=tune.FailureConfig(max_failures=1),
    ).fit()
    assert (tmp_path / "happened").exists()
    assert results.num_errors == 0
    history = results[0].metrics_dataframe
    assert list(history["epoch"]) == [1, 2, 3, 4]
    for row, report in zip(history.to_dict("records"), expected(files), strict=True):
        assert numbers(row) == numbers(report.to_dict())


def test_a_restored_search_goes_on_bit_for_bit(files: Files, tmp_path: Path) -> None:
    def fail() -> None:
        raise RuntimeError("on purpose")

    space = {"files": files, "loss": in_third_epoch_once(tmp_path, fail)}
    failed = tuner(tmp_path, space, checkpoint_config=EACH_EPOCH).fit()
    assert failed.num_errors == 1 and failed[0].metrics["epoch"] == 2
    results = tune.Tuner.restore(
        str(tmp_path / "search"),
        trainable=tune.with_resources(DistilTrainable, {"cpu": 1}),
        resume_errored=True,
    ).fit()
    assert results.num_errors == 0
    assert list(results[0].metrics_dataframe["epoch"]) == [1, 2, 3, 4]
    assert numbers(results[0].metrics) == numbers(expected(files)[-1].to_dict())


def test_population_based_training_exchanges_checkpoints(files: Files, tmp_path: Path) -> None:
    scheduler = PopulationBasedTraining(
        time_attr="epoch",
        perturbation_interval=1,
        quantile_fraction=0.5,
        hyperparam_mutations={"learning_rate": [1e-4, 2e-3], "temperature": [2.0, 5.0, 10.0]},
        synch=True,
        log_config=True,
    )
    results = tuner(
        tmp_path,
        {
            "files": files,
            "learning_rate": tune.grid_search([1e-5, 3e-3]),
            "outputs": Outputs(best_model=Path("best_model")),
        },
        scheduler=scheduler,
        reuse_actors=True,
    ).fit()
    assert results.num_errors == 0
    assert [result.metrics["epoch"] for result in results] == [EPOCHS, EPOCHS]
    assert list((tmp_path / "search").glob("pbt_policy_*.txt"))  # one trial took another's over
