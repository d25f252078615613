"""Run folders whose texts no file or table could hold."""

from typing import Any

import pytest
import yaml

from analysis.run_data.runs import RunError, load_run
from tests.support.hostile_texts import unseen
from tests.support.runs.fake_run import FakeRun


@pytest.mark.parametrize("key", ["tasks", "methods"])
@pytest.mark.parametrize("name", ["../t", "a/b", "a\x1b", "a\nb", ""])
def test_a_task_or_method_whose_name_is_no_file_name_is_refused(
    fake: FakeRun, key: str, name: str
) -> None:
    study = fake.study | {key: {name: fake.study["tasks"]["rte"]} if key == "tasks" else [name]}
    (fake.path / "study.yaml").write_text(yaml.safe_dump(study))
    with pytest.raises(RunError, match="a task or method cannot be named") as refusal:
        load_run(fake.path)
    assert not unseen(str(refusal.value))


def test_half_of_a_surrogate_pair_in_the_study_is_refused(fake: FakeRun) -> None:
    (fake.path / "study.yaml").write_text(yaml.safe_dump(fake.study | {"name": "a\ud800"}))
    with pytest.raises(RunError, match="half of a surrogate pair"):
        load_run(fake.path)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"../../x": 1}, "a setting cannot be named '../../x'"),
        ({"a\x1b": 1}, r"a setting cannot be named 'a\x1b'"),
    ],
)
def test_an_event_with_such_texts_is_not_used(
    fake: FakeRun, settings: dict[str, Any], problem: str
) -> None:
    fake.trial("search", "rte", 6, "ft", 0, 0.6, **settings)
    assert [each for each in load_run(fake.path).problems if problem in each]
