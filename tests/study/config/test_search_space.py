"""A search space is refused if a value is outside its limits."""

from pathlib import Path

import pytest

from study.config.config_file import load_study_config
from tests.support.studies.refused_configs import refusal_of


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (
            "temperature: [5, 0]",
            "`search.space.temperature` is [5, 0], but must be > 0 and finite (0 is not)",
        ),
        ("temperature: -1", "`search.space.temperature` is -1, but must be > 0"),
        ("temperature: {low: 0, high: 5}", "but must be > 0 and finite (0 is not)"),
        (
            "alpha: [-0.1, 0.5]",
            "`search.space.alpha` is [-0.1, 0.5], but must be between 0 and 1 (-0.1 is not)",
        ),
        ("alpha: 2", "`search.space.alpha` is 2, but must be between 0 and 1"),
        ("alpha: .nan", "`search.space.alpha` is nan, but must be between 0 and 1"),
        ("beta: [-1]", "`search.space.beta` is [-1], but must be >= 0"),
        ("learning_rate: 0", "`search.space.learning_rate` is 0, but must be between 0 and 1"),
        (
            "learning_rate: [2.0]",
            "`search.space.learning_rate` is [2.0], but must be between 0 and 1",
        ),
        ("learning_rate: {low: 1.0e-3, high: 1.0e-4}", "low < high, but has low 0.001"),
        ("learning_rate: {low: 0, high: 1.0e-4, log: true}", "low > 0, but has low 0"),
    ],
)
def test_a_value_outside_its_limits_is_refused(tmp_path: Path, space: str, message: str) -> None:
    text = refusal_of(tmp_path, f"search: {{space: {{{space}}}}}")
    assert message in text
    # One problem is one line, without the validator's internal names.
    assert "has 1 problem(s)" in text and "function-" not in text


@pytest.mark.parametrize("space", ["temperature: [.inf]", "beta: [10, .inf]"])
def test_an_infinite_value_is_refused(tmp_path: Path, space: str) -> None:
    # The recipe refuses it too, but only when the trial starts.
    assert "inf" in refusal_of(tmp_path, f"search: {{space: {{{space}}}}}")


def test_a_number_in_scientific_notation_is_a_number() -> None:
    # YAML 1.1 reads 5e-5 as text.
    config = load_study_config(None, ["search.space.learning_rate=5e-5"])
    assert config.search.space.learning_rate == (5e-5,)
