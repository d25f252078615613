"""What TensorBoard, MLflow and Weights & Biases hold of a stage, by their own readers."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import ray
import yaml
from boards import board_of, fixed, report, take
from fake_stage import make_board, work_off
from mlflow import MlflowClient
from mlflow.entities import Run
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from wandb_records import offline_records

from study import tracking
from study.board import Board
from study.cluster import start_ray, stop_ray
from study.layout import Layout
from study.trackercallbacks import TensorBoard
from study.trackers import Trackers
from study.tracking import tracked

Note = Callable[[str], None]


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path)
    record = {"format": 1, "name": "tiny", "id": "5a1d", "created": "", "config": {}}
    layout.study_file.write_text(yaml.safe_dump(record))
    return layout


def board_in(layout: Layout, trials: int = 2) -> Board:
    """A new driver's board over the study's ledger: one cell, rte-2-ft, two epochs a trial."""
    return board_of(layout.ledger, fixed("rte", trials))


@pytest.fixture
def quiet() -> Iterator[Note]:
    """For a test in which nobody has anything to complain of."""
    notes: list[str] = []
    yield notes.append
    assert not notes


# TensorBoard ----------------------------------------------------------------------------------


def events(layout: Layout, trial: str) -> EventAccumulator:
    folder = layout.out / "trackers" / "tensorboard" / "search" / "rte-2-ft" / trial
    return EventAccumulator(str(folder)).Reload()


def curve(layout: Layout, trial: str, measure: str) -> list[tuple[int, float]]:
    scalars = events(layout, trial).Scalars(f"ray/tune/{measure}")
    return [(each.step, pytest.approx(each.value)) for each in scalars]


def test_tensorboard_holds_each_epoch_once_however_often_a_driver_dies(
    layout: Layout, quiet: Note
) -> None:
    on = Trackers(tensorboard=True)
    board = board_in(layout)
    with pytest.raises(KeyboardInterrupt), tracked(board, on, layout, quiet):
        board.report(*take(board), report(1, 0.5))
        work = take(board)  # has told nothing yet
        raise KeyboardInterrupt
    board = board_in(layout)
    with tracked(board, on, layout, quiet):
        search, name = take(board)
        board.report(search, name, report(1, 0.5))  # its checkpoint was older than the ledger
        board.report(search, name, report(2, 0.25))
        work = take(board)
        board.report(*work, report(1, 0.75))
        board.report(*work, report(2, 0.7))
    with tracked(board_in(layout), on, layout, quiet):
        pass
    assert curve(layout, "trial-0000", "score") == [(1, 0.5), (2, 0.25)]
    assert curve(layout, "trial-0000", "best_score") == [(1, 0.5), (2, 0.5)]
    assert curve(layout, "trial-0001", "validation/f1") == [(1, 0.75), (2, 0.7)]
    assert curve(layout, "trial-0001", "seconds") == [(1, 3), (2, 3)]


def test_tensorboard_s_hparams_are_the_trial_s_settings(layout: Layout, quiet: Note) -> None:
    board = board_in(layout, 1)
    with tracked(board, Trackers(tensorboard=True), layout, quiet):
        work = take(board)
        for epoch in (1, 2):
            board.report(*work, report(epoch, 0.5))
    metadata = events(layout, "trial-0000").summary_metadata
    content = metadata["_hparams_/session_start_info"].plugin_data.content
    for word in (b"learning_rate", b"seed", b"search", b"rte"):
        assert word in content


# MLflow ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database of MLflow's; making one takes seconds."""
    uri = f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"
    MlflowClient(uri).create_experiment("empty")
    return uri


@pytest.fixture
def store(database: str, layout: Layout, request: pytest.FixtureRequest) -> str:
    """The database, and a study of its own in it."""
    record = yaml.safe_load(layout.study_file.read_text()) | {"name": request.node.name}
    layout.study_file.write_text(yaml.safe_dump(record))
    return database


def name_of(layout: Layout) -> str:
    return str(yaml.safe_load(layout.study_file.read_text())["name"])


def runs_of(store: str, layout: Layout) -> dict[str, Run]:
    """The experiment's runs by their names, each of which must be there once."""
    client = MlflowClient(store)
    experiment = client.get_experiment_by_name(name_of(layout))
    found = client.search_runs([experiment.experiment_id])
    runs = {run.info.run_name: run for run in found}
    assert len(runs) == len(found)
    return runs


def steps(store: str, run: Run, measure: str) -> list[tuple[int, float]]:
    history = MlflowClient(store).get_metric_history(run.info.run_id, measure)
    return [(metric.step, metric.value) for metric in history]


def test_mlflow_holds_a_run_for_each_trial_of_a_stage(
    store: str, layout: Layout, quiet: Note
) -> None:
    board = make_board(layout.ledger)
    with tracked(board, Trackers(mlflow=store), layout, quiet):
        work_off(board)
    runs, study = runs_of(store, layout), name_of(layout)
    states = {"complete": "FINISHED", "stopped": "FINISHED", "failed": "FAILED"}
    trials = [
        (search, name, trial)
        for search in board.searches.values()
        for name, trial in search.trials.items()
    ]
    assert {trial.state for _, _, trial in trials} == set(states)
    assert runs.keys() == {f"{search.cell.name} {name}" for search, name, _ in trials}
    for search, name, trial in trials:
        run = runs[f"{search.cell.name} {name}"]
        assert run.info.status == states[trial.state]
        tags = {"study": study, "stage": "search", "cell": search.cell.name, "trial": name}
        assert run.data.tags.items() >= tags.items()
        what = {"stage": "search", "task": "rte", "depth": 2, "method": search.cell.method}
        seed = search.seed_of(trial.number)
        expected = what | {"seed": seed} | trial.settings
        assert run.data.params == {key: str(value) for key, value in expected.items()}
        scores = [(each["epoch"], each["score"]) for each in trial.reports]
        assert steps(store, run, "score") == scores
        assert steps(store, run, "validation/acc") == scores


def test_an_interrupted_trial_goes_on_in_its_run_of_mlflow(
    store: str, layout: Layout, quiet: Note
) -> None:
    on = Trackers(mlflow=store)
    board = board_in(layout, 1)
    with pytest.raises(KeyboardInterrupt), tracked(board, on, layout, quiet):
        board.report(*take(board), report(1, 0.5))
        raise KeyboardInterrupt
    assert runs_of(store, layout)["rte-2-ft trial-0000"].info.status == "KILLED"
    board = board_in(layout, 2)
    with tracked(board, on, layout, quiet):
        board.break_off(*take(board), "its node died")
        board.retry()
        board.report(*take(board), report(2, 0.75))
    runs = runs_of(store, layout)
    assert runs.keys() == {"rte-2-ft trial-0000"}
    assert steps(store, runs["rte-2-ft trial-0000"], "score") == [(1, 0.5), (2, 0.75)]
    assert runs["rte-2-ft trial-0000"].info.status == "FINISHED"
    with tracked(board_in(layout, 1), on, layout, quiet):
        pass
    assert len(runs_of(store, layout)) == 1


def test_a_study_of_the_same_name_has_runs_of_its_own(
    store: str, layout: Layout, quiet: Note
) -> None:
    for study in ("one", "two"):
        record = yaml.safe_load(layout.study_file.read_text()) | {"id": study}
        layout.study_file.write_text(yaml.safe_dump(record))
        board = board_of(layout.out / study, fixed("rte", 1))
        with tracked(board, Trackers(mlflow=store), layout, quiet):
            board.report(*take(board), report(1, 0.5))
    client = MlflowClient(store)
    experiment = client.get_experiment_by_name(name_of(layout))
    assert len(client.search_runs([experiment.experiment_id])) == 2


def test_a_label_of_any_characters_is_a_metric_in_mlflow(
    store: str, layout: Layout, quiet: Note
) -> None:
    board = board_in(layout, 1)
    with tracked(board, Trackers(mlflow=store), layout, quiet):
        metrics = {"metrics": {"dev": {"f1:C++": 0.5, "f1:../é": 0.25}}}
        board.report(*take(board), report(1, 0.5) | metrics)
    found = runs_of(store, layout)["rte-2-ft trial-0000"].data.metrics
    assert found["dev/f1:C_2b__2b_"] == 0.5 and found["dev/f1:.._2f_é"] == 0.25


# Faults ---------------------------------------------------------------------------------------


def test_a_tracker_that_cannot_write_is_told_of_once_and_left_out(layout: Layout) -> None:
    (layout.out / "trackers").write_text("no folder")
    notes: list[str] = []
    board = board_in(layout, 3)
    with tracked(board, Trackers(tensorboard=True), layout, notes.append):
        while (work := board.next()) is not None:
            for epoch in (1, 2):
                board.report(*work, report(epoch, 0.5))
    assert board.done
    assert len(notes) == 1 and notes[0].startswith("`trackers.tensorboard` does not work: ")
    assert str(layout.out / "trackers") in notes[0] and "goes on without it" in notes[0]


def test_a_server_that_is_gone_is_told_of_without_its_credentials(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    notes: list[str] = []
    board = board_in(layout, 1)
    uri = "http://ada:s3cret@127.0.0.1:9"
    with tracked(board, Trackers(mlflow=uri, tensorboard=True), layout, notes.append):
        work = take(board)
        for epoch in (1, 2):
            board.report(*work, report(epoch, 0.5))
    assert len(notes) == 1 and "`trackers.mlflow` does not work: " in notes[0]
    assert "127.0.0.1" in notes[0] and "s3cret" not in notes[0]
    # The other one goes on.
    assert curve(layout, "trial-0000", "score") == [(1, 0.5), (2, 0.5)]


def test_a_tracker_that_hangs_holds_up_neither_trials_nor_the_end_of_a_stage(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = threading.Event()
    monkeypatch.setattr(tracking, "_PATIENCE_S", 0.1)
    monkeypatch.setattr(TensorBoard, "log_trial_start", lambda *_: answer.wait())
    notes: list[str] = []
    board = board_in(layout, 1)
    with tracked(board, Trackers(tensorboard=True), layout, notes.append):
        work = take(board)
        for epoch in (1, 2):
            board.report(*work, report(epoch, 0.5))
    answer.set()
    assert board.done and len(notes) == 1 and "it takes too long" in notes[0]


def test_stages_that_train_nothing_are_told_to_nobody(layout: Layout, quiet: Note) -> None:
    layout.study_file.unlink()
    board = board_in(layout, 1)
    board.stage = "predict"
    with tracked(board, Trackers(tensorboard=True), layout, quiet):
        assert len(board.observers) == 1


def test_trackers_are_off_by_default(layout: Layout, quiet: Note) -> None:
    board = board_in(layout, 1)
    with tracked(board, Trackers(), layout, quiet):
        assert len(board.observers) == 1
    assert not (layout.out / "trackers").exists()


# Weights & Biases -----------------------------------------------------------------------------


@pytest.mark.slow
def test_wandb_offline_holds_a_run_and_nobody_holds_the_key(
    layout: Layout, quiet: Note, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "0123456789abcdef" * 2 + "01234567"
    start_ray(None)
    try:
        # The driver's alone, as in a job on a cluster.
        monkeypatch.setenv("WANDB_MODE", "offline")
        monkeypatch.setenv("WANDB_API_KEY", key)
        board = board_in(layout, 1)
        with tracked(board, Trackers(wandb="distil"), layout, quiet):
            work = take(board)
            for epoch in (1, 2):
                board.report(*work, report(epoch, epoch / 4))
        logs = Path(ray._private.worker._global_node.get_logs_dir_path())
    finally:
        stop_ray()
    (folder,) = (layout.trackers / "wandb").glob("offline-run-*")
    records = list(offline_records(folder))
    (run,) = [record.run for record in records if record.WhichOneof("record_type") == "run"]
    assert (run.project, run.display_name) == ("distil", "rte-2-ft trial-0000")
    assert run.run_group == "tiny search"
    config = {item.key: json.loads(item.value_json) for item in run.config.update}
    settings = {"learning_rate": 1e-5, "seed": 0, "stage": "search", "method": "ft", "depth": 2}
    assert config.items() >= settings.items()
    told = [
        {"/".join(item.nested_key) or item.key: json.loads(item.value_json) for item in each}
        for each in (r.history.item for r in records if r.WhichOneof("record_type") == "history")
    ]
    assert [(each["_step"], each["score"]) for each in told] == [(1, 0.25), (2, 0.5)]
    assert [each["validation/f1"] for each in told] == [0.25, 0.5]
    for path in (*logs.rglob("*"), *layout.out.rglob("*")):
        assert not path.is_file() or key.encode() not in path.read_bytes(), path
