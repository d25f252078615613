"""Batches of rows of similar length; they depend on the seed and the epoch alone."""

import math

import numpy as np

# Rows are sorted by length inside pools of this many batches: large enough for little padding,
# small enough that each epoch has other batches.
POOL_BATCHES = 64


def train_batches(lengths: np.ndarray, batch_size: int, seed: int, epoch: int) -> list[np.ndarray]:
    """Splits all rows into shuffled batches of similar length.

    Args:
        lengths: (rows,) token counts.
        batch_size: rows in a batch; the last batch may be smaller.
        seed: determines the order, together with ``epoch``.
        epoch: 0-based.

    Returns:
        Row numbers of each batch. Every row is in exactly one batch.
    """
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(len(lengths))
    pool = POOL_BATCHES * batch_size
    batches: list[np.ndarray] = []
    for start in range(0, len(order), pool):
        rows = order[start : start + pool]
        rows = rows[np.argsort(lengths[rows], kind="stable")]
        batches += [rows[i : i + batch_size] for i in range(0, len(rows), batch_size)]
    return [batches[i] for i in rng.permutation(len(batches))]


def epoch_batches(
    lengths: np.ndarray, batch_size: int, seed: int, epoch: int, steps: int
) -> list[np.ndarray]:
    """Returns the batches of an epoch with a given number of steps.

    The epochs cut one sequence of batches, which passes over all rows again and again.

    Args:
        lengths: see `train_batches`.
        batch_size: see `train_batches`.
        seed: see `train_batches`.
        epoch: 0-based.
        steps: batches of every epoch, which may differ from those of one pass.
    """
    batches_per_pass = math.ceil(len(lengths) / batch_size)
    first, skipped = divmod(epoch * steps, batches_per_pass)
    last = math.ceil((epoch + 1) * steps / batches_per_pass)
    batches = [
        batch
        for number in range(first, last)
        for batch in train_batches(lengths, batch_size, seed, number)
    ]
    return batches[skipped : skipped + steps]


def eval_batches(lengths: np.ndarray, batch_size: int) -> list[np.ndarray]:
    """Splits all rows into batches, longest first.

    A batch that needs too much memory then fails at once and not at the end.
    """
    order = np.argsort(-lengths, kind="stable")
    return [order[i : i + batch_size] for i in range(0, len(order), batch_size)]


def token_batches(lengths: np.ndarray, most: int, multiple: int) -> list[np.ndarray]:
    """Splits all rows into batches of about the same number of tokens, longest first.

    Args:
        lengths: (rows,) token counts.
        most: largest number of tokens in a batch, padding included; a longer row is a batch by
            itself.
        multiple: the width of a batch is rounded up to a multiple of this.
    """
    order = np.argsort(-lengths, kind="stable")
    widths = np.ceil(lengths[order] / multiple).astype(int) * multiple
    batches, start = [], 0
    while start < len(order):
        taken = max(1, most // int(widths[start]))
        batches.append(order[start : start + taken])
        start += taken
    return batches
