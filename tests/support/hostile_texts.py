"""Texts that a label, column, model or split of a user may hold, harmful where shown raw."""

import unicodedata

HOSTILE = {
    "escape": "\x1b[31mred\x1b[0m",
    "title": "\x1b]0;title\x07",
    "nul": "a\x00b",
    "bell": "a\x07b",
    "backspace": "right\x08\x08\x08\x08\x08wrong",
    "return": "right\rwrong",
    "line": "first\nsecond",
    "lines": "a\n\n# b\r\nc",
    "tab": "a\tb",
    "c1": "a\x9b31mb",
    "line separator": "a\u2028b\u2029c",
    "override": "a\u202egnp.exe",
    "isolate": "a\u2066b\u2067c\u2068d\u2069",
    "marks": "a\u200eb\u200fc\u061cd",
    "zero width": "a\u200bb\u2060c\ufeffd",
    "tags": "a\U000e0041b",
    "surrogate": "a\ud800b",
    "private": "a\ue000b",
    "long": "x" * 300,
    "wide": "宽" * 300,
    "pipe": "a|b",
    "pipes": "\\|a\\\\|b\\",
    "emphasis": "*a* _b_ **c** ~~d~~ `e` ``f",
    "link": "[x](javascript:alert(1))",
    "image": "![x](http://127.0.0.1/x.png)",
    "script": "<script>alert(1)</script>",
    "attribute": "\" onmouseover='alert(1)'",
    "comment": "<!-- a --> <?x?> &lt;b&gt; &#60;",
    "heading": "# a",
    "list": "- a",
    "number": "1. a",
    "quotation": "> a",
    "rule": "---",
    "latex": "&%$#_{}~^\\ \\input{x}",
    "row end": "[1cm] * a",
    "mathtext": "$\\frac{a}{",
    "markup": "[bold]a[/bold] [/x] :bug:",
    "template": "{{ 7 * 7 }} {% x %} %s {0}",
    "formula": "=cmd|' /C calc'!A0",
    "plus": "+1+cmd",
    "minus": "-1+cmd",
    "at": "@SUM(1)",
    "tab formula": "\t=1+1",
    "return formula": "\r=1+1",
    "quoted formula": "'=1+1",
    "full-width formula": "\uff1d1+1",
    "quotes": 'a","b";c',
}


def unseen(text: str) -> list[str]:
    """Returns the characters of a text that nobody sees or that move others, but line breaks."""
    kinds = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    return [each for each in text if unicodedata.category(each) in kinds and each != "\n"]
