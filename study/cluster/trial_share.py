"""What one trial requests of a node: CPUs and GPUs."""

from collections.abc import Sequence

from pkd.errors import InputError
from study.config.sections import Resources

Node = tuple[float, float]


def trial_share(
    resources: Resources,
    nodes: Sequence[Node],
    future: Node = (0.0, 0.0),
    where: str = "the cluster's nodes have",
) -> dict[str, float]:
    """Returns the CPUs and GPUs of one trial, inferred where the configuration gives none.

    Args:
        resources: the configuration.
        nodes: CPUs and GPUs of each node.
        future: the most CPUs and GPUs that an autoscaler may add.
        where: how the message about too few calls the nodes.

    Raises:
        InputError: if no node can ever offer them: Ray would wait forever.
    """
    with_gpu = [(cpus, gpus) for cpus, gpus in nodes if gpus]
    gpu = resources.gpus_per_trial
    if gpu is None:
        gpu = 0.25 if with_gpu or future[1] else 0.0
    cpu = resources.cpus_per_trial
    if cpu is None:
        cpu = 1.0
        if gpu and with_gpu:
            cpu = float(max(1, int(min(cpus * gpu / gpus for cpus, gpus in with_gpu))))
    if gpu > 1 and gpu != int(gpu):
        raise InputError(
            f"`resources.gpus_per_trial` is {gpu:g}, but must be a fraction below 1 or a whole "
            "number: a trial shares one GPU or has its own"
        )
    if not any(cpu <= cpus and gpu <= gpus for cpus, gpus in (*nodes, future)):
        available = ", ".join(sorted({f"{cpus:g} and {gpus:g}" for cpus, gpus in nodes}))
        raise InputError(
            f"a trial needs {cpu:g} CPUs and {gpu:g} GPUs of one node (`resources.cpus_per_trial`,"
            f" `resources.gpus_per_trial`), but {where} {available}"
        )
    return {"cpu": cpu, "gpu": gpu}
