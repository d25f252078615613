"""Finds the commands and the Python code in the documentation.

A ``sh`` block or an indented block holds commands; ``text`` blocks hold output. A test runs the
commands of a block unless ``<!-- not run: REASON -->`` precedes it. A test runs Python code by the
name that ``<!-- example: NAME -->`` gives it.
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

from study.subcommands import SUBCOMMANDS

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
_MARK = re.compile(r"<!-- (not run|example): (.+?) -->\s*", re.DOTALL)
_OURS = ("pkd", "study", "analysis", "tests")


@dataclass(frozen=True)
class Block:
    """A block of code.

    Attributes:
        page: the file, relative to the repository.
        line: its first line, 1-based.
        language: ``sh`` for an indented block.
        text: its content.
        not_run: the reason why no test runs it, if it is marked so.
        example: its name, if it has one.
    """

    page: str
    line: int
    language: str
    text: str
    not_run: str | None
    example: str | None

    def commands(self) -> "list[Command]":
        """Returns the commands of a shell block; none for other languages."""
        if self.language != "sh":
            return []
        lines = self.text.replace("\\\n", " ").splitlines()
        return [Command(self, words) for line in lines for words in _simple_commands(line)]


@dataclass(frozen=True)
class Command:
    """One simple command.

    Attributes:
        block: the block that contains it.
        words: its words, as a shell splits them.
    """

    block: Block
    words: list[str]

    def __str__(self) -> str:
        return f"{self.block.page}:{self.block.line}: {shlex.join(self.words)}"

    def ours(self) -> tuple[str, list[str]] | None:
        """Returns module and arguments of one of our commands, also if another command starts it.

        None for a command that is not ours.
        """
        for place, word in enumerate(self.words):
            after = self.words[place + 1 :]
            if word == "configs/cluster/study.sbatch":
                return "study.command_line", after
            if word == "pkd-study" and after:
                return SUBCOMMANDS[after[0]].module, after[1:]
            if word != "python" or not after:
                continue
            if after[0] == "study/run.py":
                return "study.command_line", after[1:]
            if after[0] == "-m" and after[1].split(".")[0] in _OURS:
                return after[1], after[2:]
        return None


def blocks(page: Path) -> list[Block]:
    """Returns the blocks of code of a page, in order."""
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
    """Yields the commands of a line (``a && b`` is two), without comments and ``NAME=value``."""
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
    """Returns the example of that name."""
    (found,) = [block for page in PAGES for block in blocks(page) if block.example == name]
    assert found.language == language
    return found.text


class _Parsed(Exception):
    """Carries the options that a parser returned."""


def parsed(module: str, arguments: list[str]) -> argparse.Namespace:
    """Parses the arguments with the module's own parser.

    Raises:
        SystemExit: if the parser refuses them.
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
