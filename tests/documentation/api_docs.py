"""The API's documentation, from the docstrings: python -m tests.documentation.api_docs build/docs

Whatever pdoc warns of is an error, but for annotations in Ray's own classes.
"""

import os
import sys
import warnings
from pathlib import Path

import pdoc
import pdoc.render

PACKAGES = ("pkd", "study", "analysis")


def main() -> None:
    """Writes a page for each module into the folder that is given."""
    os.environ["PDOC_ALLOW_EXEC"] = "1"  # MLflow asks for the machine's name when it is imported
    warnings.simplefilter("error", UserWarning)
    warnings.simplefilter("error", RuntimeWarning)
    warnings.filterwarnings("ignore", r"Error parsing type annotation .* for ray\.", UserWarning)
    pdoc.render.configure(docformat="google")
    pdoc.pdoc(*PACKAGES, output_directory=Path(sys.argv[1]))


if __name__ == "__main__":
    main()
