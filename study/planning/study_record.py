"""Writes ``study.yaml``, the record of what a run folder is a study of."""

import datetime
import importlib.metadata
import platform
import subprocess
from pathlib import Path
from typing import Any

from transformers import PretrainedConfig

from pkd.data.preparation import Prepared
from pkd.files.atomic import write_atomic
from pkd.files.run_format import STUDY_FORMAT
from pkd.files.yaml_file import yaml_text
from pkd.models.encoder import weights_digest
from pkd.runtime.redaction import redacted, redacted_command, redacted_tree
from study.config.own_methods import own_method_records
from study.config.study_config import StudyConfig
from study.installation import checkout, typed_command
from study.planning.plan import Plan
from study.planning.resume_check import inputs_of
from study.storage.layout import Layout
from study.storage.study_file import read_study_file, study_id

_PACKAGES = ("torch", "transformers", "ray", "optuna", "datasets", "numpy", "scikit-learn")

_GENERATED_ENCODER = "generated encoder"


def write_study_file(
    layout: Layout, plan: Plan, encoder: Path, identity: str | None = None
) -> None:
    """Records the resolved configuration, the versions, the plan and the inputs.

    Args:
        layout: the run folder.
        plan: the plan of the study.
        encoder: folder of the pre-trained encoder.
        identity: the study's id; by default the recorded one, or a new one.
    """
    config = plan.config
    created = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    if layout.study_file.exists():
        created = read_study_file(layout.study_file)["created"]
    tasks = {
        name: {
            "metrics": list(prepared.task.metrics),
            "dev_splits": list(prepared.task.dev),
            "texts": list(prepared.task.texts),
            "labels": list(prepared.task.labels),
            "train_rows": prepared.rows[prepared.task.train],
            "dev_rows": prepared.rows[prepared.task.dev[0]],
            "tokens": {split: folder.name for split, folder in prepared.tokens.items()},
            **_user_task_record(prepared),
            **({"notes": list(prepared.notes)} if prepared.notes else {}),
        }
        for name, prepared in plan.tasks.items()
    }
    content = {
        "format": STUDY_FORMAT,
        "name": config.name,
        "id": identity or study_id(layout),
        "created": created,
        "command": redacted_command(typed_command()),
        "git_commit": _git_commit(),
        "generated_data": config.data.generated,
        "teacher": _model_record(
            teacher_name(config), plan.teachers.config, plan.teacher_parameters
        )
        | _ensemble_sizes(plan),
        **_student_record(plan),
        **_own_methods(config),
        "tasks": tasks,
        "depths": list(config.depths),
        "methods": list(config.methods),
        "budget": {
            "teacher_trials": 1 if plan.teachers.given else config.teacher.trials,
            "search_trials": {method: plan.trials(method) for method in config.methods},
            "confirm_seeds": config.confirm.seeds,
            "epochs": config.train.epochs,
        },
        "versions": {name: importlib.metadata.version(name) for name in _PACKAGES}
        | {"python": platform.python_version()},
        "inputs": inputs_of(plan),
        "encoder": weights_digest(encoder),
        "teacher_encoder": weights_digest(plan.teachers.start),
        "config": redacted_tree(_resolved(config)),
    }
    text = yaml_text(content)
    write_atomic(layout.study_file, lambda path: _write_text(path, text))
    layout.store.publish(layout.study_file)


def _resolved(config: StudyConfig) -> dict[str, Any]:
    """The configuration with the encoder that is used."""
    tree = config.model_dump(mode="json")
    if config.data.generated:
        tree["teacher"]["model"] = _GENERATED_ENCODER
    return tree


def _own_methods(config: StudyConfig) -> dict[str, Any]:
    """The user's own methods: how they are shown, and digests of their code."""
    records = own_method_records(config.own_methods)
    return {"own_methods": records} if records else {}


def _model_record(
    name: str, config: PretrainedConfig, parameters: dict[str, int]
) -> dict[str, Any]:
    return {
        "name": name,
        "layers": int(config.num_hidden_layers),
        "hidden": config.hidden_size,
        "parameters": parameters,
    }


def _ensemble_sizes(plan: Plan) -> dict[str, Any]:
    """The size of each task's ensemble, if any has more than one teacher."""
    sizes = {task: plan.ensemble(task) for task in plan.tasks}
    return {"ensemble": sizes} if max(sizes.values(), default=1) > 1 else {}


def _student_record(plan: Plan) -> dict[str, Any]:
    """The students' encoder and the teachers' tokens, if teachers start from another model."""
    if not plan.config.train.model and not plan.teachers.given:
        return {}
    rows = {
        name: {split: folder.name for split, folder in prepared.tokens.items()}
        for name, prepared in plan.teachers.tasks.items()
    }
    encoder = _model_record(encoder_name(plan.config), plan.encoder, plan.parameters)
    return {"student": encoder, "teacher_tokens": rows}


def _user_task_record(prepared: Prepared) -> dict[str, Any]:
    """The keys that only a user's task has, without empty ones."""
    task = prepared.task
    keys = {"held_out", "class_weights", "hub", "hub_config"} | (
        {"dev_fraction"} if task.cuts_dev else set()
    )
    values = task.model_dump(mode="json", include=keys)
    values["unlabelled_rows"] = prepared.unlabelled_rows
    return {key: value for key, value in values.items() if value}


def encoder_name(config: StudyConfig) -> str:
    """Returns the display name of the students' encoder: a hub id, or the end of its path."""
    if config.data.generated:
        return _GENERATED_ENCODER
    return _short_name(config.train.model or config.teacher.model)


def teacher_name(config: StudyConfig) -> str:
    """Returns the display name of the teachers: their encoder's, or those of given teachers."""
    fine_tuned = config.teacher.fine_tuned
    given = sorted(
        {_short_name(model) for task in fine_tuned for model in config.teacher.given(task)}
    )
    if not given:
        return _GENERATED_ENCODER if config.data.generated else _short_name(config.teacher.model)
    return f"{given[0]} and {len(given) - 1} more" if len(given) > 2 else " and ".join(given)


def _short_name(model: str) -> str:
    path = Path(model)
    if not path.is_dir():
        return model
    # Without the home folder, which holds the user's name.
    return "/".join(Path(redacted(str(path))).parts[-2:]).removeprefix("~/")


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _git_commit() -> str | None:
    """Returns this repository's commit, marked if it has changes; None outside of it."""
    root = checkout()
    if root is None or _git(root, "rev-parse", "--show-toplevel") != str(root):
        return None
    return _git(root, "describe", "--always", "--dirty", "--abbrev=12")


def _git(root: Path, *arguments: str) -> str | None:
    command = ["git", "-C", str(root), *arguments]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip() or None
