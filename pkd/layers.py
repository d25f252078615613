"""Which teacher layer each student layer learns from (paper section 3.2, figure 1)."""

import math
from collections.abc import Sequence

from pkd.errors import InputError

STRATEGIES = ("skip", "last")


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
            return tuple(math.floor(j * teacher_layers / student_layers + 0.5) for j in pairs)
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
    if any(not 1 <= layer <= teacher_layers for layer in layers):
        raise InputError(
            f"layer map {list(layers)} leaves the teacher's layers 1..{teacher_layers} "
            "(layers are 1-based)"
        )
    if any(b <= a for a, b in zip(layers, layers[1:], strict=False)):
        raise InputError(f"layer map {list(layers)} must increase from one layer to the next")
    return layers


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
