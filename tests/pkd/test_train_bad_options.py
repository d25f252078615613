"""Options of ``pkd-study train`` that cannot be used: code 2 and a message that names them."""

from pathlib import Path

import pytest

from pkd.train import main

OPTIONS = {
    "argument --seed: invalid int value": ["--seed=x", "--seed=1.5"],
    "`seed` is ": ["--seed=-1", "--seed=" + "9" * 30],
    "`epochs` is ": ["--epochs=0", "--epochs=-1", "--epochs=" + "9" * 400],
    "`batch_size` is ": ["--batch-size=0", "--batch-size=1000001"],
    "`learning_rate` is ": ["--learning-rate=nan", "--learning-rate=2", "--learning-rate=0"],
    "`temperature` is ": ["--temperature=inf", "--temperature=0"],
    "`alpha` is ": ["--alpha=2", "--alpha=nan"],
    "`beta` is ": ["--beta=-1", "--beta=inf"],
    "`warmup` is ": ["--warmup=1", "--warmup=-1"],
    "`weight_decay` is ": ["--weight-decay=inf", "--weight-decay=-1"],
    "max_length is ": ["--max-length=7", "--max-length=1000000"],
    "max_rows of split 'train' is ": ["--max-train-rows=1", "--max-train-rows=0"],
    "student depth is ": ["--layers=99", "--layers=4"],
    "`layers` is 0": ["--layers=0"],
    "nor layers such as 1,4,6": ["--start-layers=last", "--start-layers=1,x", "--start-layers="],
    "a student of 2 layers starts from 2": ["--start-layers=1", "--start-layers=1,2,3"],
    "must increase": ["--start-layers=2,1"],
    "must be layers of the model, 1..4": ["--start-layers=0,1", "--start-layers=1,5"],
    "student_layers is 1": ["--layers=1"],
    "unknown task ": ["--task=", "--task=rtee", "--task=rte,sst2"],
    "pkd.train trains one task": ["--task=glue"],
    "cannot read the task file": ["--task=gone.yaml"],
    "rte/train.parquet does not exist": ["--data=gone", "--data=/dev/null"],
    "model folder /gone does not exist": ["--model=/gone", "--teacher=/gone"],
    "/dev/null is a file, but a folder is to be written there": ["--out=/dev/null"],
    "cannot make the folder": ["--out=/proc/x/y"],
    "invalid choice": ["--precision=fp16", "--scale=own"],
    "--method is 'pkd', but must be one of teacher": ["--method=pkd"],
    "must have the form name=module:object": ["--own-method=mine", "--own-method==a:B"],
    "cannot find the method 'gone:M'": ["--own-method=mine=gone:M"],
    "is not UTF-8": ["--out=a\udcff", "--data=a\udcff"],
    "unrecognized arguments": ["--nope", "extra"],
}


@pytest.mark.parametrize(
    ("expected", "option"), [(words, each) for words, many in OPTIONS.items() for each in many]
)
def test_a_wrong_option(
    encoder: Path,
    data: Path,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    expected: str,
    option: str,
) -> None:
    good = f"--task=rte --model={encoder} --data={data} --layers=2 --epochs=1 --max-length=24"
    try:
        code = main([*good.split(), f"--out={folder}", option])
    except SystemExit as stop:  # argparse's
        code = int(str(stop.code))
    message = capsys.readouterr().err
    assert code == 2 and expected in message and "Traceback" not in message


@pytest.mark.parametrize("rate", ["nan", "5", "0"])
def test_a_wrong_learning_rate_of_a_teacher_that_is_made(
    encoder: Path, data: Path, folder: Path, capsys: pytest.CaptureFixture[str], rate: str
) -> None:
    good = f"--task=rte --model={encoder} --data={data} --layers=2 --epochs=1 --max-length=24"
    assert main([*good.split(), f"--out={folder}", f"--teacher-learning-rate={rate}"]) == 2
    assert "`learning_rate` is " in capsys.readouterr().err
