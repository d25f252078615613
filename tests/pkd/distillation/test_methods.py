"""The table of methods is consistent, and a method that contradicts itself is refused."""

import re

import pytest

from pkd.distillation.layer_map import skip_layers
from pkd.distillation.losses import LossWeights
from pkd.distillation.methods import METHODS, STUDENT_METHODS, TEACHER, Method
from pkd.distillation.recipe import Recipe
from pkd.errors import InputError


def test_the_table_holds_the_methods_of_the_paper_in_its_order() -> None:
    assert list(METHODS) == ["teacher", "ft", "kd", "pkd-skip", "pkd-last"]
    assert STUDENT_METHODS == ("ft", "kd", "pkd-skip", "pkd-last")
    assert [METHODS[name].needs_teacher for name in METHODS] == [False, False, True, True, True]
    assert [name for name in METHODS if METHODS[name].extends_kd] == ["pkd-skip", "pkd-last"]


def test_every_method_is_drawn_in_its_own_way() -> None:
    for attribute in ("label", "colour", "marker"):
        values = [getattr(method, attribute) for method in METHODS.values()]
        assert len(set(values)) == len(METHODS)
    assert all(re.fullmatch("#[0-9A-F]{6}", each.colour) for each in METHODS.values())
    assert all(name in METHODS for each in METHODS.values() for name in each.baselines)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hyperparameters": ("gamma",)}, "hyperparameter 'gamma'"),
        ({"hyperparameters": ("alpha",)}, "set `uses_logits`"),
        ({"hyperparameters": ("beta",)}, "give it a `layer_strategy`"),
    ],
)
def test_a_method_that_contradicts_itself_is_refused(
    arguments: dict[str, tuple[str, ...]], message: str
) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        Method("Mine", **arguments)


def test_a_method_without_loss_weights_still_reads_the_signals_of_its_own_loss(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = Method("Mine", uses_logits=True, layer_strategy=skip_layers)
    monkeypatch.setitem(METHODS, "mine", own)
    recipe = Recipe(method="mine")
    assert recipe.needs_logits and recipe.needs_states
    assert recipe.loss_weights == LossWeights(0.0, 0.0, recipe.temperature)


def test_signals_with_a_weight_of_zero_are_not_read() -> None:
    recipe = Recipe(method="pkd-skip", alpha=0.0, beta=0.0)
    assert not recipe.needs_logits and not recipe.needs_states
    assert recipe.layer_strategy is skip_layers
    assert METHODS[TEACHER].layer_strategy is None
