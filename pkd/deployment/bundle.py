"""Export of a student: a folder to deploy, with measurements of its cost."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from transformers import PreTrainedModel

from pkd.data.tokens import TokenArrays, open_tokens
from pkd.deployment.agreement import Tolerance, options_of, tolerances
from pkd.deployment.cost_tables import (
    class_table,
    conditions,
    cost_table,
    cpu_facts,
    slower_than_pytorch,
)
from pkd.deployment.model_card import model_card
from pkd.deployment.onnx_model import (
    INT8_FILE,
    ONNX_FILE,
    check_packages,
    write_int8,
    write_onnx,
)
from pkd.deployment.run_folder import (
    check_saved,
    chosen_tasks,
    dev_tokens,
    is_saved,
    read_card,
    read_study,
    teacher_folder,
    text_columns,
)
from pkd.deployment.students import (
    Scores,
    Student,
    doubts,
    find_student,
    held_out_flaw,
    held_out_metrics,
    students,
)
from pkd.deployment.text_classifier import EXPORT_FILE
from pkd.deployment.variants import TEACHER, load_variants, measure
from pkd.errors import CacheError, InputError
from pkd.evaluation.timing import Limits
from pkd.files.atomic import explained_full_disk, remove, write_json
from pkd.files.run_places import check_folder_place
from pkd.models.classifier import load_as_deployed, save_model
from pkd.models.encoder import load_encoder_config, longest_input
from pkd.models.task_settings import bind_to_task
from pkd.models.tokenizer import load_tokenizer
from pkd.runtime.command_line import say

FORMAT = 1  # of export.json


def export(
    run_dir: Path,
    task: str,
    to: Path,
    name: str | None = None,
    onnx: bool = False,
    int8: bool = False,
    limits: Limits | None = None,
    max_changed: float | None = None,
    max_drop: float | None = None,
) -> dict[str, Any]:
    """Exports a student; the folder appears only when it is complete and checked.

    Args:
        run_dir: the run folder of a study.
        task: one of its tasks.
        to: the folder to make.
        name: the student, as `pkd.deployment.students.Student.name`; by default the best one, see
            `pkd.deployment.students.students`.
        onnx: whether to write an ONNX file too.
        int8: whether to write an ONNX file and its int8 version.
        limits: how long to time the forms.
        max_changed: how far an ONNX file may differ from PyTorch, see
            `pkd.deployment.agreement.tolerances`.
        max_drop: likewise.

    Returns:
        The content of ``export.json``: ``format``, ``task``, ``student``, ``texts`` (columns),
        ``labels``, ``max_length``, ``forms`` (see `pkd.deployment.cost_tables`; empty without the
        tokens of the dev rows), ``cpu`` and ``conditions`` of the measurements, of ONNX the
        ``difference`` from PyTorch (None without ONNX) and the number of ``rows`` that it was
        checked on; ``dev_score`` (mean over seeds), ``held_out`` (metrics by split),
        ``held_out_score`` (their mean; None if there are none), and ``doubts`` about the student.

    Raises:
        InputError: if run folder, task, student or target cannot be used, or packages are missing.
        CacheError: if a file of the study is damaged.
        ExportError: if an ONNX file differs from PyTorch by more than the limits.
    """
    allowed = tolerances(max_changed, max_drop)
    source, onnx = _find_source(run_dir, task, name), onnx or int8
    if onnx:
        check_packages("--int8" if int8 else "--onnx")
    _check_target(to)
    for doubt in source.doubts:
        say(f"warning: {doubt}")
    tokens = _dev_rows(source, needed=onnx)
    partial = to.with_name(f"{to.name}.export")
    remove(partial)
    try:
        with explained_full_disk(to.parent):
            exported = _write(partial, source, tokens, onnx, int8, allowed, limits or Limits())
            partial.rename(to)
    finally:
        remove(partial)
    return exported


@dataclass(frozen=True)
class _Source:
    """The student to export and what its study recorded."""

    run_dir: Path
    study: dict[str, Any]
    task: str
    student: Student
    card: dict[str, Any]
    doubts: list[str]

    @property
    def task_entry(self) -> dict[str, Any]:
        """The entry of the task in ``study.yaml``."""
        entry: dict[str, Any] = self.study["tasks"][self.task]
        return entry

    @property
    def teacher(self) -> Path | None:
        folder = teacher_folder(self.run_dir, self.task)
        return folder if is_saved(folder) else None

    @property
    def teacher_held_out(self) -> Scores:
        """The teacher's metrics on the held-out splits, by split."""
        layers = self.study["teacher"]["layers"]
        return held_out_metrics(self.run_dir, self.study, f"{self.task}-{layers}-{TEACHER}")

    def teacher_tokens(self) -> TokenArrays:
        """The dev rows in the teacher's tokens."""
        return open_tokens(dev_tokens(self.run_dir, self.study, self.task, teacher=True))

    @property
    def max_length(self) -> int:
        """Tokens of the longest row in training; the model's limit where it is not recorded."""
        trained = (self.study.get("config") or {}).get("train") or {}
        return int(
            trained.get("max_length") or longest_input(load_encoder_config(self.student.folder))
        )


def _find_source(run_dir: Path, task: str, name: str | None) -> _Source:
    study = read_study(run_dir)
    chosen_tasks(study, [task])
    found = students(run_dir, study, task)
    student = find_student(found, name)
    check_saved(student.folder)
    card, against = read_card(student.folder), doubts(found, student)
    if flaw := held_out_flaw(run_dir, study, student.folder.name):
        against.append(f"the held-out scores of {student.name} are left out: {flaw}")
    source = _Source(run_dir, study, task, student, card, against)
    if source.teacher is not None:
        check_saved(source.teacher)
    return source


def _check_target(to: Path) -> None:
    if not to.parent.is_dir():
        raise InputError(f"--to is {to}, but the folder {to.parent} does not exist: make it first")
    if to.exists():
        raise InputError(
            f"--to is {to}, which exists already: give another folder, or delete it first"
        )
    check_folder_place(to)


def _dev_rows(source: _Source, needed: bool) -> TokenArrays | None:
    try:
        return open_tokens(dev_tokens(source.run_dir, source.study, source.task))
    except (CacheError, KeyError) as error:
        reason = (
            f"{source.run_dir} lacks the tokens of {source.task}'s dev rows ({error}); "
            "`pkd-study pull` does not copy them"
        )
        if needed:
            raise InputError(
                f"{reason}: --onnx and --int8 are checked on them, so export where the study ran"
            ) from None
        say(f"{reason}: nothing is measured")
        return None


def _write(
    folder: Path,
    source: _Source,
    tokens: TokenArrays | None,
    onnx: bool,
    int8: bool,
    allowed: dict[str, Tolerance],
    limits: Limits,
) -> dict[str, Any]:
    student, entry = source.student, source.task_entry
    model = _save(folder, source)
    exported: dict[str, Any] = {
        **{"format": FORMAT, "task": source.task, "student": student.name},
        **{"texts": list(text_columns(source.study, source.task)), "labels": entry["labels"]},
        **{"max_length": source.max_length, "forms": [], "conditions": "", "difference": None},
        **{"rows": 0 if tokens is None else len(tokens), "dev_score": student.mean},
        **{"held_out": student.held_out, "held_out_score": student.held_out_score},
        **{"doubts": source.doubts},
    }
    inputs = list[str]()
    if tokens is not None:
        if onnx:
            inputs = _write_onnx(folder, model, tokens, int8)
        teacher = None if source.teacher is None else (source.teacher, source.teacher_tokens())
        variants = list(load_variants(teacher, folder, student.name, model, tokens))
        names, metrics = entry["labels"], entry["metrics"]
        exported |= measure(variants, source.task, names, metrics, allowed, limits)
        exported["cpu"] = cpu_facts()
        exported["conditions"] = conditions(entry["dev_splits"][0], exported["cpu"])
    forms = exported["forms"]
    card = model_card(
        source.study,
        source.task,
        student,
        source.card,
        read_card(source.teacher) if source.teacher else None,
        source.teacher_held_out,
        table=cost_table(forms) if forms else None,
        class_table=class_table(forms) if onnx else None,
        slower=slower_than_pytorch(forms),
        conditions=exported["conditions"],
        onnx=onnx,
        int8=int8,
        inputs=", ".join(f"`{each}`" for each in inputs),
        difference=exported["difference"],
        changed={form["form"]: form["changed"] for form in forms if form["model"] != TEACHER},
        doubts=source.doubts,
        accepted=options_of(allowed) if onnx else "",
    )
    (folder / "README.md").write_text(card, encoding="utf-8")
    write_json(folder / EXPORT_FILE, exported)
    return exported


def _save(folder: Path, source: _Source) -> PreTrainedModel:
    """Saves the student and its tokenizer, which from then on cuts rows at the maximum length."""
    load_encoder_config(source.student.folder)  # refuses a model that needs code of its own
    model, labels = load_as_deployed(source.student.folder), source.task_entry["labels"]
    bind_to_task(model.config, labels)
    save_model(model, source.student.folder, folder)
    tokenizer = load_tokenizer(folder)
    tokenizer.model_max_length = source.max_length
    tokenizer.save_pretrained(folder)
    for weights in folder.glob("*.safetensors"):  # safetensors lets only the owner read them
        shutil.copymode(folder / "config.json", weights)
    return model


def _write_onnx(
    folder: Path, model: PreTrainedModel, tokens: TokenArrays, int8: bool
) -> list[str]:
    """Writes the ONNX files and returns the names of their inputs."""
    (folder / ONNX_FILE).parent.mkdir()
    say(f"writing {ONNX_FILE}")
    inputs = write_onnx(model, tokens.batch(np.arange(2)), folder / ONNX_FILE)
    if int8:
        say(f"writing {INT8_FILE}")
        write_int8(folder / ONNX_FILE, folder / INT8_FILE)
    return inputs
