"""Which teacher layer each student layer imitates (paper section 3.2)."""

from collections.abc import Callable, Sequence

from pkd.errors import InputError
from pkd.models.start_layers import check_depth, check_layer_list, evenly_spaced

LayerStrategy = Callable[[int, int], Sequence[int]]
"""Gives the teacher layers for (teacher_layers, student_layers), see `layer_map`."""


def skip_layers(teacher_layers: int, student_layers: int) -> tuple[int, ...]:
    """Every L/k-th layer: (2, 4, 6, 8, 10) for 12 to 6 layers (PKD-Skip)."""
    return evenly_spaced(teacher_layers, student_layers)[:-1]


def last_layers(teacher_layers: int, student_layers: int) -> tuple[int, ...]:
    """The last layers below the top one: (7, 8, 9, 10, 11) for 12 to 6 layers (PKD-Last)."""
    return tuple(range(teacher_layers - student_layers + 1, teacher_layers))


STRATEGIES: dict[str, LayerStrategy] = {"skip": skip_layers, "last": last_layers}


def layer_map(
    strategy: str | Sequence[int] | LayerStrategy, teacher_layers: int, student_layers: int
) -> tuple[int, ...]:
    """Gives the teacher layer that each student layer 1 … k-1 imitates.

    The last student layer has no partner: the soft labels already tie it to the teacher's last.

    Args:
        strategy: ``"skip"`` (every L/k-th layer), ``"last"`` (the last layers before the final
            one), a function of (L, k), or an explicit list of k-1 increasing teacher layers.
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
    if isinstance(strategy, str):
        if strategy not in STRATEGIES:
            raise InputError(
                f"layer map is {strategy!r}, but must be one of {', '.join(STRATEGIES)} "
                "or a list of teacher layers"
            )
        strategy = STRATEGIES[strategy]
    layers = tuple(strategy(teacher_layers, student_layers) if callable(strategy) else strategy)
    if len(layers) != student_layers - 1:
        raise InputError(
            f"layer map {list(layers)} has {len(layers)} layers, but a student of "
            f"{student_layers} layers needs {student_layers - 1} (one for each layer below its "
            "last)"
        )
    check_layer_list("layer map", layers, "teacher", teacher_layers)
    return layers
