"""How the size, the agreement and the latency of the forms of a model are written down."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from tabulate import tabulate

from pkd.deployment.agreement import FP32, INT8, ONNX
from pkd.deployment.variants import TEACHER
from pkd.runtime.devices import device_name, int8_instructions
from pkd.shown_text import NAME, markdown, one_line

Form = Mapping[str, Any]


def cost_table(rows: Sequence[Form]) -> str:
    """Returns a Markdown table of the size, score and latency of each form of the models.

    Args:
        rows: for each form ``model``, ``form``, ``bytes``, ``metrics`` (of the first dev split),
            ``changed`` (dev rows for which its PyTorch fp32 form predicts another label) and
            ``ms`` per row, by batch size.
    """
    return markdown_table(
        {
            "model": row["model"],
            "form": row["form"],
            "MB": f"{row['bytes'] / 1e6:.1f}",
            **{f"{name} (%)": f"{100 * value:.1f}" for name, value in row["metrics"].items()},
            "labels changed": row["changed"],
            **{f"ms a row, batch {size}": f"{ms:.3g}" for size, ms in row["ms"].items()},
        }
        for row in rows
    )


def class_table(rows: Sequence[Form]) -> str:
    """Returns a Markdown table of recall and F1 of each label, for the forms of the student.

    Args:
        rows: see `cost_table`; ``classes`` has ``rows``, ``recall`` and ``f1`` of each label.
    """
    forms = [row for row in rows if row["model"] != TEACHER]
    return markdown_table(
        {
            "label": label,
            "dev rows": first["rows"],
            **{form["form"]: _recall_and_f1(form["classes"][label]) for form in forms},
        }
        for label, first in forms[0]["classes"].items()
    )


def slower_than_pytorch(rows: Sequence[Form]) -> list[str]:
    """Returns a sentence for each ONNX file and batch size that is slower than PyTorch fp32."""
    student = {row["form"]: row["ms"] for row in rows if row["model"] != TEACHER}
    return [
        f"{form} is slower than {FP32} here at batch {size}: {ms:.3g} against "
        f"{student[FP32][size]:.3g} ms a row"
        for form in (ONNX, INT8)
        for size, ms in student.get(form, {}).items()
        if ms > student[FP32][size]
    ]


def cpu_facts() -> dict[str, Any]:
    """Returns ``name``, ``threads`` and ``instructions`` of the CPU on which forms are measured.

    ``instructions`` says which of those that speed up int8 the CPU has; empty if unknown.
    """
    return {
        "name": device_name(torch.device("cpu")),
        "threads": torch.get_num_threads(),
        "instructions": int8_instructions(),
    }


def conditions(split: str, cpu: Mapping[str, Any]) -> str:
    """Returns how the forms were measured, in words.

    Args:
        split: the first dev split.
        cpu: from `cpu_facts`.
    """
    threads = cpu["threads"]
    return (
        f"Dev rows of `{split}` at their own lengths; median time of the forward pass on "
        f"{cpu['name']}{_instructions(cpu['instructions'])}, {threads} "
        f"thread{'s' if threads > 1 else ''}. MB: size of the weights in memory, or of the ONNX "
        "file. Labels changed: dev rows for which the form predicts another label than PyTorch "
        "fp32. Another CPU gives other times, and rounding can give other int8 labels."
    )


def _instructions(known: Mapping[str, bool]) -> str:
    """Returns for example `` (with AVX2; without VNNI, AMX)``."""
    parts = [
        f"{word} {', '.join(names)}"
        for word, names in (
            ("with", [name for name, present in known.items() if present]),
            ("without", [name for name, present in known.items() if not present]),
        )
        if names
    ]
    return f" ({'; '.join(parts)})" if parts else ""


def _recall_and_f1(of_class: Mapping[str, Any]) -> str:
    if not of_class["rows"]:
        return "–"
    return f"{100 * of_class['recall']:.1f} / {100 * of_class['f1']:.1f}"


def markdown_table(rows: Iterable[Mapping[str, Any]]) -> str:
    """Returns rows with the same keys, which are the headings, as a table in Markdown."""
    shown = [{key: _cell(value) for key, value in row.items()} for row in rows]
    headings = {key: _cell(key) for row in shown[:1] for key in row}
    return tabulate(shown, headings, tablefmt="github", disable_numparse=True)


def _cell(text: object) -> str:
    return markdown(one_line(text, NAME))
