"""Runs a study: ``python study/run.py --tasks glue``. See `study.command_line`."""

import os
import sys
from pathlib import Path

# As a script, Python puts this folder first on the path, where its modules would shadow others.
_HERE = Path(__file__).resolve().parent
sys.path[:] = [str(_HERE.parent), *(entry for entry in sys.path if entry != str(_HERE))]
os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")


def main() -> int:
    """Console entry point."""
    from study.command_line import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
