"""When a stage lacks something that later stages need."""

from pathlib import Path

import pytest

from study.storage.layout import Layout
from study.tuning.completeness import StageIncomplete, check_complete
from tests.support.studies.dispatchers import dispatcher_of, fixed, report, take


def test_an_ensemble_that_lacks_a_teacher_is_incomplete(tmp_path: Path) -> None:
    search = fixed("rte", 2, epochs=1, keep=2)
    dispatcher = dispatcher_of(tmp_path, search)
    dispatcher.report(*take(dispatcher), report(1, 0.5))
    dispatcher.fail(*take(dispatcher), "diverged")
    with pytest.raises(StageIncomplete, match="rte-2-ft: only 1 of 2 trials that are needed"):
        check_complete(dispatcher, Layout(tmp_path))
