"""Several teachers: the mean of their softened predictions, by hand and by SciPy."""

import numpy as np
import pytest
import torch
from scipy import special

from pkd.distillation.loss_weights import Scale
from pkd.distillation.losses import soft_target_loss
from tests.support.training.loss_batches import SCALES, batch


def test_the_soft_loss_of_two_teachers_has_the_value_worked_by_hand() -> None:
    student = torch.tensor([[0.0, 0.0]])
    teachers = torch.tensor([[[2 * np.log(3), 0.0]], [[2 * np.log(7), 0.0]]])
    # At T = 2 they say (3/4, 1/4) and (7/8, 1/8), on average (13/16, 3/16).
    # KL = 13/16 ln(13/8) + 3/16 ln(3/8) = 0.210570; over two classes, times 4.
    assert soft_target_loss(student, teachers, 2.0).item() == pytest.approx(0.421139, abs=1e-6)
    # At T = 1 (9/10, 1/10) and (49/50, 1/50), on average (94/100, 6/100), not what their mean
    # logits say: KL = 0.94 ln(1.88) + 0.06 ln(0.12) = 0.466180; over two.
    assert soft_target_loss(student, teachers, 1.0).item() == pytest.approx(0.233090, abs=1e-6)
    student = torch.tensor([[2 * np.log(3), 0.0]])
    # Cross-entropy at T = 2: -13/16 ln(3/4) - 3/16 ln(1/4).
    paper = soft_target_loss(student, teachers, 2.0, "paper").item()
    assert paper == pytest.approx(0.493672, abs=1e-6)


@pytest.mark.parametrize("temperature", [1.0, 5.0])
def test_the_soft_loss_of_an_ensemble_equals_scipy(temperature: float) -> None:
    b, others = batch(0), [batch(seed)["teacher_logits"] for seed in (1, 2)]
    logits = torch.stack([b["teacher_logits"], *others])
    target = special.softmax(logits.double().numpy() / temperature, axis=-1).mean(axis=0)
    own = special.log_softmax(b["student_logits"].detach().double() / temperature, axis=-1)
    paper = soft_target_loss(b["student_logits"], logits, temperature, "paper").item()
    assert paper == pytest.approx(-(target * own).sum(axis=1).mean(), rel=1e-5)
    released = soft_target_loss(b["student_logits"], logits, temperature).item()
    divergence = special.rel_entr(target, np.exp(own)).mean() * temperature**2
    assert released == pytest.approx(divergence, rel=1e-5)


@pytest.mark.parametrize("scale", SCALES)
def test_an_ensemble_of_one_is_its_teacher_bit_for_bit(scale: Scale) -> None:
    b = batch(3)
    alone = soft_target_loss(b["student_logits"], b["teacher_logits"], 7.0, scale)
    for logits in (b["teacher_logits"][None], b["teacher_logits"].expand(2, -1, -1)):
        assert soft_target_loss(b["student_logits"], logits, 7.0, scale).equal(alone)
