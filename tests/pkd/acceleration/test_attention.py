"""The attention for training on a CPU, compared with that of transformers."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers.models.bert.modeling_bert import eager_attention_forward

from pkd.acceleration.attention import attend_in_scores_precision, attention
from tests.support.training.small_models import FAMILIES, batch, classifier, outputs

CPU = torch.device("cpu")


@pytest.mark.parametrize("family", FAMILIES)
def test_whole_models_give_the_same_bit_by_bit(family: str) -> None:
    theirs = classifier(family, attn_implementation="eager").eval()
    ours = attend_in_scores_precision(copy.deepcopy(theirs), CPU)
    assert ours.config._attn_implementation != theirs.config._attn_implementation
    expected, expected_gradients = outputs(theirs)
    found, gradients = outputs(ours)
    assert torch.equal(found.logits, expected.logits)
    assert gradients.keys() == expected_gradients.keys()
    for name, gradient in gradients.items():
        assert torch.equal(gradient, expected_gradients[name]), name


def inputs(dtype: torch.dtype) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    parts = [torch.randn(2, 3, 6, 4, generator=generator).to(dtype) for _ in range(3)]
    mask = torch.zeros(2, 1, 1, 6)
    mask[1, ..., 3:] = torch.finfo(torch.float32).min
    return [*parts, mask]


def test_in_bf16_nothing_becomes_fp32_and_padding_has_no_weight() -> None:
    module: Any = torch.nn.Identity()
    mixed, weights = attention(module, *inputs(torch.bfloat16), scaling=0.5)
    assert mixed.dtype == weights.dtype == torch.bfloat16
    assert weights[1, ..., 3:].abs().sum() == 0 and weights.isfinite().all()
    exact, _ = eager_attention_forward(module, *inputs(torch.float32), scaling=0.5)
    torch.testing.assert_close(mixed.float(), exact, atol=0.03, rtol=0.03)


def test_a_row_without_tokens_does_not_become_nan() -> None:
    query, key, value, mask = inputs(torch.bfloat16)
    mask[:] = torch.finfo(torch.float32).min
    mixed, _ = attention(torch.nn.Identity(), query, key, value, mask, scaling=0.5)
    assert mixed.isfinite().all()


def test_a_gpu_keeps_its_kernels() -> None:
    model = classifier("bert", attn_implementation="sdpa")
    attend_in_scores_precision(model, torch.device("cuda"))
    assert model.config._attn_implementation == "sdpa"


def test_it_is_not_saved_with_the_model(tmp_path: Any) -> None:
    model = attend_in_scores_precision(classifier("bert", attn_implementation="eager"), CPU)
    model.save_pretrained(tmp_path)
    assert "pkd_" not in (tmp_path / "config.json").read_text()
    assert model(**batch()).logits.isfinite().all()
