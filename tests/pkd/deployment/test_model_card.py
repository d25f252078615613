"""The card of a model whose labels, columns, splits and study are hostile."""

from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from pkd.deployment.cost_tables import class_table, conditions, cost_table
from pkd.deployment.model_card import model_card
from pkd.deployment.students import Student
from tests.support.hostile_texts import HOSTILE, unseen


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_card_shows_every_text_as_it_is(text: str) -> None:
    metric = f"f1:{text}"
    scores = {text: {metric: 0.5, "accuracy": 0.6}}
    seed = {"score": 0.5, "metrics": scores, "constant": False}
    student = Student("kd", 2, Path("models"), (seed, seed), {f"{text}2": {metric: 0.4}}, 2)
    entry = {"labels": [text, "b"], "metrics": [metric], "dev_splits": [text], "texts": [text]}
    study = {
        **{"name": text, "command": f"run --data {text}", "git_commit": text},
        **{"versions": {"torch": text}, "config": {"train": {"init": text}}},
        **{"teacher": {"name": text, "layers": 4}, "tasks": {"t": entry}},
    }
    ms = {"1": 1.0}
    form = {"model": "kd-2", "form": "PyTorch fp32", "bytes": 1, "changed": 0, "ms": ms}
    form["metrics"] = {metric: 0.5}
    form["classes"] = {text: {"rows": 1, "recall": 0.5, "f1": 0.5}}
    cpu = {"name": text, "threads": 1, "instructions": {}}
    card = model_card(
        *(study, "t", student),
        {"metrics": scores, "settings": {"learning_rate": 1e-5, text: text}, "trial": text},
        {"metrics": scores, "settings": {}},
        {},
        table=cost_table([form]),
        class_table=class_table([form]),
        slower=[f"{text} is slow"],
        conditions=conditions(text, cpu),
        **{"onnx": True, "int8": False, "inputs": "`ids`", "difference": 0.1},
        **{"changed": {"ONNX": 0}, "doubts": [f"{text} is rare"], "accepted": ""},
    )
    assert not unseen(card)
    _, front, body = card.split("---\n", 2)
    assert front.splitlines()[0] == "library_name: transformers"
    blocks = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(body)
    kinds = [token.type for block in blocks for token in (block, *(block.children or []))]
    forbidden = {"html_block", "html_inline", "link_open", "image", "em_open", "s_open"}
    assert not forbidden & set(kinds)
    assert kinds.count("heading_open") == 6 and kinds.count("table_open") == 4
