"""The batches on which the speed of models is measured."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from pkd.data.preparation import Prepared
from pkd.data.tokens import open_tokens
from pkd.evaluation.workloads import dev_rows, full_rows, predict, spread_out
from pkd.models.classifier import load_classifier
from pkd.tasks.glue import GLUE


def test_rows_have_the_papers_length_or_the_longest_that_the_model_takes(teacher: Path) -> None:
    workload = full_rows([load_classifier(teacher, GLUE["rte"].labels)], 128)
    assert workload.batches[0]["input_ids"].shape == (128, 32)


def test_dev_rows_keep_their_own_lengths(prepared: Prepared, teacher: Path) -> None:
    tokens = open_tokens(prepared.tokens["validation"])
    model = load_classifier(teacher, GLUE["rte"].labels)
    every = dev_rows(partial(predict, model), "rte", tokens, 1, seconds=60)
    assert every.rows == len(tokens) == 12
    assert every.tokens == pytest.approx(tokens.lengths.mean())
    short = dev_rows(partial(predict, model), "rte", tokens, 1, seconds=1e-9)
    assert short.rows == 1  # one batch whatever the time limit


def test_a_sample_of_batches_holds_short_and_long_ones() -> None:
    batches = [np.array([i]) for i in range(10)]
    assert [int(b[0]) for b in spread_out(batches, 1)] == [5]
    assert [int(b[0]) for b in spread_out(batches, 5)] == [1, 3, 5, 7, 9]
    assert [int(b[0]) for b in spread_out(batches[:2], 5)] == [0, 1]
