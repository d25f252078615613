"""A user's text in each form of output: on a terminal, in Markdown, LaTeX and CSV.

Names of labels, columns, splits, models and own methods, and the errors of libraries, may hold
any character. Everything that shows them goes through this module, so that no text moves a cursor,
turns a line round, ends a cell, or becomes a link, a command or a formula. Jinja2 escapes HTML.
"""

import re
import unicodedata

NAME = 64  # characters of a name in a heading, a legend or a sentence
CODE = re.compile("`([^`]+)`")  # code in a sentence of this project

_END, _MARK = 12, 14  # kept of the end of a text that is cut; what stands for its middle
# What Markdown reads as markup: a character anywhere, or only in some places.
_MARKUP = re.compile(
    r"[\\`*\[\]|~$]"
    r"|(?<![^\W_])_|_(?![^\W_])"  # emphasis; not the _ within a word
    r"|^\s*(?:[#>]|[-+=](?=[-+=\s]|$)|\d+(?=[.)](?:\s|$))[.)])"  # heading, quotation, list
)
_TAG = re.compile("<(?=[A-Za-z/!?])")
_ENTITY = re.compile(r"&(?=#?\w+;)")
# A cell that begins so is a formula to a spreadsheet, unless it is a number.
_FORMULA = re.compile(
    r"['\s]*(?:[=@\uff1d\uff20]|[-+\uff0d\uff0b](?!\d[\d,.]*(?:[eE][-+]?\d+)?$))"
)

_LATEX = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
    **{"±": r"$\pm$", "≥": r"$\geq$", "≤": r"$\leq$", "→": r"$\to$", "−": "$-$", "×": r"$\times$"},
    **{"–": "--", "†": r"$\dagger$", "…": r"\ldots{}", "|": r"\textbar{}"},
    **{"<": r"\textless{}", ">": r"\textgreater{}"},
    # After the end of a row they would belong to it.
    **{character: f"{{{character}}}" for character in "[]*"},
}


def one_line(text: object, most: int | None = None) -> str:
    r"""Returns a text on one line, all of whose characters can be seen.

    Control and format characters, line breaks, halves of surrogate pairs and unknown characters
    are shown by their escapes in Python: ``\n``, ``\x1b``, ``\u202e``.

    Args:
        text: any text.
        most: how many characters to show, 30 or more. A longer text loses its middle, where the
            number of the characters that are left out stands.
    """
    shown = str(text)
    if not shown.isprintable():
        shown = "".join(map(_visible, shown))
    if most is None or len(shown) <= most:
        return shown
    begin = most - _END - _MARK
    return f"{shown[:begin]}…({len(shown) - begin - _END:,} more)…{shown[-_END:]}"


def lines(text: object) -> str:
    """Returns a text of several lines, each as `one_line` shows it."""
    return "\n".join(map(one_line, str(text).split("\n")))


def _visible(character: str) -> str:
    if character.isprintable() or unicodedata.category(character) == "Zs":
        return character
    return character.encode("unicode_escape").decode("ascii")


def markdown(text: object) -> str:
    """Returns a text for a line or a table's cell of Markdown, which shows it as it is."""
    escaped = _MARKUP.sub(lambda found: f"{found[0][:-1]}\\{found[0][-1]}", one_line(text))
    return _TAG.sub("&lt;", _ENTITY.sub("&amp;", escaped))


def markdown_sentence(text: object) -> str:
    """Returns a sentence of this project for Markdown, outside tables: `code` stays code."""
    parts = CODE.split(one_line(text))
    parts[::2] = map(markdown, parts[::2])
    parts[1::2] = [f"`{code}`" for code in parts[1::2]]
    return "".join(parts)


def markdown_block(text: object, language: str = "") -> str:
    """Returns lines as a block of code in Markdown, which no backticks in them end."""
    shown = lines(text).rstrip("\n")
    fence = _fence(shown, 3)
    return f"{fence}{language}\n{shown}\n{fence}"


def markdown_code(text: object) -> str:
    """Returns a text as code within a line of Markdown."""
    shown = one_line(text)
    pad = " " * ("`" in shown)
    return f"{_fence(shown, 1)}{pad}{shown}{pad}{_fence(shown, 1)}"


def _fence(code: str, least: int) -> str:
    return "`" * max(least, 1 + max(map(len, re.findall("`+", code)), default=0))


def latex(text: object) -> str:
    """Returns a text for LaTeX, in a table's cell too."""
    return "".join(_LATEX.get(character, character) for character in one_line(text))


def latex_sentence(text: object) -> str:
    """Returns a sentence of this project for LaTeX: code between backticks is in typewriter."""
    parts = [latex(part) for part in CODE.split(one_line(text))]
    parts[1::2] = [f"\\texttt{{{code}}}" for code in parts[1::2]]
    return "".join(parts)


def csv_cell(text: str) -> str:
    """Returns a text for a cell of a CSV file, which no spreadsheet takes for a formula.

    A text that begins like a formula gets an apostrophe before it, as OWASP advises. Apostrophes
    before the formula do not count, so that each text comes back when one is taken away.
    """
    shown = one_line(text)
    return f"'{shown}" if _FORMULA.match(shown) else shown
