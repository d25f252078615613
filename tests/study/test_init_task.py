"""What ``--init-task`` says to do next."""

from pathlib import Path

import pytest

from study.command_line import main


def test_the_next_command_has_the_options_that_were_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, task = tmp_path / "train.csv", tmp_path / "new.yaml"
    data.write_text("text,label\n" + "a good film,pos\na bad film,neg\n" * 4)
    options = ["--config", "laptop", "--model", "an encoder"]
    assert main(["--tasks", str(task), "--init-task", str(data), *options]) == 0
    run = f"run.py --config laptop --model 'an encoder' --tasks {task} --dry-run\n"
    assert capsys.readouterr().out.endswith(run)
