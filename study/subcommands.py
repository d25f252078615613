"""The command ``pkd-study``: hands its arguments to the subcommand that they name.

Only the module of the subcommand is imported, so that help and completion need no torch.
"""

import argparse
import importlib
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from pkd.runtime.command_line import exit_code_of
from pkd.runtime.exit_codes import EXPLAINED, WRONG_USAGE


class Subcommand(NamedTuple):
    """A subcommand.

    Attributes:
        module: its module, with the functions ``main(argv, prog)`` and ``parser(prog)``.
        summary: what it does, for the help.
        extra: the extra of the distribution that it needs; None if the base is enough.
    """

    module: str
    summary: str
    extra: str | None = None


SUBCOMMANDS = {
    "run": Subcommand("study.command_line", "run a study, or go on with it", "study"),
    "init-task": Subcommand("study.init_task", "write a task file, guessed from a data file"),
    "train": Subcommand("pkd.train", "train one student, without a study"),
    "predict": Subcommand("pkd.predict", "label the rows of a file"),
    "export": Subcommand("pkd.export", "export a student of a study", "export"),
    "benchmark": Subcommand("pkd.benchmark", "measure how fast a study's models predict"),
    "report": Subcommand("analysis.report", "write the report of a study", "report"),
    "choose": Subcommand("analysis.choose", "choose a student within limits", "report"),
    "submission": Subcommand(
        "analysis.submission", "write the files for the GLUE server", "report"
    ),
    "optuna": Subcommand(
        "analysis.export_optuna", "export the searches as Optuna studies", "report"
    ),
    "pull": Subcommand("study.pull", "copy a study from its URI to a local folder"),
}

# The modules that only the extras install.
_EXTRA_MODULES = {
    "matplotlib", "onnx", "onnxruntime", "onnxscript", "optuna", "pandas", "psutil", "ray", "rich",
    "scipy", "sqlalchemy", "statsmodels",
}  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    """Runs ``pkd-study SUBCOMMAND …`` and returns the exit code."""
    if "_ARGCOMPLETE" in os.environ:
        _complete(os.environ["COMP_LINE"])
    arguments = sys.argv[1:] if argv is None else argv

    def work() -> int:
        parser = _parser()
        if not arguments:
            parser.print_help(sys.stderr)
            return WRONG_USAGE
        options = parser.parse_args(arguments[:1])
        name = options.subcommand
        return run_subcommand(name, arguments[1:], f"pkd-study {name}")

    return exit_code_of(work)


def run_subcommand(name: str, arguments: list[str], prog: str) -> int:
    """Runs a subcommand.

    Args:
        name: a key of `SUBCOMMANDS`.
        arguments: the words after the name.
        prog: how help and messages call the command.

    Returns:
        The exit code: 0 complete, 1 incomplete or failed, 2 wrong usage or a package that is not
        installed, 130 after Ctrl-C, 143 after SIGTERM.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    # Importing the module takes its time, in which a signal may come too.
    return exit_code_of(lambda: _run(name, arguments, prog))


def _run(name: str, arguments: list[str], prog: str) -> int:
    try:
        code = int(_module(name).main(arguments, prog))
        if name == "benchmark" and code == 0:
            return _refresh_report(_module(name).parser(prog).parse_args(arguments).run_dir)
        return code
    except ModuleNotFoundError as error:
        missing, extra = str(error.name).split(".")[0], SUBCOMMANDS[name].extra
        if missing not in _EXTRA_MODULES or extra is None:
            raise
        print(
            f"error: {prog} needs the package {missing}, which is not installed: "
            f"pip install 'pkd-study[{extra}]'",
            file=sys.stderr,
        )
        return WRONG_USAGE


def _refresh_report(run_dir: Path) -> int:
    """Shows the new times of a benchmark in the pages of the run folder."""
    try:
        return int(_module("report").main([str(run_dir)], "pkd-study report"))
    except ModuleNotFoundError as error:
        if str(error.name).split(".")[0] not in _EXTRA_MODULES:
            raise
        print(
            f"`pkd-study report {run_dir}` adds the times to the report; it needs the package "
            f"{error.name}: pip install 'pkd-study[report]'",
            file=sys.stderr,
        )
        return 0


def _module(name: str) -> ModuleType:
    return importlib.import_module(SUBCOMMANDS[name].module)


def _parser() -> argparse.ArgumentParser:
    width = max(map(len, SUBCOMMANDS))
    listed = "\n".join(f"  {name:{width}}  {each.summary}" for name, each in SUBCOMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="pkd-study",
        usage="pkd-study [-h] SUBCOMMAND …",
        description="Patient knowledge distillation of BERT-like classifiers, tuned with Ray Tune."
        f"\n\nsubcommands (pkd-study SUBCOMMAND --help lists the options):\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f'{EXPLAINED}\nshell completion: eval "$(register-python-argcomplete pkd-study)"',
    )
    parser.add_argument(
        "subcommand", metavar="SUBCOMMAND", choices=tuple(SUBCOMMANDS), help="one of the above"
    )
    return parser


def _complete(line: str) -> None:
    """Answers the shell's request for completions of a line, and ends the process."""
    import argcomplete

    words = line.split()
    behind_the_name = len(words) > 2 or (len(words) == 2 and line.endswith(" "))
    if behind_the_name and words[1] in SUBCOMMANDS:
        # The parser of the subcommand completes the words from its name on.
        os.environ["_ARGCOMPLETE"] = "2"
        argcomplete.autocomplete(_module(words[1]).parser(f"pkd-study {words[1]}"))
    argcomplete.autocomplete(_parser())
