"""Methods that a user wrote are imported by name, and never from folders of data or models."""

from pathlib import Path

import pytest

from pkd.distillation.methods import METHODS, Method
from pkd.distillation.own_methods import load_method, register_method, source_digest
from pkd.errors import InputError

CODE = 'from pkd.distillation.methods import Method\nMINE = Method("Mine", colour="#123456")\n'


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on Python's path."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_a_method_is_imported_with_the_file_that_it_comes_from(code: Path) -> None:
    file = code / "mine_in_a_module.py"
    file.write_text(CODE)
    method, found = load_method("mine_in_a_module:MINE")
    assert (method.label, method.colour, found) == ("Mine", "#123456", file.resolve())
    before = source_digest(file)
    file.write_text(CODE + "# changed\n")
    assert source_digest(file) != before


def test_the_parent_package_of_a_refused_module_is_not_imported(code: Path) -> None:
    package = code / "refused_package"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('it ran')")
    (package / "inner.py").write_text(CODE)
    with pytest.raises(InputError, match="a folder of data or models, whose code is never run"):
        load_method("refused_package.inner:MINE", [code])


def test_code_that_cannot_be_imported_is_named_with_its_error(code: Path) -> None:
    (code / "broken_methods.py").write_text("1 / 0")
    with pytest.raises(InputError, match="broken_methods.py.*ZeroDivisionError: division by zero"):
        load_method("broken_methods:MINE")


@pytest.mark.parametrize("reference", ["", ":", "json", "no_such:X", "no_such.inner:X", ".a:X"])
def test_a_reference_that_python_cannot_find_is_refused(reference: str) -> None:
    with pytest.raises(InputError, match="must be `module:object`"):
        load_method(reference)


def test_a_method_may_be_registered_again_but_not_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pkd.distillation.own_methods.METHODS", dict(METHODS))
    register_method("mine", Method("Mine"))
    register_method("mine", Method("Mine"))
    with pytest.raises(InputError, match="there is a method 'kd' already"):
        register_method("kd", Method("Mine"))
