"""Rows without labels: students learn from what the teacher says of them, at equal steps."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from pkd.data.preparation import Prepared, describe_task, prepare_task
from pkd.data.rows import UNLABELLED
from pkd.data.tokens import open_tokens
from pkd.distillation.loss_weights import LossWeights
from pkd.distillation.losses import LossInputs, distillation_loss, soft_target_loss
from pkd.distillation.recipe import Recipe
from pkd.distillation.signals import ask_teacher, open_signals
from pkd.errors import InputError
from pkd.evaluation.inference import predict_logits
from pkd.models.classifier import load_classifier, save_model
from pkd.tasks.task import Task
from pkd.tasks.task_file import resolve_tasks
from pkd.train import main
from pkd.training.training_run import Files, TrainingRun
from tests.support.training import tiny

CPU = torch.device("cpu")
LABELLED, POOL = 20, 47


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 training rows with labels, 8 of dev, and 47 without labels."""
    folder = tmp_path_factory.mktemp("own")
    rng = np.random.default_rng(0)
    for name, rows in {"train": LABELLED, "dev": 8, "unlabelled": POOL}.items():
        lines = [
            {"text": text} | ({} if name == "unlabelled" else {"label": ("no", "yes")[n % 3 == 0]})
            for n, text in enumerate(tiny.sentences(rng, rows))
        ]
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return folder


@pytest.fixture(scope="module")
def task(folder: Path) -> Task:
    [task] = resolve_tasks([str(folder)])
    return task


@pytest.fixture(scope="module")
def own(task: Task, encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepare_task(task, encoder, tmp_path_factory.mktemp("tokens"), max_length=24)


@pytest.fixture(scope="module")
def own_teacher(task: Task, encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    teacher = tmp_path_factory.mktemp("teacher") / "own"
    save_model(load_classifier(encoder, task.labels, seed=7), encoder, teacher)
    return teacher


@pytest.fixture(scope="module")
def own_signals(
    own: Prepared, own_teacher: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return ask_teacher(own, own_teacher, [2, 3], tmp_path_factory.mktemp("signals"), "fp32")


def training(own: Prepared, encoder: Path, signals: Path | None, **recipe: object) -> TrainingRun:
    settings = {"layers": 2, "batch_size": 8, "epochs": 2, "precision": "fp32"} | recipe
    files = Files(own.task, own.tokens, encoder, signals, 4)
    return TrainingRun(Recipe.checked(**settings), files, device=CPU)


def test_all_rows_stand_together_and_only_some_have_labels(own: Prepared, task: Task) -> None:
    assert (task.unlabelled, task.distilled) == (("unlabelled",), "train+unlabelled")
    assert own.rows == {"train": LABELLED, "dev": 8, "train+unlabelled": LABELLED + POOL}
    both, train = open_tokens(own.distilled), open_tokens(own.train)
    labels = both.all_labels()
    assert labels[:LABELLED].tolist() == train.all_labels().tolist()
    assert (labels[LABELLED:] == UNLABELLED).all()
    assert both.ids[: len(train.ids)].equal(train.ids)
    told = describe_task(own)
    assert "rows: train 20, dev 8\n" in told and "47 unlabelled rows (unlabelled)" in told


def test_the_teacher_is_asked_about_all_rows(
    own: Prepared, own_teacher: Path, own_signals: Path, task: Task
) -> None:
    teacher = load_classifier(own_teacher, task.labels)
    said = predict_logits(teacher, open_tokens(own.distilled), CPU, "fp32")
    np.testing.assert_allclose(open_signals(own_signals).logits, said, rtol=1e-4, atol=1e-5)


def test_the_cross_entropy_is_that_of_the_rows_with_labels() -> None:
    rng = np.random.default_rng(1)
    logits, teacher = torch.tensor(rng.normal(size=(2, 6, 3)), dtype=torch.float32)
    labels = torch.tensor([2, -100, 0, -100, -100, 1])
    weights = LossWeights(alpha=0.3, temperature=2.0)
    # Of 40 rows 10 have labels: a batch of 6 is expected to have 1.5.
    terms = distillation_loss(LossInputs(weights, logits, labels, teacher, row_weight=10 / 40))
    by_hand = sum(-float(F.log_softmax(logits[i], 0)[c]) for i, c in ((0, 2), (2, 0), (5, 1)))
    assert float(terms.ce) == pytest.approx(by_hand / 1.5, rel=1e-6)
    assert terms.soft is not None
    soft = soft_target_loss(logits, teacher, 2.0, "released")  # of all six
    assert float(terms.total) == pytest.approx(0.7 * by_hand / 1.5 + 0.3 * float(soft), rel=1e-6)


@pytest.mark.parametrize("weights", [None, "balanced", [1, 4]])
def test_over_an_epoch_labels_count_as_much_as_in_their_own_split(
    own: Prepared, encoder: Path, own_signals: Path, weights: object
) -> None:
    task = own.task.model_copy(update={"class_weights": weights})
    if isinstance(weights, list):
        task = task.model_copy(update={"class_weights": tuple(weights)})
    own = Prepared(task, own.tokens, own.rows)
    loop = training(own, encoder, own_signals, method="kd").loop
    loop.model.eval()
    batches = torch.arange(LABELLED + POOL).split(8)
    with torch.no_grad():
        ces = [float(loop.objective(b, 24)[0].ce) * len(b) for b in batches]
        alone = training(own, encoder, None, method="ft").loop
        alone.model.eval()
        terms, _ = alone.objective(torch.arange(LABELLED), 24)
    # With weights torch's mean is over the weights, ours over what they add up to.
    assert sum(ces) / (LABELLED + POOL) == pytest.approx(float(terms.ce), rel=1e-5)


@pytest.mark.parametrize("weights", [None, (1.0, 4.0)])
def test_a_batch_in_parts_has_the_gradient_of_the_whole(
    own: Prepared, encoder: Path, own_signals: Path, weights: tuple[float, ...] | None
) -> None:
    own = Prepared(own.task.model_copy(update={"class_weights": weights}), own.tokens, own.rows)
    gradients = []
    for parts in (1, 3):
        loop = training(own, encoder, own_signals, method="pkd-skip").loop
        loop.model.eval()
        loop.micro_batches = parts
        loop._backward(np.array([0, 30, 31, 3, 40, 5, 66]))
        gradients.append([p.grad for p in loop.model.parameters() if p.grad is not None])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_every_method_takes_as_many_steps(own: Prepared, encoder: Path, own_signals: Path) -> None:
    steps, samples = {}, {}
    for method in ("teacher", "ft", "kd", "pkd-last"):
        signals = None if method in ("teacher", "ft") else own_signals
        one = training(own, encoder, signals, method=method, layers=2)
        report = one.run_epoch()
        steps[method], samples[method] = one.loop.steps_per_epoch, report.samples
        assert np.isfinite(report.train_loss) and 0 <= report.train_accuracy <= 1
    assert steps == {"teacher": 3, "ft": 9, "kd": 9, "pkd-last": 9}
    assert samples == {"teacher": LABELLED, "ft": 72, "kd": 67, "pkd-last": 67}


def test_the_command_distils_them(
    folder: Path, encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = {"task": folder, "model": encoder, "layers": 2, "out": tmp_path, "epochs": 1}
    options |= {"max-length": 24, "batch-size": 8}
    argv = [str(word) for key, value in options.items() for word in (f"--{key}", value)]
    assert main(argv) == 0
    assert json.loads(capsys.readouterr().out)["method"] == "pkd-skip"


def test_splits_without_labels_have_files_and_names_of_their_own(folder: Path) -> None:
    keys = {"name": "own", "texts": ("text",), "labels": ("no", "yes")}
    files = {split: folder / f"{split}.jsonl" for split in ("train", "dev")}
    with pytest.raises(ValueError, match="lacks the split 'pool'"):
        Task(**keys, dev=("dev",), unlabelled=("pool",), files=files)
    with pytest.raises(ValueError, match="`held_out` and `unlabelled` of task own name a split"):
        Task(**keys, dev=("dev",), unlabelled=("dev",), files=files)


def test_a_file_without_labels_is_checked_too(folder: Path, task: Task, encoder: Path) -> None:
    broken = folder / "broken.jsonl"
    broken.write_text('{"text": "a cat"}\n{"text": 7}\n')
    files = task.files | {"unlabelled": broken}
    with pytest.raises(InputError, match=r"broken\.jsonl, row 1 .*must be text"):
        prepare_task(
            task.model_copy(update={"files": files}), encoder, folder / "tokens", max_length=24
        )
