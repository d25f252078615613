"""Weights in one piece compute, learn and are saved as the model's own do."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForSequenceClassification

from pkd.acceleration.vocabulary import whole_state_dict
from pkd.models.classifier import load_classifier, save_model
from pkd.models.families import FAMILIES
from pkd.tasks.glue import GLUE
from pkd.training.master_weights import MasterWeights
from pkd.training.optimizer import AdamW, load_moments, make_optimizer, moments, pieces_of
from tests.support.training.family_encoders import write_encoder

CPU = torch.device("cpu")
LABELS = GLUE["rte"].labels
BERT_LAYERS = sorted(name for name, family in FAMILIES.items() if family.bert_layers)


@pytest.fixture(scope="module", params=BERT_LAYERS)
def family_encoder(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Path:
    return write_encoder(request.param, tmp_path_factory.mktemp(request.param))


def classifier(folder: Path) -> Any:
    return load_classifier(folder, LABELS, 3, seed=0).eval()


def batch() -> dict[str, Tensor]:
    ids = torch.randint(6, 20, (4, 12), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids)
    mask[0, 7:] = 0
    return {"input_ids": ids, "attention_mask": mask}


def gradients(output: Any) -> Tensor:
    total: Tensor = output.logits.float().square().sum() + output.hidden_states[1].float().sum()
    total.backward()
    return total.detach()


def own_gradients(model: Any) -> dict[str, Tensor]:
    return {name: weight.grad for name, weight in model.named_parameters()}


def named_gradients(masters: MasterWeights) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for piece in masters.pieces:
        assert piece.parameter.grad is not None
        found |= piece.views(piece.parameter.grad)
    return found


def test_in_fp32_losses_and_gradients_are_the_models_own(family_encoder: Path) -> None:
    plain, model = classifier(family_encoder), classifier(family_encoder)
    expected = gradients(plain(**batch(), output_hidden_states=True))
    masters = MasterWeights(model, torch.float32)
    assert torch.equal(gradients(masters(**batch(), output_hidden_states=True)), expected)
    found, own = named_gradients(masters), own_gradients(plain)
    assert found.keys() == own.keys()
    for name, gradient in own.items():
        # None would be a weight that no loss reaches: it would decay here, and not there.
        assert torch.equal(found[name], gradient), name


def relative_error(found: dict[str, Tensor], expected: dict[str, Tensor]) -> float:
    wrong = sum(float((found[name] - own).square().sum()) for name, own in expected.items())
    return (wrong / sum(float(own.square().sum()) for own in expected.values())) ** 0.5


def test_in_bf16_they_are_as_near_as_those_of_autocast(family_encoder: Path) -> None:
    plain, other, model = (classifier(family_encoder) for _ in range(3))
    gradients(plain(**batch(), output_hidden_states=True))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = other(**batch(), output_hidden_states=True)
    gradients(cast)
    masters = MasterWeights(model, torch.bfloat16)
    output = masters(**batch(), output_hidden_states=True)
    assert output.logits.dtype == output.hidden_states[1].dtype == torch.bfloat16
    gradients(output)
    expected = own_gradients(plain)
    found = named_gradients(masters)
    assert all(gradient.dtype == torch.float32 for gradient in found.values())
    # Residual sums are rounded too, which autocast leaves in fp32.
    nearest = relative_error(own_gradients(other), expected)
    assert nearest < relative_error(found, expected) < 3 * nearest


def step(optimizer: AdamW, model: Any) -> None:
    optimizer.zero_grad()
    gradients(model(**batch(), output_hidden_states=True))
    optimizer.grad_scale = torch.tensor(2.0)
    optimizer.step()


def test_the_model_is_its_masters_and_only_matrices_decay(family_encoder: Path) -> None:
    plain, model = classifier(family_encoder), classifier(family_encoder)
    masters = MasterWeights(model, torch.float32)
    one = make_optimizer(pieces_of(dict(plain.named_parameters())), 0.01, 0.5, CPU)
    other = make_optimizer(masters.pieces, 0.01, 0.5, CPU)
    for _ in range(3):
        step(one, plain)
        step(other, masters)
    expected, found = plain.state_dict(), model.state_dict()
    for name, weight in expected.items():
        torch.testing.assert_close(found[name], weight)
    inputs = batch()
    with torch.no_grad():
        torch.testing.assert_close(model(**inputs).logits, masters(**inputs).logits)


def test_moments_know_no_pieces(family_encoder: Path) -> None:
    """A training goes on where its weights are joined otherwise: on another kind of device."""
    plain, model = classifier(family_encoder), classifier(family_encoder)
    masters = MasterWeights(model, torch.float32)
    alone = pieces_of(dict(plain.named_parameters()))
    one = make_optimizer(alone, 0.01, 0.5, CPU)
    for _ in range(2):
        step(one, plain)
    model.load_state_dict(plain.state_dict())
    other = make_optimizer(masters.pieces, 0.01, 0.5, CPU)
    load_moments(other, masters.pieces, moments(one, alone))
    step(one, plain)
    step(other, masters)
    back = make_optimizer(alone, 0.01, 0.5, CPU)
    load_moments(back, alone, moments(other, masters.pieces))
    for name, expected in moments(one, alone).items():
        assert expected["step"] == 3
        for key, value in moments(back, alone)[name].items():
            torch.testing.assert_close(value, expected[key])
    step(back, plain)
    assert {float(state["step"]) for state in moments(back, alone).values()} == {4.0}


def test_what_is_saved_is_a_model_like_any(family_encoder: Path, tmp_path: Path) -> None:
    plain, model = classifier(family_encoder), classifier(family_encoder)
    MasterWeights(model, torch.bfloat16)
    save_model(model, family_encoder, tmp_path / "whole", whole_state_dict(model, 1.0))
    loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path / "whole")
    for name, weight in plain.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], weight)
