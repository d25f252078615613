"""Whether a command continues the study that its folder holds."""

from pathlib import Path
from typing import Any

from pkd.errors import InputError, listed
from pkd.files.cache import fingerprint
from pkd.models.encoder import weights_digest
from pkd.runtime.redaction import redacted_tree
from study.config.study_config import StudyConfig
from study.planning.plan import Plan
from study.storage.layout import Layout
from study.storage.study_file import read_study_file


def check_same_study(layout: Layout, config: StudyConfig) -> None:
    """Refuses to mix two studies in one folder.

    A study may grow (more search trials, confirm seeds, tasks, depths or methods), may move to
    other hardware and may be followed by other trackers; nothing else may change.

    Raises:
        InputError: with each key that differs, its old and its new value.
    """
    if not layout.study_file.exists():
        return
    recorded = read_study_file(layout.study_file)
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
    recorded = read_study_file(layout.study_file)
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
    old, new = recorded.get("inputs", {}), inputs_of(plan)
    changed = [task for task, digest in new.items() if old.get(task, digest) != digest]
    if changed:
        raise InputError(
            f"{layout.out} holds a study of other data: rows, class weights, labels, tokenizer "
            f"or given teacher of {', '.join(changed)} have changed since it began. Give another "
            "--out"
        )


def inputs_of(plan: Plan) -> dict[str, str]:
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
