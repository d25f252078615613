"""Layers of one model for those of another: to learn from (paper section 3.2), to start as."""

import math
from collections.abc import Sequence

from pkd.errors import InputError

STRATEGIES = ("skip", "last")
STARTS = ("first", "spaced")


def layer_map(
    strategy: str | Sequence[int], teacher_layers: int, student_layers: int
) -> tuple[int, ...]:
    """Gives the teacher layer that each student layer 1 … k-1 imitates.

    The last student layer has no partner: the soft labels already tie it to the teacher's last.

    Args:
        strategy: ``"skip"`` (every L/k-th layer), ``"last"`` (the last layers before the final
            one) or an explicit list of k-1 increasing teacher layers.
        teacher_layers: L, the number of transformer layers of the teacher.
        student_layers: k, the number of transformer layers of the student, 2 … L-1.

    Returns:
        k-1 increasing layer numbers, 1-based, which is their index in transformers'
        ``hidden_states`` (index 0 is the embedding). 12 to 6 layers: skip gives (2, 4, 6, 8, 10),
        last gives (7, 8, 9, 10, 11). Where k does not divide L, skip rounds to the nearest layer.

    Raises:
        InputError: for an unknown strategy, impossible depths or a list that does not fit.
    """
    check_depth(teacher_layers, student_layers)
    if student_layers < 2:
        raise InputError(
            f"student_layers is {student_layers}, but patient distillation pairs the layers below "
            "the last one, so it must be >= 2"
        )
    pairs = range(1, student_layers)
    if isinstance(strategy, str):
        if strategy == "skip":
            return _spaced(teacher_layers, student_layers)[:-1]
        if strategy == "last":
            return tuple(teacher_layers - student_layers + j for j in pairs)
        raise InputError(
            f"layer map is {strategy!r}, but must be one of {', '.join(STRATEGIES)} "
            "or a list of teacher layers"
        )
    layers = tuple(strategy)
    if len(layers) != len(pairs):
        raise InputError(
            f"layer map {list(layers)} has {len(layers)} layers, but a student of "
            f"{student_layers} layers needs {len(pairs)} (one for each layer below its last)"
        )
    _check_list("layer map", layers, "teacher", teacher_layers)
    return layers


def start_layers(
    choice: str | Sequence[int], source_layers: int, student_layers: int
) -> tuple[int, ...]:
    """Gives the layer of another model that each student layer 1 … k starts as.

    Args:
        choice: ``"first"`` (the first k, as in the paper), ``"spaced"`` (layer j·L/k for student
            layer j: evenly spaced, the last one included) or an explicit list of k increasing
            layers.
        source_layers: L, the number of transformer layers of the model to start from.
        student_layers: k, the number of transformer layers of the student, 1 … L.

    Returns:
        k increasing layer numbers, 1-based. 12 to 6 layers: spaced gives (2, 4, 6, 8, 10, 12).
        Where k does not divide L it rounds to the nearest layer, as the map ``skip`` does: a
        student of the teacher's own spaced layers starts as those that it imitates.

    Raises:
        InputError: for an unknown choice, an impossible depth or a list that does not fit.
    """
    if student_layers != source_layers:
        check_depth(source_layers, student_layers)
    if isinstance(choice, str):
        if choice == "first":
            return tuple(range(1, student_layers + 1))
        if choice == "spaced":
            return _spaced(source_layers, student_layers)
        raise InputError(
            f"`start_layers` is {choice!r}, but must be one of {', '.join(STARTS)} or a list of "
            "layers"
        )
    layers = tuple(choice)
    if len(layers) != student_layers:
        raise InputError(
            f"`start_layers` {list(layers)} has {len(layers)} layers, but a student of "
            f"{student_layers} layers starts from {student_layers}"
        )
    _check_list("`start_layers`", layers, "model", source_layers)
    return layers


def _spaced(whole: int, count: int) -> tuple[int, ...]:
    return tuple(math.floor(j * whole / count + 0.5) for j in range(1, count + 1))


def _check_list(name: str, layers: tuple[int, ...], whose: str, whole: int) -> None:
    if any(not 1 <= layer <= whole for layer in layers):
        raise InputError(
            f"{name} {list(layers)} leaves the {whose}'s layers 1..{whole} (layers are 1-based)"
        )
    if any(b <= a for a, b in zip(layers, layers[1:], strict=False)):
        raise InputError(f"{name} {list(layers)} must increase from one layer to the next")


def check_depth(teacher_layers: int, student_layers: int) -> None:
    """Refuses a student that is not shallower than its teacher.

    Raises:
        InputError: unless 1 <= student_layers < teacher_layers.
    """
    if not 1 <= student_layers < teacher_layers:
        raise InputError(
            f"student depth is {student_layers}, but must be between 1 and "
            f"{teacher_layers - 1}: the teacher has {teacher_layers} layers"
        )
