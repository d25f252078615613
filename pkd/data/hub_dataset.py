"""Columns of a data set on the Hugging Face hub."""

from collections.abc import Sequence
from pathlib import Path

from pkd.errors import DiskFull, HubUnreachable
from pkd.files.atomic import explained_full_disk
from pkd.files.columns import Columns, arrow_columns
from pkd.tasks.task import Task

GLUE_DATASET = "nyu-mll/glue"


def read_hub(task: Task, split: str, needed: Sequence[str]) -> tuple[str, Columns]:
    """Loads columns of a split from the hub, or from the local cache of the hub's client.

    Args:
        task: a task of GLUE, or a task with ``hub``.
        split: a split of the data set.
        needed: columns that the split must have; GLUE's ``idx`` is read too.

    Returns:
        The name of the split for messages, and the columns. Labels that the data set stores as
        numbers are returned as names; GLUE's stay numbers, which are the task's label codes.

    Raises:
        InputError: if the data set lacks a column.
        DiskFull: if the disk is full.
        HubUnreachable: if the hub does not answer, or lacks the data set or the split.
    """
    import datasets

    name, config = (task.hub, task.hub_config) if task.hub else (GLUE_DATASET, task.name)
    where = "/".join(part for part in (name, config, split) if part)
    try:
        with explained_full_disk(Path(datasets.config.HF_DATASETS_CACHE)):
            table = datasets.load_dataset(name, config, split=split)
    except DiskFull:
        raise
    except Exception as error:  # the hub's client raises many types when there is no answer
        reason = type(error).__name__
        advice = (
            f"Give a local copy with --data DIR (holding {task.name}/{split}.parquet in the hub's "
            "columns)"
        )
        if task.hub:
            reason += f": {str(error).strip().partition(chr(10))[0]}"
            advice = "Is the task file right? Or download the data and name them in `files`"
        raise HubUnreachable(
            f"cannot load {where} from the Hugging Face hub ({reason}). {advice}"
        ) from error
    # A user cannot rename a column `idx` of the hub that holds something else.
    columns = arrow_columns(table.data.table, where, needed, [] if task.hub else ["idx"])
    labels = table.features[task.label] if task.hub and task.label in columns else None
    if isinstance(labels, datasets.ClassLabel):
        columns[task.label] = [
            None if code is None or code < 0 else labels.int2str(code)
            for code in columns[task.label]
        ]
    return where, columns
