"""The layers of a deeper model whose weights a student starts from. This needs no torch."""

import math
from collections.abc import Sequence

from pkd.errors import InputError

STARTS = ("first", "spaced")


def start_layers(
    choice: str | Sequence[int], source_layers: int, student_layers: int
) -> tuple[int, ...]:
    """Returns the layer of a deeper model that each student layer 1 … k starts from.

    Args:
        choice: ``"first"`` (the first k, as in the paper), ``"spaced"`` (layer j·L/k for student
            layer j: evenly spaced, the last one included) or an explicit list of k increasing
            layers.
        source_layers: L, the number of transformer layers of the model to start from.
        student_layers: k, the number of transformer layers of the student, 1 … L.

    Returns:
        k increasing layer numbers, 1-based. 12 to 6 layers: spaced gives (2, 4, 6, 8, 10, 12).
        Where k does not divide L, numbers are rounded to the nearest layer as in the layer map
        ``skip``: a student that starts from its teacher's spaced layers then imitates the same
        layers.

    Raises:
        InputError: for an unknown choice, an impossible depth or a list that does not fit.
    """
    if student_layers != source_layers:
        check_depth(source_layers, student_layers)
    if isinstance(choice, str):
        if choice == "first":
            return tuple(range(1, student_layers + 1))
        if choice == "spaced":
            return evenly_spaced(source_layers, student_layers)
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
    check_layer_list("`start_layers`", layers, "model", source_layers)
    return layers


def evenly_spaced(whole: int, count: int) -> tuple[int, ...]:
    """Returns ``count`` layers of ``whole`` at equal distances, the last layer included."""
    return tuple(math.floor(j * whole / count + 0.5) for j in range(1, count + 1))


def check_layer_list(name: str, layers: tuple[int, ...], whose: str, whole: int) -> None:
    """Refuses layers that a model does not have, or that do not increase.

    Args:
        name: the layers' name in messages.
        layers: 1-based.
        whose: "model" or "teacher", in messages.
        whole: number of layers that the model has.

    Raises:
        InputError: naming the layers.
    """
    if any(not 1 <= layer <= whole for layer in layers):
        raise InputError(
            f"{name} {list(layers)} must be layers of the {whose}, 1..{whole} (layers are 1-based)"
        )
    if any(b <= a for a, b in zip(layers, layers[1:], strict=False)):
        raise InputError(f"{name} {list(layers)} must increase from one layer to the next")


def check_depth(teacher_layers: int, student_layers: int) -> None:
    """Refuses a student that has not fewer layers than its teacher.

    Raises:
        InputError: unless 1 <= student_layers < teacher_layers.
    """
    if not 1 <= student_layers < teacher_layers:
        raise InputError(
            f"student depth is {student_layers}, but must be between 1 and "
            f"{teacher_layers - 1}: the teacher has {teacher_layers} layers"
        )
