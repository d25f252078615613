"""Puts the files that every trial reads where every node finds them."""

import shutil
from dataclasses import replace
from pathlib import Path

from pkd.files.cache import MANIFEST, build_once
from pkd.models.encoder import weights_digest
from study.planning.plan import Plan
from study.storage.layout import Layout

_MODEL_FILES = ("*.json", "*.txt", "*.model", "*.safetensors")


def share_inputs(layout: Layout, plan: Plan, encoder: Path) -> tuple[Path, Plan]:
    """Copies the encoders into the study; publishes them, the given teachers and the tokens.

    Args:
        layout: the study's folders.
        plan: of the study.
        encoder: folder of the pre-trained encoder on this node.

    Returns:
        The students' encoder in the study's folder, and the plan with the teachers' encoder there.
    """
    teachers = plan.teachers
    shared, start = _copied(layout, encoder), _copied(layout, teachers.start)
    others = [each for ensemble in teachers.other_members.values() for each in ensemble]
    teacher_tasks = (*teachers.tasks.values(), *(each.prepared for each in others))
    tasks = (*plan.tasks.values(), *teacher_tasks)
    tokens = {folder for task in tasks for folder in task.tokens.values()}
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
