"""What a study prints is shown as it is."""

import io

import pytest
from rich.console import Console
from rich.text import Text

from study.console import PlainConsole
from study.tracking.live_view import View
from tests.support.hostile_texts import HOSTILE, unseen


@pytest.mark.parametrize("terminal", [False, True], ids=["file", "terminal"])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_text_is_printed_with_all_its_characters_to_see(text: str, terminal: bool) -> None:
    written = io.StringIO()
    PlainConsole(file=written, force_terminal=terminal, width=40).print(f"a {text}")
    assert not unseen(written.getvalue())
    if text.isprintable():
        assert written.getvalue() == f"a {text}\n"


@pytest.mark.parametrize("text", ["[bold]a[/bold]", "[/x]", ":bug:", "\x1b[31ma\x07"])
def test_a_note_of_the_live_view_is_no_markup_on_any_console(text: str) -> None:
    written = io.StringIO()
    View(Console(file=written, soft_wrap=True), {}).note(text)
    expected = text.replace("\x1b", "\\x1b").replace("\x07", "\\x07")
    assert written.getvalue() == f"{expected}\n"


def test_styles_of_the_project_stay() -> None:
    written = io.StringIO()
    PlainConsole(file=written, force_terminal=True).print(Text("search", style="bold"))
    assert written.getvalue() == "\x1b[1msearch\x1b[0m\n"
