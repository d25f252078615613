"""Runs a study: ``python study/run.py --tasks glue``, the same as ``pkd-study run``."""

import os
import sys

# As a script, Python puts this folder first on the path, where its modules would shadow others.
_HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:] = [os.path.dirname(_HERE), *(entry for entry in sys.path if entry != _HERE)]
os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")


def main() -> int:
    """Runs the command with the arguments of this process; returns the exit code."""
    from study.subcommands import run_subcommand

    return run_subcommand("run", sys.argv[1:], "python study/run.py")


if __name__ == "__main__":
    sys.exit(main())
