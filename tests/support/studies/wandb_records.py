"""Reads what an offline run of Weights & Biases wrote: records in the log format of LevelDB."""

import struct
from collections.abc import Iterator
from pathlib import Path

from wandb.proto import wandb_internal_pb2

_OPENING, _BLOCK, _HEADER = 7, 32_768, struct.Struct("<IHB")
_WHOLE, _LAST = 1, 4


def offline_records(folder: Path) -> Iterator[wandb_internal_pb2.Record]:
    """Yields the records of the only run in a folder, in order."""
    (file,) = folder.glob("run-*.wandb")
    data, place, parts = file.read_bytes(), _OPENING, b""
    assert data.startswith(b":W&B")
    while place < len(data):
        left = _BLOCK - place % _BLOCK
        if left < _HEADER.size:  # too little for another header: zeros
            place += left
            continue
        _, length, kind = _HEADER.unpack_from(data, place)
        place += _HEADER.size
        parts += data[place : place + length]
        place += length
        if kind in (_WHOLE, _LAST):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(parts)
            parts = b""
            yield record
