"""Fine-tuning and distilling one student needs neither a search nor a study."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted(path.stem for path in (ROOT / "pkd").glob("*.py") if path.stem != "__init__")


def imported(path: Path) -> set[str]:
    """The top-level packages that a file imports anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names


def test_all_modules_of_pkd_load_without_ray_optuna_and_the_study() -> None:
    code = (
        "import importlib, sys\n"
        f"for name in {MODULES!r}: importlib.import_module('pkd.' + name)\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert {"pkd", "torch"} <= loaded
    # pandas is not among these: scikit-learn loads it where it is installed.
    assert loaded & {"ray", "optuna", "matplotlib", "study", "analysis"} == set()


@pytest.mark.parametrize("module", ["__init__", *MODULES])
def test_no_file_of_pkd_imports_the_study_or_its_tools(module: str) -> None:
    found = imported(ROOT / "pkd" / f"{module}.py")
    assert found & {"ray", "optuna", "pandas", "matplotlib", "study", "analysis"} == set()


def test_the_search_for_imports_finds_those_inside_functions(tmp_path: Path) -> None:
    file = tmp_path / "sample.py"
    file.write_text("import a.b\nfrom . import c\ndef f():\n    from d.e import g\n")
    assert imported(file) == {"a", "d"}
