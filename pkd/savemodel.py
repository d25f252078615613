"""Saving a model in transformers' own form."""

import shutil
from pathlib import Path
from typing import Any

import torch

from pkd.files import explained_full_disk
from pkd.models import load_tokenizer, quiet_transformers


def save_model(
    model: Any,
    tokenizer_source: Path,
    folder: Path,
    weights: dict[str, torch.Tensor] | None = None,
) -> None:
    """Saves weights, configuration and tokenizer; the folder appears only when complete.

    Args:
        model: a classifier.
        tokenizer_source: folder of the model whose tokenizer belongs to it.
        folder: where to.
        weights: instead of the model's own, see `pkd.vocabulary.whole_state_dict`.
    """
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    with explained_full_disk(folder), quiet_transformers():
        model.save_pretrained(partial, state_dict=weights)
        load_tokenizer(tokenizer_source).save_pretrained(partial)
    if folder.exists():
        shutil.rmtree(folder)
    partial.rename(folder)
