"""Models with some of another model's layers: configuration and weights."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from transformers import (
    DistilBertConfig,
    DistilBertModel,
    ElectraConfig,
    ElectraModel,
    PreTrainedModel,
    RobertaConfig,
    RobertaModel,
)

from pkd.errors import InputError
from pkd.models.classifier import load_classifier, save_model
from pkd.models.encoder import depth_of
from pkd.models.truncation import copy_layers
from tests.support.training import tiny

LABELS = ("no", "yes", "maybe")
IDS = torch.tensor([[2, 9, 12, 31, 3], [2, 7, 7, 40, 3]])


def encoder_of(family: str) -> PreTrainedModel:
    """A random encoder of three layers and width 16."""
    vocabulary = len(tiny.VOCABULARY)
    if family == "distilbert":
        return DistilBertModel(
            DistilBertConfig(
                vocab_size=vocabulary, dim=16, n_layers=3, n_heads=2, hidden_dim=32,
                initializer_range=0.3,
            )
        )  # fmt: skip
    kinds = {
        "roberta": (RobertaConfig, RobertaModel),
        "electra": (ElectraConfig, ElectraModel),
    }
    config, model = kinds[family]
    return model(
        config(
            vocab_size=vocabulary, hidden_size=16, num_hidden_layers=3, num_attention_heads=2,
            intermediate_size=32, max_position_embeddings=32, initializer_range=0.3,
        )
    )  # fmt: skip


@torch.inference_mode()
def logits_of(model: PreTrainedModel) -> torch.Tensor:
    return model.eval()(input_ids=IDS).logits


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_students_layers_are_the_first_of_the_checkpoint_bit_for_bit(
    encoder: Path, depth: int
) -> None:
    checkpoint = load_file(encoder / "model.safetensors")
    student = load_classifier(encoder, LABELS, layers=depth)
    found = student.bert.state_dict()
    assert student.config.num_hidden_layers == depth
    layers = {int(name.split(".")[2]) for name in found if name.startswith("encoder.layer.")}
    assert layers == set(range(depth))
    compared = [name for name in found if name in checkpoint]
    # 5 of the embeddings, 16 of each layer, 2 of the pooler.
    assert len(compared) == 5 + 16 * depth + 2
    assert all(torch.equal(found[name], checkpoint[name]) for name in compared)


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert", "electra"])
def test_a_cut_model_predicts_the_same_after_saving_and_loading(
    tmp_path: Path, family: str
) -> None:
    source = tmp_path / "source"
    if family == "bert":
        tiny.write_bert(source, layers=3)
    else:
        encoder_of(family).save_pretrained(source)
        tiny.write_tokenizer(source)
    student = load_classifier(source, LABELS, layers=2, seed=1)
    before = logits_of(student)
    assert before.shape == (2, 3)
    save_model(student, source, tmp_path / "saved")
    assert depth_of(tmp_path / "saved") == 2
    # Another seed: every weight has to come from the file.
    again = load_classifier(tmp_path / "saved", LABELS, seed=2)
    assert again.config.id2label == {0: "no", 1: "yes", 2: "maybe"}
    assert torch.equal(logits_of(again), before)
    # The cut is real: with its third layer the same encoder predicts something else.
    assert not torch.allclose(logits_of(load_classifier(source, LABELS, seed=1)), before)


def test_a_model_whose_layers_are_in_several_lists_is_refused(encoder: Path) -> None:
    target = load_classifier(encoder, LABELS, layers=2)
    source = load_classifier(encoder, LABELS)
    source.bert.encoder.more = nn.ModuleList([nn.Identity()])
    with pytest.raises(InputError, match=r"layers of a bert: .* 4 layers in one list, .*\[4, 1\]"):
        copy_layers(source, target, (1, 4))
