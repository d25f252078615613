"""Rows of which a tokenizer makes no tokens: they are one padding token, alone or in a batch."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pkd.data.preparation import Prepared
from pkd.data.rows import Rows
from pkd.data.tokens import build_tokens, encode, open_tokens
from pkd.distillation.recipe import Recipe
from pkd.distillation.signals import ask_teacher, open_signals
from pkd.evaluation.inference import predict_logits
from pkd.models.classifier import load_classifier, save_model
from pkd.models.tokenizer import load_tokenizer
from pkd.tasks.glue import GLUE
from pkd.training.training_run import Files, TrainingRun
from tests.support.training.family_encoders import CASES, write_encoder

CPU = torch.device("cpu")
LABELS = GLUE["sst2"].labels


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_encoder("gpt2", tmp_path_factory.mktemp("gpt2"))


@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize("case", CASES)
def test_a_batch_of_only_empty_texts_is_predicted(case: str, columns: int, tmp_path: Path) -> None:
    folder = write_encoder(case, tmp_path)
    model, tokenizer = load_classifier(folder, LABELS).eval(), load_tokenizer(folder)
    empty = encode([["", "", ""]] * columns, tokenizer, 24)
    assert set(empty.lengths) <= {1, 2, 3, 4}
    logits = predict_logits(model, empty, CPU, "fp32")
    assert logits.shape == (3, 2)
    np.testing.assert_array_equal(logits[0], logits[2])
    # Beside a longer row it is the same.
    mixed = encode([["", "the cat sees a dog"]] * columns, tokenizer, 48)
    together = predict_logits(model, mixed, CPU, "fp32", batch_size=2)
    np.testing.assert_allclose(together[0], logits[0], rtol=1e-4, atol=1e-5)


def test_the_tokens_of_an_empty_row_by_hand(gpt2: Path) -> None:
    tokenizer = load_tokenizer(gpt2)
    tokens = encode([["", "ab", ""]], tokenizer, 24)
    letters = tokenizer.convert_tokens_to_ids(["a", "b"])
    assert tokens.ids.tolist() == [tokens.pad_id, *letters, tokens.pad_id]
    assert tokens.lengths.tolist() == [1, 2, 1]
    batch = tokens.batch(np.arange(3))
    assert batch["attention_mask"].sum(dim=1).tolist() == [1, 2, 1]


@pytest.fixture
def taught(gpt2: Path, tmp_path: Path) -> Prepared:
    """A task most of whose training rows, and all of whose dev rows, are empty."""
    tokenizer = load_tokenizer(gpt2)
    texts = {"train": ["", "", "", "", "the cat", "a dog"], "validation": ["", ""]}
    tokens = {}
    for split, column in texts.items():
        count = len(column)
        rows = Rows(texts=(column,), labels=np.arange(count) % 2, idx=np.arange(count))
        tokens[split] = build_tokens(rows, tokenizer, 24, tmp_path / "tokens")
    return Prepared(GLUE["sst2"], tokens, {split: len(each) for split, each in texts.items()})


def test_empty_rows_are_taught_and_learnt(gpt2: Path, taught: Prepared, tmp_path: Path) -> None:
    save_model(load_classifier(gpt2, LABELS, seed=1), gpt2, tmp_path / "teacher")
    signals = ask_teacher(taught, tmp_path / "teacher", [2], tmp_path / "signals", "fp32")
    logits = open_signals(signals).logits
    assert torch.isfinite(logits).all() and torch.equal(logits[0], logits[3])
    recipe = Recipe.checked(
        method="pkd-skip", layers=2, epochs=1, batch_size=2, learning_rate=1e-3, precision="fp32"
    )
    files = Files(taught.task, taught.tokens, gpt2, signals, 4)
    report = TrainingRun(recipe, files, device=CPU).run_epoch()
    assert np.isfinite(report.train_loss) and report.classes_predicted == 1


def test_tokens_that_an_earlier_version_cached_are_made_again(
    gpt2: Path, encoder: Path, tmp_path: Path
) -> None:
    """Their empty rows had no token; rows with texts and other tokenizers' are used again."""

    def remade(folder: Path, *texts: str) -> bool:
        rows = Rows(texts=([*texts],), labels=None, idx=np.arange(len(texts)))
        built = build_tokens(rows, load_tokenizer(folder), 24, tmp_path)
        assert open_tokens(built).lengths.min() >= 1
        return "one padding token" in (built / "manifest.json").read_text()

    assert remade(gpt2, "", "a")
    assert not remade(gpt2, "a", "b")
    assert not remade(encoder, "", "a")
