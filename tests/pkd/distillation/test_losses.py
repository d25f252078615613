"""Losses against numbers worked by hand, the paper's equations and the released formulas."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from pkd.distillation.losses import (
    LossInputs,
    LossWeights,
    Scale,
    distillation_loss,
    patience_loss,
    soft_target_loss,
    to_paper_scale,
)
from tests.support.training.loss_batches import SCALES, batch


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def paper_equations(
    b: dict[str, np.ndarray], alpha: float, beta: float, temperature: float, normalize: bool
) -> float:
    """L_PKD of section 3, summed over rows as printed."""
    total = 0.0
    for i, y in enumerate(b["labels"]):
        p_s = softmax(b["student_logits"][i])
        soft_s = softmax(b["student_logits"][i] / temperature)
        soft_t = softmax(b["teacher_logits"][i] / temperature)
        ce = -np.log(p_s[y])
        ds = -sum(soft_t[c] * np.log(soft_s[c]) for c in range(len(p_s)))
        pt = 0.0
        for h_s, h_t in zip(b["student_states"][i], b["teacher_states"][i], strict=True):
            if normalize:
                h_s, h_t = h_s / np.linalg.norm(h_s), h_t / np.linalg.norm(h_t)
            pt += float(((h_s - h_t) ** 2).sum())
        total += (1 - alpha) * ce + alpha * ds + beta * pt
    return float(total)


def released_code(
    b: dict[str, np.ndarray], alpha: float, beta: float, temperature: float, normalize: bool
) -> float:
    """KD_loss.py: KLDivLoss(mean) times T² and mse_loss, each a mean over all elements."""
    log_s = np.log(softmax(b["student_logits"] / temperature))
    t = softmax(b["teacher_logits"] / temperature)
    soft = np.mean(t * (np.log(t) - log_s)) * temperature**2
    ce = -np.mean(np.log(softmax(b["student_logits"]))[np.arange(len(t)), b["labels"]])
    h_s, h_t = b["student_states"], b["teacher_states"]
    if normalize:
        h_s = h_s / np.linalg.norm(h_s, axis=-1, keepdims=True)
        h_t = h_t / np.linalg.norm(h_t, axis=-1, keepdims=True)
    return float((1 - alpha) * ce + alpha * soft + beta * np.mean((h_s - h_t) ** 2))


def in_numpy(tensors: dict[str, Tensor]) -> dict[str, np.ndarray]:
    as_numpy = {name: t.detach().numpy() for name, t in tensors.items()}
    return {n: a.astype(np.float64) if n != "labels" else a for n, a in as_numpy.items()}


def test_soft_target_loss_has_the_value_worked_by_hand() -> None:
    # At T = 2 the teacher says (3/4, 1/4) and the student (1/2, 1/2).
    student, teacher = torch.tensor([[0.0, 0.0]]), torch.tensor([[2 * np.log(3), 0.0]])
    # KL = 3/4 ln(3/2) + 1/4 ln(1/2) = 0.130812; over two classes, times 4.
    assert soft_target_loss(student, teacher, 2.0).item() == pytest.approx(0.261624, abs=1e-6)
    # Cross-entropy with (1/2, 1/2) is ln 2, whatever the teacher says.
    paper = soft_target_loss(student, teacher, 2.0, "paper").item()
    assert paper == pytest.approx(0.693147, abs=1e-6)


def test_patience_loss_has_the_value_worked_by_hand() -> None:
    # (3, 4) and (0, 2): directions (0.6, 0.8) and (0, 1), squared distance 0.36 + 0.04.
    student, teacher = torch.tensor([[[3.0, 4.0]]]), torch.tensor([[[0.0, 2.0]]])
    assert patience_loss(student, teacher, True, "paper").item() == pytest.approx(0.4)
    assert patience_loss(student, teacher, True, "released").item() == pytest.approx(0.2)
    # As they are: 9 + 4 over two hidden units.
    assert patience_loss(student, teacher, False, "paper").item() == pytest.approx(13.0)
    assert patience_loss(student, teacher, False, "released").item() == pytest.approx(6.5)


def test_all_terms_add_up_to_the_value_worked_by_hand() -> None:
    weights = LossWeights(alpha=0.25, beta=10.0, temperature=2.0)
    terms = distillation_loss(
        LossInputs(
            weights,
            torch.tensor([[0.0, 0.0]]),
            torch.tensor([0]),
            torch.tensor([[2 * np.log(3), 0.0]]),
            torch.tensor([[[3.0, 4.0]]]),
            torch.tensor([[[0.0, 2.0]]]),
        )
    )
    # 0.75 · 0.693147 + 0.25 · 0.261624 + 10 · 0.2
    assert terms.total.item() == pytest.approx(2.585266, abs=1e-6)
    assert terms.ce.item() == pytest.approx(0.693147, abs=1e-6)
    # The reported terms are unweighted.
    assert terms.soft is not None and terms.soft.item() == pytest.approx(0.261624, abs=1e-6)
    assert terms.patience is not None and terms.patience.item() == pytest.approx(0.2)


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("scale", SCALES)
def test_total_equals_an_independent_evaluation(scale: Scale, normalize: bool) -> None:
    for seed in range(5):
        b = batch(seed)
        weights = LossWeights(0.3, 7.0, 5.0, normalize, scale)
        total = distillation_loss(LossInputs(weights, **b)).total.item()
        if scale == "paper":
            # The equations sum over rows; a loss of ours is a mean over the batch.
            expected = paper_equations(in_numpy(b), 0.3, 7.0, 5.0, normalize) / 5
        else:
            expected = released_code(in_numpy(b), 0.3, 7.0, 5.0, normalize)
        assert total == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("scale", SCALES)
def test_gradients_equal_finite_differences_of_the_independent_evaluation(
    scale: Scale, normalize: bool
) -> None:
    b = batch(3, rows=2)
    distillation_loss(
        LossInputs(LossWeights(0.3, 7.0, 5.0, normalize, scale), **b)
    ).total.backward()

    def evaluate(arrays: dict[str, np.ndarray]) -> float:
        if scale == "paper":
            return paper_equations(arrays, 0.3, 7.0, 5.0, normalize) / 2
        return released_code(arrays, 0.3, 7.0, 5.0, normalize)

    for name in ("student_logits", "student_states"):
        arrays = in_numpy(b)
        found = np.zeros_like(arrays[name])
        for where in np.ndindex(found.shape):
            value = arrays[name][where]
            arrays[name][where] = value + 1e-5
            up = evaluate(arrays)
            arrays[name][where] = value - 1e-5
            found[where] = (up - evaluate(arrays)) / 2e-5
            arrays[name][where] = value
        np.testing.assert_allclose(b[name].grad.numpy(), found, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("scale", SCALES)
def test_patience_loss_is_zero_when_student_equals_teacher(scale: Scale, normalize: bool) -> None:
    states = batch(0)["teacher_states"]
    assert patience_loss(states, states.clone(), normalize, scale).item() == 0.0


def test_normalised_patience_loss_sees_directions_only() -> None:
    states = batch(0)["teacher_states"]
    assert patience_loss(3 * states, states).item() == pytest.approx(0.0, abs=1e-12)
    assert patience_loss(3 * states, states, normalize=False).item() > 1


def test_a_state_of_zeros_gives_finite_gradients() -> None:
    student = torch.zeros(1, 1, 4, requires_grad=True)
    patience_loss(student, torch.ones(1, 1, 4)).backward()
    assert torch.isfinite(student.grad).all()


@pytest.mark.parametrize("scale", SCALES)
def test_soft_loss_has_no_gradient_when_the_logits_are_equal(scale: Scale) -> None:
    logits = batch(0)["student_logits"]
    soft_target_loss(logits, logits.detach().clone(), 4.0, scale).backward()
    assert logits.grad.abs().max() < 1e-6
    # And the released form, a divergence, is itself zero there.
    if scale == "released":
        assert soft_target_loss(logits, logits, 4.0).item() == pytest.approx(0.0, abs=1e-6)


def test_gradients_of_the_two_soft_losses_differ_by_temperature_squared_over_classes() -> None:
    b = batch(1)
    grads = []
    for scale in SCALES:
        loss = soft_target_loss(b["student_logits"], b["teacher_logits"], 6.0, scale)
        grads.append(torch.autograd.grad(loss, b["student_logits"])[0])
    torch.testing.assert_close(grads[0], grads[1] * 36 / 3)


@pytest.mark.parametrize("scale", SCALES)
def test_no_gradient_flows_into_the_teacher(scale: Scale) -> None:
    b = batch(0)
    teachers = [b["teacher_logits"].requires_grad_(), b["teacher_states"].requires_grad_()]
    distillation_loss(LossInputs(LossWeights(0.5, 1.0, 2.0, scale=scale), **b)).total.backward()
    assert b["student_logits"].grad is not None and b["student_states"].grad is not None
    assert all(teacher.grad is None for teacher in teachers)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_low_precision_inputs_give_the_fp32_loss_of_their_values(dtype: torch.dtype) -> None:
    weights = LossWeights(0.5, 10.0, 5.0)
    low = {n: t if n == "labels" else t.detach().to(dtype) for n, t in batch(2).items()}
    exact = {n: t if n == "labels" else t.float() for n, t in low.items()}
    terms = distillation_loss(LossInputs(weights, **low))
    for term in (terms.total, terms.ce, terms.soft, terms.patience):
        assert term is not None and term.dtype == torch.float32
    # Nothing is rounded on the way: the very same bits as with the inputs in fp32.
    assert torch.equal(terms.total, distillation_loss(LossInputs(weights, **exact)).total)


def test_normalised_loss_tells_nearly_equal_directions_apart() -> None:
    # The released code ends in half precision, where cos 0.99999 comes out as exactly 0.
    student, teacher = torch.zeros(1, 1, 768), torch.zeros(1, 1, 768)
    student[..., 0], teacher[..., 0] = 1.0, 1.0
    student[..., 1] = 4.4721e-3
    # Squared distance 2 (1 - cos) = 2e-5, over 768 units.
    assert patience_loss(student, teacher).item() == pytest.approx(2e-5 / 768, rel=1e-3)


def test_patience_works_without_soft_targets() -> None:
    b = batch(0) | {"teacher_logits": None}
    terms = distillation_loss(LossInputs(LossWeights(alpha=0.0, beta=2.0), **b))
    assert terms.soft is None and terms.patience is not None
    assert terms.total.item() == pytest.approx((terms.ce + 2 * terms.patience).item())
    terms.total.backward()
    assert b["student_states"].grad.abs().sum() > 0


def test_fine_tuning_needs_no_teacher_and_is_plain_cross_entropy() -> None:
    b = batch(0)
    terms = distillation_loss(LossInputs(LossWeights(), b["student_logits"], b["labels"]))
    expected = torch.nn.functional.cross_entropy(b["student_logits"], b["labels"])
    assert torch.equal(terms.total, expected)
    assert terms.soft is None and terms.patience is None


@given(
    alpha=st.floats(0, 1),
    beta=st.floats(0, 1000),
    temperature=st.floats(0.5, 20),
    normalize=st.booleans(),
    shape=st.tuples(*[st.integers(2, 4)] * 3),
    seed=st.integers(0, 1000),
)
def test_conversion_to_the_paper_scale_is_exact(
    alpha: float,
    beta: float,
    temperature: float,
    normalize: bool,
    shape: tuple[int, int, int],
    seed: int,
) -> None:
    classes, pairs, hidden = shape
    alpha_p, beta_p, factor = to_paper_scale(alpha, beta, temperature, classes, pairs, hidden)
    assert 0 <= alpha_p <= 1
    b = batch(seed, 3, *shape)
    wanted = [b["student_logits"], b["student_states"]]
    grads = []
    for weights in (
        LossWeights(alpha, beta, temperature, normalize, "released"),
        LossWeights(alpha_p, beta_p, temperature, normalize, "paper"),
    ):
        total = distillation_loss(LossInputs(weights, **b)).total
        grads.append(torch.autograd.grad(total, wanted, allow_unused=True))
    for released, paper in zip(*grads, strict=True):
        # Beta 0 has no patience term at all in either scale.
        assert (released is None) == (paper is None)
        if released is not None:
            torch.testing.assert_close(released, factor * paper, rtol=1e-3, atol=1e-5)


def test_conversion_gives_the_numbers_of_the_papers_grid() -> None:
    # 6 layers of width 768: beta / 3840. With alpha 0 the strength as a whole is the same.
    assert to_paper_scale(0.0, 1000.0, 10.0, 2, 5, 768) == (0.0, pytest.approx(0.26041667), 1.0)
    # T 10, two classes, alpha 0.5: soft weight 0.5 · 100 / 2 = 25 beside 0.5 of the labels.
    alpha, beta, factor = to_paper_scale(0.5, 100.0, 10.0, 2, 2, 768)
    assert (alpha, factor) == (pytest.approx(25 / 25.5), 25.5)
    assert beta == pytest.approx(100 / 1536 / 25.5)
