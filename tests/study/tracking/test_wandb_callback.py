"""An offline run of Weights & Biases holds a trial."""

import json
from pathlib import Path

import pytest

from study.cluster.ray_cluster import start_ray, stop_ray
from study.cluster.ray_scratch import remove_scratch
from study.config.sections import Trackers
from study.storage.layout import Layout
from study.tracking.trial_tracker import tracked
from tests.support.studies.dispatchers import report, take
from tests.support.studies.followed import Note, dispatcher_in
from tests.support.studies.wandb_records import offline_records


@pytest.mark.slow
def test_wandb_offline_holds_a_run_and_no_file_holds_the_key(
    layout: Layout, quiet: Note, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    key = "0123456789abcdef" * 2 + "01234567"
    scratch = start_ray(None, tmp_path)
    try:
        # Only the driver has these, as in a job on a cluster.
        monkeypatch.setenv("WANDB_MODE", "offline")
        monkeypatch.setenv("WANDB_API_KEY", key)
        dispatcher = dispatcher_in(layout, 1)
        with tracked(dispatcher, Trackers(wandb="distil"), layout, quiet):
            work = take(dispatcher)
            for epoch in (1, 2):
                dispatcher.report(*work, report(epoch, epoch / 4))
    finally:
        stop_ray(None)
    assert scratch is not None
    seen = [path for top in (scratch, layout.out) for path in top.rglob("*") if path.is_file()]
    assert {"raylet.out", "gcs_server.out"} <= {path.name for path in seen}
    assert [path for path in seen if key.encode() in path.read_bytes()] == []
    remove_scratch(scratch)
    assert list(home.rglob("*")) == []
    (folder,) = (layout.trackers / "wandb").glob("offline-run-*")
    records = list(offline_records(folder))
    (run,) = [record.run for record in records if record.WhichOneof("record_type") == "run"]
    assert (run.project, run.display_name) == ("distil", "rte-2-ft trial-0000")
    assert run.run_group == "tiny search"
    config = {item.key: json.loads(item.value_json) for item in run.config.update}
    settings = {"learning_rate": 1e-5, "seed": 0, "stage": "search", "method": "ft", "depth": 2}
    assert config.items() >= settings.items()
    logged = [
        {"/".join(item.nested_key) or item.key: json.loads(item.value_json) for item in each}
        for each in (r.history.item for r in records if r.WhichOneof("record_type") == "history")
    ]
    assert [(each["_step"], each["score"]) for each in logged] == [(1, 0.25), (2, 0.5)]
    assert [each["validation/f1"] for each in logged] == [0.25, 0.5]
