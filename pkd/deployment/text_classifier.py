"""A deployed classifier of texts: its PyTorch weights, or an ONNX file beside them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from pkd.data.tokens import TokenArrays, encode
from pkd.deployment.onnx_model import (
    INT8_FILE,
    ONNX_FILE,
    OnnxClassifier,
    check_packages,
    in_batches,
)
from pkd.deployment.run_folder import check_saved
from pkd.errors import InputError, listed
from pkd.evaluation.inference import predict_logits
from pkd.files.text_file import read_file
from pkd.models.classifier import load_as_deployed
from pkd.models.encoder import load_encoder_config, longest_input
from pkd.models.model_folder import check_model_folder
from pkd.models.stored_weights import has_head
from pkd.models.task_settings import label_names, refuse_other_kinds
from pkd.models.tokenizer import load_tokenizer
from pkd.runtime.devices import default_device

EXPORT_FILE = "export.json"
Form = Literal["pytorch", "onnx", "int8"]
_FILES = {"onnx": ONNX_FILE, "int8": INT8_FILE}


@dataclass(frozen=True)
class Classifier:
    """A model with its tokenizer.

    Attributes:
        model: on the device that it runs on; an ONNX file runs on the CPU.
        tokenizer: its tokenizer.
        max_length: number of tokens after which rows are cut.
        labels: label names, in the order of their classes.
    """

    model: PreTrainedModel | OnnxClassifier
    tokenizer: PreTrainedTokenizerBase
    max_length: int
    labels: tuple[str, ...]

    def label(
        self, texts: Sequence[list[str]], batch_size: int | None = None, precision: str = "fp32"
    ) -> list[dict[str, Any]]:
        """Predicts the labels of some rows.

        Args:
            texts: one list of strings for each text column.
            batch_size: rows in a batch; see `pkd.data.tokens.TokenArrays.batches`.
            precision: ``fp32`` or, with PyTorch weights, ``bf16`` (autocast).

        Returns:
            For each row ``prediction`` (label name) and ``probability``.
        """
        if not texts[0]:
            return []
        device = getattr(self.model, "device", torch.device("cpu"))
        tokens = encode(texts, self.tokenizer, self.max_length, device)
        logits = self._logits(tokens, batch_size, precision)
        probabilities, codes = torch.from_numpy(logits).double().softmax(dim=1).max(dim=1)
        return [
            {"prediction": self.labels[code], "probability": round(probability, 6)}
            for code, probability in zip(codes.tolist(), probabilities.tolist(), strict=True)
        ]

    def _logits(self, tokens: TokenArrays, batch_size: int | None, precision: str) -> np.ndarray:
        if not isinstance(self.model, OnnxClassifier):
            return predict_logits(self.model, tokens, self.model.device, precision, batch_size)
        if precision != "fp32":
            raise InputError(f"precision is {precision}, but an ONNX file computes in its own")
        logits = in_batches(self.model, tokens, batch_size)
        if logits.shape[1] != len(self.labels):
            raise InputError(
                f"the ONNX file has {logits.shape[1]} outputs, but config.json beside it names "
                f"{len(self.labels)} labels: they do not belong together"
            )
        if not np.isfinite(logits).all():
            raise InputError("the ONNX file predicts values that are not finite: export it again")
        return logits


def load_classifier_folder(folder: Path, form: Form = "pytorch") -> Classifier:
    """Loads a folder in ``save_pretrained`` form: from `pkd.export`, a study or elsewhere.

    Args:
        folder: the folder.
        form: ``pytorch``, or the ONNX file of `pkd.export` to run instead: ``onnx`` or ``int8``.
            The PyTorch weights are then not read.

    Raises:
        InputError: if it holds no classifier with one label for each row, or one of a family that
            is not supported; if it lacks the form or a package that runs it.
    """
    file = None if form == "pytorch" else _onnx_file(folder, form)
    if file is None:
        _check_weights(folder)
    config = load_encoder_config(folder)
    if not (folder / EXPORT_FILE).exists():  # earlier exports may have kept a `problem_type`
        refuse_other_kinds(config, folder)
    tokenizer = load_tokenizer(folder)
    longest = min(int(tokenizer.model_max_length), longest_input(config))
    model = (
        load_as_deployed(folder, device=default_device())
        if file is None
        else OnnxClassifier(file, torch.get_num_threads())
    )
    return Classifier(model, tokenizer, longest, label_names(config))


def text_columns_of(folder: Path, named: Sequence[str] | None = None) -> list[str]:
    """Returns the text columns that a model reads: the named ones, or those it was trained on.

    The latter are unknown, and the list is empty, if the folder does not come from `pkd.export`.

    Args:
        folder: the folder of the model.
        named: the columns that the user names.

    Raises:
        InputError: if ``export.json`` is damaged, or the model reads another number of texts.
    """
    path = folder / EXPORT_FILE
    if not path.exists():
        return list(named or ())
    try:
        trained = [str(name) for name in json.loads(read_file(path))["texts"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        if named:
            return list(named)
        raise InputError(f"cannot read {path}: {error}; name the columns with --text") from None
    if named and trained and len(named) != len(trained):
        raise InputError(
            f"--text names {len(named)} column(s), but the model reads {len(trained)} "
            f"({', '.join(trained)} of its training rows): name as many"
        )
    return list(named or trained)


def _check_weights(folder: Path) -> None:
    """Refuses a folder without the weights of a whole classifier."""
    try:
        check_model_folder(folder)
        check_saved(folder)
    except InputError as error:
        if present := _present(folder):
            raise InputError(f"{error}. The folder has {present}: give --form") from None
        raise
    if not has_head(folder):
        raise InputError(
            f"the model in {folder} has no layer that computes logits: it is a pre-trained "
            "encoder, not a classifier. Give a folder from `pkd-study export` or `train`"
        )


def _onnx_file(folder: Path, form: str) -> Path:
    """Returns the ONNX file of a form."""
    if not (folder / "config.json").is_file():
        raise InputError(f"{folder} is not a model folder: it has no config.json")
    path = folder / _FILES[form]
    if not path.is_file():
        raise InputError(
            f"--form is {form}, but {folder} has no {_FILES[form]}; it has "
            f"{_present(folder) or 'PyTorch weights only'}. `pkd-study export RUN_DIR --task TASK "
            f"--to NEW_FOLDER --{form}` writes that file"
        )
    check_packages(f"--form {form}", ("onnxruntime",))
    return path


def _present(folder: Path) -> str:
    """Returns the ONNX forms in a folder, with their files."""
    return listed(
        [f"{file} (--form {form})" for form, file in _FILES.items() if (folder / file).is_file()]
    )
