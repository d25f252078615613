"""What a trial requests of this machine is refused before any data are prepared."""

import pytest

from pkd.errors import InputError
from study.cluster.trial_share import trial_share
from study.config.sections import Resources

HERE = "this machine has"


def test_a_machine_without_gpus_gives_one_cpu() -> None:
    assert trial_share(Resources(), [(2.0, 0.0)], where=HERE) == {"cpu": 1.0, "gpu": 0.0}


@pytest.mark.parametrize(
    ("resources", "wanted"),
    [
        (Resources(cpus_per_trial=64), "64 CPUs and 0 GPUs"),
        (Resources(cpus_per_trial=2.5), "2.5 CPUs and 0 GPUs"),
        (Resources(gpus_per_trial=1), "1 CPUs and 1 GPUs"),
        (Resources(gpus_per_trial=0.25), "1 CPUs and 0.25 GPUs"),
        (Resources(cpus_per_trial=1, gpus_per_trial=2), "1 CPUs and 2 GPUs"),
    ],
)
def test_more_than_this_machine_has_is_refused(resources: Resources, wanted: str) -> None:
    with pytest.raises(InputError, match=f"needs {wanted} .* this machine has 2 and 0$"):
        trial_share(resources, [(2.0, 0.0)], where=HERE)
