"""The shortened last layer, compared with the whole model."""

import copy

import pytest
import torch

from pkd.acceleration.last_layer import read_summary_token_only
from tests.support.training.small_models import FAMILIES, batch, classifier, outputs


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


def test_the_names_of_saved_weights_do_not_change() -> None:
    model = classifier("bert")
    names = list(model.state_dict())
    assert list(read_summary_token_only(model).state_dict()) == names


def test_other_families_do_not_change() -> None:
    from transformers import DistilBertConfig, DistilBertForSequenceClassification

    config = DistilBertConfig(vocab_size=40, dim=16, n_layers=2, n_heads=2, hidden_dim=32)
    model = DistilBertForSequenceClassification(config).eval()
    states = read_summary_token_only(model)(**batch(), output_hidden_states=True).hidden_states
    assert all(state.shape == (5, 12, 16) for state in states)
