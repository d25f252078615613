"""Layer maps of the paper, and what holds for any depths."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pkd.distillation.layer_map import layer_map
from pkd.errors import InputError
from pkd.models.start_layers import check_depth, start_layers


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
def test_the_layers_that_a_student_starts_as(
    choice: str | list[int], source: int, student: int, layers: tuple[int, ...]
) -> None:
    assert start_layers(choice, source, student) == layers


@given(st.data(), st.integers(3, 64))
def test_spaced_layers_increase_to_the_last_and_are_those_that_skip_looks_at(
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
