"""The losses of patient knowledge distillation, in the two scales that are in use.

The paper's equations *sum* (over classes, layers and hidden units); the code released with it
*averages* and multiplies the soft loss by T². The published grids (beta 10 … 1000) are meant for
the released code, so ``"released"`` is the default and ``"paper"`` the other; `to_paper_scale`
converts exactly. Every loss is a mean over the batch and is computed in fp32.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F

from pkd.distillation.loss_weights import LossWeights, Scale
from pkd.errors import InputError


@dataclass(frozen=True)
class LossTerms:
    """The weighted sum and its unweighted terms, each a scalar tensor (fp32)."""

    total: Tensor
    ce: Tensor
    soft: Tensor | None = None
    patience: Tensor | None = None


@dataclass(frozen=True)
class LossInputs:
    """What a loss is computed from: one batch, or a part of one.

    Attributes:
        weights: the weights of the terms and their scale.
        student_logits: (batch, classes).
        labels: (batch,) class indices; -100 for a row without a label.
        teacher_logits: (batch, classes), or (teachers, batch, classes) of an ensemble; None where
            the method does not use them or ``alpha`` is 0.
        student_states: (batch, pairs, hidden), [CLS] states of student layers 1 … k-1; None where
            the method compares none or ``beta`` is 0.
        teacher_states: (batch, pairs, hidden), states of the mapped layers; any float type.
        class_weights: (classes,) weights of the labels in CE, which then is the weighted mean
            over the batch, sum(w · loss) / sum(w), as in torch; the other terms do not depend on
            labels. None weighs all rows alike.
        row_weight: for splits that have rows without a label: the mean weight of a row of the
            whole split (0 without a label, else 1 or its class weight). CE is then the batch's
            sum divided by batch · row_weight, so that its mean over batches is the mean over
            labelled rows, however many of them a batch has.
    """

    weights: LossWeights
    student_logits: Tensor
    labels: Tensor
    teacher_logits: Tensor | None = None
    student_states: Tensor | None = None
    teacher_states: Tensor | None = None
    class_weights: Tensor | None = None
    row_weight: float | None = None


Loss = Callable[[LossInputs], LossTerms]
"""What a training can minimise, for example `distillation_loss`.

Its total must be a mean over the rows of a batch, with the cross-entropy weighted ``1 - alpha``:
that is how the parts of a batch that does not fit the memory are added up. It must not wait for a
GPU.
"""


def soft_target_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    temperature: float,
    scale: Scale = "released",
) -> Tensor:
    """Distance of the student's softened prediction from the teacher's (paper, section 3.1).

    Of several teachers it is the distance from the mean of their softened predictions.

    Args:
        student_logits: (batch, classes).
        teacher_logits: (batch, classes), or (teachers, batch, classes) of an ensemble; no
            gradient flows into it.
        temperature: T > 0.
        scale: ``"released"``: KL divergence averaged over batch *and* classes, times T²
            (``KD_loss.py``); ``"paper"``: cross-entropy summed over classes, averaged over the
            batch. Their gradients differ by the factor T²/classes only.

    Returns:
        A scalar in fp32.
    """
    log_p = F.log_softmax(student_logits.float() / temperature, dim=-1)
    teacher_probabilities = F.softmax(teacher_logits.detach().float() / temperature, dim=-1)
    target = teacher_probabilities.reshape(-1, *log_p.shape).mean(dim=0)
    if scale == "paper":
        return -(target * log_p).sum(dim=-1).mean()
    return F.kl_div(log_p, target, reduction="none").mean() * temperature**2


def patience_loss(
    student_states: Tensor,
    teacher_states: Tensor,
    normalize: bool = True,
    scale: Scale = "released",
) -> Tensor:
    """Squared distance between paired [CLS] states (paper, section 3.2).

    Args:
        student_states: (batch, pairs, hidden), states of student layers 1 … k-1.
        teacher_states: (batch, pairs, hidden), states of the mapped layers; any float type.
        normalize: whether each state is scaled to Euclidean length 1 first.
        scale: ``"released"``: mean over batch, pairs and hidden (``F.mse_loss``);
            ``"paper"``: summed over pairs and hidden, averaged over the batch. Their ratio is
            pairs · hidden.

    Returns:
        A scalar in fp32.
    """
    student, teacher = student_states.float(), teacher_states.detach().float()
    if normalize:
        student, teacher = F.normalize(student, dim=-1), F.normalize(teacher, dim=-1)
    squared = (student - teacher).square()
    if scale == "paper":
        return squared.sum(dim=(1, 2)).mean()
    return squared.mean()


def distillation_loss(inputs: LossInputs) -> LossTerms:
    """Adds up ``(1 - alpha) · CE + alpha · soft + beta · patience`` (paper, equation 8).

    A term whose weight is 0 is not computed and needs no teacher tensors. Unlike the released
    code, beta works with alpha = 0 (a student that learns from states alone).

    Args:
        inputs: one batch.

    Raises:
        InputError: if a term has a weight and the teacher's tensors for it are missing.
    """
    weights = inputs.weights
    ce = _cross_entropy(inputs)
    total, soft, patience = (1 - weights.alpha) * ce, None, None
    if weights.alpha > 0:
        if inputs.teacher_logits is None:
            raise InputError(f"alpha is {weights.alpha:g}, which needs `teacher_logits`")
        soft = soft_target_loss(
            inputs.student_logits, inputs.teacher_logits, weights.temperature, weights.scale
        )
        total = total + weights.alpha * soft
    if weights.beta > 0:
        if inputs.student_states is None or inputs.teacher_states is None:
            raise InputError(
                f"beta is {weights.beta:g}, which needs `student_states` and `teacher_states`"
            )
        patience = patience_loss(
            inputs.student_states, inputs.teacher_states, weights.normalize, weights.scale
        )
        total = total + weights.beta * patience
    return LossTerms(total, ce, soft, patience)


def _cross_entropy(inputs: LossInputs) -> Tensor:
    logits, labels = inputs.student_logits.float(), inputs.labels
    if inputs.row_weight is None:
        return F.cross_entropy(logits, labels, inputs.class_weights)
    summed = F.cross_entropy(logits, labels, inputs.class_weights, reduction="sum")
    return summed / (inputs.row_weight * len(labels))


def to_paper_scale(
    alpha: float, beta: float, temperature: float, classes: int, pairs: int, hidden: int
) -> tuple[float, float, float]:
    """Converts released-code weights into weights of the paper's equations.

    Args:
        alpha: released-scale alpha, 0 … 1.
        beta: released-scale beta, >= 0.
        temperature: T > 0.
        classes: number of classes C.
        pairs: number of matched layers M.
        hidden: width H of the hidden states.

    Returns:
        ``(alpha', beta', factor)`` with
        ``grad released(alpha, beta) = factor · grad paper(alpha', beta')``. ``factor`` is
        1 - alpha + alpha·T²/C: the two scales also differ in how strong they are as a whole.
    """
    soft = alpha * temperature**2 / classes
    factor = 1 - alpha + soft
    return soft / factor, beta / (pairs * hidden) / factor, factor
