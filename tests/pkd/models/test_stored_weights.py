"""Heads that a model brings from an earlier task, and weights that are not finite."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel

from pkd.errors import InputError
from pkd.models.classifier import load_as_deployed, load_classifier, save_model
from pkd.models.stored_weights import describe_head, has_head
from tests.support.training.family_encoders import CASES, write_encoder

LABELS = ("no", "yes")
MNLI = ("entailment", "neutral", "contradiction")


@pytest.fixture(scope="module", params=CASES)
def bare(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder without a head, of every family."""
    return write_encoder(request.param, tmp_path_factory.mktemp(request.param))


def fine_tuned(bare: Path, labels: tuple[str, ...], folder: Path) -> Path:
    """Saves the same encoder with a head of some labels."""
    save_model(load_classifier(bare, labels, seed=8), bare, folder)
    return folder


def same(one: PreTrainedModel, other: PreTrainedModel) -> bool:
    pairs = zip(one.state_dict().items(), other.state_dict().items(), strict=True)
    return all(a == b and torch.equal(x, y) for (a, x), (b, y) in pairs)


@pytest.mark.parametrize("earlier", [MNLI, ("yes", "no"), ("LABEL_0", "LABEL_1")], ids=str)
def test_a_head_of_other_labels_leaves_no_trace(
    bare: Path, earlier: tuple[str, ...], tmp_path: Path
) -> None:
    """The student is bit for bit that of the encoder without a head."""
    start = fine_tuned(bare, earlier, tmp_path / "start")
    assert has_head(start) and not has_head(bare)
    for layers in (2, (2, 4)):
        expected = load_classifier(bare, LABELS, layers, seed=5)
        assert same(load_classifier(start, LABELS, layers, seed=5), expected)
    told = describe_head(start, LABELS, "rte")
    assert told == (
        f"{start} is a classifier with other labels ({', '.join(earlier)}): its head is left "
        "out, and rte gets a new one"
    )


def test_a_head_of_the_same_labels_is_kept_and_said(bare: Path, tmp_path: Path) -> None:
    start = fine_tuned(bare, LABELS, tmp_path / "start")
    kept = load_classifier(start, LABELS, seed=1)
    assert same(kept, load_classifier(start, LABELS, seed=2))
    assert same(kept, load_classifier(bare, LABELS, seed=8))
    assert "training goes on from its head" in str(describe_head(start, LABELS, "rte"))
    assert describe_head(bare, LABELS, "rte") is None


def test_a_fine_tuned_model_is_used_whatever_its_labels_are_called(
    encoder: Path, tmp_path: Path
) -> None:
    start = fine_tuned(encoder, ("1.0", "2.0"), tmp_path / "start")
    found = load_classifier(start, ("1", "2"), seed=1, fine_tuned=True)
    assert same(found, load_classifier(encoder, ("1.0", "2.0"), seed=8))


def test_heads_in_parts_of_the_weights_are_found(encoder: Path, tmp_path: Path) -> None:
    model = load_classifier(encoder, MNLI, seed=8)
    model.save_pretrained(tmp_path, max_shard_size="8KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 2 and has_head(tmp_path)
    expected = load_classifier(encoder, LABELS, 3, seed=5)
    assert same(load_classifier(tmp_path, LABELS, 3, seed=5), expected)


def test_what_a_pretrained_modernbert_has_for_masked_words_is_kept(tmp_path: Path) -> None:
    """Its `head` is pre-trained, and no classifier's."""
    encoder = write_encoder("modernbert", tmp_path / "encoder")
    weights = load_file(encoder / "model.safetensors")
    weights = {f"model.{name}": weight for name, weight in weights.items()}
    weights["head.dense.weight"] = torch.full((16, 16), 0.5)
    save_file(weights, encoder / "model.safetensors", metadata={"format": "pt"})
    assert not has_head(encoder)
    model = load_classifier(encoder, LABELS, 2)
    assert torch.equal(model.head.dense.weight, weights["head.dense.weight"])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("name", ["embeddings.word_embeddings.weight", "pooler.dense.bias"])
def test_weights_that_are_not_finite_are_refused(
    encoder: Path, value: float, name: str, tmp_path: Path
) -> None:
    model = load_classifier(encoder, LABELS, seed=8)
    with torch.no_grad():
        model.base_model.get_parameter(name).view(-1)[5] = value
    save_model(model, encoder, tmp_path / "bad")
    for load in (
        lambda: load_classifier(tmp_path / "bad", MNLI, 2),
        lambda: load_classifier(tmp_path / "bad", LABELS, fine_tuned=True),
        lambda: load_as_deployed(tmp_path / "bad"),
    ):
        with pytest.raises(InputError, match=rf"bad are not all finite numbers: bert\.{name} hol"):
            load()


def test_a_head_that_is_left_out_may_hold_anything(encoder: Path, tmp_path: Path) -> None:
    model = load_classifier(encoder, MNLI, seed=8)
    torch.nn.init.constant_(model.classifier.bias, float("nan"))
    save_model(model, encoder, tmp_path / "start")
    found = load_classifier(tmp_path / "start", LABELS, seed=5)
    assert same(found, load_classifier(encoder, LABELS, seed=5))
