"""``make docs`` builds a page for every module from its docstrings, without a warning."""

import html
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documentation.api_docs import PACKAGES

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(
    path.relative_to(ROOT).with_suffix("")
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
)


@pytest.mark.slow
def test_every_module_has_a_page_that_begins_with_its_docstring(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.documentation.api_docs", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert len(MODULES) > 100
    for module in MODULES:
        page = module.parent if module.name == "__init__" else module
        name = ".".join(page.parts)
        shown = (tmp_path / page.with_suffix(".html")).read_text(encoding="utf-8")
        text = re.sub(r"<[^>]+>", "", shown.split('class="module-info">')[1])
        begins = (importlib.import_module(name).__doc__ or "").replace("`", "").split()[0]
        assert html.unescape(text).split()[:2] == [name, begins]
