"""A signal ends the command with its own code, wherever it comes."""

import signal
from collections.abc import Iterator

import pytest

from pkd.runtime.interruption import Terminated
from study.command_line import main


@pytest.fixture(autouse=True)
def ctrl_c() -> Iterator[None]:
    """The command ignores Ctrl-C once it ends; pytest goes on."""
    handler = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, handler)


@pytest.mark.parametrize(("stop", "code"), [(KeyboardInterrupt(), 130), (Terminated(), 143)])
def test_a_signal_inside_compiled_code_ends_like_one_outside(
    stop: BaseException,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def study(*_: object) -> int:
        # As Python puts it when Ray's code returns although a handler has raised.
        raise SystemError("CoreWorker.wait returned a result with an exception set") from stop

    monkeypatch.setattr("study.command_line._study", study)
    assert main(["--tasks", "rte"]) == code
    assert "To continue: python" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_another_system_error_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def study(*_: object) -> int:
        raise SystemError("bad call") from ValueError("x")

    monkeypatch.setattr("study.command_line._study", study)
    with pytest.raises(SystemError, match="bad call"):
        main(["--tasks", "rte"])
