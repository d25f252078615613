"""Folders stay small, and a test is found where its module is."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TREES = ("pkd", "study", "analysis", "tests", "configs", "docs")
MOST_FILES = 12


def folders(*trees: str) -> list[Path]:
    """All folders of our trees, without caches and links."""
    found = []
    for tree in trees:
        for place, inside, _ in os.walk(ROOT / tree):
            inside[:] = [name for name in inside if not name.startswith((".", "__"))]
            found.append(Path(place))
    return sorted(found)


@pytest.mark.parametrize("folder", folders(*TREES), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_folder_has_at_most_twelve_files(folder: Path) -> None:
    ignored = ("__init__.py", "py.typed")
    names = [path.name for path in folder.iterdir() if path.is_file() and path.name not in ignored]
    assert len(names) <= MOST_FILES, sorted(names)


def module_tests() -> list[Path]:
    return [
        path
        for package in ("pkd", "study", "analysis")
        for path in sorted((ROOT / "tests" / package).rglob("test_*.py"))
    ]


@pytest.mark.parametrize(
    "test", module_tests(), ids=lambda path: str(path.relative_to(ROOT / "tests"))
)
def test_a_test_file_names_a_module_of_the_mirrored_folder(test: Path) -> None:
    """``test_X.py`` or ``test_X_….py`` tests the module ``X``."""
    folder = ROOT / test.parent.relative_to(ROOT / "tests")
    modules = [path.stem for path in folder.glob("*.py") if path.stem != "__init__"]
    name = test.stem.removeprefix("test_")
    assert any(name == each or name.startswith(f"{each}_") for each in modules), sorted(modules)
