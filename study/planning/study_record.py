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

from pkd.cache import fingerprint
from pkd.errors import InputError, listed
from pkd.files import write_atomic
from pkd.models import weights_digest
from pkd.prepare import Prepared
from pkd.yamlfile import read_mapping
from study.config import StudyConfig
from study.layout import Layout
from study.plan import Plan
from study.redact import redacted, redacted_command, redacted_tree

FORMAT = 1
_PACKAGES = ("torch", "transformers", "ray", "optuna", "datasets", "numpy", "scikit-learn")


def write_study_file(layout: Layout, plan: Plan, encoder: Path) -> None:
    """Records the resolved configuration, the versions, the plan and what it starts from."""
    config = plan.config
    created = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    identity = uuid.uuid4().hex
    if layout.study_file.exists():
        recorded = _read(layout.study_file)
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
        "inputs": _inputs(plan),
        "encoder": weights_digest(encoder),
        "teacher_encoder": weights_digest(plan.teachers.start),
        "config": redacted_tree(config.model_dump(mode="json")),
    }
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    write_atomic(layout.study_file, lambda path: _write(path, text))
    layout.store.publish(layout.study_file)


def identity_of(layout: Layout) -> tuple[str, str]:
    """A study's name, and what tells it from others of that name wherever it lies."""
    recorded = _read(layout.study_file)
    return recorded["name"], recorded["id"]


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


def check_same_study(layout: Layout, config: StudyConfig) -> None:
    """Refuses to mix two studies in one folder.

    A study may grow (more search trials, confirm seeds, tasks, depths or methods), may move to
    other hardware and may be followed by other trackers; nothing else may change.

    Raises:
        InputError: with each key that differs, its old and its new value.
    """
    if not layout.study_file.exists():
        return
    recorded = _read(layout.study_file)
    # An older version did what is the default now, where it did not know a key yet.
    whole = _completed(recorded["config"], StudyConfig().model_dump(mode="json"))
    old = _flat(redacted_tree(whole))
    new = _flat(redacted_tree(config.model_dump(mode="json")))
    # A new task brings its fine-tuned teacher, a new depth its list of layers.
    added = config.teacher.fine_tuned.keys() - recorded.get("tasks", {}).keys()
    grown = {f"teacher.fine_tuned.{task}" for task in added}
    depths = set(config.depths) - set(recorded.get("depths", ()))
    grown |= {f"train.start_layers.{depth}" for depth in depths}
    differences = [
        f"{key}: {old.get(key)!r} there, {new.get(key)!r} now"
        for key in sorted((old.keys() | new.keys()) - grown)
        if old.get(key) != new.get(key) and not _may_change(key, old.get(key), new.get(key))
    ]
    if differences:
        raise InputError(
            f"{layout.out} holds another study:\n  "
            + "\n  ".join(differences)
            + "\nGive another --out, or the same configuration (budgets, tasks, depths and "
            "methods may grow)"
        )


def check_same_inputs(layout: Layout, plan: Plan, encoder: Path) -> None:
    """Refuses to continue a study whose rows, encoder or score have changed under the same names.

    Raises:
        InputError: naming the tasks, or the encoder's folder.
    """
    if not layout.study_file.exists():
        return
    recorded = _read(layout.study_file)
    for key, folder in {"encoder": encoder, "teacher_encoder": plan.teachers.start}.items():
        if recorded.get(key, now := weights_digest(folder)) != now:
            raise InputError(
                f"{layout.out} holds a study of another encoder: the files in {folder} have "
                "changed since it began. Give another --out"
            )
    for name, prepared in plan.tasks.items():
        metrics = list(prepared.task.metrics)
        there = recorded.get("tasks", {}).get(name, {}).get("metrics", metrics)
        if there != metrics:
            raise InputError(
                f"{layout.out} holds a study that scores {name} by {listed(there)}, not by "
                f"{listed(metrics)} (`metrics` of its task file). Give another --out"
            )
    old, new = recorded.get("inputs", {}), _inputs(plan)
    changed = [task for task, digest in new.items() if old.get(task, digest) != digest]
    if changed:
        raise InputError(
            f"{layout.out} holds a study of other data: rows, class weights, labels, tokenizer "
            f"or given teacher of {', '.join(changed)} have changed since it began. Give another "
            "--out"
        )


def _inputs(plan: Plan) -> dict[str, str]:
    """Identifies what each task is trained and scored on, as the models see it."""
    return {name: fingerprint(_input(plan, name)) for name in plan.tasks}


def _input(plan: Plan, name: str) -> list[Any]:
    prepared = plan.tasks[name]
    task = prepared.task
    splits = dict.fromkeys((task.train, *task.dev, task.distilled))
    seen: list[Any] = [prepared.tokens[split].name for split in splits]
    if task.class_weights is not None:
        seen.append(task.class_weights)
    if plan.teachers.given:
        seen.append(plan.teachers.given[name].name)  # its folder is named by its content
        seen += [each.folder.name for each in plan.teachers.further.get(name, ())]
    return seen


def _may_change(key: str, old: Any, new: Any) -> bool:
    if key.startswith(("resources.", "trackers.")) or key == "name":
        return True
    if key in ("search.trials", "confirm.seeds"):
        return bool(new >= old)
    if key in ("tasks", "depths", "methods"):
        return set(new) >= set(old)
    return False


def _completed(tree: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    filled = dict(tree)
    for key, default in defaults.items():
        value = filled.setdefault(key, default)
        if isinstance(value, dict) and isinstance(default, dict):
            filled[key] = _completed(value, default)
    return filled


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def _read(path: Path) -> dict[str, Any]:
    content = read_mapping(path, "study's record")
    written_by = content.get("format")
    if isinstance(written_by, int) and written_by > FORMAT:
        raise InputError(f"{path} was written by a newer version of this project; update it")
    if not isinstance(content.get("config"), dict) or "created" not in content:
        raise InputError(f"{path} is no record of a study: choose another --out")
    return content


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _git_commit() -> str | None:
    root = Path(__file__).resolve().parent.parent
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip() or None
