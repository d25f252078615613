"""The demo's encoder loads like one from the hub and its vocabulary has every generated word."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer

from study.demo.encoder import vocabulary, write_encoder
from study.demo.tasks import write_tasks


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("encoder")
    write_encoder(directory, seed=0, hidden=16, layers=3, heads=2)
    return directory


def test_every_generated_sentence_is_known_and_fits(encoder: Path, tmp_path: Path) -> None:
    write_tasks(tmp_path, 3, train_rows=600, dev_rows=50, test_rows=50)
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    limit = AutoModel.from_pretrained(encoder).config.max_position_embeddings
    seen: set[int] = set()
    for path in tmp_path.glob("*/*.parquet"):
        columns = pq.read_table(path).drop_columns(["label", "idx"]).to_pydict()
        for ids in tokenizer(*columns.values())["input_ids"]:
            assert tokenizer.unk_token_id not in ids and len(ids) <= limit
            seen.update(ids)
    # The vocabulary has no other words.
    unused = set(range(len(vocabulary()))) - seen
    assert tokenizer.convert_ids_to_tokens(sorted(unused)) == ["[PAD]", "[UNK]", "[MASK]"]


def test_a_word_is_one_token_whatever_its_case(encoder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    assert tokenizer.tokenize("Nobody denied , WHO ?") == ["nobody", "denied", ",", "who", "?"]
    assert tokenizer("who", "who")["token_type_ids"] == [0, 0, 0, 1, 1]


def test_a_student_takes_the_first_layers(encoder: Path) -> None:
    teacher = AutoModel.from_pretrained(encoder)
    student = AutoModelForSequenceClassification.from_pretrained(
        encoder, num_labels=3, num_hidden_layers=2
    )
    assert student.classifier.out_features == 3
    assert len(teacher.encoder.layer) == 3 and len(student.bert.encoder.layer) == 2
    for ours, theirs in zip(student.bert.encoder.layer, teacher.encoder.layer, strict=False):
        for name, weight in ours.state_dict().items():
            assert torch.equal(weight, theirs.state_dict()[name])


def test_weights_depend_on_the_seed_alone(encoder: Path, tmp_path: Path) -> None:
    before = torch.random.get_rng_state()
    write_encoder(tmp_path / "same", seed=0, hidden=16, layers=3, heads=2)
    write_encoder(tmp_path / "other", seed=1, hidden=16, layers=3, heads=2)
    assert torch.equal(torch.random.get_rng_state(), before)
    weights = (encoder / "model.safetensors").read_bytes()
    assert (tmp_path / "same" / "model.safetensors").read_bytes() == weights
    assert (tmp_path / "other" / "model.safetensors").read_bytes() != weights
