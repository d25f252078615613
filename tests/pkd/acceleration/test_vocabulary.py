"""Training with only the words that occur gives the same weights as with all words."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForSequenceClassification

from pkd.acceleration.vocabulary import UsedWords, keep_used_words, whole_state_dict
from pkd.data.preparation import Prepared, prepare_task
from pkd.data.tokens import open_tokens
from pkd.distillation.recipe import Recipe
from pkd.evaluation.inference import predict_logits
from pkd.models.classifier import load_classifier
from pkd.tasks.glue import GLUE
from pkd.training import training_run as training_run_module
from pkd.training.training_run import Files, Outputs, TrainingRun
from tests.support.training import tiny

CPU = torch.device("cpu")
NEVER = len(tiny.SPECIAL) + tiny.WORDS.index("stone")


@pytest.fixture(scope="module")
def without_stones(
    encoder: Path, data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Prepared:
    """RTE in which one word never occurs."""
    folder = tmp_path_factory.mktemp("data")
    for path in data.rglob("*.parquet"):
        table = pq.read_table(path)
        for column in ("sentence1", "sentence2"):
            texts = [text.replace("stone", "tree") for text in table[column].to_pylist()]
            table = table.set_column(table.column_names.index(column), column, [texts])
        (folder / path.relative_to(data)).parent.mkdir(exist_ok=True)
        pq.write_table(table, folder / path.relative_to(data))
    return prepare_task(GLUE["rte"], encoder, tmp_path_factory.mktemp("tokens"), folder, 24)


def trained(files: Files, outputs: Outputs | None = None) -> TrainingRun:
    recipe = Recipe.checked(
        method="ft",
        layers=2,
        epochs=3,
        batch_size=8,
        learning_rate=3e-3,
        weight_decay=0.1,
        precision="fp32",
    )
    training = TrainingRun(recipe, files, outputs, CPU)
    while not training.finished:
        training.run_epoch()
    return training


def test_the_weights_are_the_same_as_with_all_words(
    without_stones: Prepared, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = Files(without_stones.task, without_stones.tokens, encoder)
    some = trained(files)
    monkeypatch.setattr(training_run_module, "keep_used_words", lambda *_: None)
    all_of_them = trained(files)
    words = some.loop.model.get_input_embeddings()
    assert isinstance(words, UsedWords) and words.num_embeddings < len(tiny.VOCABULARY)
    for report, other in zip(some.reports, all_of_them.reports, strict=True):
        assert report.train_loss == pytest.approx(other.train_loss, rel=1e-5)
        assert report.dev_loss == pytest.approx(other.dev_loss, rel=1e-5)
    expected = all_of_them.loop.model.state_dict()
    found = whole_state_dict(some.loop.model, some.loop.decay_so_far)
    assert found.keys() == expected.keys()
    for name, weight in found.items():
        torch.testing.assert_close(weight, expected[name], rtol=1e-4, atol=1e-5, msg=name)


def test_a_word_that_never_occurs_decays_as_calculated_by_hand(
    without_stones: Prepared, encoder: Path
) -> None:
    training = trained(Files(without_stones.task, without_stones.tokens, encoder))
    before = load_classifier(encoder, GLUE["rte"].labels).get_input_embeddings().weight[NEVER]
    after = whole_state_dict(training.loop.model, training.loop.decay_so_far)
    # 40 rows in batches of 8 for 3 epochs; 1 or 2 of 15 steps warm up (a tenth), then a line to 0.
    steps, warmup = 15, 2
    rates = [3e-3 * (step + 1) / warmup for step in range(warmup)]
    rates += [3e-3 * (steps - step) / (steps - warmup) for step in range(warmup, steps)]
    decay = np.prod([1 - 0.1 * rate for rate in rates])
    assert decay < 0.999
    row = after["bert.embeddings.word_embeddings.weight"][NEVER]
    torch.testing.assert_close(row, before.detach() * float(decay), rtol=1e-6, atol=0)


def test_a_saved_model_has_all_words_and_predicts_the_same(
    without_stones: Prepared, encoder: Path, tmp_path: Path
) -> None:
    files = Files(without_stones.task, without_stones.tokens, encoder)
    training = trained(files, Outputs(best_model=tmp_path / "model"))
    best = max(training.reports, key=lambda report: report.score)
    saved = AutoModelForSequenceClassification.from_pretrained(tmp_path / "model")
    assert saved.get_input_embeddings().num_embeddings == len(tiny.VOCABULARY)
    dev = open_tokens(without_stones.tokens["validation"])
    logits = predict_logits(saved, dev, CPU, "fp32")
    assert (logits.argmax(1) == dev.all_labels()).mean() == best.score


def batch() -> dict[str, Tensor]:
    """Two rows, one of them padded with 0 or 1: both are kept."""
    ids = torch.tensor([[5, 7, 9, 11, 7], [5, 30, 1, 1, 1]])
    return {"input_ids": ids, "attention_mask": (ids != 1).long()}


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert", "electra", "xlm-roberta"])
def test_every_family_computes_the_same(family: str, prepared: Prepared) -> None:
    sizes: dict[str, Any] = {"vocab_size": len(tiny.VOCABULARY), "pad_token_id": 1}
    if family == "distilbert":
        sizes |= {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32}
    else:
        sizes |= {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
        sizes |= {"intermediate_size": 32, "max_position_embeddings": 40}
    model = AutoModelForSequenceClassification.from_config(AutoConfig.for_model(family, **sizes))
    tokens = open_tokens(prepared.train)
    ids = torch.cat([batch()["input_ids"].flatten().int(), tokens.ids[:3]])
    expected = model.eval()(**batch()).logits
    keep_used_words(model, [replace(tokens, ids=ids)])
    assert isinstance(model.get_input_embeddings(), UsedWords)
    assert torch.equal(model(**batch()).logits, expected)


def test_a_word_that_was_left_out_is_not_another_word() -> None:
    whole = nn.Embedding(10, 4)
    with pytest.raises(IndexError):
        UsedWords(whole, torch.tensor([1, 3]))(torch.tensor([2]))


def test_embeddings_of_another_kind_do_not_change(encoder: Path, prepared: Prepared) -> None:
    model = load_classifier(encoder, GLUE["rte"].labels)
    special = nn.Embedding(len(tiny.VOCABULARY), 16, max_norm=1.0)
    model.set_input_embeddings(special)
    keep_used_words(model, [open_tokens(prepared.train)])
    assert model.get_input_embeddings() is special
