"""A problem is blamed on the file or the option that causes it."""

from pathlib import Path
from typing import Any

import pytest

from pkd.errors import InputError
from study.config.config_file import load_study_config


def refused(tmp_path: Path, text: str, sets: list[str], **values: Any) -> list[str]:
    """The lines of the message, with the file's path cut to its name."""
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        load_study_config(path, sets, **values)
    return str(caught.value).replace(f"{tmp_path}/", "").splitlines()


ONE = "has 1 problem(s):"
GRACE = "`search.asha.grace_epochs` is 3, but must be <= `train.epochs` (2)"


@pytest.mark.parametrize(
    ("text", "sets", "expected"),
    [
        # Wrong type, out of range, unknown key: in the file, by --set, or corrected by it.
        ("seed: x", [], [f"x.yaml {ONE}"]),
        ("seed: 1", ["seed=x"], [f"--set seed=x {ONE}"]),
        ("confirm: {seeds: 1}", ["confirm.seeds=0"], [f"--set confirm.seeds=0 {ONE}"]),
        ("confirm: {seeds: 0}", ["search.trials=3"], [f"x.yaml {ONE}"]),
        ("seed: x", ["seed=y", "seed=z"], [f"--set seed=z {ONE}"]),
        ("serach: 1", ["search.trials=3"], [f"x.yaml {ONE}"]),
        ("search: {trials: 3}", ["search.trails=3"], [f"--set search.trails=3 {ONE}"]),
        ("search: {trails: 3}", ["search.trials=3"], [f"x.yaml {ONE}"]),
        ("search: {trials: 3}", ["search=3"], [f"--set search=3 {ONE}"]),
        ("methods: [kd]", ["methods=kdd"], [f"--set methods=kdd {ONE}"]),
        ("methods: [kdd]", ["depths=3"], [f"x.yaml {ONE}"]),
        ("tasks: [rte, rte]", ["seed=1"], [f"x.yaml {ONE}"]),
        ("data: {max_train_rows: 1}", ["data.max_dev_rows=9"], [f"x.yaml {ONE}"]),
        # Each its own.
        (
            "seed: x",
            ["confirm.seeds=0", "depths=0.5"],
            [f"x.yaml {ONE}", f"--set confirm.seeds=0 {ONE}", f"--set depths=0.5 {ONE}"],
        ),
        # Values that do not fit together: the one that came last, and where the other is from.
        (
            "search: {asha: {grace_epochs: 3}}",
            ["train.epochs=2"],
            [
                f"--set train.epochs=2 {ONE}",
                f"  {GRACE}; `search.asha.grace_epochs` comes from x.",
            ],
        ),
        ("search: {asha: {grace_epochs: 3}}\ntrain: {epochs: 2}", ["seed=1"], [f"x.yaml {ONE}"]),
        (
            "seed: 1",
            ["search.asha.grace_epochs=3", "train.epochs=2"],
            [f"--set train.epochs=2 {ONE}", "comes from --set search.asha.grace_epochs=3"],
        ),
        (
            "teacher: {trials: 2, ensemble: 3}",
            ["teacher.epochs=2"],
            [f"x.yaml {ONE}", "`teacher.ensemble` is 3"],
        ),
        ("teacher: {trials: 2}", ["teacher.ensemble=3"], [f"--set teacher.ensemble=3 {ONE}"]),
    ],
)
def test_what_is_to_blame(tmp_path: Path, text: str, sets: list[str], expected: list[str]) -> None:
    lines = refused(tmp_path, text, sets)
    told = [line for line in lines if not line.startswith("  ")]
    assert told == [each for each in expected if each.endswith(ONE)] or sorted(told) == sorted(
        each for each in expected if each.endswith(ONE)
    )
    assert all(each in "\n".join(lines) for each in expected)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"tasks": ["rte", "rte"]}, "--tasks has 1 problem(s):"),
        ({"data__dir": "x"}, "--data has 1 problem(s):"),
    ],
)
def test_an_option_is_blamed_for_what_it_says(
    tmp_path: Path, values: dict[str, Any], expected: str
) -> None:
    lines = refused(tmp_path, "tasks: [sst2]", ["data.generated=true"], **values)
    assert lines[0] == expected


def test_a_key_of_another_group_is_suggested_with_its_group(tmp_path: Path) -> None:
    (_, line) = refused(tmp_path, "", ["grace_epochs=2"])
    assert "unknown key `grace_epochs`; did you mean `search.asha.grace_epochs`?" in line
    (_, line) = refused(tmp_path, "", ["learning_rate=2"])
    assert "`teacher.learning_rate` or `search.space.learning_rate`" in line


def test_a_method_that_is_not_known_is_suggested(tmp_path: Path) -> None:
    (_, line) = refused(tmp_path, "methods: [PKD-Skip]", [])
    assert line.startswith("  `methods.0` is 'PKD-Skip', but must be 'teacher', 'ft', ")
    assert line.endswith("; did you mean 'pkd-skip'?")


def test_a_task_file_is_told_from_a_configuration(tmp_path: Path) -> None:
    (line,) = refused(tmp_path, "name: x\ntexts: [text]\nlabels: [a, b]", [])
    assert line == "x.yaml is a task file, not a configuration: give it with --tasks x.yaml"


@pytest.mark.parametrize(
    ("key", "texts", "expected"),
    [
        ("depths", ["3", "[3]", "'3'"], (3,)),
        ("depths", ["6,3", "[6, 3]"], (6, 3)),
        ("methods", ["kd", "[kd]"], ("kd",)),
        ("methods", ["kd,ft", "kd, ft"], ("kd", "ft")),
        ("tasks", ["rte", "[rte]"], ("rte",)),
        ("tasks", ["rte,sst2"], ("rte", "sst2")),
    ],
)
def test_one_value_is_a_list_of_one(
    tmp_path: Path, key: str, texts: list[str], expected: tuple[Any, ...]
) -> None:
    path = tmp_path / "x.yaml"
    for text in texts:
        assert getattr(load_study_config(None, [f"{key}={text}"]), key) == expected
        path.write_text(f"{key}: {text}")
        assert getattr(load_study_config(path, []), key) == expected


def test_one_start_layer_is_a_list_of_one() -> None:
    config = load_study_config(None, ["depths=1", "train.start_layers={1: 4}"])
    assert config.train.start(1) == (4,)
