"""Putting what every trial reads where every node finds it."""

import shutil
from dataclasses import replace
from pathlib import Path

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from pkd.cache import MANIFEST, build_once
from pkd.errors import InputError
from pkd.models import weights_digest
from study.layout import Layout
from study.plan import Plan

_MODEL_FILES = ("*.json", "*.txt", "*.model", "*.safetensors")
_ANSWER_S = 120


def share_inputs(layout: Layout, plan: Plan, encoder: Path) -> tuple[Path, Plan]:
    """Copies the encoders into the study, and publishes them, given teachers and the tokens.

    Args:
        layout: the study's folders.
        plan: the work.
        encoder: folder of the pre-trained encoder on this node.

    Returns:
        The encoder's folder that every node finds, and the plan with that of the teachers.
    """
    teachers = plan.teachers
    shared, start = _copied(layout, encoder), _copied(layout, teachers.start)
    others = [each for ensemble in teachers.further.values() for each in ensemble]
    asked = (*teachers.tasks.values(), *(each.prepared for each in others))
    read = (*plan.tasks.values(), *asked)
    tokens = {folder for task in read for folder in task.tokens.values()}
    given = (*teachers.given.values(), *(each.folder for each in others))
    for folder in {shared, start, *tokens, *given}:
        if not layout.store.exists(folder / MANIFEST):
            layout.store.publish(folder)
    return shared, replace(plan, teachers=replace(teachers, start=start))


def _copied(layout: Layout, encoder: Path) -> Path:
    def copy(target: Path) -> None:
        for pattern in _MODEL_FILES:
            for file in encoder.glob(pattern):
                shutil.copyfile(file, target / file.name)

    return build_once(layout.encoder, {"encoder": weights_digest(encoder)}, copy)


def check_every_node_sees(out: Path) -> None:
    """Refuses a plain ``--out`` that some node of the cluster does not have.

    Raises:
        InputError: naming the nodes.
    """
    card = out / "driver.json"
    looks = {
        node["NodeName"]: ray.remote(_read)
        .options(
            num_cpus=0, scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], False)
        )
        .remote(str(card))
        for node in ray.nodes()
        if node["Alive"]
    }
    here = _read(str(card))
    blind = [name for name, look in looks.items() if ray.get(look, timeout=_ANSWER_S) != here]
    if blind:
        raise InputError(
            f"--out {out} is not the same folder on every node ({', '.join(sorted(blind))} "
            "differs): give a folder of a shared file system, or a URI such as s3://bucket/folder"
        )


def _read(path: str) -> str | None:
    file = Path(path)
    return file.read_text(encoding="utf-8") if file.exists() else None
