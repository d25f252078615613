"""Tokenizers that cannot be used: none, in another form, or without the token that is read."""

import importlib.util
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers.processors import TemplateProcessing
from transformers import AutoTokenizer

from pkd.data.tokens import encode
from pkd.errors import InputError
from pkd.models.tokenizer import load_tokenizer
from tests.support.training.family_encoders import CASES, write_encoder

Copy = Callable[..., Path]
MARKS = [("[CLS]", 2), ("[SEP]", 3)]


@pytest.fixture
def copied(encoder: Path, tmp_path: Path) -> Copy:
    """Returns a function that copies the encoder and changes keys of its tokenizer's files."""

    def copy(folder: Path = encoder, post: object = (), **keys: Any) -> Path:
        copied = Path(shutil.copytree(folder, tmp_path / "own", dirs_exist_ok=True))
        # The class of tokenizers that were built by hand: it takes tokenizer.json as it is.
        keys = {"tokenizer_class": "PreTrainedTokenizerFast"} | keys
        change(copied / "tokenizer_config.json", **keys)
        if post != ():
            change(copied / "tokenizer.json", post_processor=post)
        return copied

    return copy


def change(path: Path, **keys: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | keys))


def processor(single: str, pair: str | None = None) -> Any:
    """The JSON of a post-processor."""
    template = TemplateProcessing(single=single, pair=pair, special_tokens=MARKS)
    return json.loads(template.__getstate__())


def test_a_folder_without_tokenizer_is_refused(encoder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(encoder, tmp_path / "bare"))
    for path in folder.glob("*token*"):
        path.unlink()
    (folder / "vocab.txt").unlink(missing_ok=True)
    with pytest.raises(InputError, match="bare has no tokenizer"):
        load_tokenizer(folder)


@pytest.mark.parametrize("name", ["spm.model", "spiece.model", "sentencepiece.bpe.model"])
def test_a_sentencepiece_model_alone_needs_its_package(
    encoder: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(encoder, tmp_path / "pieces"))
    (folder / "tokenizer.json").rename(folder / name)
    known = importlib.util.find_spec
    monkeypatch.setattr(
        "pkd.models.tokenizer.find_spec",
        lambda package: None if package == "sentencepiece" else known(package),
    )
    message = rf"pieces is a SentencePiece model \({name}\) .*`pip install sentencepiece`"
    with pytest.raises(InputError, match=message):
        load_tokenizer(folder)


@pytest.mark.parametrize("case", CASES)
def test_the_tokenizers_of_all_families_are_accepted(case: str, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(write_encoder(case, tmp_path))
    assert len(encode([["the cat"], ["a dog"]], tokenizer, 40).ids) > 4


@pytest.mark.parametrize(
    "post",
    [None, processor("$A [SEP]"), processor("$A"), processor("$A [CLS]", "$A [SEP] $B [CLS]")],
    ids=["no post-processor", "[SEP] only", "empty", "[CLS] at the end"],
)
@pytest.mark.parametrize("family", ["bert", "electra", "modernbert"])
def test_rows_without_the_first_token_that_is_read_are_refused(
    copied: Copy, family: str, post: Any, tmp_path: Path
) -> None:
    folder = copied(write_encoder(family, tmp_path / family), post)
    with pytest.raises(InputError, match=f"own begins rows without .CLS.* {family} classifier"):
        load_tokenizer(folder)


def test_families_that_read_all_tokens_or_the_last_need_no_mark(
    copied: Copy, tmp_path: Path
) -> None:
    load_tokenizer(copied(write_encoder("modernbert-mean", tmp_path / "mean"), None))
    load_tokenizer(write_encoder("gpt2", tmp_path / "gpt2"))


@pytest.mark.parametrize(
    "post", [processor("[CLS] $A [SEP]"), processor("[CLS] $A", "[CLS] $A $B")]
)
def test_pairs_without_a_separator_are_refused_where_there_are_pairs(
    copied: Copy, post: Any
) -> None:
    tokenizer = load_tokenizer(copied(post=post))
    assert len(encode([["the cat"]], tokenizer, 24).ids) in (3, 4)
    with pytest.raises(InputError, match="own puts no separator between the two texts"):
        encode([["the cat"], ["a dog"]], tokenizer, 24)


def test_a_complete_processor_is_accepted_by_hand(copied: Copy) -> None:
    post = processor("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1")
    tokenizer = load_tokenizer(copied(post=post))
    found = encode([["the cat"], ["a dog"]], tokenizer, 24).ids.tolist()
    words = ["[CLS]", "the", "cat", "[SEP]", "a", "dog", "[SEP]"]
    assert found == tokenizer.convert_tokens_to_ids(words)


def test_a_gpt2_that_pads_with_another_token_than_it_skips_is_refused(tmp_path: Path) -> None:
    folder = write_encoder("gpt2", tmp_path / "own")
    AutoTokenizer.from_pretrained(folder, pad_token="<pad>").save_pretrained(folder)
    message = r"own pads with token 1 \('<pad>'\), but `pad_token_id` .* is 5.*set .* to 1"
    with pytest.raises(InputError, match=message):
        load_tokenizer(folder)
    change(folder / "config.json", pad_token_id=1)
    assert load_tokenizer(folder).pad_token_id == 1


@pytest.mark.parametrize(
    "name", ["AutoProcessor", "AutoTokenizer", "AutoProcessorFast", "BertModel", "pipeline", 3]
)
@pytest.mark.parametrize("file", ["tokenizer_config.json", "config.json"])
def test_a_tokenizer_class_that_is_none_is_refused(
    encoder: Path, tmp_path: Path, file: str, name: Any
) -> None:
    folder = Path(shutil.copytree(encoder, tmp_path / "own"))
    change(folder / "tokenizer_config.json", tokenizer_class=None)
    change(folder / file, tokenizer_class=name)
    with pytest.raises(
        InputError, match=f"{file}: `tokenizer_class` is {name!r}, but must be a t"
    ):
        load_tokenizer(folder)


@pytest.mark.parametrize(
    "name", ["BertTokenizer", "BertTokenizerFast", "PreTrainedTokenizerFast", "TheirTokenizer"]
)
def test_a_tokenizer_class_may_be_of_transformers_or_unknown(copied: Copy, name: str) -> None:
    assert load_tokenizer(copied(tokenizer_class=name))("a dog")["input_ids"]
