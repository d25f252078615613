"""What is written about the cost and the agreement of the forms."""

from typing import Any

import pytest

from pkd.deployment.cost_tables import class_table, conditions, cpu_facts, slower_than_pytorch


def form(name: str, ms: tuple[float, float] = (1.0, 1.0), **more: Any) -> dict[str, Any]:
    model = "teacher" if name == "teacher" else "kd-2"
    name = "PyTorch fp32" if name == "teacher" else name
    return {"model": model, "form": name, "ms": {"1": ms[0], "32": ms[1]}, **more}


def test_slower_onnx_files_are_named_with_both_times() -> None:
    rows = [form("teacher", (0.1, 0.1)), form("PyTorch fp32", (21.9, 25.1))]
    rows += [form("ONNX", (31.04, 25.0)), form("ONNX int8", (17.4, 30.0))]
    assert slower_than_pytorch(rows) == [
        "ONNX is slower than PyTorch fp32 here at batch 1: 31 against 21.9 ms a row",
        "ONNX int8 is slower than PyTorch fp32 here at batch 32: 30 against 25.1 ms a row",
    ]
    assert slower_than_pytorch(rows[:2]) == [] and slower_than_pytorch([]) == []


def test_recall_and_f1_of_each_label_stand_beside_each_other() -> None:
    bug = {"rows": 4, "recall": 0.75, "f1": 0.6}
    classes = {"a|b": bug, "none": {"rows": 0, "recall": 0.0, "f1": 0.0}}
    rows = [form("teacher", classes={}), form("PyTorch fp32", classes=classes)]
    rows.append(form("ONNX int8", classes=classes | {"a|b": bug | {"recall": 0.5}}))
    header, _, first, second = class_table(rows).splitlines()
    names = [each.strip() for each in header.strip("|").split("|")]
    assert names == ["label", "dev rows", "PyTorch fp32", "ONNX int8"]
    assert "| a\\|b" in first and "75.0 / 60.0" in first and "50.0 / 60.0" in first
    assert second.count("–") == 2


@pytest.mark.parametrize(
    ("instructions", "words"),
    [
        ({"AVX2": True, "VNNI": False}, "on A CPU (with AVX2; without VNNI), 2 threads."),
        ({"VNNI": True, "AMX": True}, "on A CPU (with VNNI, AMX), 2 threads."),
        ({}, "on A CPU, 2 threads."),
    ],
)
def test_the_cpu_is_named_with_its_instructions(instructions: dict[str, bool], words: str) -> None:
    cpu = {"name": "A CPU", "threads": 2, "instructions": instructions}
    assert words in conditions("dev", cpu) and "Dev rows of `dev`" in conditions("dev", cpu)


def test_this_cpu_has_a_name() -> None:
    facts = cpu_facts()
    assert facts["name"] and facts["threads"] >= 1
    assert set(facts["instructions"].values()) <= {True, False}
