"""Writes the demo's encoder: a small BERT with random weights and the generated tasks' vocabulary.

It takes the place of a real study's pre-trained encoder: teachers and students start from it.
"""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import BertConfig, BertModel, BertTokenizer

from pkd.models.loading import quiet_transformers
from study.demo import language, logic

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def vocabulary() -> dict[str, int]:
    """Returns the index of every token: special tokens first, then the words of the grammar."""
    words = sorted({*language.WORDS, *logic.WORDS})
    return {token: index for index, token in enumerate((*SPECIAL_TOKENS, *words))}


def write_encoder(
    directory: Path, seed: int, hidden: int = 48, layers: int = 4, heads: int = 4
) -> None:
    """Writes an encoder and its tokenizer in `save_pretrained` form.

    Args:
        directory: the folder to write; made if missing.
        seed: decides the weights; the caller's random state does not change.
        hidden: width of the states, a multiple of `heads`.
        layers: number of transformer layers, also of the teacher.
        heads: number of attention heads of each layer.
    """
    tokens = vocabulary()
    config = BertConfig(
        vocab_size=len(tokens),
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=2 * hidden,
        max_position_embeddings=64,
        # The demo trains for a few hundred steps, too few to need dropout.
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        # BERT's 0.02 suits a width of 768; at this width nothing is learnt in so few steps.
        initializer_range=0.08,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = BertModel(config)
        # Words must outweigh positions, or the layers above cannot see that two words match.
        table = encoder.embeddings.word_embeddings
        with torch.no_grad():
            table.weight.normal_(0.0, 0.5)
            table.weight[table.padding_idx] = 0.0
    with quiet_transformers():
        encoder.save_pretrained(directory)
        BertTokenizer(vocab=tokens, do_lower_case=True).save_pretrained(directory)
