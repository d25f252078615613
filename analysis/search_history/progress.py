"""The progress of the searches: the best score so far against the device hours spent."""

import pandas as pd

from analysis.run_data.runs import Run

_CELL = ["task", "depth", "method"]


def progress(run: Run) -> pd.DataFrame:
    """Returns the search trials that ended, by cell, in the order in which they ended.

    Columns: ``task``, ``depth``, ``method``, ``trial``, ``state``, ``score`` (percent, missing
    for failed trials), ``device_hours`` of the cell up to the end of this trial, and ``best``:
    the cell's best score so far, missing before the first one. Trials that share a device count
    in full. ``constant`` is whether a trial predicts a single class; as for the winner of the
    search, its score counts only if all trials of the cell do so.
    """
    trials = run.trials[run.trials["stage"] == "search"]
    trials = trials[trials["state"].isin(["complete", "stopped", "failed"])]
    score = 100 * trials["score"].where(trials["state"] != "failed")
    table = trials[[*_CELL, "trial", "state", "constant", "seq"]].assign(score=score)
    table["device_hours"] = trials["seconds"].fillna(0) / 3600
    cells = table.groupby(_CELL, sort=False).ngroup()
    table = table.assign(cell=cells).sort_values(["cell", "seq"], kind="stable")
    by_cell = table.groupby("cell", sort=False)
    table["device_hours"] = by_cell["device_hours"].cumsum()
    learnt = table["score"].notna() & ~table["constant"]
    counts = learnt | ~learnt.groupby(table["cell"]).transform("any")
    best = table["score"].where(counts).groupby(table["cell"]).cummax()
    table["best"] = best.groupby(table["cell"]).ffill()  # a failed trial does not change it
    return table.drop(columns=["seq", "cell"]).reset_index(drop=True)
