"""Random encoders of every supported family and small tokenizers of their kinds."""

from pathlib import Path

import torch
from tokenizers.pre_tokenizers import ByteLevel
from transformers import (
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    GPT2Tokenizer,
    RobertaTokenizer,
    XLNetTokenizer,
)

from pkd.models.families import FAMILIES
from tests.support.training import tiny

CASES = [*sorted(FAMILIES), "modernbert-mean"]
BYTES = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "<|endoftext|>", *sorted(ByteLevel.alphabet())]
SPECIAL_XLNET = ["<unk>", "<s>", "</s>", "<cls>", "<sep>", "<pad>", "<mask>", "<eod>", "<eop>"]
# The configuration of the published DeBERTa v3.
DEBERTA_V3 = {
    "relative_attention": True,
    "pos_att_type": ["p2c", "c2p"],
    "position_buckets": 8,
    "position_biased_input": False,
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
}


def write_tokenizer(family: str, folder: Path) -> None:
    """Writes a small tokenizer of the kind of the family: letters, words or pieces."""
    letters = {token: code for code, token in enumerate(BYTES)}
    if family == "gpt2":
        GPT2Tokenizer(vocab=letters, merges=[]).save_pretrained(folder)
    elif FAMILIES[family].offset:
        RobertaTokenizer(vocab=letters, merges=[]).save_pretrained(folder)
    elif family == "xlnet":
        pieces = [*SPECIAL_XLNET, *(f"▁{word}" for word in tiny.WORDS)]
        XLNetTokenizer(vocab=[(piece, -1.0) for piece in pieces]).save_pretrained(folder)
    else:
        tiny.write_tokenizer(folder)


def write_encoder(case: str, folder: Path) -> Path:
    """Writes a random encoder of four layers and width 16."""
    family = case.removesuffix("-mean")
    write_tokenizer(family, folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    config = AutoConfig.for_model(family)
    sizes = {
        "hidden_size": 16,
        "num_hidden_layers": 4,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "hidden_dim": 32,
        "pooler_hidden_size": 16,
        "embedding_size": 16,
        "d_inner": 32,
        "d_head": 8,
        "initializer_range": 0.3,
        "vocab_size": len(tokenizer),
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    if family != "xlnet":  # XLNet counts distances
        sizes["max_position_embeddings"] = 80
    if family == "modernbert":
        sizes |= {"classifier_pooling": "mean" if case != family else "cls", "layer_types": None}
        sizes |= {"layer_types": ["full_attention", "sliding_attention"] * 2}
    if family == "deberta-v2":
        sizes |= DEBERTA_V3
    for name, value in sizes.items():
        if hasattr(config, name):
            setattr(config, name, value)
    torch.manual_seed(0)
    AutoModel.from_config(config).save_pretrained(folder)
    return folder
