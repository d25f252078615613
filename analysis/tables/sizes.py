"""The tables of size and speed by depth (the paper's Table 4)."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from analysis.labels import task_label
from analysis.rendering import Table, plain_table, shell_path
from analysis.results.sizes import depths, published_ratios, sizes
from analysis.run_data.measured_times import Benchmark, load_benchmark, speeds
from analysis.run_data.runs import Run
from analysis.tables.text import NONE, generated_note

_LENGTH = 128  # tokens per row in the paper


def tables(run: Run) -> Iterator[Table]:
    """Yields size and speed beside the paper's, and measured times for each kind of batch."""
    benchmark, problem = load_benchmark(run.path)
    yield sizes_table(run, benchmark, problem)
    if benchmark is not None:
        yield speed_table(run, benchmark)


def sizes_table(run: Run, benchmark: Benchmark | None, problem: str | None = None) -> Table:
    """Returns a row per depth; without a benchmark there are no columns of times.

    Args:
        run: The study.
        benchmark: Its measured times.
        problem: Why the file of measured times cannot be used.
    """
    numbers = sizes(run, benchmark)
    cells = {
        "Layers": numbers["depth"].astype(str),
        "Embeddings": numbers["embeddings"].map(_millions),
        "Transformer": numbers["layers"].map(_millions),
        "Total": numbers["total"].map(_millions),
        "Compression": numbers["compression"].map(_ratio),
    }
    if benchmark is not None:
        records = numbers.to_dict("records")
        cells["ms per row"] = pd.Series([_milliseconds(row) for row in records])
        cells["Speed-up"] = pd.Series([_speedup(row) for row in records])
    if numbers["published_total"].notna().any():
        cells["Paper: total"] = (
            numbers["published_total"].map("{:g} M".format, na_action="ignore").fillna(NONE)
        )
        cells["Paper: compression"] = numbers["published_compression"].map(_ratio)
        cells["Paper: time"] = numbers["published_seconds"].map(_seconds)
        cells["Paper: speed-up"] = numbers["published_speedup"].map(_ratio)
    notes = [*_size_notes(run, numbers), *_time_notes(run, benchmark, problem)]
    title = "Size and speed by depth"
    return plain_table("sizes", title, numbers, pd.DataFrame(cells), *notes, *generated_note(run))


def speed_table(run: Run, benchmark: Benchmark) -> Table:
    """Returns a row per kind of batch, a column per depth."""
    numbers = speeds(benchmark)
    texts = []
    for (task, size), rows in numbers.groupby(["task", "batch_size"], sort=False):
        tokens = rows["tokens"].iloc[0]
        name = f"rows of {tokens:.0f} tokens"
        if task:
            name = f"{task_label(str(task))} dev, {tokens:.0f} tokens on average"
        text = {"Rows": name, "Batch": str(size)}
        for row in rows.to_dict("records"):
            ratio = "" if row["depth"] == depths(run)[0] else f", {_speedup(row)}"
            text[f"{row['depth']} layers"] = _milliseconds(row) + ratio
        texts.append(text)
    texts.append(_paper_row(run, list(texts[0])))
    notes = (
        "Milliseconds per row, and speed-up over the teacher: median (quartiles) of "
        f"{_repeats(numbers)} calls of each model; the models take turns. Dev rows are batched by "
        "length and padded to the longest row of the batch, as in scoring; if there are many "
        "batches, a selection of short and long ones is measured.",
        f"Measured on: {benchmark.conditions}.",
        "Last row: the paper's seconds for a whole data set. The paper does not say which one, so "
        "only the speed-up is comparable.",
    )
    title = "Inference time by depth and kind of batch"
    cells = pd.DataFrame(texts).fillna(NONE)
    return plain_table("speed", title, numbers, cells, *notes, *generated_note(run))


def _paper_row(run: Run, columns: list[str]) -> dict[str, str]:
    published = published_ratios(depths(run)[0])
    row = {"Rows": f"paper: rows of {_LENGTH} tokens", "Batch": "128"}
    for depth in depths(run):
        if f"{depth} layers" in columns and depth in published.index:
            seconds, ratio = published.loc[depth, ["published_seconds", "published_speedup"]]
            teacher = depth == depths(run)[0] or pd.isna(ratio)
            row[f"{depth} layers"] = _seconds(seconds) + ("" if teacher else f", {_ratio(ratio)}")
    return row


def _size_notes(run: Run, numbers: pd.DataFrame) -> Iterator[str]:
    pooler = numbers["pooler"].iloc[0]
    if pd.isna(pooler):
        yield (
            "The numbers of parameters are unknown: an older version started this study and did "
            f"not record them. `pkd-study benchmark {shell_path(run.path)}` counts them."
        )
    else:
        yield (
            "Parameters in millions (M). Transformer: all layers. Total: with the pooler "
            f"({_millions(pooler)}) and without the classifier, as in the paper. Compression: the "
            "teacher's total divided by the model's."
        )
    if numbers["published_total"].notna().any():
        layers = depths(run)[0]
        over = "" if layers == 12 else f", here relative to {layers} layers, as the teacher has"
        yield (
            "Paper: its Table 4, BERT-base, batch 128, length 128; according to another paper, on "
            "one Titan RTX in FP16. The data set behind the seconds is unknown: compare the "
            f"ratios{over}."
        )
        name = str(run.study["teacher"]["name"])
        if name.split("/")[-1] != "bert-base-uncased":
            yield f"This study uses another encoder ({name}), so its sizes differ."


def _time_notes(run: Run, benchmark: Benchmark | None, problem: str | None) -> Iterator[str]:
    if problem is not None:
        yield f"{problem}."
    if benchmark is None:
        yield (
            "Inference time has not been measured. Once the study has students, "
            f"`pkd-study benchmark {shell_path(run.path)}` measures it on your machine."
        )
        return
    yield (
        "ms per row: milliseconds of the forward pass, per row of a batch of 128 rows of equal "
        "length, median (quartiles). Speed-up: the teacher's time divided by the model's, for "
        f"calls that ran one after the other. Measured on: {benchmark.conditions}."
    )
    load = benchmark.about["load_average"]
    if isinstance(load, int | float) and load >= 1:
        yield (
            f"The machine was busy before measuring (load {load:.1f}): the times are too long; "
            "the ratios are affected less. Measure again on an idle machine."
        )


def _repeats(numbers: pd.DataFrame) -> str:
    least, most = numbers["repeats"].min(), numbers["repeats"].max()
    return str(most) if least == most else f"{least} to {most}"


def _millions(count: float) -> str:
    if pd.isna(count):
        return NONE
    millions = count / 1e6
    return f"{millions:.1f} M" if millions >= 10 else f"{millions:.2g} M"


def _ratio(value: float) -> str:
    return NONE if pd.isna(value) else f"{value:.2f}×"


def _seconds(value: float) -> str:
    return NONE if pd.isna(value) else f"{value:.2f} s"


def _milliseconds(row: Any) -> str:
    if pd.isna(row["ms"]):
        return NONE
    return f"{_digits(row['ms'])} ({_digits(row['ms_q1'])}–{_digits(row['ms_q3'])})"


def _digits(value: float) -> str:
    """Three significant digits without an exponent."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _speedup(row: Any) -> str:
    if pd.isna(row["speedup"]):
        return NONE
    if row["speedup_q1"] == row["speedup_q3"] == 1:  # the teacher over itself
        return _ratio(1)
    return f"{row['speedup']:.2f}× ({row['speedup_q1']:.2f}–{row['speedup_q3']:.2f})"
