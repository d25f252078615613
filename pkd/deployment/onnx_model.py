"""ONNX files of a classifier, written by torch's exporter, and their int8 versions."""

import contextlib
import importlib.util
import inspect
import io
import logging
import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from pkd.errors import ExportError, InputError

PACKAGES = ("onnx", "onnxruntime", "onnxscript")
_COLOUR = re.compile("\x1b\\[[0-9;]*m")  # of a terminal, in the exporter's messages


def check_packages() -> None:
    """Checks that the packages of the extra ``export`` are installed.

    Raises:
        InputError: if one is missing, with the command that installs it.
    """
    lacking = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if lacking:
        raise InputError(
            f"--onnx and --int8 need {', '.join(lacking)}, which this environment lacks: "
            "pip install -c constraints.txt -e '.[export]' (in the project's folder)"
        )


def write_onnx(model: PreTrainedModel, example: Mapping[str, Tensor], path: Path) -> list[str]:
    """Writes a classifier that takes batches of any size and width.

    Args:
        model: on the CPU, in fp32.
        example: inputs of two rows or more, see `pkd.data.tokens.TokenArrays.batch`.
        path: the file to write, which includes the weights.

    Returns:
        The names of its inputs: the inputs of the example that the model reads.

    Raises:
        ExportError: if torch cannot export this model.
    """
    axes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("width")}
    # A BERT's tokenizer also gives token types to a DistilBERT, which does not take them.
    known = inspect.signature(model.forward).parameters
    example = {name: tensor for name, tensor in example.items() if name in known}
    try:
        with _quiet(), torch.inference_mode():
            program = torch.onnx.export(
                model,
                kwargs=example,
                dynamo=True,
                dynamic_shapes={name: axes for name in example},
                input_names=list(example),
                output_names=["logits"],
                verbose=False,
            )
    except Exception as error:  # a model's code can raise any type
        family = model.config.model_type
        reason = _COLOUR.sub("", str(error)).strip().partition("\n")[0]
        raise ExportError(
            f"torch cannot export this {family} to ONNX ({type(error).__name__}: {reason}); "
            "leave --onnx and --int8 out"
        ) from error
    if program is None:
        raise ExportError("torch wrote no ONNX program; leave --onnx and --int8 out")
    with _quiet():
        program.save(path, external_data=False)
    return list(example)


def write_int8(source: Path, target: Path) -> None:
    """Writes the int8 version of an ONNX file.

    Weights are quantised for each output channel, activations for each batch at run time.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with _quiet():
        # 8-bit weights saturate in 16-bit sums on x86 CPUs without VNNI; 7-bit weights do not.
        quantize_dynamic(
            source, target, per_channel=True, reduce_range=True, weight_type=QuantType.QInt8
        )


class OnnxClassifier:
    """An ONNX file that can be called like a model, on the CPU.

    Args:
        path: a file from `write_onnx` or `write_int8`.
        threads: CPU threads.
    """

    def __init__(self, path: Path, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3  # errors
        self._session = onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"]
        )
        self._inputs = [each.name for each in self._session.get_inputs()]

    def __call__(self, **inputs: Tensor) -> np.ndarray:
        """Returns the logits of a batch, (batch, classes) fp32; ignores unknown inputs."""
        arrays = {name: inputs[name].numpy() for name in self._inputs}
        logits: np.ndarray = self._session.run(["logits"], arrays)[0]
        return logits


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silences messages and warnings of exporter and quantiser; errors are still raised."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
