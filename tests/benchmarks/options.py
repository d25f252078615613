"""What the command lines of the benchmarks of real data share."""

import argparse
from pathlib import Path


def real_data_parser(description: str | None, out: bool = False) -> argparse.ArgumentParser:
    """A parser that asks for the data and for an encoder.

    Args:
        description: the module's docstring, shown as it is.
        out: whether to ask for a folder to write in, too.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="a folder for each task")
    parser.add_argument("--model", type=Path, required=True, help="the pre-trained encoder")
    if out:
        parser.add_argument("--out", type=Path, required=True)
    return parser
