"""``pkd-study train`` from parquet files to scores, and one line for what it cannot use."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from transformers import AutoModelForSequenceClassification

from pkd.data.preparation import Prepared
from pkd.data.tokens import TokenArrays
from pkd.distillation.recipe import Recipe
from pkd.train import main
from pkd.training.single_student import training_key
from pkd.training.training_run import Files

Call = Callable[..., int]


@pytest.fixture
def call(data: Path, encoder: Path, tmp_path: Path) -> Call:
    """Calls the command on tiny data; keywords change or add options, None drops one."""

    def called(**changes: object) -> int:
        options = {
            "task": "rte",
            "data": data,
            "model": encoder,
            "method": "pkd-skip",
            "layers": 2,
            "out": tmp_path / "out",
            "max_length": 24,
            "batch_size": 8,
            "epochs": 2,
            "learning_rate": 3e-3,
            "precision": "fp32",
        } | changes
        argv = []
        for key, value in options.items():
            if value is not None:
                argv += [f"--{key.replace('_', '-')}", str(value)]
        return main(argv)

    return called


def test_without_a_teacher_it_makes_one_and_prints_the_students_score(
    call: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(temperature=4, alpha=0.25, beta=10) == 0
    shown = capsys.readouterr()
    printed = json.loads(shown.out)
    assert "no --teacher given: fine-tuning one" in shown.err
    assert (printed["task"], printed["method"], printed["layers"]) == ("rte", "pkd-skip", 2)
    assert (printed["temperature"], printed["alpha"], printed["beta"]) == (4.0, 0.25, 10.0)
    assert printed["metrics"] == {"validation": {"accuracy": printed["score"]}}
    assert 0 <= printed["score"] <= 1 and printed["best_epoch"] in (1, 2)
    assert isinstance(printed["constant"], bool)

    out = tmp_path / "out"
    assert printed["model"] == str(out / "rte-2-pkd-skip")
    (teacher,) = (tmp_path / "out").glob("rte-teacher-*")
    for name, depth in (("rte-2-pkd-skip", 2), (teacher.name, 4)):
        model = AutoModelForSequenceClassification.from_pretrained(out / name)
        assert model.config.num_hidden_layers == depth
    table = pq.read_table(out / "predictions" / "rte-2-pkd-skip" / "validation.parquet")
    right = sum(row["label"] == row["prediction"] for row in table.to_pylist())
    assert right / 12 == pytest.approx(printed["score"])
    assert list(out.glob("*.checkpoint")) == []

    # The teacher, its signals and the tokens are used again; the numbers are the same.
    kept = {
        p: p.stat().st_mtime_ns
        for d in (teacher.name, "signals", "tokens")
        for p in (out / d).rglob("*")
        if p.is_file() and p.suffix != ".lock"
    }
    assert call(temperature=4, alpha=0.25, beta=10) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out) == printed
    assert "fine-tuning one" not in shown.err
    assert {p: p.stat().st_mtime_ns for p in kept} == kept


def test_a_given_teacher_is_used_and_none_is_made(
    call: Call, teacher: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(method="kd", teacher=teacher, epochs=1) == 0
    assert "score" in json.loads(capsys.readouterr().out)
    assert not list((tmp_path / "out").glob("rte-teacher*"))


def test_plain_fine_tuning_makes_neither_teacher_nor_signals(
    call: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(method="ft", epochs=1, start_layers="2,4") == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["best_epoch"], printed["start_layers"]) == (1, [2, 4])
    made = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert made == ["predictions", "rte-2-ft", "tokens"]


@pytest.mark.parametrize("classes", [1, 2])
def test_a_student_that_predicts_a_single_class_is_called_constant(
    call: Call, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], classes: int
) -> None:
    def logits(model: object, tokens: TokenArrays, *_: object) -> np.ndarray:
        return np.eye(2, dtype=np.float32)[np.arange(len(tokens)) % classes]

    monkeypatch.setattr("pkd.training.training_run.predict_logits", logits)
    assert call(method="ft") == 0
    shown = capsys.readouterr()
    constant = classes == 1
    assert json.loads(shown.out)["constant"] is constant
    # In the line of each epoch, and once for the epoch that is kept.
    assert shown.err.count("(constant: predicts a single class)") == 2 * constant
    warning = "warning: ft is constant: its best epoch (1) predicts a single class"
    assert (warning in shown.err) is constant


def test_a_checkpoint_is_named_by_the_start_too(prepared: Prepared, encoder: Path) -> None:
    files = Files(prepared.task, prepared.tokens, encoder)
    starts = ("first", "spaced", (2, 4))
    keys = {training_key(Recipe(layers=2, start_layers=start), files) for start in starts}
    assert len(keys) == 3 and training_key(Recipe(layers=2), files) in keys


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "rtee"}, "rtee"),
        ({"task": "rte,mrpc"}, "rte,mrpc"),
        ({"temperature": 0}, "`temperature` is 0.0, but must be greater than 0"),
        ({"alpha": 1.5}, "`alpha` is 1.5"),
        ({"beta": "nan"}, "`beta` is nan"),
        ({"model": "/no/such/model"}, "model folder /no/such/model does not exist"),
        ({"teacher": "/no/such/teacher"}, "model folder /no/such/teacher does not exist"),
        ({"data": "/no/such/data"}, "/no/such/data"),
        ({"max_length": 33}, "max_length is 33, but must be 8..32"),
        ({"layers": 4}, "student depth is 4, but must be between 1 and 3"),
        ({"layers": None}, "student depth is 4, but must be between 1 and 3"),
        ({"layers": 1}, "student_layers is 1"),
        ({"layers": 5, "method": "kd"}, "student depth is 5, but must be between 1 and 3"),
    ],
)
def test_input_that_cannot_be_used_gives_2_and_one_line_before_any_training(
    call: Call,
    changes: dict[str, object],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert call(**changes) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    lines = shown.err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: ") and message in lines[0]
    assert not list((tmp_path / "out").glob("rte-teacher*"))


def test_an_unknown_method_gives_2(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(method="pkd-first") == 2
    assert "--method is 'pkd-first', but must be one of teacher, ft, kd" in capsys.readouterr().err
