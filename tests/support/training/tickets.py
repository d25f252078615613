"""Data of a user: support tickets in files of every type."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

TICKETS = [
    {"id": n, "subject": f"ticket {n} is late", "body": "the long text of a ticket", "queue": q}
    for n, q in enumerate(["bug", "billing", "bug", "other", "other", "billing"] * 5)
]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        delimiter = "\t" if path.suffix == ".tsv" else ","
        lines = [rows[0].keys(), *(row.values() for row in rows)]
        path.write_text("\n".join(delimiter.join(map(str, line)) for line in lines))
    return path
