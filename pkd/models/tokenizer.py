"""The tokenizer of a saved model, checked on sample rows."""

from importlib.util import find_spec
from pathlib import Path

from transformers import AutoTokenizer, PretrainedConfig, PreTrainedTokenizerBase
from transformers.models.auto.tokenization_auto import tokenizer_class_from_name
from transformers.utils.import_utils import DummyObject

from pkd.errors import InputError, shown
from pkd.models.encoder import load_encoder_config
from pkd.models.families import family_of, summary_of
from pkd.models.loading import explained_loading
from pkd.models.model_folder import check_settings, read_settings

_FILES = ("tokenizer.json", "vocab.txt", "vocab.json")


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """Loads a model's tokenizer and lets it pad on the side that the model needs.

    Raises:
        InputError: if the folder holds none, or one that cannot be used.
    """
    check_settings(folder)
    _require_files(folder)
    _refuse_other_classes(folder)
    with explained_loading(f"the tokenizer in {folder}"):
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        tokenizer("a b")
    config = load_encoder_config(folder)
    tokenizer.padding_side = family_of(config).pads
    if tokenizer.pad_token_id is None and tokenizer.eos_token is not None:
        tokenizer.pad_token = tokenizer.eos_token  # GPT-2
    if tokenizer.pad_token_id is None:
        raise InputError(
            f"the tokenizer in {folder} has no padding token: set one and save it there again"
        )
    if len(tokenizer) <= len(tokenizer.all_special_ids):
        raise InputError(f"the tokenizer in {folder} knows no words; save it there again")
    _check_read_token(tokenizer, config, folder)
    return tokenizer


def _require_files(folder: Path) -> None:
    if any((folder / name).exists() for name in _FILES):
        return
    pieces = sorted(path.name for path in folder.glob("*.model"))
    if not pieces:
        raise InputError(
            f"{folder} has no tokenizer (tokenizer.json or vocab.txt); save it there with "
            "`tokenizer.save_pretrained`"
        )
    if find_spec("sentencepiece") is None:
        raise InputError(
            f"the tokenizer in {folder} is a SentencePiece model ({pieces[0]}) without "
            "tokenizer.json; reading it needs one more package: `pip install sentencepiece`, then "
            "run the same command again"
        )


def _refuse_other_classes(folder: Path) -> None:
    """Refuses a `tokenizer_class` that is something else of transformers.

    An `AutoProcessor` would run the Python code that comes with the model.
    """
    for path in (folder / "tokenizer_config.json", folder / "config.json"):
        name = read_settings(path).get("tokenizer_class")
        if name is not None and not _is_tokenizer(name):
            raise InputError(
                f"{path}: `tokenizer_class` is {shown(name)}, but must be a tokenizer of "
                "transformers, e.g. BertTokenizer: name the one of the model's family, or delete "
                "the key"
            )


def _is_tokenizer(name: object) -> bool:
    """Returns whether transformers has a tokenizer of this name, or nothing at all."""
    if not isinstance(name, str):
        return False
    stem = name.removesuffix("Fast")
    found = map(tokenizer_class_from_name, (name, stem, f"{stem}Fast"))
    # A dummy's package is not installed, as it says itself when it is used.
    return all(
        each is None
        or isinstance(each, DummyObject)
        or (isinstance(each, type) and issubclass(each, PreTrainedTokenizerBase))
        for each in found
    )


def _check_read_token(
    tokenizer: PreTrainedTokenizerBase, config: PretrainedConfig, folder: Path
) -> None:
    """Refuses a tokenizer whose rows lack the token that the classifier reads."""
    summary, pads = summary_of(config), family_of(config).pads
    if summary == "last" and pads == "right" and config.pad_token_id != tokenizer.pad_token_id:
        raise InputError(
            f"the tokenizer in {folder} pads with token {tokenizer.pad_token_id} "
            f"({tokenizer.pad_token!r}), but `pad_token_id` in its config.json is "
            f"{config.pad_token_id}, so the classifier would read padding: set `pad_token_id` to "
            f"{tokenizer.pad_token_id}"
        )
    added, row = tokenizer("")["input_ids"], tokenizer("a b")["input_ids"]
    if summary == "first" and (not added or row[:1] != added[:1]):
        raise InputError(
            f"the tokenizer in {folder} begins rows without [CLS] (or <s>), whose state a "
            f"{config.model_type} classifier reads: tokenizer.json has no `post_processor` that "
            "adds it. Take the tokenizer that the model was trained with, or set "
            "`tokenizer.backend_tokenizer.post_processor` to a `TemplateProcessing` such as "
            "[CLS] $A [SEP] and save it there again"
        )
