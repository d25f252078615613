"""Trackers that fail, hang or are off: the study goes on."""

import threading

import pytest

from study.config.sections import Trackers
from study.storage.layout import Layout
from study.tracking import trial_tracker as tracking
from study.tracking.ray_callbacks import TensorBoard
from study.tracking.trial_tracker import tracked
from tests.support.studies.dispatchers import report, take
from tests.support.studies.followed import Note, curve, dispatcher_in


def test_a_tracker_that_cannot_write_is_reported_once_and_left_out(layout: Layout) -> None:
    (layout.out / "trackers").write_text("no folder")
    notes: list[str] = []
    dispatcher = dispatcher_in(layout, 3)
    with tracked(dispatcher, Trackers(tensorboard=True), layout, notes.append):
        while (work := dispatcher.next()) is not None:
            for epoch in (1, 2):
                dispatcher.report(*work, report(epoch, 0.5))
    assert dispatcher.done
    assert len(notes) == 1 and notes[0].startswith("`trackers.tensorboard` does not work: ")
    assert str(layout.out / "trackers") in notes[0] and "goes on without it" in notes[0]


def test_an_unreachable_server_is_reported_without_its_credentials(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    notes: list[str] = []
    dispatcher = dispatcher_in(layout, 1)
    uri = "http://ada:s3cret@127.0.0.1:9"
    with tracked(dispatcher, Trackers(mlflow=uri, tensorboard=True), layout, notes.append):
        work = take(dispatcher)
        for epoch in (1, 2):
            dispatcher.report(*work, report(epoch, 0.5))
    assert len(notes) == 1 and "`trackers.mlflow` does not work: " in notes[0]
    assert "127.0.0.1" in notes[0] and "s3cret" not in notes[0]
    # The other tracker still works.
    assert curve(layout, "trial-0000", "score") == [(1, 0.5), (2, 0.5)]


def test_a_tracker_that_hangs_delays_neither_trials_nor_the_end_of_a_stage(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = threading.Event()
    monkeypatch.setattr(tracking, "TIMEOUT_S", 0.1)
    monkeypatch.setattr(TensorBoard, "log_trial_start", lambda *_: answer.wait())
    notes: list[str] = []
    dispatcher = dispatcher_in(layout, 1)
    with tracked(dispatcher, Trackers(tensorboard=True), layout, notes.append):
        work = take(dispatcher)
        for epoch in (1, 2):
            dispatcher.report(*work, report(epoch, 0.5))
    answer.set()
    assert dispatcher.done and len(notes) == 1 and "it takes too long" in notes[0]


def test_stages_that_train_nothing_are_not_tracked(layout: Layout, quiet: Note) -> None:
    layout.study_file.unlink()
    dispatcher = dispatcher_in(layout, 1)
    dispatcher.stage = "predict"
    with tracked(dispatcher, Trackers(tensorboard=True), layout, quiet):
        assert len(dispatcher.observers) == 1


def test_trackers_are_off_by_default(layout: Layout, quiet: Note) -> None:
    dispatcher = dispatcher_in(layout, 1)
    with tracked(dispatcher, Trackers(), layout, quiet):
        assert len(dispatcher.observers) == 1
    assert not (layout.out / "trackers").exists()
