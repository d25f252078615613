"""The card of an exported model: what it is, its scores and costs, how to repeat the export."""

import shlex
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pkd.deployment.cost_tables import markdown_table
from pkd.deployment.run_folder import text_columns
from pkd.deployment.students import Scores, Student
from pkd.shown_text import (
    NAME,
    markdown,
    markdown_block,
    markdown_code,
    markdown_sentence,
    one_line,
)
from pkd.tasks.glue import GLUE

_TRAINING = ("epochs", "batch_size", "warmup", "weight_decay", "scale", "init", "start_layers")


def model_card(
    study: Mapping[str, Any],
    task: str,
    student: Student,
    card: Mapping[str, Any],
    teacher_card: Mapping[str, Any] | None,
    teacher_held_out: Scores,
    **facts: Any,
) -> str:
    """Returns the text of the card.

    Args:
        study: the content of ``study.yaml``.
        task: the task's name.
        student: the exported student.
        card: the study's record of it, from `pkd.deployment.run_folder.read_card`.
        teacher_card: the record of the teacher, if there is one.
        teacher_held_out: its metrics on the held-out splits, by split.
        facts: ``table``, ``class_table``, ``slower`` and ``conditions``, see
            `pkd.deployment.cost_tables` (the first is None without measurements); ``onnx`` and
            ``int8``: whether these files exist; ``inputs`` of the ONNX file and its largest
            ``difference`` of a logit from PyTorch; ``changed``: labels that differ, by form;
            ``doubts``: see `pkd.deployment.students.doubts`.
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
    environment.filters |= {"markdown": markdown, "sentence": markdown_sentence}
    environment.filters |= {"block": markdown_block, "code": markdown_code}
    return environment.get_template("model_card.md.j2").render(
        task=task,
        student=student.name,
        method=student.method,
        depth=student.depth,
        study=study.get("name", "unknown"),
        generated=generated,
        dataset="nyu-mll/glue" if task in GLUE and not generated else None,
        example='{"text": "…", "text_pair": "…"}' if len(texts) == 2 else '"…"',
        labels=[one_line(label, NAME) for label in entry["labels"]],
        texts=[one_line(column, NAME) for column in texts],
        train_rows=_count(entry.get("train_rows")),
        dev_rows=_count(entry.get("dev_rows")),
        split=entry["dev_splits"][0],
        max_length=trained.get("max_length", "unknown"),
        teacher=_teacher(study, task, teacher_card),
        settings=_pairs(card["settings"]),
        training=_training(trained, student.depth),
        n=len(student.seeds),
        trial=card["trial"],
        scores=_scores(student, card["metrics"], teacher_card, teacher_held_out),
        held_out=bool(student.held_out),
        commands=f"{study.get('command', 'unknown')}\n{_export_command(task, student, facts)}",
        commit=study.get("git_commit"),
        versions=_pairs(study.get("versions") or {}),
        **facts,
    )


def _export_command(task: str, student: Student, facts: Mapping[str, Any]) -> str:
    words = ["pkd-study", "export", "RUN_DIR", "--task", task, "--student", student.name]
    words += ["--to", "THIS_FOLDER", *["--onnx"] * facts["onnx"], *["--int8"] * facts["int8"]]
    return shlex.join(words) + str(facts["accepted"])


def _training(trained: Mapping[str, Any], depth: int) -> str:
    facts = {key: trained[key] for key in _TRAINING if key in trained}
    if isinstance(facts.get("start_layers"), dict):
        facts["start_layers"] = facts["start_layers"][str(depth)]
    return _pairs(facts) or "unknown"


def _scores(
    student: Student,
    model_metrics: Scores,
    teacher_card: Mapping[str, Any] | None,
    teacher_held_out: Scores,
) -> str:
    """Returns a table with one row for each metric on each dev and held-out split."""
    teacher = {**(teacher_card["metrics"] if teacher_card else {}), **teacher_held_out}
    rows = []
    for split, metrics in {**model_metrics, **student.held_out}.items():
        held_out = split in student.held_out
        for metric, value in metrics.items():
            of_teacher = teacher.get(split, {}).get(metric)
            rows.append(
                {
                    "split": f"{split} (held-out)" if held_out else split,
                    "metric": metric,
                    "these settings": "–" if held_out else _mean(student, split, metric),
                    "this model": f"{100 * value:.1f}",
                    "teacher": "–" if of_teacher is None else f"{100 * of_teacher:.1f}",
                }
            )
    return markdown_table(rows)


def _mean(student: Student, split: str, metric: str) -> str:
    values = [100 * seed["metrics"][split][metric] for seed in student.seeds]
    spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.1f}{spread} (n = {len(values)})"


def _teacher(study: Mapping[str, Any], task: str, card: Mapping[str, Any] | None) -> str:
    teacher, entry = study["teacher"], study["tasks"][task]
    text = f"{teacher.get('name', 'unknown')}, {teacher['layers']} layers"
    if (size := teacher.get("ensemble", {}).get(task, 1)) > 1:
        text += f", the first of an ensemble of {size}"
    if card is None:
        return text
    metrics = card["metrics"][entry["dev_splits"][0]]
    scores = ", ".join(
        f"{one_line(name, NAME)} {100 * value:.1f}" for name, value in metrics.items()
    )
    settings = f"; {_pairs(card['settings'])}" if card["settings"] else ""
    return f"{text}, fine-tuned: {scores} on dev (n = 1){settings}"


def _pairs(mapping: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name} {f'{value:.3g}' if isinstance(value, float) else value}"
        for name, value in mapping.items()
    )


def _count(rows: Any) -> str:
    return f"{rows:,}" if isinstance(rows, int) else "unknown"
