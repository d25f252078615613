"""``study.yaml``: what a run directory is a study of, and whether a command continues it."""

import datetime
import importlib.metadata
import platform
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import yaml
from transformers import PretrainedConfig

from pkd.data.preparation import Prepared
from pkd.files.atomic import write_atomic
from pkd.models.encoder import weights_digest
from pkd.runtime.redaction import redacted, redacted_command, redacted_tree
from study.config.study_config import StudyConfig
from study.planning.plan import Plan
from study.planning.resume_check import inputs_of
from study.storage.layout import Layout
from study.storage.study_file import FORMAT, read_study_file

_PACKAGES = ("torch", "transformers", "ray", "optuna", "datasets", "numpy", "scikit-learn")


def write_study_file(layout: Layout, plan: Plan, encoder: Path) -> None:
    """Records the resolved configuration, the versions, the plan and what it starts from."""
    config = plan.config
    created = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    identity = uuid.uuid4().hex
    if layout.study_file.exists():
        recorded = read_study_file(layout.study_file)
        created, identity = recorded["created"], recorded.get("id", identity)
    tasks = {
        name: {
            "metrics": list(prepared.task.metrics),
            "dev_splits": list(prepared.task.dev),
            "texts": list(prepared.task.texts),
            "labels": list(prepared.task.labels),
            "train_rows": prepared.rows[prepared.task.train],
            "dev_rows": prepared.rows[prepared.task.dev[0]],
            "tokens": {split: folder.name for split, folder in prepared.tokens.items()},
            **_own_data(prepared),
        }
        for name, prepared in plan.tasks.items()
    }
    content = {
        "format": FORMAT,
        "name": config.name,
        "id": identity,
        "created": created,
        "command": redacted_command(["python", *sys.argv]),
        "git_commit": _git_commit(),
        "generated_data": config.data.generated,
        "teacher": _model(teacher_name(config), plan.teachers.config, plan.teacher_parameters)
        | _ensembles(plan),
        **_students(plan),
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
        "config": redacted_tree(config.model_dump(mode="json")),
    }
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    write_atomic(layout.study_file, lambda path: _write(path, text))
    layout.store.publish(layout.study_file)


def _model(name: str, config: PretrainedConfig, parameters: dict[str, int]) -> dict[str, Any]:
    return {
        "name": name,
        "layers": int(config.num_hidden_layers),
        "hidden": config.hidden_size,
        "parameters": parameters,
    }


def _ensembles(plan: Plan) -> dict[str, Any]:
    """How many teachers teach together, by task, where that is more than one."""
    sizes = {task: plan.ensemble(task) for task in plan.tasks}
    return {"ensemble": sizes} if max(sizes.values(), default=1) > 1 else {}


def _students(plan: Plan) -> dict[str, Any]:
    """What students start from and the rows as teachers read them, where that is another model."""
    if not plan.config.train.model and not plan.teachers.given:
        return {}
    rows = {
        name: {split: folder.name for split, folder in prepared.tokens.items()}
        for name, prepared in plan.teachers.tasks.items()
    }
    encoder = _model(encoder_name(plan.config), plan.encoder, plan.parameters)
    return {"student": encoder, "teacher_tokens": rows}


def _own_data(prepared: Prepared) -> dict[str, Any]:
    """What only a user's task can have, as far as it has it."""
    task = prepared.task
    keys = {"held_out", "class_weights", "hub", "hub_config"} | (
        {"dev_fraction"} if task.cuts_dev else set()
    )
    values = task.model_dump(mode="json", include=keys)
    values["unlabelled_rows"] = prepared.unlabelled_rows
    return {key: value for key, value in values.items() if value}


def encoder_name(config: StudyConfig) -> str:
    """What students start from as people call it: a hub id, or the end of a folder's path."""
    if config.data.generated:
        return "generated encoder"
    return _short(config.train.model or config.teacher.model)


def teacher_name(config: StudyConfig) -> str:
    """The teachers as people call them: by their encoder, unless they were given."""
    fine_tuned = config.teacher.fine_tuned
    given = sorted({_short(model) for task in fine_tuned for model in config.teacher.given(task)})
    if not given:
        return "generated encoder" if config.data.generated else _short(config.teacher.model)
    return f"{given[0]} and {len(given) - 1} more" if len(given) > 2 else " and ".join(given)


def _short(model: str) -> str:
    path = Path(model)
    if not path.is_dir():
        return model
    # A folder in somebody's home is not called by that person's name.
    return "/".join(Path(redacted(str(path))).parts[-2:]).removeprefix("~/")


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _git_commit() -> str | None:
    root = Path(__file__).resolve().parents[2]
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip() or None
