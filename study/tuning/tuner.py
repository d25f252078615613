"""Runs the stages of a study on Ray Tune."""

from collections.abc import Mapping
from typing import Any

from ray import tune

from pkd.runtime.environment import variables
from study.cluster.ray_cluster import autoscaled, trial_resources, trials_at_once
from study.cluster.ray_internals import callbacks_uncounted
from study.config.sections import Resources
from study.storage.layout import Layout
from study.trials.lazy_trainable import LazyTrainable
from study.tuning.stage_queue import StageGenerator, StageQueue
from study.tuning.tune_adapters import InterruptedTrials, StudyScheduler, StudySearcher

# How often Tune starts a failed trial again.
_TRIAL_RETRIES = 2
# Tune gives a waiting trial to the first process that is free and drops the process that was
# starting for it. With one trial waiting (its default for a search) the number of processes would
# stop growing as soon as trials end more often than a process starts. So one trial waits for each
# four that run.
_RUNNING_PER_WAITING = 4


def run_stages(stages: StageGenerator[None], resources: Resources, layout: Layout) -> None:
    """Runs all stages on Ray Tune, one after another, and waits for their end.

    Args:
        stages: see `study.tuning.stage_queue.StageQueue`.
        resources: what a trial requests from Ray.
        layout: where Tune's scratch goes.

    Raises:
        InputError: if no node can ever provide the resources.
        Exception: what ``stages`` raises.
    """
    queue = StageQueue(stages)
    share: dict[str, float] | None = None
    while not queue.finished:
        try:
            # Once: a cluster that has just lost its nodes gets others, and Ray waits for them.
            share = share or trial_resources(resources)
            _run_tune(queue, share, layout)
        except BaseException as error:  # Ctrl-C too: the stage releases what it holds
            queue.throw(error)
        queue.raise_failure()


def _run_tune(queue: StageQueue, resources: Mapping[str, float], layout: Layout) -> None:
    at_once = trials_at_once(resources)
    waiting = max(1, at_once // _RUNNING_PER_WAITING)
    tuner = tune.Tuner(
        tune.with_resources(LazyTrainable, dict(resources)),
        tune_config=tune.TuneConfig(
            search_alg=StudySearcher(queue),
            # With an autoscaler an idle process would keep its node, which costs money.
            scheduler=StudyScheduler(queue, keep=0 if autoscaled() else at_once),
            num_samples=-1,
            reuse_actors=True,
            trial_name_creator=_trial_name,
            trial_dirname_creator=_trial_name,
        ),
        run_config=tune.RunConfig(
            name="trials",
            storage_path=str(layout.ray.resolve()),
            callbacks=[InterruptedTrials(queue)],
            # Trials keep their own checkpoints, which outlive Tune's scratch.
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            failure_config=tune.FailureConfig(max_failures=_TRIAL_RETRIES),
            verbose=0,
        ),
    )
    with variables({"TUNE_MAX_PENDING_TRIALS_PG": str(waiting)}), callbacks_uncounted():
        tuner.fit()


def _trial_name(trial: Any) -> str:
    return "-".join(trial.config[part] for part in ("stage", "cell", "trial"))
