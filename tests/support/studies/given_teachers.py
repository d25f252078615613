"""A fine-tuned teacher of another depth, width, vocabulary and label order."""

from pathlib import Path

import torch
from transformers import (
    AutoTokenizer,
    BertConfig,
    BertForSequenceClassification,
    BertTokenizer,
)

from pkd.tasks.glue import GLUE

LABELS = GLUE["rte"].labels


LAYERS = 5


def write_teacher(folder: Path, model: Path, layers: int = LAYERS) -> Path:
    """Writes a narrow BERT with a reversed vocabulary and reversed labels."""
    known = AutoTokenizer.from_pretrained(model).get_vocab()
    words = sorted(known, key=lambda word: (not word.startswith("["), -known[word]))
    vocabulary = {word: code for code, word in enumerate(words)}
    BertTokenizer(vocab=vocabulary, do_lower_case=True).save_pretrained(folder)
    torch.manual_seed(3)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=24,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=48,
        initializer_range=0.2,
        pad_token_id=vocabulary["[PAD]"],
        id2label=dict(enumerate(LABELS[::-1])),
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder
