"""The parser that benchmarks on real data share."""

import argparse
from pathlib import Path


def real_data_parser(description: str | None, out: bool = False) -> argparse.ArgumentParser:
    """Returns a parser with options for the data and the encoder.

    Args:
        description: the module's docstring, printed without reflowing.
        out: whether to require an output folder too.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="a folder for each task")
    parser.add_argument("--model", type=Path, required=True, help="the pre-trained encoder")
    if out:
        parser.add_argument("--out", type=Path, required=True)
    return parser
