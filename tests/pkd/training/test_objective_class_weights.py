"""Weights of labels against numbers worked by hand, and their way into every training."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pkd.data.preparation import Prepared
from pkd.data.tokens import open_tokens
from pkd.distillation.loss_weights import LossWeights
from pkd.distillation.losses import LossInputs, distillation_loss
from pkd.distillation.recipe import Recipe
from pkd.distillation.signals import open_signals
from pkd.models.classifier import load_classifier
from pkd.tasks.glue import GLUE
from pkd.tasks.task import Task
from pkd.training.objective import Objective, class_weights
from pkd.training.training_loop import TrainingLoop
from pkd.training.training_run import Files, TrainingRun

CPU = torch.device("cpu")


def task(weights: Any, labels: tuple[str, ...] = ("a", "b", "c")) -> Task:
    return Task(name="own", texts=("text",), labels=labels, class_weights=weights)


def test_balanced_weights_have_the_values_worked_by_hand() -> None:
    # 8 rows of 2 labels that occur: 8 / (2 · 6) and 8 / (2 · 2); no row asks for the weight of c.
    found = class_weights(task("balanced"), np.array([0, 0, 0, 0, 0, 0, 1, 1]))
    assert found is not None and found.tolist() == pytest.approx([2 / 3, 2, 1])


def test_given_weights_are_taken_as_they_are() -> None:
    found = class_weights(task([1, 2.5, 10]), np.array([0, 1]))
    assert found is not None and found.tolist() == [1, 2.5, 10]
    assert class_weights(task(None), np.array([0, 1])) is None


def test_only_the_cross_entropy_is_weighted() -> None:
    # Odds 3 : 1 for the right label, then for the wrong one: ln(4/3) and ln(4).
    logits = torch.tensor([[np.log(3), 0], [np.log(3), 0]], dtype=torch.float32)
    labels, teacher = torch.tensor([0, 1]), torch.tensor([[2.0, 1.0], [0.0, 1.0]])
    weights = LossWeights(alpha=0.25, temperature=2.0)
    plain = distillation_loss(LossInputs(weights, logits, labels, teacher))
    weighted = distillation_loss(
        LossInputs(weights, logits, labels, teacher, class_weights=torch.tensor([1.0, 3.0]))
    )
    ce = (1 * np.log(4 / 3) + 3 * np.log(4)) / (1 + 3)
    assert float(weighted.ce) == pytest.approx(ce, rel=1e-6)
    assert plain.soft is not None and weighted.soft is not None
    assert float(weighted.soft) == float(plain.soft)
    assert float(weighted.total) == pytest.approx(0.75 * ce + 0.25 * float(plain.soft), rel=1e-6)


@pytest.mark.parametrize("method", ["ft", "pkd-skip"])
def test_a_batch_in_parts_has_the_gradient_of_the_whole(
    prepared: Prepared, signals: Path, encoder: Path, method: str
) -> None:
    gradients = []
    for parts in (1, 3):
        recipe = Recipe(method=method, layers=3, alpha=0.3, beta=10.0, precision="fp32")
        model = load_classifier(encoder, GLUE["rte"].labels, 3)
        loop = TrainingLoop(
            Objective(
                recipe,
                model,
                open_tokens(prepared.train, CPU),
                CPU,
                signals=open_signals(signals, (1, 2, 3), CPU),
                teacher_map=recipe.teacher_map(4, 3),
                class_weights=torch.tensor([1.0, 20.0]),
            )
        )
        model.eval()  # no dropout, which would differ from part to part
        loop.micro_batches = parts
        # Seven rows of label 0 and three of label 1, which the parts share unevenly.
        loop._backward(np.array([0, 2, 4, 6, 8, 10, 12, 1, 3, 5]))
        weight = model.classifier.weight.grad
        assert weight is not None
        gradients.append(weight.clone())
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("method", ["teacher", "ft", "kd", "pkd-last"])
def test_every_method_gets_the_weights_of_the_task(
    prepared: Prepared, signals: Path, encoder: Path, method: str
) -> None:
    weighted = prepared.task.model_copy(update={"class_weights": (1.0, 5.0)})
    files = Files(prepared.task, prepared.tokens, encoder, signals, 4)
    recipe = Recipe(method=method, layers=3)
    assert TrainingRun(recipe, files).loop.objective.class_weights is None
    found = TrainingRun(recipe, replace(files, task=weighted)).loop.objective.class_weights
    assert found is not None and found.tolist() == [1, 5]
