"""TensorBoard and MLflow hold a stage's trials, as their own readers show."""

import pytest
import yaml
from mlflow import MlflowClient
from mlflow.entities import Run

from study.config.sections import Trackers
from study.storage.layout import Layout
from study.tracking import trial_tracker as tracking
from study.tracking.trial_tracker import tracked
from tests.support.hostile_texts import HOSTILE
from tests.support.studies.dispatchers import dispatcher_of, fixed, report, take
from tests.support.studies.fake_stage import make_dispatcher, run_until_done
from tests.support.studies.followed import Note, curve, dispatcher_in, events


@pytest.fixture(autouse=True)
def no_short_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a first import may take longer than an interrupted stage waits."""
    monkeypatch.setattr(tracking, "INTERRUPTED_TIMEOUT_S", 60)


# TensorBoard ----------------------------------------------------------------------------------


def test_tensorboard_holds_each_epoch_once_however_often_the_driver_dies(
    layout: Layout, quiet: Note
) -> None:
    on = Trackers(tensorboard=True)
    dispatcher = dispatcher_in(layout)
    with pytest.raises(KeyboardInterrupt), tracked(dispatcher, on, layout, quiet):
        dispatcher.report(*take(dispatcher), report(1, 0.5))
        work = take(dispatcher)  # without a report yet
        raise KeyboardInterrupt
    dispatcher = dispatcher_in(layout)
    with tracked(dispatcher, on, layout, quiet):
        search, name = take(dispatcher)
        dispatcher.report(search, name, report(1, 0.5))  # its checkpoint was older than the ledger
        dispatcher.report(search, name, report(2, 0.25))
        work = take(dispatcher)
        dispatcher.report(*work, report(1, 0.75))
        dispatcher.report(*work, report(2, 0.7))
    with tracked(dispatcher_in(layout), on, layout, quiet):
        pass
    assert curve(layout, "trial-0000", "score") == [(1, 0.5), (2, 0.25)]
    assert curve(layout, "trial-0000", "best_score") == [(1, 0.5), (2, 0.5)]
    assert curve(layout, "trial-0001", "validation/f1") == [(1, 0.75), (2, 0.7)]
    assert curve(layout, "trial-0001", "seconds") == [(1, 3), (2, 3)]


def test_tensorboard_s_hyperparameters_are_the_settings(layout: Layout, quiet: Note) -> None:
    dispatcher = dispatcher_in(layout, 1)
    with tracked(dispatcher, Trackers(tensorboard=True), layout, quiet):
        work = take(dispatcher)
        for epoch in (1, 2):
            dispatcher.report(*work, report(epoch, 0.5))
    metadata = events(layout, "trial-0000").summary_metadata
    content = metadata["_hparams_/session_start_info"].plugin_data.content
    for word in (b"learning_rate", b"seed", b"search", b"rte"):
        assert word in content


# MLflow ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database of MLflow, shared because making one takes seconds."""
    uri = f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"
    MlflowClient(uri).create_experiment("empty")
    return uri


@pytest.fixture
def store(database: str, layout: Layout, request: pytest.FixtureRequest) -> str:
    """The database's address, after naming the study like the test."""
    record = yaml.safe_load(layout.study_file.read_text()) | {"name": request.node.name}
    layout.study_file.write_text(yaml.safe_dump(record))
    return database


def name_of(layout: Layout) -> str:
    return str(yaml.safe_load(layout.study_file.read_text())["name"])


def runs_of(store: str, layout: Layout) -> dict[str, Run]:
    """The runs of the study's experiment by name; each name must occur once."""
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
    dispatcher = make_dispatcher(layout.ledger)
    with tracked(dispatcher, Trackers(mlflow=store), layout, quiet):
        run_until_done(dispatcher)
    runs, study = runs_of(store, layout), name_of(layout)
    states = {"complete": "FINISHED", "stopped": "FINISHED", "failed": "FAILED"}
    trials = [
        (search, name, trial)
        for search in dispatcher.searches.values()
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


def test_an_interrupted_trial_continues_its_run_of_mlflow(
    store: str, layout: Layout, quiet: Note
) -> None:
    on = Trackers(mlflow=store)
    dispatcher = dispatcher_in(layout, 1)
    with pytest.raises(KeyboardInterrupt), tracked(dispatcher, on, layout, quiet):
        dispatcher.report(*take(dispatcher), report(1, 0.5))
        raise KeyboardInterrupt
    assert runs_of(store, layout)["rte-2-ft trial-0000"].info.status == "KILLED"
    dispatcher = dispatcher_in(layout, 2)
    with tracked(dispatcher, on, layout, quiet):
        dispatcher.mark_interrupted(*take(dispatcher), "its node died")
        dispatcher.retry()
        dispatcher.report(*take(dispatcher), report(2, 0.75))
    runs = runs_of(store, layout)
    assert runs.keys() == {"rte-2-ft trial-0000"}
    assert steps(store, runs["rte-2-ft trial-0000"], "score") == [(1, 0.5), (2, 0.75)]
    assert runs["rte-2-ft trial-0000"].info.status == "FINISHED"
    with tracked(dispatcher_in(layout, 1), on, layout, quiet):
        pass
    assert len(runs_of(store, layout)) == 1


def test_a_study_of_the_same_name_has_runs_of_its_own(
    store: str, layout: Layout, quiet: Note
) -> None:
    for study in ("one", "two"):
        record = yaml.safe_load(layout.study_file.read_text()) | {"id": study}
        layout.study_file.write_text(yaml.safe_dump(record))
        dispatcher = dispatcher_of(layout.out / study, fixed("rte", 1))
        with tracked(dispatcher, Trackers(mlflow=store), layout, quiet):
            dispatcher.report(*take(dispatcher), report(1, 0.5))
    client = MlflowClient(store)
    experiment = client.get_experiment_by_name(name_of(layout))
    assert len(client.search_runs([experiment.experiment_id])) == 2


def test_a_label_of_any_characters_is_a_metric_in_mlflow(
    store: str, layout: Layout, quiet: Note
) -> None:
    dispatcher = dispatcher_in(layout, 1)
    with tracked(dispatcher, Trackers(mlflow=store), layout, quiet):
        metrics = {"dev": {"f1:C++": 0.5, "f1:../é": 0.25}}
        dispatcher.report(*take(dispatcher), report(1, 0.5, metrics=metrics))
    found = runs_of(store, layout)["rte-2-ft trial-0000"].data.metrics
    assert found["dev/f1:C_2b__2b_"] == 0.5 and found["dev/f1:.._2f_é"] == 0.25


def test_splits_and_labels_of_any_name_are_metrics_of_their_own_in_mlflow(
    store: str, layout: Layout, quiet: Note
) -> None:
    hostile = {f"f1:{text}": number / 100 for number, text in enumerate(HOSTILE.values())}
    # Two long labels that differ in their last character only.
    hostile |= {f"f1:{'x' * 299}{last}": 0.9 for last in "yz"}
    del hostile[f"f1:{HOSTILE['surrogate']}"]  # refused before
    dispatcher = dispatcher_in(layout, 1)
    with tracked(dispatcher, Trackers(mlflow=store), layout, quiet):
        metrics = {"=d|ev [x](y)": hostile, "x" * 100: hostile}
        dispatcher.report(*take(dispatcher), report(1, 0.5, metrics=metrics))
    found = runs_of(store, layout)["rte-2-ft trial-0000"].data.metrics
    values = [value for name, value in found.items() if "/f1:" in name]
    assert sorted(values) == sorted([*hostile.values(), *hostile.values()])
