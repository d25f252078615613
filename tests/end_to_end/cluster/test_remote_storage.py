"""A study with its files in S3, on nodes with different disks: one node dies, one joins."""

import os
import shutil
from pathlib import Path

import pytest

from study.storage.store import open_store
from study.storage.study_copy import pull
from tests.support.commands.ray_cluster import ray_cluster
from tests.support.commands.study_process import TIMEOUT, Finished, Study

pytestmark = pytest.mark.slow


def test_a_study_in_s3_survives_a_lost_node_and_uses_one_that_joins(
    finished: Finished, tmp_path: Path, s3_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting a separate disk for a node needs root")
    cache = tmp_path / "cache"
    monkeypatch.setenv("PKD_STUDY_CACHE", str(cache))
    cache.mkdir()
    study = Study(
        open_store(s3_uri)[1], finished.study.data, finished.study.model, given_out=s3_uri
    )
    with ray_cluster() as cluster:
        cluster.start(cpus=0)
        first = cluster.start(cpus=1, own_disk_at=cache)
        study.environment = cluster.environment
        with study.started("--address", cluster.address) as process:
            study.wait_for(process, "search", 5)
            cluster.kill(first)
            cluster.start(cpus=1, own_disk_at=cache)
            output, _ = process.communicate(timeout=TIMEOUT)
        assert process.returncode == 0, output
    # The files on the driver's node are not needed: the whole study is in S3.
    shutil.rmtree(cache)
    laptop = Study(tmp_path / "laptop", study.data, study.model)
    pull(s3_uri, laptop.out)
    assert laptop.numbers() == finished.study.numbers()
    for part in ("teachers/rte/model.safetensors", "models/rte-2-ft/manifest.json"):
        assert (laptop.out / part).exists()
    assert (laptop.out / "report" / "index.html").exists()
    assert not (laptop.out / "checkpoints").exists()
    assert os.listdir(laptop.out / "predictions" / "predict")
