"""Teachers that were fine-tuned before the study: other depth, width, tokenizer, label order."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from pyarrow import parquet
from rich.console import Console
from transformers import (
    AutoTokenizer,
    BertConfig,
    BertForSequenceClassification,
    pipeline,
)

from pkd import benchmark, export
from pkd.data.preparation import Prepared
from pkd.data.tokens import open_tokens
from pkd.distillation.signals import open_signals
from pkd.models.encoder import load_encoder_config
from pkd.tasks.glue import GLUE
from study.config.cell import Cell
from study.config.study_config import StudyConfig
from study.planning.inputs import prepare_inputs
from study.planning.plan import make_plan
from study.search.budget import Budget
from study.search.cell_search import CellSearch
from study.search.dispatcher import TrialRef
from study.search.samplers import ListSampler
from study.stages.signals_stage import signals_requests
from study.stages.training_work import student_work, teacher_work
from study.storage.layout import Layout
from tests.support.commands.study_process import SHORT, Finished, Study
from tests.support.studies.contexts import context_of
from tests.support.studies.dispatchers import dispatcher_of, report, take
from tests.support.studies.given_teachers import LABELS, LAYERS, write_teacher
from tests.support.studies.plans import plan_of


def first_trial(tmp_path: Path, cell: Cell) -> TrialRef:
    search = CellSearch(cell, ListSampler([{}]), Budget(1, 1))
    return take(dispatcher_of(tmp_path / "ledger", search))


def write_second(folder: Path, model: Path) -> Path:
    """Writes a shallower BERT with the students' width and tokens."""
    AutoTokenizer.from_pretrained(model).save_pretrained(folder)
    torch.manual_seed(4)
    config = BertConfig.from_pretrained(model, num_hidden_layers=2)
    config.id2label = dict(enumerate(LABELS))
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def second(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_second(tmp_path_factory.mktemp("second"), tiny_model)


@pytest.fixture(scope="module")
def given_teacher(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_teacher(tmp_path_factory.mktemp("given-teacher"), tiny_model)


def test_a_suitable_teacher_is_accepted(dry_run: Callable, given_teacher: Path) -> None:
    # The students' encoder has four layers, and the teacher has more.
    given = f"--set=teacher.fine_tuned.rte={given_teacher}"
    assert dry_run(given, "--set=depths=[4, 2]") == (0, "")


@pytest.mark.parametrize(
    ("message", "option"),
    [
        (
            "names 'mrpc', which is not a task of this study: rte",
            "--set=teacher.fine_tuned.mrpc=model",
        ),
        (
            "names the same teacher of rte twice",
            "--set=teacher.fine_tuned.rte=[{given_teacher},{given_teacher}]",
        ),
        (
            "has the labels ['LABEL_0', 'LABEL_1']",
            "--set=teacher.fine_tuned.rte=[{given_teacher},model]",
        ),
        ("names no teacher of sst2: give one for every task", "--tasks=rte,sst2"),
        ("has the labels ['LABEL_0', 'LABEL_1']", "--set=teacher.fine_tuned.rte=model"),
        ("the teacher of rte", "--set=train.init=teacher"),
        ("student depth is 5", "--set=depths=[5]"),
        ("model folder ./gone does not exist", "--set=teacher.fine_tuned.rte=./gone"),
    ],
)
def test_an_unsuitable_teacher_is_refused(
    dry_run: Callable, given_teacher: Path, message: str, option: str
) -> None:
    option = option.replace("{given_teacher}", str(given_teacher))
    code, errors = dry_run(f"--set=teacher.fine_tuned.rte={given_teacher}", option)
    assert code == 2 and message in errors and "Traceback" not in errors


def test_teachers_of_two_sizes_are_refused(
    dry_run: Callable, given_teacher: Path, tiny_model: Path, tmp_path: Path
) -> None:
    other = write_teacher(tmp_path / "other", tiny_model, layers=6)
    settings = (other / "config.json").read_text()
    for label, name in zip(LABELS, GLUE["sst2"].labels, strict=True):
        settings = settings.replace(f'"{label}"', f'"{name}"')
    (other / "config.json").write_text(settings)
    given = f"--set=teacher.fine_tuned={{rte: {given_teacher}, sst2: {other}}}"
    code, errors = dry_run(given, "--tasks=rte,sst2")
    assert code == 2 and "differ in layers × width (rte 5 × 24, sst2 6 × 24)" in errors


def test_a_teacher_trained_from_another_encoder_reads_its_own_tokens(
    given_teacher: Path, tiny_data: Path, tiny_model: Path, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"tasks": ["rte"], "depths": [4], "methods": ["pkd-skip"]}
    options |= {"data": {"dir": tiny_data}, "teacher": {"model": str(given_teacher)}}
    train = {"model": str(tiny_model), "start_layers": {4: [1, 2, 3, 4]}}
    config = StudyConfig.model_validate(options | {"train": train})
    layout = Layout(tmp_path / "out")
    inputs = prepare_inputs(config, [GLUE["rte"]], layout, Console(quiet=True))
    plan = make_plan(config, inputs.tasks, load_encoder_config(inputs.encoder), inputs.teachers)
    assert (plan.teacher_layers, plan.encoder.num_hidden_layers) == (LAYERS, 4)
    context = context_of(plan, layout, inputs.encoder)
    teacher = first_trial(tmp_path, Cell("teachers", "rte", LAYERS, "teacher"))
    taught = teacher_work(context)(*teacher).files
    student = first_trial(tmp_path, Cell("search", "rte", 4, "pkd-skip"))
    work = student_work(context, {}, keep_weights=False)(*student)
    learns = work.files
    assert work.recipe["start_layers"] == (1, 2, 3, 4)
    assert (taught.model, learns.model) == (given_teacher, tiny_model)
    assert learns.tokens == inputs.tasks["rte"].tokens and learns.teacher_layers == LAYERS
    ids = [open_tokens(files.tokens["train"]).batch(np.arange(1)) for files in (taught, learns)]
    texts = [
        AutoTokenizer.from_pretrained(folder).decode(each["input_ids"][0])
        for folder, each in zip((given_teacher, tiny_model), ids, strict=True)
    ]
    assert texts[0] == texts[1] and not ids[0]["input_ids"].equal(ids[1]["input_ids"])


def test_each_teacher_of_an_ensemble_reads_its_own_tokens(
    given_teacher: Path, second: Path, tiny_data: Path, tiny_model: Path, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"tasks": ["rte"], "depths": [2], "methods": ["kd", "pkd-skip"]}
    options |= {"data": {"dir": tiny_data}}
    named = {"model": str(tiny_model), "fine_tuned": {"rte": [str(given_teacher), str(second)]}}
    config = StudyConfig.model_validate(options | {"teacher": named})
    layout = Layout(tmp_path / "out")
    inputs = prepare_inputs(config, [GLUE["rte"]], layout, Console(quiet=True))
    plan = make_plan(config, inputs.tasks, load_encoder_config(inputs.encoder), inputs.teachers)
    # The first teacher defines the size of the teachers.
    assert (plan.teacher_layers, plan.ensemble("rte")) == (LAYERS, 2)
    teacher = Cell("teachers", "rte", LAYERS, "teacher")
    first, other = signals_requests(plan, layout, first_trial(tmp_path, teacher).search)
    assert first.teacher == layout.teacher("rte") and other.teacher.parent == layout.given
    assert first.settings == {"layers": [3]}  # 5/2 = 2.5 is rounded up
    assert other.settings == {"layers": [], "teacher": other.teacher.name}
    assert load_encoder_config(other.teacher).num_hidden_layers == 2
    assert other.prepared.tokens == inputs.tasks["rte"].tokens != first.prepared.tokens
    context = context_of(plan, layout, inputs.encoder)
    student = first_trial(tmp_path, Cell("search", "rte", 2, "kd"))
    signals = {"rte": (Path("a"), Path("b"))}
    learns = student_work(context, signals, keep_weights=False)(*student).files
    assert (learns.signals, learns.further_signals) == (Path("a"), (Path("b"),))


def test_the_best_trained_teachers_make_the_signals(tiny_model: Path, tmp_path: Path) -> None:
    config = StudyConfig.model_validate({"depths": [2], "teacher": {"ensemble": 2}})
    rte = Prepared(GLUE["rte"], {}, {})
    plan, layout = plan_of(config, {"rte": rte}, load_encoder_config(tiny_model)), Layout(tmp_path)
    cell = Cell("teachers", "rte", 4, "teacher")
    search = CellSearch(cell, ListSampler([{}] * 3), Budget(3, 1, keep=2))
    dispatcher = dispatcher_of(tmp_path / "ledger", search)
    for score in (0.7, 0.5, 0.9):
        dispatcher.report(*take(dispatcher), report(1, score))
    first, other = signals_requests(plan, layout, search)
    assert (first.teacher, first.prepared) == (layout.teacher("rte"), rte)
    assert other.teacher == layout.ensemble_member("rte", "trial-0000")
    assert other.settings == {"layers": [], "teacher": "trial-0000"}


def assert_students_learn_from(study: Study, teachers: list[Path]) -> None:
    """Checks that the signals of the first row are the teachers' predictions for it."""
    reports = {e["trial"]: e for e in study.events("signals") if e["event"] == "report"}
    folders = [study.out / "signals" / reports[job]["folder"] for job in ("job-0000", "job-0001")]
    signals = open_signals(folders[0], further=folders[1:])
    row = parquet.read_table(study.data / "rte" / "train.parquet").to_pylist()[0]
    pair = {"text": row["sentence1"], "text_pair": row["sentence2"]}
    for teacher, logits in zip(teachers, (signals.logits, *signals.further), strict=True):
        outputs = pipeline("text-classification", model=str(teacher), top_k=None)(pair)
        probabilities = {each["label"]: each["score"] for each in outputs}
        expected = torch.tensor([probabilities[label] for label in LABELS])
        torch.testing.assert_close(logits[0].softmax(0), expected, rtol=1e-2, atol=1e-2)


def accuracy(model: Path, data: Path) -> float:
    """Returns the share of rte's dev rows that a model predicts correctly."""
    classify = pipeline("text-classification", model=str(model), top_k=None)
    rows = parquet.read_table(data / "rte" / "validation.parquet").to_pylist()
    pairs = [{"text": row["sentence1"], "text_pair": row["sentence2"]} for row in rows]
    chosen = [max(classify(pair), key=lambda each: each["score"])["label"] for pair in pairs]
    right = [name == LABELS[row["label"]] for name, row in zip(chosen, rows, strict=True)]
    return sum(right) / len(right)


@pytest.mark.slow
def test_a_study_of_the_ensemble_that_it_trains(
    ensembled: Finished, tmp_path: Path, without_ray: Callable
) -> None:
    study = replace(ensembled.study, out=tmp_path / "run")
    shutil.copytree(ensembled.study.out, study.out)
    record = yaml.safe_load((study.out / "study.yaml").read_text())
    assert record["teacher"]["ensemble"] == {"rte": 2}
    [further] = (study.out / "ensembles" / "rte").iterdir()
    best = study.out / "teachers" / "rte"
    scores = {e["trial"]: e["score"] for e in study.events("teachers") if e["event"] == "end"}
    assert scores[further.name] == min(scores.values())
    assert_students_learn_from(study, [best, further])

    # The study needs the teachers of its students as long as it exists.
    shutil.rmtree(further)
    again = without_ray(study)
    assert again.returncode == 1
    assert f"{further} does not hold the model of {further.name}" in again.stdout


@pytest.mark.slow
def test_a_study_of_given_teachers(
    given_teacher: Path,
    second: Path,
    tiny_data: Path,
    tiny_model: Path,
    tmp_path: Path,
    without_ray: Callable,
) -> None:
    config = SHORT | {"methods": ["ft", "pkd-skip"]}
    config |= {"teacher": {"fine_tuned": {"rte": [str(given_teacher), str(second)]}}}
    study = Study(tmp_path / "run", tiny_data, tiny_model, "rte", config)
    done = study.run()
    assert done.returncode == 0, done.stdout
    record = yaml.safe_load((study.out / "study.yaml").read_text())
    assert (record["teacher"]["layers"], record["student"]["layers"]) == (LAYERS, 4)
    assert record["teacher"]["ensemble"] == {"rte": 2}

    # The teachers are scored, not trained.
    events = {e["event"]: e for e in study.events("teachers")}
    assert events["start"]["trial"] == "given-0000" and events["start"]["settings"] == {}
    right = accuracy(given_teacher, tiny_data)
    assert events["end"]["metrics"]["validation"]["accuracy"] == right
    [other] = events["report"]["further"]
    assert other["metrics"]["validation"]["accuracy"] == accuracy(second, tiny_data)
    line = (
        f"teachers rte-5-teacher: {second} scores {100 * accuracy(second, tiny_data):.1f} on dev"
    )
    assert line in " ".join(done.stdout.split())

    # Students learn from the predictions of teachers that read their own tokens.
    assert_students_learn_from(study, [given_teacher, second])

    # The tools that read the run folder give each teacher its own tokens.
    assert "5 Teacher" in done.stdout
    assert benchmark.main([str(study.out), "--seconds", "0.01"]) == 0
    shipped = [str(study.out), "--task", "rte", "--to", str(tmp_path / "shipped")]
    assert export.main([*shipped, "--seconds", "0.01"]) == 0
    card = (tmp_path / "shipped" / "README.md").read_text()
    assert f"{LAYERS} layers, the first of an ensemble of 2, fine-tuned: accuracy" in card
    rows = [[cell.strip() for cell in line.split("|")] for line in card.splitlines()]
    [measured] = [row for row in rows if row[1:3] == ["teacher", "PyTorch fp32"]]
    assert measured[4] == f"{100 * right:.1f}"

    again = without_ray(study)
    assert again.returncode == 0 and "given-0000" not in again.stdout, again.stdout
