from collections.abc import Callable

import pytest

from analysis.labels import (
    add_recorded_methods,
    column_label,
    method_label,
    method_of,
    metric_label,
    printed_name,
    setting_text,
    task_label,
)
from pkd.distillation.methods import METHODS, Method
from pkd.distillation.own_methods import register_method
from pkd.errors import InputError


def test_setting_texts_keep_the_digits_of_a_setting() -> None:
    texts = ["1e-4", "3.16e-5", "0.5", "10", "50000"]
    assert [setting_text(v) for v in (1e-4, 3.162e-5, 0.5, 10.0, 5e4)] == texts


def test_a_recorded_method_is_shown_as_recorded_and_gives_way_to_its_code() -> None:
    own = Method("Mine", uses_logits=True, layer_strategy=lambda whole, count: (1,), marker="P")
    add_recorded_methods({"own_methods": {"mine": own.to_record()}})
    assert method_label("mine") == "Mine" and method_of("mine").marker == "P"
    strategy = METHODS["mine"].layer_strategy
    assert strategy is not None
    with pytest.raises(InputError, match="holds no code"):
        strategy(12, 3)
    register_method("mine", own)
    assert METHODS["mine"] is own


@pytest.mark.parametrize("damaged", [["mine"], {"mine": {}}, {"mine": None}, {"mine": "x"}, "x"])
def test_a_damaged_record_of_methods_is_refused(damaged: object) -> None:
    with pytest.raises(InputError, match="cannot read `own_methods`"):
        add_recorded_methods({"own_methods": damaged})


def test_a_method_that_is_not_known_has_its_name_as_label() -> None:
    assert method_label("pkd-new") == "pkd-new"


@pytest.mark.parametrize(
    ("label", "around"),
    [
        (method_label, "{}"),
        (lambda name: metric_label(f"f1:{name}"), "F1 ({})"),
        (metric_label, "{}"),
        (task_label, "{}"),
        (lambda name: column_label("rte", name), "RTE-{}"),
        (setting_text, "{}"),
    ],
)
def test_a_printed_name_is_one_line_that_can_be_seen_and_not_too_long(
    label: Callable[[str], str], around: str
) -> None:
    assert label("a\nb\x1b") == around.format("a\\nb\\x1b")
    assert label("x" * 300) == around.format(printed_name("x" * 300))
    assert len(printed_name("x" * 300)) < 65
