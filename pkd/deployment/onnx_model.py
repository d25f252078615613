"""ONNX files of a classifier: written by torch's exporter, quantised to int8, and run."""

import contextlib
import importlib.util
import inspect
import io
import logging
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from pkd.data.tokens import TokenArrays
from pkd.errors import ExportError, InputError, listed
from pkd.runtime.environment import TELEMETRY_OFF, variables

ONNX_FILE, INT8_FILE = "onnx/model.onnx", "onnx/model_int8.onnx"
PACKAGES = ("onnx", "onnxruntime", "onnxscript")
_COLOUR = re.compile("\x1b\\[[0-9;]*m")  # of a terminal, in the exporter's messages


def check_packages(options: str, needed: Sequence[str] | None = None) -> None:
    """Checks that packages of the extra ``export`` are installed.

    Args:
        options: what needs them, for the message.
        needed: the packages; all that write and check an ONNX file by default.

    Raises:
        InputError: if one is missing, with the command that installs it.
    """
    lacking = [name for name in needed or PACKAGES if importlib.util.find_spec(name) is None]
    if lacking:
        raise InputError(
            f"{options} needs {', '.join(lacking)}, which this environment lacks: "
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
    with variables(TELEMETRY_OFF):
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

    Raises:
        InputError: if the file is missing or damaged, or holds another kind of model.
    """

    def __init__(self, path: Path, threads: int) -> None:
        with variables(TELEMETRY_OFF):
            import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3  # errors
        try:
            self._session = onnxruntime.InferenceSession(
                path, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # each kind of failure has its own type
            raise InputError(f"cannot load {path}: {error}") from None
        self._path = path
        self._inputs = [each.name for each in self._session.get_inputs()]
        outputs = [each.name for each in self._session.get_outputs()]
        if "logits" not in outputs:
            raise InputError(
                f"{path} is not a classifier: its outputs are {listed(outputs)}, but one must "
                "be named 'logits'"
            )

    def __call__(self, **inputs: Tensor) -> np.ndarray:
        """Returns the logits of a batch, (batch, classes) fp32; ignores unknown inputs.

        Raises:
            InputError: if the file needs an input that is not given.
        """
        absent = [name for name in self._inputs if name not in inputs]
        if absent:
            raise InputError(
                f"{self._path} needs the input {absent[0]!r}, but the tokenizer gives "
                f"{listed(list(inputs))} only"
            )
        arrays = {name: inputs[name].numpy() for name in self._inputs}
        logits: np.ndarray = self._session.run(["logits"], arrays)[0]
        return logits


def in_batches(
    predict: Callable[..., np.ndarray], tokens: TokenArrays, batch_size: int | None = None
) -> np.ndarray:
    """Predicts rows with a function that takes the inputs of a batch by name.

    Args:
        predict: for example an `OnnxClassifier`.
        tokens: the rows, on the CPU.
        batch_size: rows in a batch; see `pkd.data.tokens.TokenArrays.batches`.

    Returns:
        (rows, classes), in the order of the rows.
    """
    batches = tokens.batches(batch_size)
    found = np.concatenate([predict(**tokens.batch(rows)) for rows in batches])
    logits = np.empty_like(found)
    logits[np.concatenate(batches)] = found
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
