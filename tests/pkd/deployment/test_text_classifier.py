"""Classifiers as they are deployed: PyTorch weights, ONNX files, and what is neither."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from pkd.deployment import text_classifier
from pkd.deployment.onnx_model import INT8_FILE, ONNX_FILE, write_int8, write_onnx
from pkd.deployment.text_classifier import Form, load_classifier_folder, text_columns_of
from pkd.errors import InputError
from pkd.models.classifier import load_as_deployed
from pkd.predict import main
from tests.support.training.row_files import read_rows, write_rows

ROWS = [
    {"one": f"the {word} sees", "two": "a bird " * n}
    for n, word in enumerate("cat dog tree".split(), 1)
]
COLUMNS = [[row["one"] for row in ROWS], [row["two"] for row in ROWS]]


@pytest.fixture(scope="module")
def exported(teacher: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier of pairs with its ONNX files."""
    pytest.importorskip("onnxruntime")
    folder = tmp_path_factory.mktemp("exported") / "model"
    shutil.copytree(teacher, folder)
    (folder / "export.json").write_text(json.dumps({"texts": ["one", "two"]}))
    (folder / "onnx").mkdir()
    ids = torch.tensor([[2, 7, 8, 3], [2, 9, 3, 0]])
    inputs = {"input_ids": ids, "attention_mask": (ids > 0).long(), "token_type_ids": 0 * ids}
    write_onnx(load_as_deployed(folder), inputs, folder / ONNX_FILE)
    write_int8(folder / ONNX_FILE, folder / INT8_FILE)
    return folder


@pytest.fixture
def folder(exported: Path, tmp_path: Path) -> Path:
    """A copy, to be damaged."""
    return Path(shutil.copytree(exported, tmp_path / "model"))


@pytest.mark.parametrize(("form", "most"), [("onnx", 2e-6), ("int8", 0.05)])
def test_an_onnx_file_labels_a_file_as_the_weights_do_without_reading_them(
    folder: Path, tmp_path: Path, form: str, most: float
) -> None:
    write_rows(tmp_path / "rows.csv", ROWS)
    files = {each: tmp_path / f"{each}.csv" for each in ("pytorch", form)}
    for each, target in files.items():
        options = ["--input", str(tmp_path / "rows.csv"), "--output", str(target), "--form", each]
        assert main([str(folder), *options]) == 0
        (folder / "model.safetensors").unlink(missing_ok=True)
    expected, found = (read_rows(target) for target in files.values())
    chances = [[float(row.pop("probability")) for row in rows] for rows in (expected, found)]
    assert found == expected and len(found) == len(ROWS)
    assert np.abs(np.subtract(*chances)).max() <= most


@pytest.mark.parametrize("size", [1, 2, None])
def test_rows_of_an_onnx_file_keep_their_order_in_batches_of_any_size(
    exported: Path, size: int | None
) -> None:
    longest_last = load_classifier_folder(exported, "onnx").label(COLUMNS, size)
    one_by_one = [
        label
        for row in ROWS
        for label in load_classifier_folder(exported).label([[row["one"]], [row["two"]]])
    ]
    assert [each["prediction"] for each in longest_last] == [e["prediction"] for e in one_by_one]
    chances = [each["probability"] for each in one_by_one]
    assert [each["probability"] for each in longest_last] == pytest.approx(chances, abs=2e-6)


def three_labels(folder: Path) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config |= {"id2label": {str(code): f"l{code}" for code in range(3)}, "label2id": {}}
    path.write_text(json.dumps(config))


def more_layers(folder: Path) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"num_hidden_layers": 6}))


@pytest.mark.parametrize(
    ("form", "edit", "why"),
    [
        (
            "int8",
            lambda folder: (folder / INT8_FILE).unlink(),
            f"has no {INT8_FILE}; it has {ONNX_FILE} ",
        ),
        ("onnx", lambda folder: shutil.rmtree(folder / "onnx"), "it has PyTorch weights only"),
        (
            "onnx",
            lambda folder: (folder / ONNX_FILE).write_bytes(b"half"),
            "cannot load .*model.onnx",
        ),
        ("onnx", lambda folder: (folder / "config.json").unlink(), "is not a model folder"),
        ("onnx", three_labels, "has 2 outputs, but config.json beside it names 3 labels"),
        ("pytorch", more_layers, "lack .* parts of the bert that its config.json describes"),
        (
            "pytorch",
            lambda folder: (folder / "model.safetensors").unlink(),
            r"has no weights .* The folder has onnx/model.onnx \(--form onnx\), onnx/model_int8",
        ),
    ],
)
def test_what_cannot_be_loaded_is_refused(
    folder: Path, form: Form, edit: Callable[[Path], object], why: str
) -> None:
    edit(folder)
    with pytest.raises(InputError, match=why):
        load_classifier_folder(folder, form).label(COLUMNS)


def test_an_encoder_is_no_classifier(encoder: Path) -> None:
    with pytest.raises(InputError, match="no layer that computes logits: it is a pre-trained"):
        load_classifier_folder(encoder)


def test_a_model_with_other_outputs_is_no_classifier(folder: Path) -> None:
    onnx = pytest.importorskip("onnx")
    ids, scores = (
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.INT64, ["batch", "width"])
        for name in ("input_ids", "scores")
    )
    node = onnx.helper.make_node("Identity", ["input_ids"], ["scores"])
    model = onnx.helper.make_model(onnx.helper.make_graph([node], "other", [ids], [scores]))
    onnx.save(onnx.version_converter.convert_version(model, 18), folder / ONNX_FILE)
    with pytest.raises(InputError, match="its outputs are scores, but one must be named 'logits'"):
        load_classifier_folder(folder, "onnx")


def test_values_that_are_not_finite_are_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nan = np.full((3, 2), np.nan, dtype=np.float32)
    monkeypatch.setattr(text_classifier, "in_batches", lambda *_: nan)
    with pytest.raises(InputError, match="predicts values that are not finite"):
        load_classifier_folder(folder, "onnx").label(COLUMNS)


def test_a_missing_runtime_is_named_with_the_command(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match="--form onnx needs onnxruntime, which .* pip install"):
        load_classifier_folder(folder, "onnx")


@pytest.mark.parametrize(
    ("content", "named", "expected"),
    [
        ('{"texts": ["one", "two"]}', None, ["one", "two"]),
        ('{"texts": ["one", "two"]}', ["a", "b"], ["a", "b"]),
        ('{"texts": []}', ["a"], ["a"]),  # of an older version
        (None, None, []),
        (None, ["a"], ["a"]),
        ("{", ["a"], ["a"]),
    ],
)
def test_text_columns_are_the_named_ones_or_those_of_training(
    tmp_path: Path, content: str | None, named: list[str] | None, expected: list[str]
) -> None:
    if content is not None:
        (tmp_path / "export.json").write_text(content)
    assert text_columns_of(tmp_path, named) == expected


def test_another_number_of_text_columns_is_refused(exported: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--text names 1 column.*the model reads 2 .one, two"):
        text_columns_of(exported, ["one"])
    (tmp_path / "export.json").write_text("[")
    with pytest.raises(InputError, match="cannot read .*export.json"):
        text_columns_of(tmp_path)
