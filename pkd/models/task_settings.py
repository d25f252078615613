"""What a model's configuration says about its task, and how it is bound to another one."""

from collections.abc import Sequence
from pathlib import Path

from transformers import PretrainedConfig

from pkd.errors import InputError

# The form of the outputs, whatever an earlier user of the model wanted.
OUTPUTS = {"return_dict": True, "output_hidden_states": False, "output_attentions": False}
# Keys that belong to the task of an earlier life and would change what a pipeline computes.
_EARLIER = (
    "finetuning_task",
    "function_to_apply",
    "sbert_ce_default_activation_function",
    "sentence_transformers",
    "task_specific_params",
    "torchscript",
)


def bind_to_task(config: PretrainedConfig, labels: Sequence[str]) -> None:
    """Makes a configuration that of a classifier with exactly one of some labels for each row.

    Everything that an earlier task has left behind is reset.

    Args:
        config: changed in place.
        labels: label names, in the order of their classes.
    """
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: code for code, label in enumerate(labels)}
    config.problem_type = None
    for key, value in OUTPUTS.items():
        setattr(config, key, value)
    for key in _EARLIER:
        if hasattr(config, key):
            delattr(config, key)


def label_names(config: PretrainedConfig) -> tuple[str, ...]:
    """Returns the labels that a configuration names, in the order of their classes."""
    named = {int(code): str(name) for code, name in (config.id2label or {}).items()}
    return tuple(named[code] for code in sorted(named))


def refuse_other_kinds(config: PretrainedConfig, folder: Path) -> None:
    """Refuses a classifier that does not give each row exactly one of its labels.

    Raises:
        InputError: naming the kind.
    """
    kind = config.problem_type
    if kind not in (None, "single_label_classification"):
        raise InputError(
            f"{folder} is not a classifier that gives each row one label: `problem_type` in its "
            f"config.json is {kind}. If it was trained with one label for each row, delete "
            "`problem_type` there"
        )
    codes = sorted(int(code) for code in config.id2label or {})
    if codes != list(range(len(codes))):
        raise InputError(
            f"`id2label` in {folder / 'config.json'} names the classes {codes}, but classes are "
            f"numbered from 0 to {len(codes) - 1}: give each output its name"
        )
    if len(codes) < 2:
        raise InputError(
            f"{folder} is not a classifier: it has {len(codes)} output, but there must be one for "
            "each of at least two labels"
        )
