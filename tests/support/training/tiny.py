"""Tiny encoders, tokenizers and GLUE-like data, made on the spot: random weights, no download."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from transformers import BertConfig, BertModel, BertTokenizer

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORDS = tuple(
    "a the one two cat dog bird fish tree house river stone sees likes eats finds makes has not "
    "very red blue green old new small large good bad here there now then and or but if so it he "
    "she they we you in on at by for with from to of . , ?".split()
)
VOCABULARY = {token: code for code, token in enumerate((*SPECIAL, *WORDS))}


def sentences(rng: np.random.Generator, count: int, longest: int = 9) -> list[str]:
    """Random words; lengths from 1 to ``longest``."""
    return [" ".join(rng.choice(WORDS, rng.integers(1, longest + 1))) for _ in range(count)]


def write_split(path: Path, rows: int, seed: int, labelled: bool = True) -> None:
    """A split in RTE's columns; the labels alternate, so that both classes are there."""
    rng = np.random.default_rng(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {
        "sentence1": sentences(rng, rows),
        "sentence2": sentences(rng, rows),
        "label": [i % 2 if labelled else -1 for i in range(rows)],
        "idx": [100 + i for i in range(rows)],
    }
    pq.write_table(pa.table(columns), path)


def write_data(data: Path) -> None:
    """RTE: 40 training rows, 12 to select with, 6 without labels."""
    write_split(data / "rte" / "train.parquet", 40, seed=1)
    write_split(data / "rte" / "validation.parquet", 12, seed=2)
    write_split(data / "rte" / "test.parquet", 6, seed=3, labelled=False)


def write_tokenizer(folder: Path) -> None:
    """A word-level WordPiece tokenizer."""
    BertTokenizer(vocab=VOCABULARY, do_lower_case=True).save_pretrained(folder)


def write_bert(folder: Path, layers: int = 4, seed: int = 0, **settings: Any) -> None:
    """A BERT of width 16 with dropout 0.1, as a pre-trained checkpoint: encoder and pooler."""
    config = BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=16,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=32,
        # BERT's 0.02 suits a width of 768: here all rows would look alike.
        initializer_range=0.3,
        **({"max_position_embeddings": 32} | settings),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        BertModel(config).save_pretrained(folder)
    write_tokenizer(folder)
