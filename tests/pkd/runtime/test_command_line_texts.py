"""What the commands print of a user's texts."""

import argparse
from collections.abc import Callable

import pytest

from pkd.errors import InputError
from pkd.runtime.command_line import make_parser, run_command, say, tell
from tests.support.hostile_texts import HOSTILE, unseen

hostile = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)


def printed(
    work: Callable[[str], object], text: str, capsys: pytest.CaptureFixture[str], code: int
) -> str:
    def run(_: argparse.Namespace) -> int:
        work(text)
        return 0

    assert run_command(make_parser("command", "Help."), run, []) == code
    return "".join(capsys.readouterr())


def refuse(text: str) -> None:
    raise InputError(f"the label {text} is wrong")


@hostile
@pytest.mark.parametrize(("work", "code"), [(say, 0), (tell, 0), (refuse, 2)])
def test_printed_texts_can_be_seen(
    work: Callable[[str], object], code: int, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = printed(work, text, capsys, code)
    assert not unseen(shown)
    if text.isprintable():
        assert text in shown


def test_line_breaks_of_a_message_stay(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(tell, "a\nb\r", capsys, 0) == "a\nb\\r\n"


@hostile
def test_a_wrong_argument_can_be_seen(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        make_parser("command", "Help.").parse_args([f"a{text}"])
    assert not unseen(capsys.readouterr().err)
