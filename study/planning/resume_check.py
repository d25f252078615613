"""Checks that a command continues the study in its folder."""

from pathlib import Path
from typing import Any

from pkd.errors import InputError, listed
from pkd.files.cache import fingerprint
from pkd.models.encoder import weights_digest
from pkd.runtime.redaction import redacted_tree
from study.config.own_methods import own_method_records
from study.config.study_config import StudyConfig
from study.planning.plan import Plan
from study.storage.layout import Layout
from study.storage.study_file import read_study_file


def check_same_study(layout: Layout, config: StudyConfig) -> None:
    """Checks that a configuration continues the study in a folder, if there is one.

    A study may grow (more search trials, confirm seeds, tasks, depths or methods), and its
    resources and trackers may change. Nothing else may change.

    Raises:
        InputError: with each key that differs, its old and its new value.
    """
    if not layout.study_file.exists():
        return
    recorded = read_study_file(layout.study_file)
    # A key that an older version did not have yet has its default.
    whole = _with_defaults(recorded["config"], StudyConfig().model_dump(mode="json"))
    old = _flattened(redacted_tree(whole))
    new = _flattened(redacted_tree(config.model_dump(mode="json")))
    # A new task may add its fine-tuned teacher, a new depth its list of layers.
    added = config.teacher.fine_tuned.keys() - recorded.get("tasks", {}).keys()
    grown = {f"teacher.fine_tuned.{task}" for task in added}
    depths = set(config.depths) - set(recorded.get("depths", ()))
    grown |= {f"train.start_layers.{depth}" for depth in depths}
    there = _recorded_own_methods(layout, recorded)
    grown |= {f"own_methods.{name}" for name in config.own_methods.keys() - there.keys()}
    if config.data.generated:
        grown.add("teacher.model")  # generated too: the record says so, the key is not read
    differences = [
        f"{key}: {old.get(key)!r} there, {new.get(key)!r} now"
        for key in sorted((old.keys() | new.keys()) - grown)
        if old.get(key) != new.get(key) and not _may_change(key, old.get(key), new.get(key))
    ]
    now = own_method_records(config.own_methods)
    differences += [
        f"own_methods.{name}: the code of {config.own_methods[name]} has changed"
        for name in now.keys() & there.keys()
        if now[name]["source"] != there[name]["source"]
    ]
    if differences:
        raise InputError(
            f"{layout.out} holds another study:\n  "
            + "\n  ".join(differences)
            + "\nGive another --out, or the same configuration (budgets, tasks, depths and "
            "methods may grow)"
        )


def _recorded_own_methods(layout: Layout, recorded: dict[str, Any]) -> dict[str, dict[str, Any]]:
    records = recorded.get("own_methods") or {}
    entries = records.values() if isinstance(records, dict) else [None]
    if not all(isinstance(each, dict) and "source" in each for each in entries):
        raise InputError(f"{layout.study_file} is damaged: cannot read `own_methods`")
    return dict(records)


def check_same_inputs(layout: Layout, plan: Plan, encoder: Path) -> None:
    """Checks that a study's rows, encoders and scores have not changed under the same names.

    Raises:
        InputError: naming the tasks or the encoder that have changed.
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
        entry = recorded.get("tasks", {}).get(name, {})
        metrics, labels = list(prepared.task.metrics), list(prepared.task.labels)
        if (there := entry.get("metrics", metrics)) != metrics:
            raise InputError(
                f"{layout.out} holds a study that scores {name} by {listed(there)}, not by "
                f"{listed(metrics)} (`metrics` of its task file). Give another --out"
            )
        if (there := entry.get("labels", labels)) != labels:
            raise InputError(
                f"{layout.out} holds a study of {name} with the labels {listed(there)}, not "
                f"{listed(labels)}: its models and predictions name the former. Give another --out"
            )
    old, new = recorded.get("inputs", {}), inputs_of(plan)
    changed = [task for task, digest in new.items() if old.get(task, digest) != digest]
    if changed:
        raise InputError(
            f"{layout.out} holds a study of other data: rows, class weights, labels, tokenizer, "
            f"given teacher or the head that models of {', '.join(changed)} start from have "
            "changed since it began. Give another --out"
        )


def inputs_of(plan: Plan) -> dict[str, str]:
    """Returns a fingerprint of each task's data, as the models see them."""
    return {name: fingerprint(_identity_of(plan, name)) for name in plan.tasks}


def _identity_of(plan: Plan, name: str) -> list[Any]:
    prepared = plan.tasks[name]
    task = prepared.task
    splits = dict.fromkeys((task.train, *task.dev, task.distilled))
    identity: list[Any] = [prepared.tokens[split].name for split in splits]
    if name in plan.new_heads:
        identity.append("new head")  # version 0.1.0 kept heads of other labels
    if task.class_weights is not None:
        identity.append(task.class_weights)
    if plan.teachers.given:
        identity.append(plan.teachers.given[name].name)  # its folder is named by its content
        identity += [each.folder.name for each in plan.teachers.other_members.get(name, ())]
    return identity


def _may_change(key: str, old: Any, new: Any) -> bool:
    if key.startswith(("resources.", "trackers.")) or key == "name":
        return True
    if key in ("search.trials", "confirm.seeds"):
        return bool(new >= old)
    if key in ("tasks", "depths", "methods"):
        return set(new) >= set(old)
    return False


def _with_defaults(tree: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """Returns a configuration with the defaults of the keys that it lacks."""
    filled = dict(tree)
    for key, default in defaults.items():
        value = filled.setdefault(key, default)
        if isinstance(value, dict) and isinstance(default, dict):
            filled[key] = _with_defaults(value, default)
    return filled


def _flattened(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns the values of a nested mapping by dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= _flattened(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
