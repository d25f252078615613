"""Command lines that cannot be used: code 2 and one message that names what is wrong.

The whole command runs in this process up to the first training, see `dry_run` in conftest.py.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from study.command_line import main
from tests.support.commands.command import run

LONG = "x" * 300
COMMANDS: dict[str, list[str]] = {
    # What the message names: command lines.
    "argument --tasks: expected one argument": ["--tasks"],
    "unknown task ''": ["--tasks=", "--tasks=rte,"],
    "`tasks` names '' twice": ["--tasks=,,"],
    "`tasks` names 'rte' twice": ["--tasks=rte,rte"],
    "unknown task 'my.csv': a data file needs a task file, which --init-task my.csv writes": [
        "--tasks=my.csv"
    ],
    "unknown task 'RTE'; did you mean 'rte'?": ["--tasks=RTE"],
    "unknown task '../rte'": ["--tasks=../rte"],
    f"unknown task '{LONG}'": [f"--tasks={LONG}"],
    "mrpc/train.parquet does not exist": ["--tasks=mrpc", "--tasks=glue"],
    "cannot read the task file gone.yaml": ["--tasks=gone.yaml", "--tasks=rte,gone.yaml"],
    "cannot read the task file folder.yaml": ["--tasks=folder.yaml"],
    "cannot read the task file .yaml": ["--tasks=.yaml"],
    "cannot read the task file file/a.yaml": ["--tasks=file/a.yaml"],
    f"cannot read the task file {LONG}.yaml": [f"--tasks={LONG}.yaml"],
    "task file ok.yaml has the unknown key": ["--tasks=ok.yaml"],
    "cannot read the configuration gone.yaml": ["--config=gone.yaml"],
    "cannot read the configuration folder.yaml": ["--config=folder.yaml"],
    "cannot read the configuration .": ["--config="],
    "cannot read the configuration loop": ["--config=loop"],
    "cannot read the configuration /dev/zero": ["--config=/dev/zero"],
    "cannot read the configuration model/model.safetensors": ["--config=model/model.safetensors"],
    "cannot read the configuration data/rte/train.parquet": ["--config=data/rte/train.parquet"],
    f"cannot read the configuration {LONG}": [f"--config={LONG}"],
    "the configuration file must hold keys": ["--config=file"],
    "model/config.json has": ["--config=model/config.json"],
    "rte/train.parquet does not exist: the data folder (--data, `data.dir`) needs": [
        *("--data=", "--data=gone", "--data=file", "--data=/dev/null", f"--data={LONG}"),
        *("--data=model", "--data=data/rte"),
    ],
    "loop cannot be followed": ["--data=loop", "--out=loop"],
    "model folder file does not exist, or is not a folder": ["--model=file"],
    "model folder ./gone does not exist": ["--model=./gone"],
    f"model folder /{LONG} does not exist": [f"--model=/{LONG}"],
    "it has no config.json": ["--model=.", "--model=data", "--model=.."],
    "from the Hugging Face hub": [
        *("--model=", "--model=gone", "--model=a/b/c", "--model=a//b", "--model=http://x"),
        *(f"--model={LONG}", "--model=no such model"),
    ],
    "cannot make the folder of --out": [
        *("--out=file", "--out=file/out", "--out=/dev/null", "--out=/proc/x", f"--out={LONG}"),
    ],
    "torn/tokens is a file, but a folder is to be written there": ["--out=torn"],
    "blocked/report/index.html is a folder, but a file is to be written": ["--out=blocked"],
    "cannot read the configuration pipe.yaml: it is a pipe or a device": ["--config=pipe.yaml"],
    "--address is": [
        *("--address=", "--address=nonsense", "--address=http://127.0.0.1:8265", "--address=a:b"),
        *("--address=:6379", "--address=127.0.0.1:99999", "--address=[::1", "--address=ray://"),
    ],
    "nothing answers at --address": [
        *("--address=127.0.0.1:1", "--address=ray://127.0.0.1:1", "--address=é..é:1"),
    ],
    "must have the form key=value": ["--set=x", "--set==1", "--set=", "--set=search.trials"],
    "argument --set: expected at least one argument": ["--set"],
    "unknown key `a`": ["--set=a.b.c=1"],
    "unknown key ``": ["--set=..=1", "--set=.search=1"],
    "unknown key `search.`": ["--set=search.=1"],
    "max_length is 500, but must be 8..128": ["--set=train.max_length=500"],
    "student depth is 4": ["--set=depths=[4]"],
    "`data.max_train_rows` names 'sst2'": ["--set=data.max_train_rows={sst2: 9}"],
    "`data.generated` is on and `data.dir` is given": ["--set=data.generated=true"],
    "argument --init-task: expected one argument": ["--init-task"],
    "the name of the task file to write is rte, but must end in .yaml": ["--init-task=file"],
    "ok.yaml exists and is not overwritten": ["--tasks=ok.yaml --init-task=file"],
    "--init-task needs the task file to write": ["--tasks=a.yaml,b.yaml --init-task=file"],
    "unrecognized arguments: extra": ["extra"],
    "unrecognized arguments: --nope": ["--nope", "--nope=1"],
    "ignored explicit argument": ["--dry-run=1"],
    "ambiguous option: --d": ["--d=x"],
    "is not UTF-8: rename it": [
        *(
            "--out=a\udcff",
            "--data=a\udcff",
            "--model=a\udcff",
            "--tasks=a\udcff",
            "--set=a=\udcff",
        ),
    ],
}


@pytest.mark.parametrize(
    ("expected", "option"), [(words, each) for words, many in COMMANDS.items() for each in many]
)
def test_a_command_line(dry_run: Callable, expected: str, option: str) -> None:
    code, message = dry_run(*(option.split() if "--init-task=" in option else [option]))
    assert code == 2 and expected in message and "Traceback" not in message


@pytest.mark.parametrize(
    "option", ["--out=a folder", "--out=größe", "--out=a/b/c", "--set=seed=4294967295",
               "--data=./data/", "--set=data.max_train_rows=2", "--tasks=rte,sst2",
               "--set=train.batch_size=1000000", "--set=search.trials=1000000",
               "--model=./model", "--set=confirm.seeds=1_000"],
)  # fmt: skip
def test_a_strange_command_line_that_is_right(dry_run: Callable, option: str) -> None:
    assert dry_run(option)[0] == 0


QUEUES = ("bug", "billing", "other")
TICKETS = "subject,queue\n" + "".join(f"ticket {n} is late,{QUEUES[n % 3]}\n" for n in range(60))


def test_a_folder_of_data_becomes_a_task_and_what_was_guessed_is_shown(
    place: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tickets").mkdir()
    (tmp_path / "tickets" / "train.csv").write_text(TICKETS)
    options = ["--config", str(place / "ok.yaml"), "--model", str(place / "model"), "--dry-run"]

    assert main(["--tasks", "tickets", *options]) == 0
    shown = capsys.readouterr().out
    assert "text in subject, label in queue (billing, bug, other); rows: train 54, valida" in shown
    assert "tickets has no dev split: 6 of its training rows" in shown

    assert main(["--tasks", "own.yaml", "--init-task", "tickets/train.csv"]) == 0
    shown = capsys.readouterr().out
    assert "text in subject, label in queue (billing 20, bug 20, other 20)" in shown
    assert "python study/run.py --tasks own.yaml --dry-run" in shown
    assert sorted(path.name for path in tmp_path.iterdir()) == ["own.yaml", "runs", "tickets"]

    assert main(["--tasks", "own.yaml", *options]) == 0
    assert "own has no dev split: 6 of its training rows" in capsys.readouterr().out


# As a command of its own ----------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--address", "127.0.0.1:1"], "nothing answers at --address 127.0.0.1:1"),
        (["--out", b"a\xff"], "is not UTF-8"),
    ],
)
def test_the_command_itself(place: Path, tmp_path: Path, options: list, expected: str) -> None:
    good = ["--tasks", "rte", "--config", str(place / "ok.yaml"), "--data", str(place / "data")]
    done = run([*good, "--model", str(place / "model"), *options], tmp_path)
    assert done.returncode == 2 and expected in done.stderr and "Traceback" not in done.stderr
