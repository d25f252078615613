"""What Ray gave the process of a trial."""

import ray
import torch

from pkd.devices import default_device


def trial_device() -> torch.device:
    """The GPU that Ray gave this process, if any; a visible GPU that was not given is not used."""
    if not ray.is_initialized() or ray.get_gpu_ids():
        return default_device()
    return torch.device("cpu")


def trial_cpus() -> int:
    """CPU threads that Ray gave this process."""
    if not ray.is_initialized():
        return torch.get_num_threads()
    resources = ray.get_runtime_context().get_assigned_resources()
    return max(1, int(resources.get("CPU", 1)))
