"""Configuration, depth and size of a saved model."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, BertConfig, DistilBertConfig, RobertaConfig, RobertaModel

from pkd.errors import InputError
from pkd.models.encoder import (
    load_encoder_config,
    longest_input,
    parameter_counts,
    weights_digest,
)


def copy_of(encoder: Path, folder: Path) -> Path:
    return Path(shutil.copytree(encoder, folder))


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


@pytest.mark.parametrize(
    ("family", "keys", "message"),
    [
        ("bert", {"is_decoder": True}, "says `is_decoder`: then .CLS. sees no word"),
        ("roberta", {"is_decoder": True}, "Set it to false if the model was trained as an enc"),
        ("xlnet", {"summary_type": "first"}, "`summary_type` is 'first', but must be 'last'"),
        ("xlnet", {"summary_type": "mean"}, "`summary_type` is 'mean', but must be 'last'"),
        ("bert", {"num_hidden_layers": 1001}, "config.json names 1001 layers"),
    ],
)
def test_settings_by_which_another_token_would_be_read_are_refused(
    family: str, keys: dict[str, Any], message: str, tmp_path: Path
) -> None:
    AutoConfig.for_model(family, **keys).save_pretrained(tmp_path)
    with pytest.raises(InputError, match=message):
        load_encoder_config(tmp_path)


def test_a_config_of_no_known_family_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "nonsense"}')
    with pytest.raises(InputError, match="cannot load the model in"):
        load_encoder_config(tmp_path)


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
    sizes = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2}
    sizes |= {"intermediate_size": 32, "max_position_embeddings": 32}
    model = RobertaModel(RobertaConfig(vocab_size=48, **sizes)).eval()
    longest = longest_input(model.config)
    assert model(input_ids=torch.full((1, longest), 7)).last_hidden_state.shape == (1, 30, 16)
    with pytest.raises((IndexError, RuntimeError)):
        model(input_ids=torch.full((1, longest + 1), 7))
