"""Keys that contradict each other are refused; the defaults are the paper's study."""

from pathlib import Path

import pytest

from pkd.tasks.glue import PAPER_TASKS
from study.config.config_file import load_study_config
from tests.support.studies.refused_configs import refusal_of


def test_an_empty_file_is_the_paper_s_study(tmp_path: Path) -> None:
    path = tmp_path / "empty.yaml"
    path.touch()
    config = load_study_config(path, [])
    assert config.tasks == PAPER_TASKS and config.depths == (6, 3)
    assert config.methods == ("ft", "kd", "pkd-skip", "pkd-last")
    assert config.teacher.model == "bert-base-uncased"
    assert (config.train.epochs, config.train.batch_size, config.train.max_length) == (4, 32, 128)


def test_students_start_from_one_model(tmp_path: Path) -> None:
    text = refusal_of(tmp_path, "train: {init: teacher, model: other}")
    assert "`train.init` is teacher and `train.model` is given" in text
    for given in ("train: {model: other}", "teacher: {fine_tuned: {rte: other}}"):
        text = refusal_of(tmp_path, f"data: {{generated: true}}\n{given}")
        assert "`data.generated` is on, whose encoder is generated too" in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "search: {algorithm: grid, space: {beta: {low: 1, high: 9}}}",
            "`search.space.beta` is a range, but a grid needs a list of choices",
        ),
        (
            "{methods: [ft, pkd-skip], search: {inherit_from_kd: true}}",
            "`search.inherit_from_kd` needs 'kd' in `methods`",
        ),
        (
            "{train: {epochs: 2}, search: {asha: {grace_epochs: 3}}}",
            "`search.asha.grace_epochs` is 3, but must be <= `train.epochs` (2)",
        ),
        ("methods: [teacher]", "'teacher', which is always trained"),
        ("methods: [pkd-skp]", "must be 'teacher', 'ft', 'kd', 'pkd-skip' or 'pkd-last'"),
        ("depths: [3, 6, 3]", "`depths` names 3 twice"),
        (
            "{depths: [6, 3], train: {start_layers: {3: [1, 4, 6]}}}",
            "`train.start_layers` has no list for depth 6",
        ),
        ("depths: [0]", "`depths` holds 0, but must be >= 1"),
        ("name: a/b", "`name` is 'a/b'"),
    ],
)
def test_keys_that_do_not_fit_together_are_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    assert message in refusal_of(tmp_path, text)
