import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analysis.exchange.glue_server import FILES
from analysis.submission import main
from pkd.files.cache import manifest_digest, write_manifest
from tests.support.runs.fake_run import FakeRun
from tests.support.runs.recorded_predictions import record_predictions

SERVER = {file.name: file for file in FILES}
NLI = ("entailment", "not_entailment")


def predict(path: Path, labels: tuple[str, ...], codes: list[int], idx: list[int]) -> Path:
    """Writes a prediction file in the format of a study."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns: dict[str, Any] = {"idx": idx, "prediction": codes}
    for code, label in enumerate(labels):
        columns[f"logit_{label}"] = [float(each == code) for each in codes]
    pd.DataFrame(columns).to_parquet(path)
    return path


def predict_rte(fake: FakeRun, depth: int, method: str, rows: int = 3000, **settings: Any) -> Path:
    """Writes alternating test predictions of RTE, and the ledger entry with their trial."""
    codes = [row % 2 for row in range(rows)]
    path = fake.path / f"predictions/predict/rte-{depth}-{method}/job-0000/test.parquet"
    predict(path, NLI, codes, list(range(rows)))
    trial = "trial-0001" if method == "teacher" else "seed-0002"
    made_from = {"trial": trial, "learning_rate": 2e-5, **settings}
    record_predictions(fake.path, "rte", depth, method, made_from)
    return path


@pytest.fixture
def small(tmp_path: Path) -> FakeRun:
    """A study of RTE with one student."""
    return FakeRun(tmp_path / "run", depths=[6], methods=["ft"])


def lines(path: Path, name: str) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return archive.read(f"{name}.tsv").decode().splitlines()


def test_the_zip_holds_the_eleven_files_of_the_server_with_all_their_rows(small: FakeRun) -> None:
    predict_rte(small, 6, "ft")
    assert main([str(small.path)]) == 0
    # From the dataset card of nyu-mll/glue.
    rows = {
        **{"CoLA": 1063, "SST-2": 1821, "MRPC": 1725, "STS-B": 1379, "QQP": 390965},
        **{"MNLI-m": 9796, "MNLI-mm": 9847, "QNLI": 5463, "RTE": 3000, "WNLI": 146, "AX": 1104},
    }
    path = small.path / "submission" / "6-ft.zip"
    with zipfile.ZipFile(path) as archive:
        assert sorted(archive.namelist()) == sorted(f"{name}.tsv" for name in rows)
        for name, count in rows.items():
            table = pd.read_csv(io.BytesIO(archive.read(f"{name}.tsv")), sep="\t")
            assert list(table.columns) == ["index", "prediction"]
            assert table["index"].tolist() == list(range(count))
            assert table["prediction"].notna().all()


def test_a_line_is_the_index_a_tab_and_the_servers_label(small: FakeRun) -> None:
    predict_rte(small, 6, "ft")
    main([str(small.path)])
    path = small.path / "submission" / "6-ft.zip"
    golden = ["index\tprediction", "0\tentailment", "1\tnot_entailment", "2\tentailment"]
    assert lines(path, "RTE")[:4] == golden
    assert lines(path, "WNLI")[:3] == ["index\tprediction", "0\t0", "1\t0"]
    assert lines(path, "AX")[1] == "0\tneutral"
    with zipfile.ZipFile(path) as archive:
        assert archive.read("RTE.tsv").startswith(b"index\tprediction\n0\tentailment\n")


def test_filled_files_are_announced_and_the_trial_is_named(
    small: FakeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    predict_rte(small, 6, "ft")
    assert main([str(small.path)]) == 0
    out, err = capsys.readouterr()
    assert "RTE.tsv" in out and "confirm/seed-0002" in out
    assert "FILLED" in out and "0 in every row: not a task of the study" in out
    filled = "CoLA.tsv, SST-2.tsv, MRPC.tsv, STS-B.tsv, QQP.tsv, MNLI-m.tsv, MNLI-mm.tsv, "
    assert err.startswith(
        f"WARNING: filled with constants, not predicted: {filled}QNLI.tsv, WNLI.tsv, AX.tsv."
    )
    held = pd.read_csv(small.path / "submission" / "contents.csv").set_index("file")
    assert held.loc["RTE.tsv", ["zip", "source", "trial"]].tolist() == [
        *("6-ft.zip", "predicted", "confirm/seed-0002")
    ]
    assert held["rows"].sum() == 426_309 and (held["source"] == "filled").sum() == 10


def test_a_row_without_predictions_is_skipped_with_the_missing_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = FakeRun(tmp_path / "run", tasks=("rte", "mrpc"), depths=[6], methods=["ft"])
    predict_rte(fake, 6, "ft")
    assert main([str(fake.path)]) == 2
    out, err = capsys.readouterr()
    assert "skipped: 6 layers, FT, lacks predictions (--fill-missing)\n  MRPC: mrpc" in out
    assert "  MRPC: mrpc-6-ft has not been predicted yet" in out
    assert "skipped: 12 layers, Teacher, has no predictions" in out and err.startswith(
        "error: no zip was written"
    )
    assert not list((fake.path / "submission").glob("*"))

    assert main([str(fake.path), "--fill-missing", "--to", str(tmp_path / "zips")]) == 0
    out, err = capsys.readouterr()
    # The teacher has no predictions at all: it gets no zip.
    assert [path.name for path in (tmp_path / "zips").glob("*.zip")] == ["6-ft.zip"]
    assert "MRPC.tsv" in err and "skipped: 12 layers, Teacher" in out
    assert set(lines(tmp_path / "zips" / "6-ft.zip", "MRPC")[1:3]) == {"0\t0", "1\t0"}


def test_a_split_that_the_data_do_not_have_is_not_called_unpredicted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    about = {"metrics": ["accuracy"], "dev_splits": ["validation_matched"]}
    about |= {"labels": ["entailment", "neutral", "contradiction"], "tokens": {"train": "abc"}}
    fake = FakeRun(tmp_path / "run", own_tasks={"mnli": about}, depths=[6], methods=["ft"])
    predict_rte(fake, 6, "ft")
    assert main([str(fake.path)]) == 2
    assert "MNLI-m: the study's data have no split test_matched" in capsys.readouterr().out


def test_only_complete_rows_are_written(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path / "run", depths=[6], methods=["ft", "kd"])
    predict_rte(fake, 12, "teacher")
    predict_rte(fake, 6, "kd", rows=100)  # a capped test set
    assert main([str(fake.path)]) == 0
    assert [path.name for path in (fake.path / "submission").glob("*.zip")] == ["12-teacher.zip"]
    held = pd.read_csv(fake.path / "submission" / "contents.csv").set_index("file")
    assert held.loc["RTE.tsv", "trial"] == "teachers/trial-0001"


def test_generated_data_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fake = FakeRun(tmp_path / "run", depths=[6], methods=["ft"], generated_data=True)
    predict_rte(fake, 6, "ft")
    assert main([str(fake.path), "--fill-missing"]) == 2
    assert "generated data" in capsys.readouterr().err
    assert not (fake.path / "submission").exists()


def test_a_study_without_a_glue_task_and_a_wrong_directory_end_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    about = {"metrics": ["accuracy"], "dev_splits": ["dev"], "labels": ["billing", "bug"]}
    fake = FakeRun(tmp_path / "own", tasks=(), own_tasks={"tickets": about})
    assert main([str(fake.path)]) == 2
    assert "is one of GLUE's: tickets" in capsys.readouterr().err
    assert main([str(tmp_path)]) == 2
    assert "is not a run directory" in capsys.readouterr().err


def test_the_same_predictions_make_the_same_bytes(small: FakeRun, tmp_path: Path) -> None:
    predict_rte(small, 6, "ft")
    for name in ("one", "two"):
        main([str(small.path), "--to", str(tmp_path / name)])
    first, second = ((tmp_path / name / "6-ft.zip").read_bytes() for name in ("one", "two"))
    assert first == second


def about_rte(tokens: str) -> dict[str, Any]:
    about = {"metrics": ["accuracy"], "dev_splits": ["validation"], "labels": list(NLI)}
    return {"rte": about | {"tokens": {"validation": "dev", "test": tokens}}}


def spoil(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)


def save_model(run: Path, weights: bytes) -> str:
    """Writes the student as the study does and returns the digest of its files."""
    folder = run / "models" / "rte-6-ft"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.safetensors").write_bytes(weights)
    card = {"trial": "seed-0002", "settings": {"learning_rate": 2e-5}}
    (folder / "study.json").write_text(json.dumps(card))
    write_manifest(folder, card)
    return str(manifest_digest(folder))


@pytest.mark.parametrize(
    ("tokens", "harm", "reason"),
    [
        ("now", lambda path, run: None, None),
        ("before", lambda path, run: None, "made from other rows of test than the study has now"),
        ("now", lambda path, run: spoil(path), "the file is damaged (its checksum differs)"),
        ("now", lambda path, run: path.unlink(), "the file is missing"),
        ("now", lambda path, run: save_model(run, b"new"), "made by another model than the one"),
    ],
)
def test_predictions_of_other_rows_or_another_model_are_not_written(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    tokens: str,
    harm: Callable[[Path, Path], object],
    reason: str | None,
) -> None:
    fake = FakeRun(tmp_path / "run", (), about_rte("now"), depths=[6], methods=["ft"])
    model = save_model(fake.path, b"weights")
    path = predict_rte(fake, 6, "ft", model=model, tokens={"test": tokens})
    harm(path, fake.path)
    assert main([str(fake.path)]) == (0 if reason is None else 2)
    if reason is not None:
        out = capsys.readouterr().out
        assert "RTE: predictions/predict/rte-6-ft/job-0000/test.parquet: " in out
        assert reason in out and "run the study's command again, which predicts them" in out


def test_predictions_of_an_older_version_are_not_written(
    small: FakeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    path = predict_rte(small, 6, "ft")
    path.rename(path.with_name("other.parquet"))
    record_predictions(small.path, "rte", 6, "ft")
    path.with_name("other.parquet").rename(path)
    assert main([str(small.path)]) == 2
    assert "an older version made them, which did not record the rows" in capsys.readouterr().out
