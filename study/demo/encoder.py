"""Writes the encoder of the demo: a small BERT with random weights that knows the generated words.

It stands where a pre-trained checkpoint stands in a real study: the teacher is trained from it.
"""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import BertConfig, BertModel, BertTokenizer

from pkd.models.encoder import quiet_transformers
from study.demo import language as generated_language
from study.demo import logic as generated_logic

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def vocabulary() -> dict[str, int]:
    """Returns the index of every token: the special ones, then the words of the grammar."""
    words = sorted({*generated_language.WORDS, *generated_logic.WORDS})
    return {token: index for index, token in enumerate((*SPECIAL_TOKENS, *words))}


def write_encoder(
    directory: Path, seed: int, hidden: int = 48, layers: int = 4, heads: int = 4
) -> None:
    """Writes an encoder and its tokenizer in `save_pretrained` form.

    Args:
        directory: The folder to write; made if missing.
        seed: Decides the weights; the caller's random state is left as it was.
        hidden: Width of the states, a multiple of `heads`.
        layers: Transformer layers, those of the teacher.
        heads: Attention heads of each layer.
    """
    tokens = vocabulary()
    config = BertConfig(
        vocab_size=len(tokens),
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=2 * hidden,
        max_position_embeddings=64,
        # The demo has a few hundred steps to learn in, too few to need dropout.
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        # BERT's 0.02 suits a width of 768; at this width nothing would be learnt in the time.
        initializer_range=0.08,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = BertModel(config)
        # A word has to outweigh its position, or the layers above cannot tell that words match.
        table = encoder.embeddings.word_embeddings
        with torch.no_grad():
            table.weight.normal_(0.0, 0.5)
            table.weight[table.padding_idx] = 0.0
    with quiet_transformers():
        encoder.save_pretrained(directory)
        BertTokenizer(vocab=tokens, do_lower_case=True).save_pretrained(directory)
