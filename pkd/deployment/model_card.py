"""The card of an exported model: what it is, its scores and costs, how to repeat the export."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from tabulate import tabulate

from pkd.deployment.run_folder import Student, text_columns
from pkd.tasks.glue import GLUE

_TRAINING = ("epochs", "batch_size", "warmup", "weight_decay", "scale", "init", "start_layers")


def model_card(
    study: Mapping[str, Any],
    task: str,
    student: Student,
    card: Mapping[str, Any],
    teacher_card: Mapping[str, Any] | None,
    **facts: Any,
) -> str:
    """Returns the text of the card.

    Args:
        study: the content of ``study.yaml``.
        task: the task's name.
        student: the exported student.
        card: the study's record of it, from `pkd.deployment.run_folder.read_card`.
        teacher_card: the record of the teacher, if there is one.
        facts: ``table`` (see `cost_table`; None without measurements) and its ``conditions``;
            ``onnx`` and ``int8``: whether these files exist; ``inputs`` of the ONNX file and its
            largest ``difference`` of a logit from PyTorch.
    """
    entry, config = study["tasks"][task], study.get("config") or {}
    texts, trained = text_columns(dict(study), task), config.get("train") or {}
    generated = bool(study.get("generated_data"))
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("model_card.md.j2").render(
        task=task,
        student=student.name,
        method=student.method,
        depth=student.depth,
        study=study.get("name", "unknown"),
        generated=generated,
        dataset="nyu-mll/glue" if task in GLUE and not generated else None,
        example='{"text": "…", "text_pair": "…"}' if len(texts) == 2 else '"…"',
        labels=entry["labels"],
        texts=texts,
        train_rows=_count(entry.get("train_rows")),
        dev_rows=_count(entry.get("dev_rows")),
        split=entry["dev_splits"][0],
        max_length=trained.get("max_length", "unknown"),
        teacher=_teacher(study, task, teacher_card),
        settings=_pairs(card["settings"]),
        training=_training(trained, student.depth),
        n=len(student.seeds),
        trial=card["trial"],
        scores=_scores(student, card["metrics"]),
        command=study.get("command", "unknown"),
        commit=study.get("git_commit"),
        versions=_pairs(study.get("versions") or {}),
        **facts,
    )


def cost_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Returns a Markdown table of the size, score and latency of each form of the models.

    Args:
        rows: for each form ``model``, ``form``, ``bytes``, ``metrics`` (of the first dev split),
            ``changed`` (dev rows for which its PyTorch fp32 form predicts another label) and
            ``ms`` per row, by batch size.
    """
    return tabulate(
        [
            {
                "model": row["model"],
                "form": row["form"],
                "MB": f"{row['bytes'] / 1e6:.1f}",
                **{f"{name} (%)": f"{100 * value:.1f}" for name, value in row["metrics"].items()},
                "labels changed": row["changed"],
                **{f"ms a row, batch {size}": f"{ms:.3g}" for size, ms in row["ms"].items()},
            }
            for row in rows
        ],
        headers="keys",
        tablefmt="github",
        disable_numparse=True,
    )


def _training(trained: Mapping[str, Any], depth: int) -> str:
    facts = {key: trained[key] for key in _TRAINING if key in trained}
    if isinstance(facts.get("start_layers"), dict):
        facts["start_layers"] = facts["start_layers"][str(depth)]
    return _pairs(facts) or "unknown"


def _scores(student: Student, model_metrics: Mapping[str, Mapping[str, float]]) -> str:
    rows = []
    for split, metrics in model_metrics.items():
        for metric, value in metrics.items():
            values = [100 * seed["metrics"][split][metric] for seed in student.seeds]
            spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
            mean = f"{statistics.fmean(values):.1f}{spread} (n = {len(values)})"
            rows.append([split, metric, mean, f"{100 * value:.1f}"])
    headers = ["split", "metric", "these settings", "this model"]
    return tabulate(rows, headers=headers, tablefmt="github", disable_numparse=True)


def _teacher(study: Mapping[str, Any], task: str, card: Mapping[str, Any] | None) -> str:
    teacher, entry = study["teacher"], study["tasks"][task]
    text = f"{teacher.get('name', 'unknown')}, {teacher['layers']} layers"
    if (size := teacher.get("ensemble", {}).get(task, 1)) > 1:
        text += f", the first of an ensemble of {size}"
    if card is None:
        return text
    metrics = card["metrics"][entry["dev_splits"][0]]
    scores = ", ".join(f"{name} {100 * value:.1f}" for name, value in metrics.items())
    settings = f"; {_pairs(card['settings'])}" if card["settings"] else ""
    return f"{text}, fine-tuned: {scores} on dev (n = 1){settings}"


def _pairs(mapping: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name} {f'{value:.3g}' if isinstance(value, float) else value}"
        for name, value in mapping.items()
    )


def _count(rows: Any) -> str:
    return f"{rows:,}" if isinstance(rows, int) else "unknown"
