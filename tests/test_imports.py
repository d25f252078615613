"""What the packages offer, what they load, and what they may import."""

import ast
import importlib
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PACKAGES = ("pkd", "study", "analysis")
HEAVY = {"torch", "transformers", "numpy", "pandas", "pydantic", "pyarrow", "ray", "optuna"}


# The public API -------------------------------------------------------------------------------


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_of_a_package_resolves(package: str) -> None:
    module = importlib.import_module(package)
    assert module.__all__
    for name in module.__all__:
        assert getattr(module, name) is not None
    assert set(module.__all__) <= set(dir(module))


@pytest.mark.parametrize("package", PACKAGES)
def test_a_name_that_a_package_lacks_is_an_attribute_error(package: str) -> None:
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'nothing'"):
        _ = importlib.import_module(package).nothing


@pytest.mark.parametrize("package", PACKAGES)
def test_type_checkers_see_the_same_names(package: str) -> None:
    tree = ast.parse((ROOT / package / "__init__.py").read_text(encoding="utf-8"))
    (branch,) = [node for node in tree.body if isinstance(node, ast.If)]
    names = set()
    for node in branch.body:
        if isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.AnnAssign):
            names.add(ast.unparse(node.target))
    assert names == set(importlib.import_module(package).__all__)


@pytest.mark.parametrize("package", PACKAGES)
def test_no_public_name_hides_a_module(package: str) -> None:
    modules = {path.stem for path in (ROOT / package).iterdir()}
    assert set(importlib.import_module(package).__all__) & modules == set()


def subpackages() -> list[Path]:
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("__init__.py")]
    return [path for path in files if path.parent.name not in PACKAGES]


@pytest.mark.parametrize(
    "path", subpackages(), ids=lambda path: str(path.parent.relative_to(ROOT))
)
def test_a_subpackage_is_a_docstring_alone(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert len(tree.body) == 1 and ast.get_docstring(tree)


# What is loaded -------------------------------------------------------------------------------


def loaded_by(code: str) -> set[str]:
    """The top-level modules that a new process has loaded after it ran the code."""
    code += "\nimport sys; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_importing_the_packages_loads_no_dependency() -> None:
    before = loaded_by("")
    loaded = loaded_by("import pkd, study, analysis; dir(pkd); dir(study); dir(analysis)") - before
    assert loaded & HEAVY == set()
    assert loaded - set(sys.stdlib_module_names) == set(PACKAGES)


def test_a_light_name_of_pkd_loads_no_torch() -> None:
    loaded = loaded_by("import pkd; pkd.METHODS, pkd.Recipe, pkd.load_task, pkd.InputError")
    assert "pydantic" in loaded and loaded & {"torch", "transformers"} == set()


def test_all_modules_of_pkd_load_without_ray_optuna_and_the_study() -> None:
    files = (path.relative_to(ROOT).with_suffix("") for path in (ROOT / "pkd").rglob("*.py"))
    names = [".".join(path.parts) for path in files if path.name != "__init__"]
    loaded = loaded_by(f"import importlib\nfor n in {names!r}: importlib.import_module(n)")
    assert {"pkd", "torch"} <= loaded
    # pandas is not among these: scikit-learn loads it where it is installed.
    assert loaded & {"ray", "optuna", "matplotlib", "study", "analysis"} == set()


# What may be imported -------------------------------------------------------------------------


def test_imports_keep_to_the_layers() -> None:
    """The contracts are in pyproject.toml; `make check` runs them too."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def imported(path: Path) -> set[str]:
    """The top-level packages that a file imports anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names


def test_the_search_for_imports_finds_those_inside_functions(tmp_path: Path) -> None:
    file = tmp_path / "sample.py"
    file.write_text("import a.b\nfrom . import c\ndef f():\n    from d.e import g\n")
    assert imported(file) == {"a", "d"}


def project_table() -> dict[str, Any]:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    table: dict[str, Any] = tomllib.loads(text)["project"]
    return table


def installed_with(*extras: str) -> set[str]:
    """The distributions that pyproject.toml names for the base and these extras."""
    project = project_table()
    lines = list(project["dependencies"])
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    return {canonicalize_name(Requirement(line).name) for line in lines}


@pytest.mark.parametrize(
    ("folder", "extras"),
    [
        ("pkd", ()),
        ("pkd/deployment", ("export",)),
        ("analysis", ("report",)),
        ("study", ("study",)),
        ("study/search", ("study", "report")),
        ("study/tracking", ("study", "trackers")),
    ],
)
def test_a_package_imports_what_its_extras_install(folder: str, extras: tuple[str, ...]) -> None:
    allowed = installed_with(*extras)
    distributions = packages_distributions()
    own = {"pkd/deployment", "study/search", "study/tracking"} - {folder}
    problems = []
    for path in sorted((ROOT / folder).rglob("*.py")):
        if str(path.parent.relative_to(ROOT)) in own:
            continue
        for name in imported(path) - set(sys.stdlib_module_names) - set(PACKAGES):
            found = {canonicalize_name(each) for each in distributions.get(name, [name])}
            if not found & allowed:
                problems.append(f"{path.relative_to(ROOT)} imports {name} of {sorted(found)}")
    assert problems == []


def test_the_base_has_neither_ray_nor_matplotlib_and_the_extras_build_on_each_other() -> None:
    extras = project_table()["optional-dependencies"]
    assert installed_with() & {"ray", "matplotlib", "pandas", "optuna", "rich"} == set()
    assert "pkd-study[report]" in extras["study"]
    (tested,) = [line for line in extras["dev"] if line.startswith("pkd-study")]
    assert Requirement(tested).extras == set(extras) - {"all", "cluster", "dev"}
    (everything,) = extras["all"]
    assert Requirement(everything).extras == set(extras) - {"all", "dev"}
