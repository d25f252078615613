"""The generated tasks have the form of GLUE's, no repeated texts, and balanced labels."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from study.demo.logic import ANIMALS, WORKERS
from study.demo.tasks import MNLI_SPLITS, TASKS, draw_rows, write_tasks

# As in the hub's `nyu-mll/glue`.
HUB_COLUMNS = {
    "sst2": ("sentence",),
    "mrpc": ("sentence1", "sentence2"),
    "qqp": ("question1", "question2"),
    "mnli": ("premise", "hypothesis"),
    "qnli": ("question", "sentence"),
    "rte": ("sentence1", "sentence2"),
}
ROWS = {"train": 300, "validation": 90, "test": 60}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("generated")
    write_tasks(directory, 0, *ROWS.values())
    return directory


def read(folder: Path, task: str, split: str) -> pa.Table:
    return pq.read_table(folder / task / f"{split}.parquet")


def texts_of(table: pa.Table) -> list[tuple[str, ...]]:
    columns = table.drop_columns(["label", "idx"]).to_pydict()
    return list(zip(*columns.values(), strict=True))


def test_the_tasks_are_the_paper_s() -> None:
    assert TASKS.keys() == HUB_COLUMNS.keys()


@pytest.mark.parametrize("task", HUB_COLUMNS)
def test_splits_columns_and_types_are_those_of_the_hub(folder: Path, task: str) -> None:
    splits = MNLI_SPLITS if task == "mnli" else ("train", "validation", "test")
    assert {path.stem for path in (folder / task).iterdir()} == set(splits)
    expected = [(column, pa.string()) for column in HUB_COLUMNS[task]]
    expected += [("label", pa.int64()), ("idx", pa.int32())]
    for split in splits:
        table = read(folder, task, split)
        assert [(field.name, field.type) for field in table.schema] == expected
        assert table["idx"].to_pylist() == list(range(ROWS[split.split("_")[0]]))


@pytest.mark.parametrize("task", HUB_COLUMNS)
def test_only_mrpc_has_public_test_labels(folder: Path, task: str) -> None:
    split = "test_matched" if task == "mnli" else "test"
    labels = set(read(folder, task, split)["label"].to_pylist())
    assert labels == ({0, 1} if task == "mrpc" else {-1})


@pytest.mark.parametrize("task", HUB_COLUMNS)
def test_no_text_occurs_twice_in_a_task(folder: Path, task: str) -> None:
    texts = [text for path in (folder / task).iterdir() for text in texts_of(pq.read_table(path))]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("task", HUB_COLUMNS)
def test_labels_are_near_balance(folder: Path, task: str) -> None:
    counts = Counter(read(folder, task, "train")["label"].to_pylist())
    assert set(counts) == set(range(3 if task == "mnli" else 2))
    assert all(0.3 <= count / ROWS["train"] <= 0.6 for count in counts.values())


def test_mismatched_rows_are_about_other_things(folder: Path) -> None:
    for split, own, other in (("matched", ANIMALS, WORKERS), ("mismatched", WORKERS, ANIMALS)):
        texts = texts_of(read(folder, "mnli", f"validation_{split}"))
        words = set(" ".join(" ".join(text) for text in texts).split())
        assert set(own) <= words and not set(other) & words


def test_the_same_seed_gives_the_same_rows(folder: Path, tmp_path: Path) -> None:
    write_tasks(tmp_path / "same", 0, *ROWS.values())
    write_tasks(tmp_path / "other", 1, *ROWS.values())
    for path in sorted(folder.glob("*/*.parquet")):
        name = path.relative_to(folder)
        assert pq.read_table(path).equals(pq.read_table(tmp_path / "same" / name))
        assert texts_of(pq.read_table(path)) != texts_of(pq.read_table(tmp_path / "other" / name))


def test_rows_are_the_same_on_every_platform(folder: Path) -> None:
    assert texts_of(read(folder, "sst2", "train"))[0] == ("many agreed that the title was clever",)
    assert texts_of(read(folder, "qnli", "train"))[0] == (
        "where was it that the witness assisted the judge ?",
        "the judge assisted the witness",
    )


def test_asking_for_more_rows_than_there_are_is_refused() -> None:
    echo = replace(TASKS["sst2"], draw=lambda rng, _: ((rng.choice("ab"),), rng.randrange(2)))
    with pytest.raises(ValueError, match="has 2 new rows for 'train', but 4 were requested"):
        draw_rows(echo, "train", 4, Random(0), set())
