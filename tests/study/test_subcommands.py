"""``pkd-study`` hands its arguments to the subcommand, and loads only what that needs."""

import importlib
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from pkd.runtime.interruption import Terminated
from study.subcommands import SUBCOMMANDS, main, run_subcommand

ROOT = Path(__file__).resolve().parents[2]
NAMES = "run init-task train predict export benchmark report choose submission optuna pull".split()
HEAVY = {"torch", "transformers", "pandas", "ray", "optuna", "matplotlib", "pyarrow"}


@pytest.fixture(autouse=True)
def _signals_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pkd.runtime.command_line.raise_on_signals", lambda: None)
    monkeypatch.setattr("pkd.runtime.command_line.ignore_further_interrupts", lambda: None)


def test_the_help_lists_every_subcommand_and_exit_code(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert list(SUBCOMMANDS) == NAMES
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    shown = capsys.readouterr().out
    assert stopped.value.code == 0
    assert all(f"\n  {name} " in shown for name in NAMES)
    assert "2 wrong usage, 129 the terminal was closed, 130 interrupted, 143" in shown
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


@pytest.mark.parametrize("arguments", [["--tasks", "rte"], ["reprot"]])
def test_arguments_without_a_subcommand_are_wrong_usage(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2 and "SUBCOMMAND" in capsys.readouterr().err


@pytest.mark.parametrize("command", [[], ["run"]])
def test_without_arguments_the_help_is_shown_and_nothing_is_started(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("study.command_line.run_study", lambda *a, **k: pytest.fail("started"))
    assert main(command) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("usage: pkd-study ") and "exit codes: 0 complete" in shown


def fake(monkeypatch: pytest.MonkeyPatch, outcome: int | BaseException) -> None:
    """Makes every subcommand return or raise this."""

    def run(arguments: list[str], prog: str) -> int:
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    parser = importlib.import_module("pkd.benchmark").parser
    module = SimpleNamespace(main=run, parser=parser)
    monkeypatch.setattr("study.subcommands._module", lambda name: module)


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


@pytest.mark.parametrize(("code", "refreshed"), [(0, [["runs/a"]]), (1, []), (2, [])])
def test_a_benchmark_refreshes_the_report(
    code: int, refreshed: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    reports: list[list[str]] = []
    benchmark, report = (importlib.import_module(SUBCOMMANDS[n].module) for n in NAMES[5:7])
    monkeypatch.setattr(benchmark, "main", lambda *_: code)
    monkeypatch.setattr(report, "main", lambda arguments, prog: reports.append(arguments) or 0)
    assert main(["benchmark", "runs/a", "--threads", "1"]) == code
    assert reports == refreshed


def test_a_benchmark_without_the_packages_of_the_report_names_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def without_pandas(*_: object) -> int:
        raise ModuleNotFoundError("No module named 'pandas'", name="pandas")

    benchmark, report = (importlib.import_module(SUBCOMMANDS[n].module) for n in NAMES[5:7])
    monkeypatch.setattr(benchmark, "main", lambda *_: 0)
    monkeypatch.setattr(report, "main", without_pandas)
    assert main(["benchmark", "runs/a"]) == 0
    shown = capsys.readouterr().err
    assert "`pkd-study report runs/a` adds the times to the report; it needs the package" in shown
