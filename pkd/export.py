"""Makes a folder to deploy of a study's student, with the evidence beside it.

    python -m pkd.export RUN_DIR --task T [--student METHOD-DEPTH] --to DIR [--onnx] [--int8]

The folder holds weights and tokenizer for transformers' ``from_pretrained`` and ``pipeline``, a
model card (README.md), and ``export.json``. ``--onnx`` adds ``onnx/model.onnx``, which must
predict the same labels as PyTorch on every row of the first dev split; ``--int8`` adds
``onnx/model_int8.onnx`` too. Size, dev score and latency of all forms are measured on the CPU,
the teacher first.
"""

import argparse
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from transformers import PreTrainedModel

from pkd.data.tokens import TokenArrays, open_tokens
from pkd.deployment.model_card import cost_table, model_card
from pkd.deployment.onnx_model import check_packages, write_int8, write_onnx
from pkd.deployment.run_folder import (
    Student,
    chosen_tasks,
    dev_tokens,
    find_student,
    is_saved,
    read_card,
    read_study,
    students,
    text_columns,
)
from pkd.deployment.variants import INT8_FILE, ONNX_FILE, load_variants, measure
from pkd.errors import CacheError, InputError
from pkd.evaluation.timing import MIN_REPEATS, Limits
from pkd.files.atomic import explained_full_disk, remove, write_json
from pkd.files.cache import MANIFEST, verify
from pkd.models.classifier import load_as_deployed, save_model
from pkd.models.encoder import load_encoder_config, load_tokenizer, longest_input
from pkd.runtime.command_line import make_run_parser, run_command, say, use_threads

FORMAT = 1
EXPORT_FILE = "export.json"


def main(argv: list[str] | None = None) -> int:
    """Runs the command line; see `pkd.runtime.command_line.run_command`."""
    return run_command(_parser(), _export, argv)


def _export(options: argparse.Namespace) -> int:
    limits = _limits(options)
    use_threads(options.threads)
    exported = export(
        options.run_dir,
        options.task,
        options.to,
        options.student,
        options.onnx,
        options.int8,
        limits,
    )
    if exported["forms"]:
        print(f"{cost_table(exported['forms'])}\n{exported['conditions']}")
    if exported["difference"] is not None:
        print(
            f"ONNX and PyTorch predict the same labels on {exported['rows']:,} dev rows; the "
            f"largest difference of a logit is {exported['difference']:.2g}"
        )
    print(f"{options.to} holds {exported['student']} of {exported['task']}")
    return 0


def export(
    run_dir: Path,
    task: str,
    to: Path,
    name: str | None = None,
    onnx: bool = False,
    int8: bool = False,
    limits: Limits | None = None,
) -> dict[str, Any]:
    """Exports a student; the folder appears only when it is complete and checked.

    Args:
        run_dir: what ``study/run.py`` wrote.
        task: one of its tasks.
        to: the folder to make.
        name: the student, as `pkd.deployment.run_folder.Student.name`; without, the one with the
            best mean of confirm seeds.
        onnx: whether to write ONNX too.
        int8: whether to write it and its int8 version.
        limits: how long the forms are timed.

    Returns:
        What ``export.json`` holds: ``format``, ``task``, ``student``, ``texts`` (columns),
        ``labels``, ``max_length``, ``forms`` (rows of `pkd.deployment.model_card.cost_table`;
        none without the dev rows' tokens), ``conditions``, and of ONNX the ``difference`` from
        PyTorch (None without) and the ``rows`` it was checked on.

    Raises:
        InputError: for a run, task, student or folder that cannot be used, or missing packages.
        ExportError: if the ONNX file does not predict what PyTorch predicts.
    """
    source, onnx = _source(run_dir, task, name), onnx or int8
    if onnx:
        check_packages()
    _check_target(to)
    tokens = _dev_rows(source, needed=onnx)
    partial = to.with_name(f"{to.name}.export")
    remove(partial)
    try:
        with explained_full_disk(to.parent):
            exported = _write(partial, source, tokens, onnx, int8, limits or Limits())
            partial.rename(to)
    finally:
        remove(partial)
    return exported


@dataclass(frozen=True)
class _Source:
    """What is exported, and all that is known of it."""

    run_dir: Path
    study: dict[str, Any]
    task: str
    student: Student
    card: dict[str, Any]

    @property
    def about(self) -> dict[str, Any]:
        about: dict[str, Any] = self.study["tasks"][self.task]
        return about

    @property
    def teacher(self) -> Path | None:
        folder = self.run_dir / "teachers" / self.task
        return folder if is_saved(folder) else None

    def teacher_tokens(self) -> TokenArrays:
        """The dev rows as the teacher reads them."""
        return open_tokens(dev_tokens(self.run_dir, self.study, self.task, teacher=True))

    @property
    def max_length(self) -> int:
        """The longest row that the student was trained on, or what it takes at most."""
        trained = (self.study.get("config") or {}).get("train") or {}
        return int(
            trained.get("max_length") or longest_input(load_encoder_config(self.student.folder))
        )


def _source(run_dir: Path, task: str, name: str | None) -> _Source:
    study = read_study(run_dir)
    chosen_tasks(study, [task])
    student = find_student(students(run_dir, study, task), name)
    if (student.folder / MANIFEST).exists():
        verify(student.folder)
    return _Source(run_dir, study, task, student, read_card(student.folder))


def _check_target(to: Path) -> None:
    if not to.parent.is_dir():
        raise InputError(f"--to is {to}, but the folder {to.parent} does not exist: make it first")
    if to.exists():
        raise InputError(f"--to is {to}, which exists already: give another, or delete it first")


def _dev_rows(source: _Source, needed: bool) -> TokenArrays | None:
    try:
        return open_tokens(dev_tokens(source.run_dir, source.study, source.task))
    except (CacheError, KeyError) as error:
        why = (
            f"{source.run_dir} lacks the tokens of {source.task}'s dev rows ({error}); "
            "`python -m study.pull` leaves them behind"
        )
        if needed:
            raise InputError(
                f"{why}: --onnx and --int8 are checked on them, so export where the study ran"
            ) from None
        say(f"{why}: nothing is measured")
        return None


def _write(
    folder: Path,
    source: _Source,
    tokens: TokenArrays | None,
    onnx: bool,
    int8: bool,
    limits: Limits,
) -> dict[str, Any]:
    student, about = source.student, source.about
    model = _save(folder, source)
    exported: dict[str, Any] = {
        **{"format": FORMAT, "task": source.task, "student": student.name},
        **{"texts": list(text_columns(source.study, source.task)), "labels": about["labels"]},
        **{"max_length": source.max_length, "forms": [], "conditions": "", "difference": None},
        **{"rows": 0 if tokens is None else len(tokens)},
    }
    inputs = list[str]()
    if tokens is not None:
        if onnx:
            inputs = _write_onnx(folder, model, tokens, int8)
        teacher = None if source.teacher is None else (source.teacher, source.teacher_tokens())
        variants = list(load_variants(teacher, folder, student.name, model, tokens))
        split = about["dev_splits"][0]
        exported |= measure(variants, source.task, split, about["metrics"], tokens, limits)
    card = model_card(
        source.study,
        source.task,
        student,
        source.card,
        read_card(source.teacher) if source.teacher else None,
        table=cost_table(exported["forms"]) if exported["forms"] else None,
        conditions=exported["conditions"],
        onnx=onnx,
        int8=int8,
        inputs=", ".join(f"`{each}`" for each in inputs),
        difference=exported["difference"],
    )
    (folder / "README.md").write_text(card, encoding="utf-8")
    write_json(folder / EXPORT_FILE, exported)
    return exported


def _save(folder: Path, source: _Source) -> PreTrainedModel:
    """Saves the student with its tokenizer, which learns where rows are cut."""
    load_encoder_config(source.student.folder)  # refuses a model that needs code of its own
    model, labels = load_as_deployed(source.student.folder), source.about["labels"]
    model.config.id2label = dict(enumerate(labels))
    model.config.label2id = {label: code for code, label in enumerate(labels)}
    save_model(model, source.student.folder, folder)
    tokenizer = load_tokenizer(folder)
    tokenizer.model_max_length = source.max_length
    tokenizer.save_pretrained(folder)
    for weights in folder.glob("*.safetensors"):  # which are for the writer's eyes alone
        shutil.copymode(folder / "config.json", weights)
    return model


def _write_onnx(
    folder: Path, model: PreTrainedModel, tokens: TokenArrays, int8: bool
) -> list[str]:
    """Writes the ONNX files and gives the names of their inputs."""
    (folder / ONNX_FILE).parent.mkdir()
    say(f"writing {ONNX_FILE}")
    inputs = write_onnx(model, tokens.batch(np.arange(2)), folder / ONNX_FILE)
    if int8:
        say(f"writing {INT8_FILE}")
        write_int8(folder / ONNX_FILE, folder / INT8_FILE)
    return inputs


def _limits(options: argparse.Namespace) -> Limits:
    if not options.seconds > 0:
        raise InputError(f"--seconds is {options.seconds:g}, but must be > 0")
    return Limits(seconds=options.seconds)


def _parser() -> argparse.ArgumentParser:
    parser = make_run_parser("pkd.export", __doc__)
    parser.add_argument("--task", required=True, help="a task of the study")
    parser.add_argument(
        "--student",
        metavar="METHOD-DEPTH",
        help="e.g. pkd-skip-3; the best mean of the confirm seeds by default",
    )
    parser.add_argument("--to", metavar="DIR", type=Path, required=True, help="a new folder")
    parser.add_argument("--onnx", action="store_true", help="write onnx/model.onnx too")
    parser.add_argument(
        "--int8", action="store_true", help="write onnx/model_int8.onnx too; implies --onnx"
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=Limits.seconds,
        help="time for the slowest form and each batch size (at least "
        f"{MIN_REPEATS} passes are made)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
