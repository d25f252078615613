"""Teachers that somebody else fine-tuned: do they name the task's labels, and in which order?"""

from collections.abc import Sequence
from pathlib import Path

from pkd.errors import InputError
from pkd.models import load_config


def label_order(teacher: Path, labels: Sequence[str]) -> tuple[int, ...]:
    """For each label of a task the teacher's class of that name.

    Args:
        teacher: folder of a fine-tuned classifier.
        labels: the task's label names, in the order of their codes.

    Returns:
        One class number a label, e.g. (1, 0) for a teacher that has the two the other way round.

    Raises:
        InputError: if the teacher's names are not the task's, upper or lower case aside.
    """
    named = (load_config(teacher).id2label or {}).items()
    names = [str(name) for _, name in sorted((int(code), name) for code, name in named)]
    classes = {name.casefold(): code for code, name in enumerate(names)}
    wanted = [label.casefold() for label in labels]
    if len(classes) != len(names) or sorted(classes) != sorted(wanted):
        raise InputError(
            f"the teacher {teacher} has the labels {names}, the task has {list(labels)}: name "
            "them alike in the teacher's config.json (id2label), so that nobody has to guess "
            "which is which"
        )
    return tuple(classes[label] for label in wanted)
