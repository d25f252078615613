"""``pkd-study predict``: all types of files, bad rows, and what is refused."""

import datetime
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from transformers import pipeline

from pkd.deployment.labelling import predict_file
from pkd.deployment.text_classifier import Classifier, load_classifier_folder
from pkd.errors import InputError
from pkd.files import row_reader
from pkd.models.classifier import load_classifier, save_model
from pkd.predict import main
from pkd.tasks.glue import GLUE
from tests.support.training.family_encoders import FAMILIES, write_encoder
from tests.support.training.row_files import read_rows, write_rows

TEXTS = [
    ("the cat sees", "a dog"),
    ("a bird", "the bird likes it"),
    ("river", "tree"),
    ("he", "she"),
]


@pytest.fixture(scope="module")
def model(teacher: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier of sentence pairs as it is exported."""
    folder = tmp_path_factory.mktemp("exported") / "model"
    shutil.copytree(teacher, folder)
    (folder / "export.json").write_text(json.dumps({"texts": ["sentence1", "sentence2"]}))
    return folder


@pytest.fixture(scope="module")
def expected(model: Path) -> list[dict[str, Any]]:
    """The predictions of the pipeline of transformers for `TEXTS`."""
    classify = pipeline("text-classification", model=str(model), device="cpu")
    return [dict(classify({"text": one, "text_pair": two})) for one, two in TEXTS]


def labelled(model: Path, source: Path, target: Path, *options: str) -> int:
    return main([str(model), "--input", str(source), "--output", str(target), *options])


@pytest.mark.parametrize("read", [".csv", ".tsv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("written", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_rows_keep_their_columns_and_get_the_predictions_of_the_pipeline(
    model: Path, expected: list[dict[str, Any]], tmp_path: Path, read: str, written: str
) -> None:
    source, target = tmp_path / f"rows{read}", tmp_path / f"scored{written}"
    rows = [
        {"id": f'no. {i}, "x"\ny', "sentence1": one, "sentence2": two}
        for i, (one, two) in enumerate(TEXTS)
    ]
    write_rows(source, rows)
    assert labelled(model, source, target, "--batch-size", "3") == 0
    found = read_rows(target)
    assert [list(row) for row in found] == [[*rows[0], "prediction", "probability"]] * 4
    assert [{key: row[key] for key in rows[0]} for row in found] == rows
    assert [row["prediction"] for row in found] == [each["label"] for each in expected]
    chances = [float(row["probability"]) for row in found]
    assert chances == pytest.approx([each["score"] for each in expected], abs=1e-5)


@pytest.mark.parametrize("missing", [None, "", " ", "\t\n", "\u00a0\u2003"])
@pytest.mark.parametrize("column", ["sentence1", "sentence2"])
def test_a_row_with_a_missing_text_is_kept_without_a_prediction(
    model: Path,
    tmp_path: Path,
    missing: str | None,
    column: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    good = dict(zip(("sentence1", "sentence2"), TEXTS[2], strict=True))
    write_rows(tmp_path / "rows.jsonl", [good, good | {column: missing}, good])
    assert labelled(model, tmp_path / "rows.jsonl", tmp_path / "scored.jsonl") == 1
    first, bad, last = read_rows(tmp_path / "scored.jsonl")
    assert first == last and first["prediction"] in GLUE["rte"].labels
    assert bad == good | {column: missing, "prediction": None, "probability": None}
    shown = capsys.readouterr().err
    assert f"line 2: column {column!r} holds no text ({missing!r}); kept" in shown


@pytest.mark.parametrize("family", FAMILIES)
def test_a_file_of_only_empty_texts_has_no_predictions(
    family: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    encoder = write_encoder(family, tmp_path / "encoder")
    save_model(load_classifier(encoder, ("no", "yes"), 1), encoder, tmp_path / "model")
    write_rows(tmp_path / "rows.csv", [{"text": ""}, {"text": "  "}])
    options = ("--text", "text")
    assert labelled(tmp_path / "model", tmp_path / "rows.csv", tmp_path / "out.csv", *options) == 1
    assert [row["prediction"] for row in read_rows(tmp_path / "out.csv")] == ["", ""]
    assert "bad rows: 2 kept without a prediction, 0 left out" in capsys.readouterr().err


def test_types_of_parquet_columns_are_kept(teacher: Path, tmp_path: Path) -> None:
    day = datetime.date(2026, 1, 2)
    table = pa.table(
        {
            "n": pa.array([1, None], pa.int16()),
            "day": [day, day],
            "tags": [["a"], []],
            "text": pa.array(["the cat", "a dog"]).dictionary_encode(),
        }
    )
    parquet.write_table(table, tmp_path / "rows.parquet")
    target = tmp_path / "scored.parquet"
    assert labelled(teacher, tmp_path / "rows.parquet", target, "--text", "text") == 0
    assert parquet.read_table(target).select(table.column_names).equals(table)


def test_bad_rows_of_csv_are_named_by_their_lines(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = tmp_path / "rows.csv", tmp_path / "scored.csv"
    source.write_bytes(
        b'sentence1,sentence2,n\nthe cat,a dog,1\n\nonly one\n"two\nlines",x,2\n'
        b'\xff,y,3\nbad "quote",z\n"open"x,z,4\na,b,5\n'
    )
    assert labelled(model, source, target) == 1
    assert [row["n"] for row in read_rows(target)] == ["1", "2", "5"]
    assert all(row["prediction"] for row in read_rows(target))
    err = capsys.readouterr().err
    assert "rows.csv, line 4: 1 field(s), but the header names 3; left out" in err
    assert "line 7: it is not UTF-8; left out" in err
    assert "line 8: 2 field(s)" in err and "line 9: text follows a closing quote" in err
    assert "bad rows: 0 kept without a prediction, 4 left out" in err


def test_bad_rows_of_jsonl_are_named_by_their_lines(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = tmp_path / "rows.jsonl", tmp_path / "scored.jsonl"
    good = {"sentence1": "the cat", "sentence2": "a dog", "more": {"deep": [1, None]}}
    lines = [json.dumps(good), "{", "", "[1]", '{"sentence1": null, "sentence2": "x"}']
    lines += ['{"sentence1": "x", "sentence1": "y"}', '{"sentence1": "a", "other": 1}']
    lines += ['{"sentence1": "\\ud800", "sentence2": "half a character"}']
    source.write_text("\n".join(lines))
    assert labelled(model, source, target) == 1
    first, second, third = read_rows(target)
    assert first["more"] == good["more"] and first["prediction"] is not None
    assert second == {"sentence1": None, "sentence2": "x", "prediction": None, "probability": None}
    assert list(third) == ["sentence1", "other", "prediction", "probability"]
    err = capsys.readouterr().err
    for line, why in ((2, "not JSON"), (4, "must hold one object"), (6, "appears twice")):
        assert f"line {line}: " in err and why in err
    assert "line 5: column 'sentence1' holds no text (None)" in err
    assert "line 7: column 'sentence2' holds no text (None)" in err
    assert "line 8: it is not UTF-8; left out" in err
    assert "bad rows: 2 kept without a prediction, 4 left out" in err


def test_missing_texts_of_parquet_are_named_by_their_rows(
    teacher: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_rows(tmp_path / "rows.parquet", [{"text": "a"}, {"text": None}, {"text": "b"}])
    target = tmp_path / "scored.csv"
    assert labelled(teacher, tmp_path / "rows.parquet", target, "--text", "text") == 1
    assert [bool(row["prediction"]) for row in read_rows(target)] == [True, False, True]
    assert "rows.parquet, row 1 (first row is 0): column 'text'" in capsys.readouterr().err


SWALLOWS = 'id\ttext\n1\tthe cat\n2\t"a stray quote\n3\ta dog\n4\tends with a quote"\n5\ta bird\n'


def test_a_stray_quote_never_joins_rows(
    teacher: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = tmp_path / "rows.tsv", tmp_path / "scored.tsv"
    source.write_text(SWALLOWS)
    assert labelled(teacher, source, target, "--text", "text") == 2 and not target.exists()
    shown = capsys.readouterr().err
    assert "rows.tsv, line 3: " in shown and "--quoting none" in shown
    assert labelled(teacher, source, target, "--text", "text", "--quoting", "none") == 0
    rows = read_rows(target)
    assert [row["id"] for row in rows if row["prediction"]] == list("12345")
    assert rows[1]["text"] == '"a stray quote'


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_small_chunks_give_the_same_file(
    teacher: Path, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / f"rows{suffix}"
    write_rows(source, [{"text": f"the cat sees {'very ' * (i % 5)} old"} for i in range(11)])
    assert labelled(teacher, source, tmp_path / f"one{suffix}", "--text", "text") == 0
    monkeypatch.setattr(row_reader, "CHUNK", 3)
    assert labelled(teacher, source, tmp_path / f"many{suffix}", "--text", "text") == 0
    one, many = (read_rows(tmp_path / f"{name}{suffix}") for name in ("one", "many"))
    assert len(one) == 11 and [r["text"] for r in one] == [r["text"] for r in many]
    assert [r["prediction"] for r in one] == [r["prediction"] for r in many]


def test_a_failure_keeps_the_old_file(
    teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_reader, "CHUNK", 2)
    source, target = tmp_path / "rows.csv", tmp_path / "scored.csv"
    write_rows(source, [{"text": "a"}] * 6)
    target.write_text("old")
    whole, calls = Classifier.label, []

    def breaking(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise OSError("the disk has gone")
        return whole(*arguments)

    monkeypatch.setattr(Classifier, "label", breaking)
    assert labelled(teacher, source, target, "--text", "text") == 1
    assert target.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.csv", "scored.csv"]


def test_a_file_without_rows_gives_a_file_without_rows(model: Path, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("sentence1,sentence2\n")
    assert labelled(model, tmp_path / "rows.csv", tmp_path / "scored.csv") == 0
    header = "sentence1,sentence2,prediction,probability\n"
    assert (tmp_path / "scored.csv").read_text() == header
    assert labelled(model, tmp_path / "rows.csv", tmp_path / "scored.parquet") == 0
    names = parquet.read_table(tmp_path / "scored.parquet").column_names
    assert ",".join(names) + "\n" == header


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--input=gone.csv"], "cannot read gone.csv: No such file or directory"),
        (["--input=rows.txt"], "--input is rows.txt: unknown file type '.txt'"),
        (["--output=scored"], "--output is scored: unknown file type ''"),
        (["--output=gone/scored.csv"], "the folder gone does not exist"),
        (["--output=rows.csv"], "which is the input"),
        (["--output=folder.csv"], "folder.csv is a folder, but a file is to be written there"),
        (["--batch-size=0"], "--batch-size is 0, but must be >= 1"),
        (["--text", "a", "b", "c"], "--text names 3 columns"),
        (["--text", "gone", "sentence2"], "rows.csv has no column 'gone'; it has sentence1"),
        (["--text", "sentence1"], "--text names 1 column(s), but the model reads 2 (sentence1, s"),
        (["--form=int8"], "has no onnx/model_int8.onnx; it has PyTorch weights only. `pkd-study"),
        (["--form=onnx", "--precision=bf16"], "--precision is bf16, but --form onnx computes in"),
        (["--input=scored.csv", "--output=o.csv"], "has a column 'prediction' already"),
        (["--input=twice.csv"], "twice.csv has 2 columns 'a'"),
        (["--input=no.parquet"], "cannot read no.parquet"),
        (["--input=gone.parquet"], "cannot read gone.parquet: No such file or directory"),
        (["--input=ragged.jsonl"], "line 2 has the key 'more', which the first row lacks"),
        (["--input=ragged.jsonl", "--output=new.parquet"], "line 2 has the key 'more'"),
        (["--input=a\udcff.csv"], "is not UTF-8: rename it"),
    ],
)
def test_wrong_options_are_refused(
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    why: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_rows(Path("rows.csv"), [{"sentence1": "a", "sentence2": "b"}])
    write_rows(Path("scored.csv"), [{"sentence1": "a", "sentence2": "b", "prediction": "x"}])
    Path("twice.csv").write_text("a,a,sentence1,sentence2\n")
    Path("no.parquet").write_text("text")
    Path("folder.csv").mkdir()
    row = {"sentence1": "a", "sentence2": "b"}
    write_rows(Path("ragged.jsonl"), [row, row | {"more": 1}])
    before = sorted(Path().iterdir())
    assert main([str(model), "--input=rows.csv", "--output=new.csv", *options]) == 2
    shown = capsys.readouterr().err
    assert why in shown and shown.count("error: ") == 1 and "Traceback" not in shown
    assert sorted(Path().iterdir()) == before


def test_a_folder_from_elsewhere_needs_the_names_of_the_columns(
    teacher: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_rows(tmp_path / "rows.csv", [{"subject": "a", "body": "b"}])
    assert labelled(teacher, tmp_path / "rows.csv", tmp_path / "scored.csv") == 2
    assert "with --text; there are subject, body" in capsys.readouterr().err
    assert labelled(tmp_path, tmp_path / "rows.csv", tmp_path / "scored.csv") == 2
    assert "is not a model folder: it has no config.json" in capsys.readouterr().err


def test_rows_without_types_for_parquet_are_refused(tmp_path: Path, model: Path) -> None:
    rows = [{"text": "a", "n": 1}, {"text": "b", "n": {"deep": 1}}]
    write_rows(tmp_path / "rows.jsonl", rows)
    with pytest.raises(InputError, match="Parquet cannot hold the rows"):
        predict_file(
            load_classifier_folder(model),
            tmp_path / "rows.jsonl",
            tmp_path / "scored.parquet",
            ["text"],
        )
    assert not (tmp_path / "scored.parquet").exists()
