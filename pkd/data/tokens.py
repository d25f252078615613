"""Tokens of a split: flat memory-mapped arrays, from which batches are gathered by row number."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from pkd.data.batching import eval_batches, token_batches
from pkd.data.rows import Rows
from pkd.errors import InputError
from pkd.files.atomic import map_array
from pkd.files.cache import build_once, fingerprint, verify
from pkd.runtime.devices import inference_tokens

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# Widths are rounded up to this: matrix kernels are faster, and there are few distinct shapes.
PAD_MULTIPLE = 8
_CHUNK = 2000  # rows that are tokenised at once


@dataclass(frozen=True)
class TokenArrays:
    """The tokens of one split; tensors are on one device.

    Attributes:
        ids: (tokens,) int32, the tokens of all rows one after the other.
        offsets: (rows + 1,) int64, the position at which each row starts.
        types: (tokens,) uint8 token types, or None for models without them.
        labels: (rows,) int64, or None.
        idx: (rows,) int64 row ids.
        lengths: (rows,) token counts, on the CPU.
        pad_id: the padding token.
        pad_left: whether rows are padded at their beginning.
        path: the folder of the arrays; an empty path if they are not from a folder.
    """

    ids: Tensor
    offsets: Tensor
    types: Tensor | None
    labels: Tensor | None
    idx: np.ndarray
    lengths: np.ndarray
    pad_id: int
    path: Path
    pad_left: bool = False

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def digest(self) -> str:
        """The fingerprint of the content, which is the folder's name."""
        return self.path.name

    def width(self, rows: np.ndarray) -> int:
        """Returns the width of a batch in tokens: the longest of its rows, rounded up."""
        longest = int(self.lengths[rows].max())
        return math.ceil(longest / PAD_MULTIPLE) * PAD_MULTIPLE

    def batch(self, rows: np.ndarray) -> dict[str, Tensor]:
        """Gathers rows by numbers on the CPU, as narrow as possible; see `gather`."""
        return self.gather(torch.from_numpy(rows).to(self.ids.device), self.width(rows))

    def batches(self, batch_size: int | None = None) -> list[np.ndarray]:
        """Returns all rows in batches for a forward pass without gradients, longest first.

        Args:
            batch_size: rows in a batch; None takes as many as have
                `pkd.runtime.devices.inference_tokens` tokens.

        Returns:
            Row numbers of each batch.
        """
        if batch_size is not None:
            return eval_batches(self.lengths, batch_size)
        return token_batches(self.lengths, inference_tokens(self.ids.device), PAD_MULTIPLE)

    def gather(self, index: Tensor, width: int) -> dict[str, Tensor]:
        """Gathers rows into padded model inputs without synchronising with the device.

        Args:
            index: (batch,) row numbers, on the device of the tokens.
            width: number of tokens of the longest row, or more.

        Returns:
            ``input_ids``, ``attention_mask`` and, if the model has them, ``token_type_ids``,
            each (batch, width) int64.
        """
        start, stop = self.offsets[index][:, None], self.offsets[index + 1][:, None]
        column = torch.arange(width, device=self.ids.device)
        position = (stop - width if self.pad_left else start) + column
        mask = (position >= start) & (position < stop)
        position = position.clamp_(0, len(self.ids) - 1)
        ids = self.ids[position].long().masked_fill_(~mask, self.pad_id)
        inputs = {"input_ids": ids, "attention_mask": mask.long()}
        if self.types is not None:
            inputs["token_type_ids"] = self.types[position].long() * mask
        return inputs

    def labels_of(self, index: Tensor) -> Tensor:
        """Returns the labels of a batch: (batch,) int64; for ``index`` see `gather`.

        Raises:
            InputError: if these are tokens of a split without labels.
        """
        return self._known_labels()[index]

    def all_labels(self) -> np.ndarray:
        """Returns the labels of all rows on the CPU: (rows,) int64.

        Raises:
            InputError: if these are tokens of a split without labels.
        """
        labels: np.ndarray = self._known_labels().cpu().numpy()
        return labels

    def _known_labels(self) -> Tensor:
        if self.labels is None:
            raise InputError(
                f"`labels` of the tokens in {self.path} is None, but must hold a label for each "
                "row: give the tokens of a split that is not in `test` of the task"
            )
        return self.labels


def build_tokens(
    rows: Rows, tokenizer: "PreTrainedTokenizerBase", max_length: int, root: Path
) -> Path:
    """Tokenises a split, unless that was done before, and returns the folder of its arrays.

    Args:
        rows: the split.
        tokenizer: a fast tokenizer with a padding token.
        max_length: tokens of a row, special tokens included; longer rows are cut, the longer text
            of a pair first.
        root: parent of all token folders.

    Raises:
        InputError: for a tokenizer without a fast version, or one that does not separate pairs.
    """
    key = {
        "kind": "tokens-1",
        "rows": fingerprint([rows.texts, rows.idx.tolist()]),
        "labels": None if rows.labels is None else fingerprint(rows.labels.tolist()),
        "tokenizer": tokenizer_digest(tokenizer),
        "max_length": max_length,
    }
    has_empty = any(not any(each) for each in zip(*rows.texts, strict=True))
    if has_empty and not tokenizer("")["input_ids"]:
        key["empty"] = "one padding token"  # version 0.1.0 left such rows without any token
    return build_once(root, key, lambda folder: _write_arrays(folder, rows, tokenizer, max_length))


def tokenizer_digest(tokenizer: "PreTrainedTokenizerBase") -> str:
    """Returns a fingerprint of what a tokenizer does, wherever it was loaded from.

    Raises:
        InputError: if it has no fast version.
    """
    if not tokenizer.is_fast:
        raise InputError(
            f"the tokenizer {type(tokenizer).__name__} has no fast version (tokenizer.json); "
            "choose a model that has one"
        )
    # A call leaves its truncation and padding in the tokenizer; they do not belong to it.
    backend = json.loads(tokenizer.backend_tokenizer.to_str())
    backend |= {"truncation": None, "padding": None}
    sides = [tokenizer.truncation_side, tokenizer.padding_side]
    return fingerprint([backend, *sides])


def open_tokens(folder: Path, device: torch.device | str = "cpu") -> TokenArrays:
    """Opens a token folder: memory-mapped on the CPU, copied to a GPU.

    Args:
        folder: a folder that `build_tokens` returned.
        device: of the tensors.

    Raises:
        CacheError: if a file is missing or damaged.
        InputError: if it is a folder of something else.
    """
    verify(folder)

    def load(name: str) -> Tensor | None:
        path = folder / f"{name}.npy"
        return torch.from_numpy(map_array(path)).to(device) if path.exists() else None

    ids, offsets = load("ids"), load("offsets")
    if ids is None or offsets is None:
        raise InputError(
            f"`folder` is {folder}, which has no ids.npy or no offsets.npy, but must be a token "
            "folder: give one that `build_tokens` returned"
        )
    return TokenArrays(
        ids=ids,
        offsets=offsets,
        types=load("types"),
        labels=load("labels"),
        idx=np.array(map_array(folder / "idx.npy")),
        lengths=np.diff(map_array(folder / "offsets.npy")),
        pad_id=int(map_array(folder / "pad_id.npy")),
        path=folder,
        pad_left=(folder / "pad_left.npy").exists(),
    )


def encode(
    texts: Sequence[list[str]],
    tokenizer: "PreTrainedTokenizerBase",
    max_length: int,
    device: torch.device | str = "cpu",
) -> TokenArrays:
    """Tokenises some rows in memory as `build_tokens` tokenises a split.

    Args:
        texts: one list of strings, not empty, for each text column.
        tokenizer: see `build_tokens`.
        max_length: see `build_tokens`.
        device: of the tensors.
    """
    ids, types, lengths = _encode(texts, tokenizer, max_length)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return TokenArrays(
        ids=torch.from_numpy(ids).to(device),
        offsets=torch.from_numpy(offsets).to(device),
        types=None if types is None else torch.from_numpy(types).to(device),
        labels=None,
        idx=np.arange(len(lengths)),
        lengths=lengths,
        pad_id=int(tokenizer.pad_token_id),
        path=Path(),
        pad_left=tokenizer.padding_side == "left",
    )


def _encode(
    texts: Sequence[list[str]], tokenizer: Any, max_length: int
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Returns tokens, their types if the model has them, and the length of each row.

    A row without tokens, as GPT-2's tokenizer makes of an empty text, is one padding token.
    """
    if len(texts) == 2:
        _check_pairs(tokenizer)
    encoded = tokenizer(*texts, truncation=True, max_length=max_length)
    rows = [row or [tokenizer.pad_token_id] for row in encoded["input_ids"]]
    types = None
    if "token_type_ids" in encoded:
        filled = [row or [0] for row in encoded["token_type_ids"]]
        types = np.concatenate(filled).astype(np.uint8)
    return np.concatenate(rows).astype(np.int32), types, np.array([len(row) for row in rows])


def _check_pairs(tokenizer: Any) -> None:
    """Refuses a tokenizer that marks single texts, but not where the second text of a pair begins.

    One that adds no special tokens at all, such as GPT-2's, joins both texts.
    """
    single, pair = (tokenizer.num_special_tokens_to_add(pair=pair) for pair in (False, True))
    if single and pair <= single:
        raise InputError(
            f"the tokenizer in {tokenizer.name_or_path} puts no separator between the two texts "
            f"of a row (it adds {single} special tokens to one text, {pair} to two): give its "
            "`TemplateProcessing` a `pair`, such as [CLS] $A [SEP] $B:1 [SEP]:1, and save it again"
        )


def _write_arrays(folder: Path, rows: Rows, tokenizer: Any, max_length: int) -> None:
    chunks: dict[str, list[np.ndarray]] = {"ids": [], "types": []}
    lengths: list[np.ndarray] = []
    for start in range(0, len(rows), _CHUNK):
        texts = [column[start : start + _CHUNK] for column in rows.texts]
        ids, types, counts = _encode(texts, tokenizer, max_length)
        lengths.append(counts)
        chunks["ids"].append(ids)
        if types is not None:
            chunks["types"].append(types)
    np.save(folder / "ids.npy", np.concatenate(chunks["ids"]))
    if chunks["types"]:
        np.save(folder / "types.npy", np.concatenate(chunks["types"]))
    offsets = np.concatenate([[0], np.cumsum(np.concatenate(lengths))]).astype(np.int64)
    np.save(folder / "offsets.npy", offsets)
    np.save(folder / "idx.npy", rows.idx)
    np.save(folder / "pad_id.npy", np.asarray(tokenizer.pad_token_id))
    if tokenizer.padding_side == "left":
        np.save(folder / "pad_left.npy", np.asarray(True))
    if rows.labels is not None:
        np.save(folder / "labels.npy", rows.labels)
