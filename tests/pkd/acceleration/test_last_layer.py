"""The shortcut of the last layer against the whole model: the same numbers, less work."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoConfig, AutoModelForSequenceClassification, PreTrainedModel

from pkd.lastlayer import read_summary_token_only

FAMILIES = ["bert", "roberta", "electra", "camembert", "xlm-roberta"]


def classifier(family: str, **settings: Any) -> PreTrainedModel:
    sizes = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2}
    sizes |= {"intermediate_size": 32, "vocab_size": 40, "max_position_embeddings": 40}
    config = AutoConfig.for_model(family, **sizes | {"initializer_range": 0.3} | settings)
    if family == "electra":
        config.embedding_size = 16
    torch.manual_seed(0)
    # In double precision, where a difference cannot hide behind rounding.
    return AutoModelForSequenceClassification.from_config(config).double()


def batch(rows: int = 5, width: int = 12) -> dict[str, Tensor]:
    """Rows of different lengths: the second half of the last one is padding."""
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(5, 40, (rows, width), generator=generator)
    mask = torch.ones(rows, width, dtype=torch.int64)
    mask[-1, width // 2 :] = 0
    return {"input_ids": ids, "attention_mask": mask}


def outputs(model: PreTrainedModel) -> tuple[Any, dict[str, Tensor]]:
    output = model(**batch(), output_hidden_states=True)
    # What a training looks at: logits, and the first token's state of every layer.
    states = [state[:, 0] for state in output.hidden_states]
    loss = output.logits.square().sum() + torch.stack(states).pow(3).sum()
    loss.backward()
    gradients = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    return output, gradients


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("family", FAMILIES)
def test_logits_states_and_gradients_are_those_of_the_whole_model(
    family: str, attention: str
) -> None:
    whole = classifier(family, attn_implementation=attention).eval()
    shortened = read_summary_token_only(copy.deepcopy(whole))
    expected, expected_gradients = outputs(whole)
    found, gradients = outputs(shortened)
    torch.testing.assert_close(found.logits, expected.logits)
    for layer, (state, reference) in enumerate(
        zip(found.hidden_states, expected.hidden_states, strict=True)
    ):
        torch.testing.assert_close(state[:, 0], reference[:, 0])
        # The last layer has computed one token, the others all of them.
        assert state.shape[1] == (1 if layer == 3 else 12)
    assert gradients.keys() == expected_gradients.keys()
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, expected_gradients[name], msg=name)


def test_dropout_of_the_last_layer_stays_on_in_training() -> None:
    model = read_summary_token_only(classifier("bert")).train()
    for layer in (model.bert.embeddings, *model.bert.encoder.layer[:-1]):
        layer.eval()  # the last layer's dropout is the only one left
    model.dropout.eval()
    assert not torch.equal(model(**batch()).logits, model(**batch()).logits)


def test_what_is_saved_is_the_same() -> None:
    model = classifier("bert")
    names = list(model.state_dict())
    assert list(read_summary_token_only(model).state_dict()) == names


def test_other_families_are_left_alone() -> None:
    from transformers import DistilBertConfig, DistilBertForSequenceClassification

    config = DistilBertConfig(vocab_size=40, dim=16, n_layers=2, n_heads=2, hidden_dim=32)
    model = DistilBertForSequenceClassification(config).eval()
    states = read_summary_token_only(model)(**batch(), output_hidden_states=True).hidden_states
    assert all(state.shape == (5, 12, 16) for state in states)
