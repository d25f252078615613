"""What the runners of trials read: a small task with the signals of an untrained teacher."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from pkd.data.preparation import Prepared, prepare_task
from pkd.distillation.signals import ask_teacher
from pkd.models.classifier import load_classifier, save_model
from pkd.tasks.glue import GLUE
from pkd.training.training_run import Files


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def prepared(
    tiny_data: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Prepared:
    return prepare_task(GLUE["rte"], tiny_model, tmp_path_factory.mktemp("tokens"), tiny_data)


@pytest.fixture(scope="session")
def untrained(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier with a random head, which stands for a fine-tuned one."""
    folder = tmp_path_factory.mktemp("untrained") / "rte"
    save_model(load_classifier(tiny_model, GLUE["rte"].labels), tiny_model, folder)
    return folder


@pytest.fixture(scope="session")
def files(
    prepared: Prepared,
    tiny_model: Path,
    untrained: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Files:
    """The teacher is untrained: any signals will do for these tests."""
    signals = ask_teacher(prepared, untrained, [2], tmp_path_factory.mktemp("signals"))
    return Files(prepared.task, prepared.tokens, tiny_model, signals, teacher_layers=4)
