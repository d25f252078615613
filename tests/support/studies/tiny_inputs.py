"""Tasks and an encoder so small that a whole study of them takes seconds."""

from pathlib import Path
from random import Random

import pyarrow as pa
import torch
from pyarrow import parquet
from transformers import BertConfig, BertModel, BertTokenizer

LAYERS = 4
ROWS = {"train": 64, "validation": 32, "test": 16}
COLUMNS = {"rte": ("sentence1", "sentence2"), "sst2": ("sentence",)}
_NOUNS = "film play book song story scene actor plot ending dialogue".split()
_GOOD, _BAD = "fine lovely superb moving".split(), "dull weak awful tired".split()


def rows_of(task: str, split: str) -> pa.Table:
    """Rows in the hub's columns; the label is whether the last words are positive."""
    rng = Random(f"{task} {split}")
    texts, labels = [], []
    for number in range(ROWS[split]):
        label = number % 2
        # Mostly words that decide the label, so that no model learns to predict a single class.
        words = rng.choices(_NOUNS, k=rng.randint(0, 2)) + rng.choices((_BAD, _GOOD)[label], k=3)
        texts.append(" ".join(words))
        labels.append(-1 if split == "test" else label)
    columns: dict[str, pa.Array] = dict.fromkeys(COLUMNS[task], pa.array(texts))
    return pa.table(columns | {"label": pa.array(labels), "idx": pa.array(range(len(texts)))})


def write_data(directory: Path) -> Path:
    """Writes ``<directory>/{rte,sst2}/{train,validation,test}.parquet``."""
    for task in COLUMNS:
        (directory / task).mkdir(parents=True)
        for split in ROWS:
            parquet.write_table(rows_of(task, split), directory / task / f"{split}.parquet")
    return directory


def write_model(directory: Path, seed: int = 0, layers: int = LAYERS) -> Path:
    """Writes a BERT with random weights, and its tokenizer."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *_NOUNS, *_GOOD, *_BAD]
    tokens = {word: index for index, word in enumerate(words)}
    config = BertConfig(
        vocab_size=len(tokens),
        hidden_size=32,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=128,
        initializer_range=0.2,  # with BERT's 0.02 nothing is learnt in so few steps
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        BertModel(config).save_pretrained(directory)
    BertTokenizer(vocab=tokens, do_lower_case=True).save_pretrained(directory)
    return directory
