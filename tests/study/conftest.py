import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from study_process import Finished

# The tests import `fake_stage`, `tiny_inputs` and `study_process` from beside them, in every
# import mode of pytest.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``<task>/<split>.parquet`` of rte and sst2. Read only: copy it to change it."""
    from tiny_inputs import write_data

    return write_data(tmp_path_factory.mktemp("tiny-data"))


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of 4 layers. Read only: copy it to change it."""
    from tiny_inputs import write_model

    return write_model(tmp_path_factory.mktemp("tiny-model"))


@pytest.fixture(scope="session")
def finished(
    tiny_data: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> "Finished":
    """A whole study that nothing disturbed. Read only: copy its folder to go on with it."""
    from study_process import Finished, Study

    study = Study(tmp_path_factory.mktemp("finished") / "run", tiny_data, tiny_model)
    began = time.monotonic()
    done = study.run()
    assert done.returncode == 0, done.stdout
    return Finished(study, done.stdout, time.monotonic() - began)
