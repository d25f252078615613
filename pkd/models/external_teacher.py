"""Teachers that were fine-tuned elsewhere, of any family, with their classes in any order."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from pkd.errors import InputError, shown
from pkd.files.cache import build_once
from pkd.models.classifier import load_classifier
from pkd.models.encoder import load_encoder_config, weights_digest
from pkd.models.loading import quiet_transformers
from pkd.models.task_settings import label_names, refuse_other_kinds
from pkd.models.tokenizer import load_tokenizer


def adopt_teacher(teacher: Path, labels: Sequence[str], root: Path) -> Path:
    """Copies a fine-tuned teacher with its classes in the order of a task's labels.

    Args:
        teacher: folder of a fine-tuned classifier.
        labels: the task's label names, in the order of their codes.
        root: folder of all adopted teachers; an earlier copy of the same teacher is used again.

    Returns:
        The copy, in ``save_pretrained`` form with its tokenizer.

    Raises:
        InputError: if the teacher's labels are not the task's, or if it is not a fine-tuned
            classifier.
    """
    order = label_order(teacher, labels)
    model = load_classifier(teacher, labels, fine_tuned=True)

    def write(folder: Path) -> None:
        _reorder(_output_layer(model), order)
        with quiet_transformers():
            model.save_pretrained(folder)
            load_tokenizer(teacher).save_pretrained(folder)

    return build_once(root, {"teacher": weights_digest(teacher), "labels": list(labels)}, write)


def label_order(teacher: Path, labels: Sequence[str]) -> tuple[int, ...]:
    """Returns the teacher's class of each of a task's labels.

    Args:
        teacher: folder of a fine-tuned classifier.
        labels: the task's label names, in the order of their codes.

    Returns:
        One class per label, e.g. (1, 0) for a teacher that has the two in reverse order.

    Raises:
        InputError: if the teacher's label names differ from the task's in more than upper and
            lower case, contradict each other, or are not those of one label for each row.
    """
    config = load_encoder_config(teacher)
    names = list(label_names(config))
    _refuse_contradiction(teacher, names, config.label2id or {})
    classes = {name.casefold(): code for code, name in enumerate(names)}
    wanted = [label.casefold() for label in labels]
    if len(classes) != len(names) or sorted(classes) != sorted(wanted):
        raise InputError(
            f"the teacher {teacher} has the labels {names}, but the task has {list(labels)}: use "
            "the task's names in the teacher's config.json (id2label)"
        )
    refuse_other_kinds(config, teacher)
    return tuple(classes[label] for label in wanted)


def _refuse_contradiction(teacher: Path, names: list[str], codes: Mapping[str, Any]) -> None:
    """Refuses a configuration whose two tables of labels name the same ones in two orders."""
    wrong = [name for code, name in enumerate(names) if int(codes.get(name, code)) != code]
    if wrong:
        raise InputError(
            f"{teacher / 'config.json'} contradicts itself: in `id2label` {shown(wrong[0])} is "
            f"class {names.index(wrong[0])}, in `label2id` it is class {codes[wrong[0]]}. Keep "
            "the one that the teacher was trained with"
        )


def _output_layer(model: PreTrainedModel) -> nn.Linear:
    """Returns the layer that computes the logits: the last linear one outside the encoder."""
    encoder = set(model.base_model.modules())
    maps = [m for m in model.modules() if isinstance(m, nn.Linear) and m not in encoder]
    if not maps or maps[-1].out_features != model.config.num_labels:
        raise InputError(
            f"cannot find the layer that computes the logits of this {model.config.model_type}: "
            f"its last linear layer must have {model.config.num_labels} outputs, one per class"
        )
    return maps[-1]


@torch.no_grad()
def _reorder(output: nn.Linear, order: Sequence[int]) -> None:
    output.weight.copy_(output.weight[list(order)])
    if output.bias is not None:
        output.bias.copy_(output.bias[list(order)])
