"""What the documentation shows to be typed: its commands and its Python, found by a parser.

A ``sh`` block, or an indented one, holds commands; output stands in ``text`` blocks. The commands
of a block run in a test, unless ``<!-- not run: REASON -->`` stands before it. Python runs in a
test by the name that ``<!-- example: NAME -->`` gives it.
"""

import argparse
import importlib
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
_MARK = re.compile(r"<!-- (not run|example): (.+?) -->\s*", re.DOTALL)
_OURS = ("pkd", "study", "analysis", "tests")


@dataclass(frozen=True)
class Block:
    """A block of code.

    Attributes:
        page: the file, relative to the repository.
        line: where it begins.
        language: ``sh`` for an indented one.
        text: what it holds.
        not_run: why no test runs it, if it is marked so.
        example: its name, if it has one.
    """

    page: str
    line: int
    language: str
    text: str
    not_run: str | None
    example: str | None

    def commands(self) -> "list[Command]":
        """The commands of a block in the shell's language."""
        if self.language != "sh":
            return []
        lines = self.text.replace("\\\n", " ").splitlines()
        return [Command(self, words) for line in lines for words in _simple_commands(line)]


@dataclass(frozen=True)
class Command:
    """One simple command.

    Attributes:
        block: where it stands.
        words: its words, as a shell would split them.
    """

    block: Block
    words: list[str]

    def __str__(self) -> str:
        return f"{self.block.page}:{self.block.line}: {shlex.join(self.words)}"

    def ours(self) -> tuple[str, list[str]] | None:
        """Module and arguments of one of our commands, also of one that another one starts."""
        for place, word in enumerate(self.words):
            after = self.words[place + 1 :]
            if word in ("pkd-study", "configs/cluster/study.sbatch"):
                return "study.command_line", after
            if word != "python" or not after:
                continue
            if after[0] == "study/run.py":
                return "study.command_line", after[1:]
            if after[0] == "-m" and after[1].split(".")[0] in _OURS:
                return after[1], after[2:]
        return None


def blocks(page: Path) -> list[Block]:
    """The code of a page, in its order."""
    found, before = [], None
    for token in MarkdownIt("commonmark").parse(page.read_text(encoding="utf-8")):
        if token.type in ("fence", "code_block"):
            found.append(_block(page, token, before))
        before = token
    return found


def _block(page: Path, token: Token, before: Token | None) -> Block:
    assert token.map is not None
    marks = {}
    if before is not None and before.type == "html_block":
        marks = dict(_MARK.findall(before.content))
    language = token.info.strip() if token.type == "fence" else "sh"
    name = str(page.relative_to(ROOT))
    line = token.map[0] + 1
    return Block(name, line, language, token.content, marks.get("not run"), marks.get("example"))


def _simple_commands(line: str) -> Iterator[list[str]]:
    """The commands of a line: ``a && b`` is two; no comment, no ``NAME=value`` before them."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;")
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if word.strip("&|;"):
            if words or not re.fullmatch(r"[A-Z_]+=.*", word):
                words.append(word)
        elif words:
            yield words
            words = []


def example(name: str, language: str = "python") -> str:
    """The example of that name."""
    (found,) = [block for page in PAGES for block in blocks(page) if block.example == name]
    assert found.language == language
    return found.text


class _Parsed(Exception):
    """Carries what a parser made of a command line."""


def parsed(module: str, arguments: list[str]) -> argparse.Namespace:
    """What the module's own parser makes of the arguments.

    Raises:
        SystemExit: if it refuses them.
    """
    parse = argparse.ArgumentParser.parse_args

    def only_parse(self: argparse.ArgumentParser, *given: object) -> None:
        raise _Parsed(parse(self, *given))

    main = importlib.import_module(module).main
    with (
        mock.patch.object(argparse.ArgumentParser, "parse_args", only_parse),
        mock.patch("sys.argv", [module, *arguments]),
    ):
        try:
            main()
        except _Parsed as done:
            options: argparse.Namespace = done.args[0]
            return options
    raise AssertionError(f"{module} does not parse its arguments")
