"""A tiny BERT, its data, tokens, a teacher and its signals, made once for all tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pkd.data.preparation import Prepared, prepare_task
from pkd.distillation.methods import METHODS
from pkd.distillation.signals import ask_teacher
from pkd.files import cache
from pkd.models.classifier import load_classifier, save_model
from pkd.tasks.glue import GLUE
from tests.support.training import tiny


@pytest.fixture(autouse=True)
def only_known_methods() -> Iterator[None]:
    """Forgets the methods that a test registers."""
    before = dict(METHODS)
    yield
    METHODS.clear()
    METHODS.update(before)


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pre-trained encoder of four layers."""
    folder = tmp_path_factory.mktemp("encoder")
    tiny.write_bert(folder)
    return folder


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for ``--data`` with RTE in it."""
    folder = tmp_path_factory.mktemp("data")
    tiny.write_data(folder)
    return folder


@pytest.fixture(scope="session")
def prepared(encoder: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Tokens of RTE."""
    return prepare_task(GLUE["rte"], encoder, tmp_path_factory.mktemp("tokens"), data, 24)


@pytest.fixture(scope="session")
def teacher(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier of four layers in ``save_pretrained`` form."""
    folder = tmp_path_factory.mktemp("teacher") / "rte"
    save_model(load_classifier(encoder, GLUE["rte"].labels, seed=7), encoder, folder)
    return folder


@pytest.fixture(scope="session")
def signals(prepared: Prepared, teacher: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The teacher's logits and the [CLS] states of layers 1, 2 and 3."""
    return ask_teacher(prepared, teacher, [1, 2, 3], tmp_path_factory.mktemp("signals"), "fp32")


@pytest.fixture
def new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the caches check all checksums again, as a process does that has just started."""
    monkeypatch.setattr(cache, "_verified", {})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for many cases that each write the files they read."""
    return tmp_path_factory.mktemp("cases")
