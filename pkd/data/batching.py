"""Batches of rows of similar length, the same for every run with the same seed and epoch."""

import numpy as np

# Rows are sorted by length inside pools of this many batches: large enough for little padding,
# small enough for the batches of an epoch to be drawn anew each time.
POOL_BATCHES = 64


def train_batches(lengths: np.ndarray, batch_size: int, seed: int, epoch: int) -> list[np.ndarray]:
    """Splits all rows into shuffled batches of similar length.

    Args:
        lengths: (rows,) token counts.
        batch_size: rows a batch; the last batch may be smaller.
        seed: with ``epoch``, decides the order.
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
    """The batches of an epoch of a given length: `train_batches`, pass after pass over all rows.

    Args:
        lengths: see `train_batches`.
        batch_size: see `train_batches`.
        seed: see `train_batches`.
        epoch: 0-based.
        steps: batches of every epoch, fewer or more than a pass has.
    """
    a_pass = -(-len(lengths) // batch_size)
    first, skipped = divmod(epoch * steps, a_pass)
    last = -(-(epoch + 1) * steps // a_pass)
    batches = [
        batch
        for number in range(first, last)
        for batch in train_batches(lengths, batch_size, seed, number)
    ]
    return batches[skipped : skipped + steps]


def eval_batches(lengths: np.ndarray, batch_size: int) -> list[np.ndarray]:
    """Splits all rows into batches, longest first: a batch that needs too much memory fails at
    once, not at the end."""
    order = np.argsort(-lengths, kind="stable")
    return [order[i : i + batch_size] for i in range(0, len(order), batch_size)]


def token_batches(lengths: np.ndarray, most: int, multiple: int) -> list[np.ndarray]:
    """Splits all rows into batches of about the same number of tokens, longest first.

    Args:
        lengths: (rows,) token counts.
        most: tokens a batch with its padding; a longer row is a batch by itself.
        multiple: what a batch's width is rounded up to.
    """
    order = np.argsort(-lengths, kind="stable")
    widths = -(-lengths[order] // multiple) * multiple
    batches, start = [], 0
    while start < len(order):
        taken = max(1, most // int(widths[start]))
        batches.append(order[start : start + taken])
        start += taken
    return batches
