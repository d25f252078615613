"""Batches gathered from flat arrays equal the tokenizer's output for the same texts."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import BertTokenizer, PreTrainedTokenizerBase

from pkd.data.rows import Rows
from pkd.data.tokens import build_tokens, open_tokens, tokenizer_digest
from pkd.errors import CacheError, InputError
from pkd.files.cache import build_once
from pkd.models.tokenizer import load_tokenizer
from tests.support.training import tiny


@pytest.fixture(scope="module")
def tokenizer(encoder: Path) -> PreTrainedTokenizerBase:
    return load_tokenizer(encoder)


def rows_of(texts: int, count: int = 20, labelled: bool = True) -> Rows:
    rng = np.random.default_rng(0)
    columns = tuple(tiny.sentences(rng, count) for _ in range(texts))
    return Rows(columns, np.arange(count) % 2 if labelled else None, 100 + np.arange(count))


@pytest.mark.parametrize("max_length", [32, 8])
@pytest.mark.parametrize("texts", [1, 2])
def test_batches_equal_the_padded_output_of_the_tokenizer(
    tmp_path: Path, tokenizer: PreTrainedTokenizerBase, texts: int, max_length: int
) -> None:
    rows = rows_of(texts)
    tokens = open_tokens(build_tokens(rows, tokenizer, max_length, tmp_path))
    full = tokenizer(*rows.texts)["input_ids"]
    # The longest rows are cut at 8 tokens; no row is cut at 32.
    assert any(len(row) > 8 for row in full) and max(map(len, full)) <= 32
    assert tokens.lengths.tolist() == [min(len(row), max_length) for row in full]
    for numbers in ([0, 1, 2], [19, 3, 3, 0], list(range(20))):
        expected = tokenizer(
            *([column[i] for i in numbers] for column in rows.texts),
            truncation=True, max_length=max_length,
            padding=True, pad_to_multiple_of=8, return_tensors="pt",
        )  # fmt: skip
        batch = tokens.batch(np.array(numbers))
        assert set(batch) == {"input_ids", "attention_mask", "token_type_ids"}
        for name, tensor in batch.items():
            assert tensor.dtype == expected[name].dtype
            assert tensor.tolist() == expected[name].tolist(), name


def test_a_pair_has_the_ids_types_and_mask_worked_by_hand(
    tmp_path: Path, tokenizer: PreTrainedTokenizerBase
) -> None:
    rows = Rows((["the cat"], ["a dog"]), np.array([1]), np.array([0]))
    batch = open_tokens(build_tokens(rows, tokenizer, 32, tmp_path)).batch(np.array([0]))
    # [CLS] the cat [SEP] a dog [SEP] [PAD]: specials are 0..4, "a the one two cat dog" from 5.
    assert batch["input_ids"].tolist() == [[2, 6, 9, 3, 5, 10, 3, 0]]
    assert batch["token_type_ids"].tolist() == [[0, 0, 0, 0, 1, 1, 1, 0]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 1, 1, 1, 1, 0]]


def test_labels_and_row_ids_come_back(tmp_path: Path, tokenizer: PreTrainedTokenizerBase) -> None:
    tokens = open_tokens(build_tokens(rows_of(1), tokenizer, 32, tmp_path))
    assert len(tokens) == 20
    assert tokens.labels_of(torch.tensor([5, 0, 1])).tolist() == [1, 0, 1]
    assert tokens.idx[:3].tolist() == [100, 101, 102]
    assert tokens.pad_id == 0


def test_a_split_without_labels_has_none(
    tmp_path: Path, tokenizer: PreTrainedTokenizerBase
) -> None:
    assert (
        open_tokens(build_tokens(rows_of(1, labelled=False), tokenizer, 32, tmp_path)).labels
        is None
    )


def test_the_same_rows_are_tokenised_once(
    tmp_path: Path, tokenizer: PreTrainedTokenizerBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = build_tokens(rows_of(2), tokenizer, 32, tmp_path)

    def refuse(*_: object) -> None:
        raise AssertionError("tokenised again")

    monkeypatch.setattr("pkd.data.tokens._write_arrays", refuse)
    assert build_tokens(rows_of(2), tokenizer, 32, tmp_path) == folder
    with pytest.raises(AssertionError, match="tokenised again"):
        build_tokens(rows_of(2), tokenizer, 16, tmp_path)


def test_everything_that_changes_the_tokens_changes_the_folder(
    tmp_path: Path, tokenizer: PreTrainedTokenizerBase
) -> None:
    rows = rows_of(1)
    cased = BertTokenizer(vocab=tiny.VOCABULARY, do_lower_case=False)
    folders = {
        build_tokens(rows, tokenizer, 32, tmp_path),
        build_tokens(rows, tokenizer, 16, tmp_path),
        build_tokens(rows, cased, 32, tmp_path),
        build_tokens(rows.take(np.arange(10)), tokenizer, 32, tmp_path),
        build_tokens(Rows(rows.texts, None, rows.idx), tokenizer, 32, tmp_path),
        build_tokens(Rows(rows.texts, 1 - rows.labels, rows.idx), tokenizer, 32, tmp_path),
        build_tokens(Rows(rows.texts, rows.labels, rows.idx + 1), tokenizer, 32, tmp_path),
    }
    assert len(folders) == 7


def test_using_a_tokenizer_does_not_change_the_folder(tmp_path: Path, encoder: Path) -> None:
    used, fresh = load_tokenizer(encoder), load_tokenizer(encoder)
    folder = build_tokens(rows_of(1), used, 16, tmp_path)
    assert build_tokens(rows_of(1), used, 16, tmp_path) == folder
    assert build_tokens(rows_of(1), fresh, 16, tmp_path) == folder


def test_damaged_tokens_are_refused(
    tmp_path: Path, tokenizer: PreTrainedTokenizerBase, new_process: None
) -> None:
    from pkd.files import cache

    folder = build_tokens(rows_of(1), tokenizer, 32, tmp_path)
    ids = bytearray((folder / "ids.npy").read_bytes())
    ids[-4] ^= 1
    (folder / "ids.npy").write_bytes(ids)
    cache._verified.clear()
    with pytest.raises(CacheError, match="ids.npy is damaged"):
        open_tokens(folder)


def test_labels_of_a_split_without_labels_are_refused(
    tmp_path: Path, tokenizer: PreTrainedTokenizerBase
) -> None:
    tokens = open_tokens(build_tokens(rows_of(1, labelled=False), tokenizer, 32, tmp_path))
    with pytest.raises(InputError, match=rf"`labels` of the tokens in {tokens.path} is None, but"):
        tokens.labels_of(torch.tensor([0]))
    with pytest.raises(InputError, match="give the tokens of a split that is not in `test`"):
        tokens.all_labels()


def test_a_folder_of_something_else_is_not_opened_as_tokens(tmp_path: Path) -> None:
    def build(folder: Path) -> None:
        np.save(folder / "logits.npy", np.zeros(3))

    folder = build_once(tmp_path, {"kind": "other"}, build)
    with pytest.raises(InputError, match=rf"`folder` is {folder}, which has no ids\.npy"):
        open_tokens(folder)


def test_a_tokenizer_without_fast_version_is_refused() -> None:
    class Slow:
        is_fast = False

    slow: Any = Slow()
    with pytest.raises(InputError, match="Slow has no fast version"):
        tokenizer_digest(slow)
