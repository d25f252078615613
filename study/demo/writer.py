"""The embedded demo's inputs: generated tasks and an untrained encoder that knows their words."""

from pathlib import Path

from pkd.files.cache import build_once
from study.demo.encoder import write_encoder
from study.demo.tasks import write_tasks


def write_generated(root: Path, seed: int) -> tuple[Path, Path]:
    """Writes the demo's data and encoder, unless they are there already.

    Args:
        root: where they go.
        seed: decides rows and weights.

    Returns:
        What ``--data`` and ``--model`` would name in a study of real data.
    """

    def build(folder: Path) -> None:
        write_tasks(folder / "data", seed)
        write_encoder(folder / "encoder", seed)

    folder = build_once(root, {"kind": "generated-1", "seed": seed}, build)
    return folder / "data", folder / "encoder"
