"""What the audit makes of pip-audit's answers."""

import json
import subprocess
from typing import Any

import pytest

from tests import audit

FLAW = {"id": "PYSEC-2026-1", "fix_versions": ["2.1"], "aliases": [], "description": "code"}
KNOWN = {"name": "good", "version": "1.0", "vulns": []}
FLAWED = {"name": "bad", "version": "2.0", "vulns": [FLAW]}
SKIPPED = {"name": "here", "skip_reason": "Dependency not found on PyPI"}


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Any:
    def set_answer(code: int, packages: list[dict[str, Any]] | None, errors: str = "") -> None:
        output = "" if packages is None else json.dumps({"dependencies": packages, "fixes": []})
        done = subprocess.CompletedProcess([], code, output, errors)
        monkeypatch.setattr(subprocess, "run", lambda *args, **options: done)

    return set_answer


def test_a_vulnerable_package_fails_and_is_named(answer: Any, capsys: Any) -> None:
    answer(1, [KNOWN, FLAWED, SKIPPED], "Found 1 known vulnerability in 1 package")
    assert audit.main() == 1
    assert capsys.readouterr().out.splitlines() == [
        "bad 2.0: PYSEC-2026-1, fixed in 2.1",
        "audited 2 of 3 packages, 1 vulnerabilities",
    ]


def test_good_packages_pass(answer: Any, capsys: Any) -> None:
    answer(0, [KNOWN, SKIPPED])
    assert audit.main() == 0
    assert capsys.readouterr().out == "audited 1 of 2 packages, 0 vulnerabilities\n"


@pytest.mark.parametrize(
    ("code", "packages", "errors"),
    [
        (1, None, "requests.exceptions.ConnectionError: Max retries exceeded with url"),
        (1, None, "ERROR:pip_audit._cli:Could not connect to PyPI's vulnerability feed"),
        (0, [SKIPPED], ""),
    ],
)
def test_without_an_answer_it_says_so_in_one_line_and_passes(
    answer: Any, capsys: Any, code: int, packages: list[dict[str, Any]] | None, errors: str
) -> None:
    answer(code, packages, errors)
    assert audit.main() == 0
    output = capsys.readouterr().out
    assert output.startswith("not audited") and output.count("\n") == 1


def test_an_audit_that_does_not_work_fails(answer: Any, capsys: Any) -> None:
    answer(1, None, "No module named pip_audit")
    assert audit.main() == 1
    assert "No module named pip_audit" in capsys.readouterr().err
