"""Hyperparameters are refused with key, value and constraint; methods use only their own."""

import math
from collections.abc import Callable

import pytest

from pkd.distillation.layer_map import last_layers, skip_layers
from pkd.distillation.loss_weights import LossWeights
from pkd.distillation.recipe import Recipe
from pkd.errors import InputError

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("key", "value", "constraint"),
    [
        ("temperature", 0.0, "greater than 0"),
        ("temperature", -1.0, "greater than 0"),
        ("temperature", NAN, "finite number"),
        ("temperature", INF, "finite number"),
        ("alpha", -0.1, "greater than or equal to 0"),
        ("alpha", 1.1, "less than or equal to 1"),
        ("alpha", NAN, "finite number"),
        ("beta", -1.0, "greater than or equal to 0"),
        ("beta", NAN, "finite number"),
        ("beta", INF, "finite number"),
        ("learning_rate", 0.0, "greater than 0"),
        ("learning_rate", NAN, "finite number"),
        ("learning_rate", 1.0, "less than 1"),
        ("weight_decay", NAN, "finite number"),
        ("weight_decay", INF, "finite number"),
        ("warmup", 1.0, "less than 1"),
        ("epochs", 0, "greater than or equal to 1"),
        ("batch_size", 0, "greater than or equal to 1"),
        ("layers", 0, "greater than or equal to 1"),
        ("seed", -1, "greater than or equal to 0"),
        ("method", "pkd", "'pkd-skip'"),
        ("scale", "sum", "'released'"),
        ("precision", "fp16", "'bf16'"),
    ],
)
def test_a_wrong_value_is_refused_with_key_value_and_constraint(
    key: str, value: object, constraint: str
) -> None:
    with pytest.raises(InputError) as error:
        Recipe.checked(**{key: value})
    message = str(error.value)
    assert f"`{key}`" in message and repr(value) in message and constraint in message


@pytest.mark.parametrize("build", [Recipe, Recipe.checked, lambda **v: Recipe.model_validate(v)])
@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"method": "PKD-Skp"}, "did you mean 'pkd-skip'?"),
        (
            {"temprature": 3},
            "unknown key `temprature`; did you mean 'temperature'? (valid: method",
        ),
        ({"lr": 1}, "unknown key `lr` (valid: method, layers, "),
        ({"start_layers": "last"}, "`start_layers` is 'last', but must be 'first' or 'spaced'"),
        ({"start_layers": 3}, "`start_layers` is 3, but must be a list"),
        ({"start_layers": [1, "x"]}, "`start_layers.1` is 'x', but must be a valid integer"),
        ({"epochs": "x"}, "`epochs` is 'x', but must be a valid integer"),
    ],
)
def test_every_way_to_build_a_recipe_tells_the_same(
    build: Callable[..., Recipe], values: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError) as error:
        build(**values)
    assert message in str(error.value) and "literal[" not in str(error.value)


def test_all_wrong_values_are_named_at_once() -> None:
    with pytest.raises(InputError) as error:
        Recipe.checked(temperature=-1.0, alpha=2.0, tempreature=3.0)
    for key in ("`temperature`", "`alpha`", "`tempreature`"):
        assert key in str(error.value)


def test_a_method_switches_off_the_terms_that_it_lacks() -> None:
    values = {"alpha": 0.2, "beta": 30.0, "temperature": 5.0, "normalize": False}
    weights = {
        method: Recipe(method=method, **values).loss_weights
        for method in ("teacher", "ft", "kd", "pkd-skip", "pkd-last")
    }
    full = LossWeights(0.2, 30.0, 5.0, False)
    assert weights["teacher"].alpha == weights["ft"].alpha == 0
    assert weights["teacher"].beta == weights["ft"].beta == weights["kd"].beta == 0
    assert weights["kd"].alpha == 0.2
    assert weights["pkd-skip"] == weights["pkd-last"] == full


def test_the_layer_map_follows_the_method_unless_it_is_given() -> None:
    assert Recipe(method="pkd-skip").layer_strategy is skip_layers
    assert Recipe(method="pkd-last").layer_strategy is last_layers
    assert Recipe(method="pkd-last", layer_map=(1, 3)).layer_strategy == (1, 3)
    assert Recipe(method="kd", layer_map=(1, 3)).layer_strategy is None
