"""Every supported family: teacher, signals, student, a PKD step, saving, loading."""

import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from transformers import (
    AlbertConfig,
    PreTrainedModel,
    T5Config,
)

from pkd.data.preparation import Prepared, prepare_task
from pkd.data.tokens import open_tokens
from pkd.distillation.recipe import Recipe
from pkd.distillation.signals import ask_teacher
from pkd.errors import InputError
from pkd.evaluation.inference import predict_logits
from pkd.models.classifier import load_classifier, save_model
from pkd.models.encoder import load_encoder_config, longest_input
from pkd.models.external_teacher import adopt_teacher
from pkd.models.families import FAMILIES, Summary, family_of, summary_of, summary_states
from pkd.models.tokenizer import load_tokenizer
from pkd.tasks.glue import GLUE
from pkd.training.training_run import Files, Outputs, TrainingRun
from tests.support.training.family_encoders import CASES, write_encoder

CPU = torch.device("cpu")
LABELS = GLUE["rte"].labels


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def family_encoder(case: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_encoder(case, tmp_path_factory.mktemp(case))


@pytest.fixture(scope="module")
def family_data(
    family_encoder: Path, data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Prepared:
    cache = tmp_path_factory.mktemp("tokens")
    return prepare_task(GLUE["rte"], family_encoder, cache, data, max_length=48)


GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


@pytest.mark.parametrize("on", ["cpu", pytest.param("cuda", marks=[pytest.mark.gpu, GPU])])
def test_from_teacher_to_a_saved_student(
    family_encoder: Path, family_data: Prepared, on: str, tmp_path: Path
) -> None:
    device = torch.device(on)
    teacher = tmp_path / "teacher"
    save_model(load_classifier(family_encoder, LABELS, seed=1), family_encoder, teacher)
    signals = ask_teacher(family_data, teacher, [2], tmp_path / "signals", "fp32")
    recipe = Recipe.checked(
        method="pkd-skip", layers=2, epochs=1, batch_size=8, learning_rate=1e-3, precision="fp32"
    )
    files = Files(family_data.task, family_data.tokens, teacher, signals, 4)
    training = TrainingRun(recipe, files, Outputs(best_model=tmp_path / "student"), device)
    assert training.loop.objective.teacher_map == (2,)
    before = same_layers(training.loop.model, load_classifier(teacher, LABELS))
    report = training.run_epoch()
    assert np.isfinite(report.train_loss)
    changed = training.loop.model.state_dict()
    assert any(not torch.equal(changed[name].cpu(), old) for name, old in before.items())

    tokens = family_data.tokens["validation"]
    dev = open_tokens(tokens, device)
    expected = predict_logits(training.loop.model, dev, device, "fp32")
    saved = load_classifier(tmp_path / "student", LABELS, seed=5)
    found = predict_logits(saved, open_tokens(tokens), CPU, "fp32")
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert load_encoder_config(tmp_path / "student").num_hidden_layers == 2


def test_every_family_can_be_loaded_with_a_gpu(
    family_encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not every family has the fastest attention kernels of a GPU."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    model = load_classifier(family_encoder, LABELS, 2)
    lacks = ("deberta", "mpnet", "xlnet")
    kind = "eager" if model.config.model_type.startswith(lacks) else "sdpa"
    assert model.config._attn_implementation == kind


def test_the_classes_of_a_teacher_are_put_into_the_order_of_the_task(
    family_encoder: Path, family_data: Prepared, tmp_path: Path
) -> None:
    given = tmp_path / "given"
    save_model(load_classifier(family_encoder, LABELS[::-1], seed=1), family_encoder, given)
    dev = open_tokens(family_data.tokens["validation"])
    expected = predict_logits(load_classifier(given, LABELS[::-1]), dev, CPU, "fp32")
    adopted = adopt_teacher(given, LABELS, tmp_path / "adopted")
    found = predict_logits(load_classifier(adopted, LABELS), dev, CPU, "fp32")
    np.testing.assert_allclose(found, expected[:, ::-1], rtol=1e-4, atol=1e-6)


def same_layers(student: PreTrainedModel, teacher: PreTrainedModel) -> dict[str, torch.Tensor]:
    """The student's first weights, each the teacher's bit for bit; its word embeddings apart."""
    weights, origin = student.state_dict(), teacher.state_dict()
    compared = {
        name: weight.cpu().clone()
        for name, weight in weights.items()
        if weight.shape == origin[name].shape
    }
    assert all(torch.equal(weight, origin[name]) for name, weight in compared.items())
    layers = {part for name in compared for part in name.split(".") if part.isdigit()}
    assert {"0", "1"} <= layers and "2" not in layers
    return compared


def test_a_student_of_chosen_layers_has_them_bit_for_bit(
    family_encoder: Path, family_data: Prepared, tmp_path: Path
) -> None:
    source = load_classifier(family_encoder, LABELS, seed=1)
    save_model(source, family_encoder, tmp_path / "source")
    origin = source.state_dict()
    student = load_classifier(tmp_path / "source", LABELS, (2, 4), seed=2)
    found = student.state_dict()
    layer = re.compile(r"(?<=\.)[01](?=\.)")
    for name, weight in found.items():
        own = layer.sub(lambda number: "13"[int(number[0])], name, count=1)
        assert torch.equal(weight, origin[own]), name
    moved = [name for name in found if layer.search(name)]
    assert any(not torch.equal(found[name], origin[name]) for name in moved)

    # It computes what the source does without its other layers; ModernBERT's first is special.
    student = load_classifier(tmp_path / "source", LABELS, (1, 4))
    save_model(student, family_encoder, tmp_path / "student")
    (whole,) = (each for each in source.base_model.modules() if isinstance(each, nn.ModuleList))
    del whole[1:3]
    if source.config.model_type == "modernbert":
        kinds = source.config.layer_types
        source.config.layer_types = [kinds[0], kinds[3]]
    dev = open_tokens(family_data.tokens["validation"])
    expected = predict_logits(source, dev, CPU, "fp32")
    for each in (student, load_classifier(tmp_path / "student", LABELS)):
        np.testing.assert_array_equal(predict_logits(each, dev, CPU, "fp32"), expected)


assert_near = partial(torch.testing.assert_close, rtol=1e-4, atol=1e-5)


def test_a_row_gives_the_same_alone_and_beside_a_longer_one(
    family_encoder: Path, family_data: Prepared
) -> None:
    """Padding, on whichever side it is, reaches neither logits nor the states that are matched."""
    model = load_classifier(family_encoder, LABELS).eval()
    tokens = open_tokens(family_data.train)
    summary = summary_of(model.config)
    order = np.argsort(tokens.lengths)
    rows = np.array([order[0], order[-1]])
    assert tokens.lengths[rows[0]] < tokens.lengths[rows[1]]
    with torch.inference_mode():
        together = model(**(inputs := tokens.batch(rows)), output_hidden_states=True)
        states = summary_states(summary, together.hidden_states, [1, 3], inputs["attention_mask"])
        for place, row in enumerate(rows):
            inputs = tokens.gather(torch.tensor([row]), int(tokens.lengths[row]))
            assert inputs["attention_mask"].all()
            alone = model(**inputs, output_hidden_states=True)
            torch.testing.assert_close(
                alone.logits[0], together.logits[place], rtol=1e-4, atol=1e-5
            )
            state = summary_states(summary, alone.hidden_states, [1, 3], inputs["attention_mask"])
            torch.testing.assert_close(state[0], states[place], rtol=1e-4, atol=1e-5)


def test_the_summary_is_what_the_classifier_reads(
    family_encoder: Path, family_data: Prepared
) -> None:
    """The gradient of a logit reaches the last layer's states at the summary token, or all."""
    model = load_classifier(family_encoder, LABELS).eval()
    tokens = open_tokens(family_data.train)
    inputs = tokens.batch(np.arange(3))
    read: list[torch.Tensor] = []
    # What the classifier is given; XLNet shows a copy of it among its hidden states.
    model.base_model.register_forward_hook(lambda module, given, output: read.append(output[0]))
    logits = model(**inputs).logits
    (gradient,) = torch.autograd.grad(logits.sum(), read[0])
    reached = gradient.abs().sum(dim=2) > 0
    mask = inputs["attention_mask"].bool()
    expected = torch.zeros_like(mask)
    match summary_of(model.config):
        case "first":
            expected[:, 0] = True
        case "mean":
            expected = mask
        case "last":
            columns = torch.arange(mask.shape[1]) * mask
            expected[torch.arange(3), columns.argmax(dim=1)] = True
    assert torch.equal(reached, expected)


def test_albert_is_refused_because_it_shares_its_layers(tmp_path: Path) -> None:
    AlbertConfig().save_pretrained(tmp_path)
    with pytest.raises(InputError, match="'albert' is not supported: all of its layers share"):
        load_encoder_config(tmp_path)


def test_an_unknown_family_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(InputError, match="'t5' is not supported: .*Supported: bert, .*xlnet"):
        family_of(T5Config())


def test_states_by_hand() -> None:
    hidden = [torch.arange(12.0).reshape(2, 3, 2) + 100 * layer for layer in range(3)]
    right = torch.tensor([[1, 1, 0], [1, 1, 1]])
    left = torch.tensor([[0, 1, 1], [1, 1, 1]])

    def states(summary: Summary, mask: torch.Tensor) -> list[list[list[float]]]:
        found: list[list[list[float]]] = summary_states(summary, hidden, [2, 1], mask).tolist()
        return found

    assert states("first", right) == [[[200, 201], [100, 101]], [[206, 207], [106, 107]]]
    assert states("last", right) == [[[202, 203], [102, 103]], [[210, 211], [110, 111]]]
    assert states("last", left) == [[[204, 205], [104, 105]], [[210, 211], [110, 111]]]
    assert states("mean", right) == [[[201, 202], [101, 102]], [[208, 209], [108, 109]]]


def test_the_padding_side_and_the_longest_input(case: str, family_encoder: Path) -> None:
    tokenizer = load_tokenizer(family_encoder)
    assert tokenizer.padding_side == ("left" if case == "xlnet" else "right")
    assert tokenizer.pad_token_id is not None
    longest = longest_input(load_encoder_config(family_encoder))
    offset = FAMILIES[case.removesuffix("-mean")].offset
    assert longest == (1 << 20 if case == "xlnet" else 78 if offset else 80)
