"""A user's task with columns, labels and splits as hostile as a study accepts them."""

import json
from pathlib import Path

import yaml

from tests.support.hostile_texts import HOSTILE
from tests.support.studies.tiny_inputs import ROWS, rows_of

TEXT, LABEL = "te\x1b[31mxt|", "=la\nbel\u202e*x*"
DEV, HELD_OUT = "=d|ev [x](y)", "*later*"
LABELS = (
    HOSTILE["formula"],
    "".join(HOSTILE[n] for n in ("escape", "override", "pipe", "script")),
)


def hostile_task(folder: Path) -> Path:
    """Writes a task file with its data, which `tests.support.studies.tiny_inputs` makes."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {"train": "train", DEV: "validation", HELD_OUT: "later", "test": "test"}
    for name in files.values():
        columns = rows_of("sst2", name if name in ROWS else "validation").to_pydict()
        pairs = zip(columns["sentence"], columns["label"], strict=True)
        rows = ({TEXT: text, LABEL: LABELS[label]} for text, label in pairs)
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    task = {
        "name": "tickets",
        **{"texts": [TEXT], "label": LABEL, "labels": list(LABELS)},
        "metrics": ["accuracy", f"f1:{LABELS[1]}"],
        **{"dev": [DEV], "held_out": [HELD_OUT], "test": ["test"]},
        "files": {split: f"{name}.jsonl" for split, name in files.items()},
    }
    path = folder / "tickets.yaml"
    path.write_text(yaml.safe_dump(task))
    return path
