"""The faster dropout behaves like torch's in every model that calls it."""

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from pkd.acceleration.dropout import FastDropout, dropout


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_share_of_zeros_and_the_mean_are_those_of_p(p: float, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    found = dropout(torch.ones(1_000_000, dtype=dtype), p).float()
    # Standard error of the share: 0.0005 at most.
    assert float((found == 0).float().mean()) == pytest.approx(p, abs=0.002)
    kept = found[found != 0].unique()
    assert len(kept) == 1 and float(kept) == pytest.approx(1 / (1 - p), rel=4e-3)
    if dtype == torch.float32:
        assert float(found.mean()) == pytest.approx(1.0, abs=0.02)


def test_every_lane_of_the_random_numbers_drops_alike() -> None:
    torch.manual_seed(0)
    zeros = (dropout(torch.ones(400_000), 0.1) == 0).view(-1, 4).float().mean(dim=0)
    assert zeros.tolist() == pytest.approx([0.1] * 4, abs=0.004)
    # Neighbours are independent: 0.01 of the pairs are dropped by chance.
    pairs = (dropout(torch.ones(400_000), 0.1) == 0).view(-1, 2).all(dim=1).float().mean()
    assert float(pairs) == pytest.approx(0.01, abs=0.002)


def test_the_gradient_is_zero_where_values_are_dropped() -> None:
    values = torch.randn(7, 5, 3, requires_grad=True)
    found = dropout(values, 0.4)
    found.sum().backward()
    assert values.grad is not None
    torch.testing.assert_close(values.grad * values.detach(), found.detach())
    assert set((values.grad == 0).flatten().tolist()) == {True, False}


def test_modules_and_functions_are_replaced_within_the_context_only() -> None:
    values, module = torch.ones(1000), nn.Dropout(0.1)

    def drawn(fast: bool, call: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
        torch.manual_seed(3)
        if fast:
            with FastDropout():
                return call(values)
        return call(values)

    torch.manual_seed(3)
    expected = dropout(values, 0.1)
    assert torch.equal(drawn(True, module), expected)
    assert torch.equal(drawn(True, lambda x: F.dropout(x, p=0.1)), expected)
    assert not torch.equal(drawn(False, module), expected)


def test_nothing_is_dropped_in_evaluation_or_without_a_probability() -> None:
    values = torch.ones(1000)
    with FastDropout():
        assert torch.equal(nn.Dropout(0.5).eval()(values), values)
        assert torch.equal(F.dropout(values, 0.0), values)
        assert float(F.dropout(values, 1.0).sum()) == 0.0


def test_the_same_seed_drops_the_same_elements() -> None:
    drawn = []
    for _ in range(2):
        torch.manual_seed(5)
        drawn.append(dropout(torch.ones(3, 333), 0.3))
    assert torch.equal(*drawn)
