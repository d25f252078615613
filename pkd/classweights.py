"""Weights of labels in the cross-entropy, for rows that are spread unevenly over the labels."""

import numpy as np
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor

from pkd.tasks import Task


def class_weights(task: Task, labels: np.ndarray) -> Tensor | None:
    """The weight of each label of a task, for `pkd.losses.distillation_loss`.

    Args:
        task: whose ``class_weights`` are ``balanced`` (rows / (labels · rows of the label), over
            the labels that occur), numbers, or None.
        labels: (rows,) codes of the training rows.

    Returns:
        (classes,) fp32, or None where the task weighs all rows alike.
    """
    if task.class_weights is None:
        return None
    if task.class_weights != "balanced":
        return torch.tensor(task.class_weights, dtype=torch.float32)
    weights = torch.ones(len(task.labels))
    occurring = np.unique(labels)
    balanced = compute_class_weight("balanced", classes=occurring, y=labels)
    weights[torch.from_numpy(occurring)] = torch.from_numpy(balanced).float()
    return weights
