"""Classifiers of any depth: what is cut off, what is drawn, and which folders are refused."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import (
    BertConfig,
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
from pkd.models.encoder import (
    depth_of,
    load_encoder_config,
    load_tokenizer,
    longest_input,
    parameter_counts,
    weights_digest,
)
from pkd.models.hub import fetch_model
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


def copy_of(encoder: Path, folder: Path) -> Path:
    return Path(shutil.copytree(encoder, folder))


@torch.inference_mode()
def logits_of(model: PreTrainedModel) -> torch.Tensor:
    return model.eval()(input_ids=IDS).logits


@pytest.mark.parametrize(
    ("layers", "total"), [(12, 109_482_240), (6, 66_955_008), (3, 45_691_392)]
)
def test_parameters_of_bert_base_are_those_of_the_papers_table_4(layers: int, total: int) -> None:
    assert parameter_counts(BertConfig(num_hidden_layers=layers)) == {
        "embeddings": 23_837_184,
        "layers": layers * 7_087_872,
        "pooler": 590_592,
        "total": total,
    }


def test_a_family_without_pooler_counts_none() -> None:
    assert parameter_counts(DistilBertConfig())["pooler"] == 0


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


@pytest.mark.parametrize("depth", [0, 5, -1])
def test_a_depth_outside_the_checkpoint_is_refused(encoder: Path, depth: int) -> None:
    with pytest.raises(InputError, match=f"depth is {depth}"):
        load_classifier(encoder, LABELS, layers=depth)


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
    # The cut is real: with its third layer the same encoder says something else.
    assert not torch.allclose(logits_of(load_classifier(source, LABELS, seed=1)), before)


def test_a_folder_without_tokenizer_is_refused(encoder: Path, tmp_path: Path) -> None:
    folder = copy_of(encoder, tmp_path / "bare")
    for path in folder.glob("*token*"):
        path.unlink()
    (folder / "vocab.txt").unlink(missing_ok=True)
    with pytest.raises(InputError, match="bare has no tokenizer"):
        load_tokenizer(folder)


def test_a_folder_without_config_is_refused(encoder: Path, tmp_path: Path) -> None:
    folder = copy_of(encoder, tmp_path / "bare")
    (folder / "config.json").unlink()
    with pytest.raises(InputError, match="bare is no model folder: it has no config.json"):
        fetch_model(str(folder))


def test_a_folder_with_pickled_weights_only_is_refused(encoder: Path, tmp_path: Path) -> None:
    folder = copy_of(encoder, tmp_path / "pickled")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match="pickled weights are not read"):
        fetch_model(str(folder))
    with pytest.raises(InputError, match="cannot load the model in .*pickled"):
        load_classifier(folder, LABELS)


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere does not exist"):
        fetch_model(str(tmp_path / "nowhere"))


def test_a_config_of_no_known_family_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "nonsense"}')
    with pytest.raises(InputError, match="no model that transformers can load"):
        load_encoder_config(tmp_path)


def test_the_head_is_decided_by_the_seed(encoder: Path) -> None:
    one, same, other = (
        load_classifier(encoder, LABELS, seed=seed).classifier.weight for seed in (5, 5, 6)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_loading_leaves_the_global_generator_as_it_was(encoder: Path) -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    load_classifier(encoder, LABELS, seed=5)
    assert torch.equal(torch.get_rng_state(), before)


def test_weights_that_lack_layers_are_refused(encoder: Path, tmp_path: Path) -> None:
    folder = copy_of(encoder, tmp_path / "short")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 6}))
    # Two layers too few, each of 16 tensors.
    with pytest.raises(InputError, match=r"lack 32 parts of a bert of 6 layers.*layer\.4"):
        load_classifier(folder, LABELS)


def test_the_weights_digest_sees_a_single_changed_byte(encoder: Path, tmp_path: Path) -> None:
    folder = copy_of(encoder, tmp_path / "copy")
    assert weights_digest(folder) == weights_digest(encoder)
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "model.safetensors").write_bytes(weights)
    assert weights_digest(folder) != weights_digest(encoder)


def test_robertas_longest_input_leaves_out_the_positions_of_padding() -> None:
    assert longest_input(RobertaConfig(max_position_embeddings=514)) == 512
    assert longest_input(BertConfig()) == 512


def test_a_roberta_runs_at_its_longest_input_and_not_one_beyond() -> None:
    model = encoder_of("roberta").eval()
    longest = longest_input(model.config)
    assert model(input_ids=torch.full((1, longest), 7)).last_hidden_state.shape == (1, 30, 16)
    with pytest.raises((IndexError, RuntimeError)):
        model(input_ids=torch.full((1, longest + 1), 7))
