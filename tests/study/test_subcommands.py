"""``pkd-study`` hands its arguments to the subcommand, and loads only what that needs."""

import importlib
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from study.interruption import Terminated
from study.subcommands import SUBCOMMANDS, main, run_subcommand

ROOT = Path(__file__).resolve().parents[2]
NAMES = "run init-task train predict export benchmark report choose submission optuna pull".split()
HEAVY = {"torch", "transformers", "pandas", "ray", "optuna", "matplotlib", "pyarrow"}


@pytest.fixture(autouse=True)
def _signals_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("study.subcommands.raise_on_sigterm", lambda: None)
    monkeypatch.setattr("study.subcommands.ignore_further_interrupts", lambda: None)


def test_the_help_lists_every_subcommand_and_exit_code(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert list(SUBCOMMANDS) == NAMES
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    shown = capsys.readouterr().out
    assert stopped.value.code == 0
    assert all(f"\n  {name} " in shown for name in NAMES)
    assert "2 wrong usage, 130 interrupted, 143 terminated" in shown
    assert 'eval "$(register-python-argcomplete pkd-study)"' in shown


@pytest.mark.parametrize("name", NAMES)
def test_the_help_of_a_subcommand_calls_it_by_its_name_and_loads_no_dependency(name: str) -> None:
    code = (
        "import sys\nfrom study.subcommands import main\n"
        f"try: main([{name!r}, '--help'])\n"
        "except SystemExit as stop: print('\\n', stop.code, *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    *shown, last = done.stdout.splitlines()
    assert shown[0].startswith(f"usage: pkd-study {name} "), done.stderr
    status, *modules = last.split()
    assert status == "0" and set(modules) & HEAVY == set()


@pytest.mark.parametrize("name", NAMES)
def test_the_module_of_a_subcommand_has_its_own_name_in_its_help(name: str) -> None:
    module = SUBCOMMANDS[name].module
    own = "python study/run.py" if name == "run" else f"python -m {module}"
    assert importlib.import_module(module).parser().prog == own


@pytest.mark.parametrize("arguments", [[], ["--tasks", "rte"], ["reprot"]])
def test_arguments_without_a_subcommand_are_wrong_usage(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2 and "SUBCOMMAND" in capsys.readouterr().err


def fake(monkeypatch: pytest.MonkeyPatch, outcome: int | BaseException) -> None:
    """Makes every subcommand return or raise this."""

    def run(arguments: list[str], prog: str) -> int:
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    monkeypatch.setattr("study.subcommands._module", lambda name: SimpleNamespace(main=run))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("outcome", "code"), [(0, 0), (1, 1), (2, 2), (KeyboardInterrupt(), 130), (Terminated(), 143)]
)
def test_all_subcommands_share_the_exit_codes(
    name: str, outcome: int | BaseException, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(monkeypatch, outcome)
    assert main([name, "x"]) == code


def test_a_package_that_is_not_installed_ends_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake(monkeypatch, ModuleNotFoundError("No module named 'ray'", name="ray.tune"))
    assert run_subcommand("run", [], "pkd-study run") == 2
    assert capsys.readouterr().err == (
        "error: pkd-study run needs the package ray, which is not installed: "
        "pip install 'pkd-study[study]'\n"
    )
    fake(monkeypatch, ModuleNotFoundError("No module named 'pandas'", name="pandas"))
    assert main(["report", "runs/glue"]) == 2
    assert "pip install 'pkd-study[report]'" in capsys.readouterr().err
    # A module that no extra installs is an error of ours or of the user's own code.
    fake(monkeypatch, ModuleNotFoundError("No module named 'x'", name="x"))
    with pytest.raises(ModuleNotFoundError):
        main(["run"])


def test_a_task_file_is_written_and_never_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [f"ticket {n} is late,{('bug', 'other')[n % 2]}" for n in range(40)]
    (tmp_path / "train.csv").write_text("\n".join(["subject,queue", *rows]))
    assert main(["init-task", "tickets.yaml", "--from", "train.csv"]) == 0
    shown = capsys.readouterr().out
    assert "text in subject, label in queue (bug 20, other 20)" in shown
    assert "pkd-study run --tasks tickets.yaml --dry-run" in shown
    assert main(["init-task", "tickets.yaml", "--from", "train.csv"]) == 2
    assert "tickets.yaml exists and is not overwritten" in capsys.readouterr().err


# Shell completion -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("pkd-study r", {"run", "report"}),
        ("pkd-study run", {"run"}),
        ("pkd-study run --d", {"--data", "--dry-run"}),
        ("pkd-study train --precision f", {"fp32"}),
        ("pkd-study report --b", {"--beside"}),
    ],
)
def test_the_shell_completes_subcommands_and_options_without_torch(
    line: str, expected: set[str]
) -> None:
    request = {"COMP_LINE": line, "COMP_POINT": str(len(line)), "COMP_TYPE": "9"}
    request |= {"_ARGCOMPLETE": "1", "_ARGCOMPLETE_IFS": "\n"}
    # argcomplete writes to descriptor 8 and leaves by os._exit.
    code = (
        "import os, sys\nfrom study.subcommands import main\n"
        "leave = os._exit\n"
        "def show(status):\n    print(*sys.modules, flush=True); leave(status)\n"
        "os._exit = show; os.dup2(2, 8); main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | request,
        capture_output=True,
        text=True,
    )
    assert {word.strip() for word in done.stderr.splitlines()} == expected
    assert "argcomplete" in done.stdout.split() and set(done.stdout.split()) & HEAVY == set()
