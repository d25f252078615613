"""Published numbers against the paper (its tables 1, 2 and 4) and the authors' results."""

import pytest

from analysis.run_data.published import (
    difference_from_paper,
    lookup,
    published_size_speed,
    published_task,
)


@pytest.mark.parametrize(
    ("task", "depth", "method", "metric", "value", "source"),
    [
        ("sst2", 12, "teacher", "accuracy", 94.3, "paper table 1"),  # 93.5 is Google's own
        ("mrpc", 6, "ft", "f1", 85.9, "paper table 1"),
        ("mrpc", 6, "ft", "accuracy", 80.2, "paper table 1"),
        ("mnli-m", 6, "kd", "accuracy", 80.2, "paper table 1"),  # table 5 says 79.7
        ("mnli-mm", 3, "pkd-skip", "accuracy", 76.3, "paper table 1"),
        ("qnli", 6, "pkd-last", "accuracy", 88.2, "paper table 2"),
        ("rte", 3, "pkd-skip", "accuracy", 58.2, "paper table 1"),
    ],
)
def test_a_test_server_number_comes_from_the_paper(
    task: str, depth: int, method: str, metric: str, value: float, source: str
) -> None:
    found = lookup(task, depth, method, metric, "test")
    assert found is not None and (found.value, found.source) == (value, source)


@pytest.mark.parametrize(
    ("task", "depth", "method", "value"),
    [
        ("rte", 12, "teacher", 69.43),  # the best single run is 72.92
        ("mrpc", 6, "pkd-skip", 83.46),
        ("mnli-m", 6, "kd", 80.78),  # 80.99 is a second file of the same model
        ("mnli-m", 3, "pkd-last", 77.61),  # the released 3-layer script matches the last layers
        ("sst2", 6, "ft", 89.68),
    ],
)
def test_a_dev_number_is_the_authors_mean_over_runs(
    task: str, depth: int, method: str, value: float
) -> None:
    found = lookup(task, depth, method, "accuracy", "dev")
    assert found is not None and found.value == value
    assert found.source == "authors' released results, mean over runs of the best setting"


def test_unpublished_numbers_are_none() -> None:
    assert lookup("mrpc", 6, "kd", "f1", "dev") is None  # dev results hold accuracy only
    assert lookup("rte", 3, "pkd-skip", "accuracy", "dev") is None
    assert lookup("rte", 3, "pkd-last", "accuracy", "test") is None
    assert lookup("rte", 4, "kd", "accuracy", "test") is None
    assert lookup("my-reviews", 6, "kd", "accuracy", "test") is None


def test_mnlis_dev_splits_are_two_published_tasks() -> None:
    assert published_task("mnli", "validation_matched") == "mnli-m"
    assert published_task("mnli", "validation_mismatched") == "mnli-mm"
    assert published_task("rte", "validation") == "rte"


def test_only_the_papers_encoder_on_all_rows_is_a_replication() -> None:
    def study(name: str, rows: int) -> dict[str, object]:
        return {"teacher": {"name": name}, "tasks": {"rte": {"train_rows": rows}}}

    assert difference_from_paper(study("bert-base-uncased", 2490), "rte") == []
    assert difference_from_paper(study("google-bert/bert-base-uncased", 2490), "rte") == []
    [rows] = difference_from_paper(study("bert-base-uncased", 500), "rte")
    assert rows == "500 of 2,490 training rows"
    [encoder] = difference_from_paper(study("bert-base-cased", 2490), "rte")
    assert "bert-base-cased" in encoder
    spaced = {**study("bert-base-uncased", 2490), "config": {"train": {"start_layers": "spaced"}}}
    assert difference_from_paper(spaced, "rte") == [
        "students that start from other layers (spaced)"
    ]
    generated = {**study("bert-base-uncased", 2490), "generated_data": True}
    assert difference_from_paper(generated, "rte") == ["generated data"]


def test_published_sizes_and_speeds_are_the_papers_table_4() -> None:
    table = published_size_speed().set_index("layers")
    assert table.loc[3, "total_params_m"] == 45.7
    assert table.loc[6, "speedup"] == 1.94
    assert table.loc[12, "inference_seconds"] == 101.89
