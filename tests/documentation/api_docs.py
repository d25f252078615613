"""Writes the API documentation from the docstrings.

    python -m tests.documentation.api_docs build/docs

A warning of pdoc is an error, except for annotations in Ray's own classes.
"""

import importlib
import os
import pkgutil
import sys
import warnings
from pathlib import Path

import pdoc
import pdoc.render

PACKAGES = ("pkd", "study", "analysis")


def main() -> None:
    """Writes a page for each module into the folder named on the command line."""
    os.environ["PDOC_ALLOW_EXEC"] = "1"  # MLflow asks for the machine's name when it is imported
    warnings.simplefilter("error", UserWarning)
    warnings.simplefilter("error", RuntimeWarning)
    warnings.filterwarnings("ignore", r"Error parsing type annotation .* for ray\.", UserWarning)
    pdoc.render.configure(docformat="google")
    for package in map(importlib.import_module, PACKAGES):
        for name in package.__all__:
            setattr(package, name, getattr(package, name))  # pdoc shows what has been imported
        # pdoc makes pages for the modules that `__all__` names.
        package.__all__ += [module.name for module in pkgutil.iter_modules(package.__path__)]
    pdoc.pdoc(*PACKAGES, output_directory=Path(sys.argv[1]))


if __name__ == "__main__":
    main()
