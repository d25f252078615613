"""Batches hold every row once, depend only on (seed, epoch), and need little padding."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pkd.data.batching import epoch_batches, eval_batches, token_batches, train_batches

lengths_of_rows = st.lists(st.integers(1, 128), min_size=1, max_size=300).map(np.array)


def padded(lengths: np.ndarray, batches: list[np.ndarray]) -> int:
    return sum(int(lengths[rows].max()) * len(rows) for rows in batches)


@given(lengths_of_rows, st.integers(1, 40), st.integers(0, 5), st.integers(0, 5))
def test_every_row_is_in_exactly_one_training_batch(
    lengths: np.ndarray, batch_size: int, seed: int, epoch: int
) -> None:
    batches = train_batches(lengths, batch_size, seed, epoch)
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    # As many steps as a schedule expects, and no batch is too large.
    assert len(batches) == math.ceil(len(lengths) / batch_size)
    assert all(1 <= len(rows) <= batch_size for rows in batches)


@given(lengths_of_rows, st.integers(1, 40), st.integers(1, 30), st.integers(0, 4))
def test_epochs_of_any_length_are_one_pass_after_the_other(
    lengths: np.ndarray, batch_size: int, steps: int, epoch: int
) -> None:
    found = [b for e in range(epoch + 1) for b in epoch_batches(lengths, batch_size, 3, e, steps)]
    assert len(found) == steps * (epoch + 1)
    passes = [
        b for number in range(len(found)) for b in train_batches(lengths, batch_size, 3, number)
    ]
    for one, other in zip(found, passes, strict=False):
        assert one.tolist() == other.tolist()


@given(lengths_of_rows, st.integers(1, 40))
def test_every_row_is_in_exactly_one_evaluation_batch_and_the_longest_come_first(
    lengths: np.ndarray, batch_size: int
) -> None:
    batches = eval_batches(lengths, batch_size)
    order = np.concatenate(batches)
    assert sorted(order) == list(range(len(lengths)))
    assert (np.diff(lengths[order]) <= 0).all()


@given(lengths_of_rows, st.integers(1, 500), st.integers(1, 16))
def test_token_batches_hold_every_row_once_and_as_many_rows_as_fit(
    lengths: np.ndarray, most: int, multiple: int
) -> None:
    batches = token_batches(lengths, most, multiple)
    order = np.concatenate(batches)
    assert sorted(order) == list(range(len(lengths)))
    assert (np.diff(lengths[order]) <= 0).all()
    widths = [math.ceil(int(lengths[batch].max()) / multiple) * multiple for batch in batches]
    for batch, width in zip(batches, widths, strict=True):
        assert len(batch) == 1 or len(batch) * width <= most
    for batch, width in zip(batches[:-1], widths, strict=False):  # one more row does not fit
        assert (len(batch) + 1) * width > most


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    lengths = np.random.default_rng(0).integers(5, 100, 500)

    def order(seed: int, epoch: int) -> list[int]:
        return np.concatenate(train_batches(lengths, 8, seed, epoch)).tolist()

    first = order(0, 0)
    np.random.seed(1)  # the global generator has no effect
    assert order(0, 0) == first
    assert order(0, 1) != first and order(1, 0) != first
    # Seed and epoch are not added up.
    assert order(1, 0) != order(0, 1)


def test_the_next_epoch_has_other_batches() -> None:
    lengths = np.random.default_rng(0).integers(5, 100, 5000)
    first, second = (
        {frozenset(rows.tolist()) for rows in train_batches(lengths, 8, 0, epoch)}
        for epoch in (0, 1)
    )
    assert len(first & second) < len(first) / 100


def test_the_order_of_batches_does_not_depend_on_their_length() -> None:
    lengths = np.random.default_rng(0).integers(5, 100, 512)
    means = [lengths[rows].mean() for rows in train_batches(lengths, 8, 0, 0)]
    assert abs(np.corrcoef(means, np.arange(len(means)))[0, 1]) < 0.3


def test_batches_need_little_padding() -> None:
    # A skewed distribution, as in GLUE.
    lengths = np.clip(np.random.default_rng(0).lognormal(3, 0.6, 5000), 5, 128).astype(int)
    shuffled = np.random.default_rng(0).permutation(len(lengths))
    plain = padded(lengths, [shuffled[i : i + 32] for i in range(0, len(lengths), 32)])
    ours = padded(lengths, train_batches(lengths, 32, 0, 0))
    assert ours < 1.06 * lengths.sum() < plain / 2
