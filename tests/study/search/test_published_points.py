"""The authors' winning settings, given to the encoder that they were found for and to no other."""

import pytest
from transformers import BertConfig, PretrainedConfig, RobertaConfig

from study.config.search_space import Space
from study.search.published_points import published_points
from study.search.samplers import contains, dimensions

BERT_BASE = BertConfig()  # 12 layers, 768 wide


def test_the_winner_of_mnli_with_six_layers_is_the_published_one() -> None:
    assert published_points(BERT_BASE, "mnli", 6, "pkd-skip") == [
        {
            "learning_rate": 5e-5,
            "temperature": 10.0,
            "alpha": 0.5,
            "beta": 100.0,
            "normalize": False,
        }
    ]


def test_fine_tuning_has_a_learning_rate_and_nothing_else() -> None:
    assert published_points(BERT_BASE, "mnli", 6, "ft") == [{"learning_rate": 2e-5}]


@pytest.mark.parametrize(
    "encoder",
    [
        BertConfig(num_hidden_layers=6),
        BertConfig(hidden_size=384),
        BertConfig(num_hidden_layers=24, hidden_size=1024, num_attention_heads=16),
        RobertaConfig(),
    ],
)
def test_nothing_is_published_for_other_encoders(encoder: PretrainedConfig) -> None:
    assert published_points(encoder, "mnli", 6, "pkd-skip") == []


@pytest.mark.parametrize("cell", [("mnli", 4, "kd"), ("my_task", 6, "kd"), ("cola", 6, "kd")])
def test_nothing_is_published_for_other_cells(cell: tuple[str, int, str]) -> None:
    assert published_points(BERT_BASE, *cell) == []


def test_published_points_lie_in_the_paper_s_grid() -> None:
    # The exception is mrpc's beta of 8, which is not in the authors' grid.
    space = dimensions(Space(), ("learning_rate", "temperature", "alpha"), {})
    for task in ("sst2", "mrpc", "qqp", "mnli", "qnli", "rte"):
        for depth in (3, 6):
            points = published_points(BERT_BASE, task, depth, "kd")
            assert points and all(contains(space, point) for point in points)
