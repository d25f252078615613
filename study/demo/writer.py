"""Writes the demo's inputs: generated tasks and an encoder with random weights."""

from pathlib import Path

from pkd.files.cache import build_once
from study.demo.encoder import write_encoder
from study.demo.tasks import write_tasks


def write_generated(root: Path, seed: int) -> tuple[Path, Path]:
    """Writes the demo's data and encoder, unless they exist already.

    Args:
        root: parent of their folder.
        seed: decides rows and weights.

    Returns:
        The folders of the data and of the encoder, as for ``--data`` and ``--model``.
    """

    def build(folder: Path) -> None:
        write_tasks(folder / "data", seed)
        write_encoder(folder / "encoder", seed)

    folder = build_once(root, {"kind": "generated-1", "seed": seed}, build)
    return folder / "data", folder / "encoder"
