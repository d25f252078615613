"""The layers that a student starts from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pkd.distillation.layer_map import layer_map
from pkd.errors import InputError
from pkd.models.start_layers import check_depth, start_layers


@pytest.mark.parametrize(
    ("choice", "source", "student", "layers"),
    [
        ("first", 12, 3, (1, 2, 3)),
        ("spaced", 12, 6, (2, 4, 6, 8, 10, 12)),
        ("spaced", 12, 3, (4, 8, 12)),
        ("spaced", 4, 1, (4,)),
        # 12/5 = 2.4, 4.8, 7.2, 9.6, 12 to the nearest layer.
        ("spaced", 12, 5, (2, 5, 7, 10, 12)),
        ([1, 4, 6], 6, 3, (1, 4, 6)),
        # All layers of a small encoder are a student of a deeper teacher.
        ("first", 4, 4, (1, 2, 3, 4)),
        ("spaced", 4, 4, (1, 2, 3, 4)),
    ],
)
def test_the_layers_that_a_student_starts_from(
    choice: str | list[int], source: int, student: int, layers: tuple[int, ...]
) -> None:
    assert start_layers(choice, source, student) == layers


@given(st.data(), st.integers(3, 64))
def test_spaced_layers_increase_to_the_last_and_are_those_of_the_map_skip(
    data: st.DataObject, source: int
) -> None:
    student = data.draw(st.integers(2, source - 1))
    layers = start_layers("spaced", source, student)
    assert list(layers) == sorted(set(layers)) and layers[0] >= 1 and layers[-1] == source
    assert layers[:-1] == layer_map("skip", source, student)


@pytest.mark.parametrize(
    ("choice", "student", "words"),
    [
        ("last", 3, ["'last'", "first, spaced"]),
        ([1, 4], 3, ["[1, 4]", "2 layers", "3 layers starts from 3"]),
        ([0, 1, 2], 3, ["[0, 1, 2]", "1..12"]),
        ([1, 2, 13], 3, ["[1, 2, 13]", "1..12"]),
        ([1, 4, 4], 3, ["[1, 4, 4]", "must increase"]),
        ("spaced", 13, ["depth is 13"]),
        ("first", 0, ["depth is 0"]),
    ],
)
def test_an_impossible_start_is_refused_with_its_values(
    choice: str | list[int], student: int, words: list[str]
) -> None:
    with pytest.raises(InputError) as error:
        start_layers(choice, 12, student)
    for word in words:
        assert word in str(error.value)


def test_a_student_of_one_layer_is_fine_without_a_map() -> None:
    check_depth(12, 1)
    with pytest.raises(InputError):
        check_depth(12, 12)
