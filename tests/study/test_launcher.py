"""The Python API of a study leaves the process as it was, in every thread."""

import signal
import threading
from pathlib import Path

import pytest

from pkd.runtime.interruption import ignore_further_interrupts, raise_on_signals
from study.config.study_config import StudyConfig
from study.launcher import run_study


def handlers() -> list[object]:
    return [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The handlers within a session, which is interrupted at once."""
    during: list[object] = []

    def run_session(*_: object, **__: object) -> None:
        raise_on_signals()
        ignore_further_interrupts()
        during.extend(handlers())
        raise KeyboardInterrupt

    monkeypatch.setattr("study.session.run_session", run_session)
    monkeypatch.setattr("gc.freeze", lambda: None)
    return during


def start(out: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_study(StudyConfig(tasks=["rte"]), out)


def test_an_interrupted_study_leaves_the_signals_as_they_were(
    session: list[object], tmp_path: Path
) -> None:
    before = handlers()
    start(tmp_path)
    assert session[0] is signal.SIG_IGN and session[1] not in before
    assert handlers() == before


def test_a_study_in_another_thread_handles_no_signals(
    session: list[object], tmp_path: Path
) -> None:
    before, ended = handlers(), []
    thread = threading.Thread(target=lambda: ended.append(start(tmp_path)))
    thread.start()
    thread.join()
    assert ended and session == before == handlers()
