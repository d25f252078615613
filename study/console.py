"""The console of a study: what it prints is shown as it is, whatever characters a text holds."""

from typing import Any

from rich.console import Console

from pkd.runtime.redaction import without_secrets
from pkd.shown_text import lines


class PlainConsole(Console):
    """Prints texts without markup, emoji codes and control characters.

    Rich would read ``[bold]`` and ``:bug:`` in a user's text, and passes on escape sequences.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, soft_wrap=True, markup=False, emoji=False, **options)

    def print(self, *objects: Any, **options: Any) -> None:
        """Prints like rich; of texts, all but line breaks and secrets can be seen."""
        shown = (
            lines(without_secrets(each)) if isinstance(each, str) else each for each in objects
        )
        super().print(*shown, **options)
