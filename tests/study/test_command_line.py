"""Wrong input ends with code 2 and one message that says what to do, before any training."""

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest
import yaml
from filelock import FileLock
from pyarrow import parquet

from study.command_line import main
from tests.support.commands.command import CONFIG, run
from tests.support.studies.tiny_inputs import rows_of

Refused = Callable[..., str]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(CONFIG))
    return path


@pytest.fixture
def command(config: Path, tiny_data: Path, tiny_model: Path, tmp_path: Path) -> list[str]:
    """A command line with nothing wrong; what follows it wins."""
    options = {"--tasks": "rte", "--config": config, "--data": tiny_data, "--model": tiny_model}
    options["--out"] = tmp_path / "out"
    return [str(part) for option in options.items() for part in option]


@pytest.fixture
def refused(
    command: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Refused:
    """Runs a command line that has to be refused and gives the message."""
    monkeypatch.setattr(
        "study.cluster.ray_cluster.start_ray", lambda *_: pytest.fail("Ray was started")
    )

    def run(*options: str | Path) -> str:
        assert main([*command, *map(str, options)]) == 2
        # No study has begun: nothing is recorded.
        assert not (tmp_path / "out" / "study.yaml").exists()
        assert not (tmp_path / "out" / "ledger").exists()
        message = capsys.readouterr().err
        assert message.startswith("error: ") and message.count("error: ") == 1
        assert "Traceback" not in message
        return message

    return run


def data_with(tmp_path: Path, split: str, table: pa.Table) -> Path:
    """The tiny rte with one split exchanged."""
    folder = tmp_path / "data" / "rte"
    folder.mkdir(parents=True)
    for name in ("train", "validation", "test"):
        parquet.write_table(rows_of("rte", name), folder / f"{name}.parquet")
    parquet.write_table(table, folder / f"{split}.parquet")
    return folder.parent


def test_the_right_command_line_is_not_refused(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # All below differ from it in one respect.
    assert main([*command, "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert "training rows: rte 64" in shown and "4 layers, 1 trials" in shown
    assert "4 cells" in shown and "search: 8 trials by tpe" in shown and "disk" in shown
    # A dry run shows the plan and begins no study.
    assert not (tmp_path / "out" / "ledger").exists()


def test_a_tilde_that_no_shell_expands_is_the_home_folder(
    tiny_data: Path, tiny_model: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = config.parent
    monkeypatch.setenv("HOME", str(home))
    (home / "data").symlink_to(tiny_data)
    (home / "model").symlink_to(tiny_model)
    options = ["--config=~/tiny.yaml", "--data=~/data", "--model=~/model", "--out=~/there"]
    assert main(["--tasks", "rte", *options, "--dry-run"]) == 0
    assert (home / "there" / "tokens").is_dir()
    options[1:3] = ["--set", "data.dir=~/data", "teacher.model=~/model"]
    assert main(["--tasks", "rte", *options, "--dry-run"]) == 0


def test_a_cap_for_a_task_that_is_not_run(refused: Refused) -> None:
    message = refused("--set", "data.max_dev_rows={rtee: 9}")
    assert "`data.max_dev_rows` names 'rtee', which is not a task of this study: rte" in message


# Tasks and data -------------------------------------------------------------------------------


def test_an_unknown_task(refused: Refused) -> None:
    assert "unknown task 'rtee'; did you mean 'rte'?" in refused("--tasks", "sst2,rtee")
    assert "unknown task 'rtee'; did you mean 'rte'?" in refused("--tasks", "sst2, rtee")


def test_a_task_whose_file_is_not_there(refused: Refused, tmp_path: Path) -> None:
    message = refused("--tasks", "mrpc")
    assert "mrpc/train.parquet does not exist" in message and "--data" in message
    message = refused("--tasks", tmp_path / "my.yaml")
    assert "cannot read the task file" in message and "my.yaml" in message


def test_a_task_file_with_a_missing_column(refused: Refused, tmp_path: Path) -> None:
    for split in ("train", "dev"):
        (tmp_path / f"{split}.csv").write_text("title,label\na film,no\na play,yes\n")
    task = {"name": "mine", "texts": ["text"], "labels": ["no", "yes"], "dev": ["dev"]}
    files = {"train": "train.csv", "dev": "dev.csv"}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(task | {"files": files}))
    message = refused("--tasks", tmp_path / "mine.yaml")
    assert "train.csv" in message and "no column 'text'" in message
    assert "title, label" in message


def test_a_split_with_a_missing_column(refused: Refused, tmp_path: Path) -> None:
    table = rows_of("rte", "validation").drop_columns(["sentence2"])
    message = refused("--data", data_with(tmp_path, "validation", table))
    assert "validation.parquet has no column 'sentence2'" in message


def test_an_empty_split(refused: Refused, tmp_path: Path) -> None:
    message = refused("--data", data_with(tmp_path, "train", rows_of("rte", "train").slice(0, 0)))
    assert "train.parquet is empty" in message


def test_a_split_with_one_class(refused: Refused, tmp_path: Path) -> None:
    table = rows_of("rte", "train")
    even = table.take([row for row in range(64) if row % 2 == 0])
    message = refused("--data", data_with(tmp_path, "train", even))
    assert "all rows have the label 'entailment'" in message


def test_a_label_outside_the_label_set(refused: Refused, tmp_path: Path) -> None:
    table = rows_of("rte", "validation")
    labels = pa.array([2, *table["label"].to_pylist()[1:]])
    table = table.set_column(table.column_names.index("label"), "label", labels)
    message = refused("--data", data_with(tmp_path, "validation", table))
    assert "validation.parquet, row 0" in message and "label 2 is not one of" in message
    assert "entailment, not_entailment" in message


# Configuration --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("search.trails=3", "unknown key `search.trails`; did you mean `search.trials`?"),
        ("search.space.temperature=0", "`search.space.temperature` is 0, but must be > 0"),
        ("search.space.alpha=2", "`search.space.alpha` is 2, but must be between 0 and 1"),
        (
            "depths=[4]",
            "student depth is 4, but must be between 1 and 3: the teacher has 4 layers. Choose "
            "other ones: --set depths=2",
        ),
        ("depths=[1]", "must be >= 2"),
        ("train.max_length=500", "max_length is 500, but must be 8..128"),
        ("search.trials", "must have the form key=value"),
    ],
)
def test_a_wrong_key_or_value(refused: Refused, override: str, message: str) -> None:
    assert message in refused("--set", override)


def test_several_wrong_keys_are_told_together(refused: Refused) -> None:
    message = refused("--set", "search.trails=3", "confirm.seeds=0", "--set", "nmae=x")
    for key in ("`search.trails`", "`confirm.seeds`", "`nmae`"):
        assert key in message


def test_a_config_that_is_not_there(refused: Refused, tmp_path: Path) -> None:
    assert "cannot read the configuration" in refused("--config", tmp_path / "nowhere.yaml")


# Model ----------------------------------------------------------------------------------------


def test_a_model_folder_that_is_not_there(refused: Refused, tmp_path: Path) -> None:
    message = refused("--model", tmp_path / "nowhere")
    assert f"model folder {tmp_path / 'nowhere'} does not exist" in message


def test_a_folder_that_is_no_model(refused: Refused, tiny_data: Path) -> None:
    assert "is not a model folder: it has no config.json" in refused("--model", tiny_data)


def test_a_model_without_its_tokenizer(refused: Refused, tiny_model: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    for name in ("config.json", "model.safetensors"):
        shutil.copy(tiny_model / name, model)
    assert f"{model} has no tokenizer" in refused("--model", model)


# Place and space ------------------------------------------------------------------------------


def test_an_out_that_holds_another_study(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    from study.config.config_file import load_study_config

    there = load_study_config(None, ["seed=1"]).model_dump(mode="json")
    record = yaml.safe_dump({"format": 1, "created": "2020-01-01", "config": there})
    (out / "study.yaml").write_text(record)
    assert main(command) == 2
    message = capsys.readouterr().err
    assert f"{out} holds another study" in message and "seed: 1 there, 42 now" in message
    assert "Give another --out" in message
    assert (out / "study.yaml").read_text() == record


def test_an_out_in_which_a_study_runs(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with FileLock(tmp_path / "out" / ".lock"):
        assert "belongs to a study that is running" in refused()


def test_an_out_that_is_a_file(refused: Refused, config: Path) -> None:
    assert "--out" in refused("--out", config)


def test_a_disk_that_is_too_small(
    refused: Refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = SimpleNamespace(total=10**9, used=10**9 - 1000, free=1000)
    monkeypatch.setattr("study.session.shutil.disk_usage", lambda path: usage)
    message = refused()
    assert f"in {tmp_path / 'out'}; " in message
    assert "are left to be written, but 0 MB are free" in message
    assert "choose another --out" in message


# As a command of its own ----------------------------------------------------------------------


def test_a_console_that_is_not_utf_8(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    done = run([*command, "--dry-run"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "(tasks x layers 2 x ft, kd, pkd-skip, pkd-last)" in done.stdout


def test_a_hub_that_cannot_be_reached_for_the_model(config: Path, tmp_path: Path) -> None:
    # From another working directory, as a script, as a user would.
    done = run(["--tasks", "rte", "--config", str(config), "--out", "out"], tmp_path)
    assert done.returncode == 2
    assert "cannot load the model bert-base-uncased from the Hugging Face hub" in done.stderr
    # What to give, where, and what works without the hub.
    assert "--model DIR" in done.stderr
    assert "python study/run.py --config demo" in done.stderr
    assert "Traceback" not in done.stderr and not (tmp_path / "out" / "ledger").exists()


def test_a_hub_that_cannot_be_reached_for_the_data(
    config: Path,
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for flag in ("datasets.config.HF_HUB_OFFLINE", "huggingface_hub.constants.HF_HUB_OFFLINE"):
        monkeypatch.setattr(flag, True)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "empty")
    options = ["--tasks", "rte", "--config", str(config), "--model", str(tiny_model)]
    assert main([*options, "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert "cannot load nyu-mll/glue/rte/train from the Hugging Face hub" in told
    assert "--data DIR" in told and "--config demo" in told
    assert not (tmp_path / "out" / "ledger").exists()


def test_an_option_that_does_not_exist(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--taks", "rte"])
    assert caught.value.code == 2 and "--taks" in capsys.readouterr().err
