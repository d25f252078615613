"""Layer maps of the paper, and what holds for any depths."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pkd.distillation.layer_map import layer_map
from pkd.errors import InputError


@pytest.mark.parametrize(
    ("teacher", "student", "skip", "last"),
    [
        (12, 6, (2, 4, 6, 8, 10), (7, 8, 9, 10, 11)),
        (12, 3, (4, 8), (10, 11)),
        (6, 3, (2, 4), (4, 5)),
        (24, 6, (4, 8, 12, 16, 20), (19, 20, 21, 22, 23)),
        (24, 3, (8, 16), (22, 23)),
        # Not divisible: 12/5 = 2.4, 4.8, 7.2, 9.6 to the nearest layer.
        (12, 5, (2, 5, 7, 10), (8, 9, 10, 11)),
    ],
)
def test_maps_are_those_of_the_paper(
    teacher: int, student: int, skip: tuple[int, ...], last: tuple[int, ...]
) -> None:
    assert layer_map("skip", teacher, student) == skip
    assert layer_map("last", teacher, student) == last


@given(st.data(), st.integers(3, 64), st.sampled_from(["skip", "last"]))
def test_any_depths_give_one_layer_fewer_than_the_student_has_and_they_increase(
    data: st.DataObject, teacher: int, strategy: str
) -> None:
    student = data.draw(st.integers(2, teacher - 1))
    layers = layer_map(strategy, teacher, student)
    assert len(layers) == student - 1
    assert list(layers) == sorted(set(layers))
    # The teacher's last layer is tied through the soft labels, the embedding is no layer.
    assert layers[0] >= 1 and layers[-1] <= teacher - 1


def test_an_explicit_list_is_taken_as_it_is() -> None:
    assert layer_map([1, 12], 12, 3) == (1, 12)


@pytest.mark.parametrize(
    ("strategy", "teacher", "student", "words"),
    [
        ([4], 12, 3, ["[4]", "1 layers", "3 layers needs 2"]),
        ([4, 8, 10], 12, 3, ["[4, 8, 10]", "3 layers", "needs 2"]),
        ([0, 4], 12, 3, ["[0, 4]", "1..12", "1-based"]),
        ([4, 13], 12, 3, ["[4, 13]", "1..12"]),
        ([8, 4], 12, 3, ["[8, 4]", "must increase"]),
        ([4, 4], 12, 3, ["[4, 4]", "must increase"]),
        ("first", 12, 3, ["'first'", "skip, last"]),
        ("skip", 12, 12, ["depth is 12", "between 1 and 11", "has 12 layers"]),
        ("skip", 6, 12, ["depth is 12", "between 1 and 5", "has 6 layers"]),
        ("last", 12, 0, ["depth is 0", "between 1 and 11"]),
        ("skip", 12, 1, ["student_layers is 1", ">= 2"]),
    ],
)
def test_an_impossible_map_is_refused_with_its_values(
    strategy: str | list[int], teacher: int, student: int, words: list[str]
) -> None:
    with pytest.raises(InputError) as error:
        layer_map(strategy, teacher, student)
    for word in words:
        assert word in str(error.value)
