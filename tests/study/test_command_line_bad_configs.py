"""Configurations that are not as they should be are refused by file and key, before any work.

`tests/pkd/tasks/test_task_file_bad_keys.py` has the forms that a YAML file can take. The same
keys are tried in a file and with ``--set``.
"""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pkd.errors import InputError
from study.config.config_file import load_study_config

FORMS: dict[str, tuple[str | bytes, str]] = {
    "a list": ("- search: {}\n", "must hold keys and values"),
    "a text": ("search", "must hold keys and values"),
    "cut off": ("search: {trials: 3", "it is not YAML"),
    "a doubled key": ("name: a\nseed: 1\nname: b\n", "key `name` appears twice, on lines 1 and 3"),
    "a doubled key inside": (
        "search:\n  trials: 1\n  trials: 2\n",
        "`trials` appears twice, on lin",
    ),
    "a doubled group": ("train: {epochs: 1}\ntrain: {warmup: 0}\n", "key `train` appears twice"),
    "latin-1": ("name: é\n".encode("latin-1"), "byte 0xe9"),
    "utf-16": ("name: a\n".encode("utf-16"), "byte 0xff"),
    "binary": (bytes(range(256)), "byte 0x80"),
    "NUL": ("name: \0", "unacceptable character"),
    "a list in itself": ("tasks: &a [*a]\n", "more than 50,000 values"),
    "a group in itself": ("search: &a {space: *a}\n", "more than 50,000 values"),
    "a thousand unknown keys": ("".join(f"k{n}: 1\n" for n in range(1000)), "1000 problem(s)"),
    "numbers as keys": ("1: 2\n3: 4\n", "unknown key `1`"),
    "a data file": ("text,label\na,bad\n", "must hold keys and values"),
    "a million bytes": ("#" * 1_000_001, "is it a data file?"),
}
# Keys with what none of them can hold, as one writes it for --set.
NO_NUMBER = ["many", "[1]", "{a: 1}", "2020-01-01", ".nan", ".inf", "-.inf", "-1"]
VALUES = {
    "train.epochs train.batch_size teacher.trials teacher.epochs search.trials confirm.seeds "
    "search.asha.grace_epochs resources.max_concurrent": [*NO_NUMBER, "0", "1.5", "1000001"],
    "train.warmup train.weight_decay train.max_grad_norm search.asha.reduction_factor "
    "resources.cpus_per_trial resources.gpus_per_trial resources.checkpoint_every_s": NO_NUMBER,
    "search.space.learning_rate search.space.temperature search.space.alpha search.space.beta "
    "teacher.learning_rate": [
        *("many", "[]", "{}", "null", ".nan", ".inf", "-1", "[-1]", "[1,x]", "[[1]]", "[null]"),
        *("[.nan]", "{low: 1}", "{low: 0.1, high: 0.1}", "{low: 0.2, high: 0.1}"),
        *("{low: a, high: 1}", "{low: .nan, high: 0.1}", "{low: 0.1, high: .inf}"),
        *("{low: 0.1, high: 0.2, log: maybe}", "{low: 0, high: 0.1, log: true}"),
    ],
    "data teacher train search search.space confirm resources": [
        *("x", "3", "[1]", "true", "null", "''"),
    ],
    "tasks depths methods": ["true", "1.5", "{a: 1}", "[]", "null", "[null]", "[[1]]"],
    "seed": ["-1", "1.5", "x", "4294967296", ".nan", "null"],
    "name": ["''", "a/b", "../a", "x" * 300, "3", "null", "[a]", ".hidden", "yes", "\N{SNOWMAN}"],
    "tasks": ["[rte, rte]", "[1]"],
    "depths": ["[3, 3]", "[0]", "[-2]", "[1.5]", "[x]"],
    "methods": ["[pkd]", "[teacher]", "[ft, ft]", "[1]"],
    "data.dir": ["3", "[a]", "{a: 1}"],
    "data.generated": ["maybe", "[true]"],
    "data.max_train_rows": ["1", "all", "-3", "[5]", "{rte: 0}", "{rte: x}", "{1: 5}"],
    "data.max_dev_rows": ["0", "1.5", "[]", "{rte: 1}", "{rte: null}"],
    "teacher.model": ["3", "null", "[a]"],
    "teacher.fine_tuned": ["x", "[a]", "null", "{rte: 3}", "{rte: null}", "{3: a}", "{rte: []}"],
    "train.model": ["3", "[a]", "{rte: a}"],
    "teacher.trials": ["99"],
    "train.precision": ["fp16", "16", "null"],
    "train.scale": ["own"],
    "train.init": ["null"],
    "train.start_layers": [
        *("last", "null", "3", "[1, 2, 3]", "{}", "{3: 4}", "{3: spaced}", "{x: [1]}"),
        *("{6: [1, x]}", "{6: [1.5]}", "{6: null, 3: null}", "{3: [1, 2, 3]}"),  # none of depth 6
    ],
    "train.max_length": ["7", "long", "1.5"],
    "train.warmup": ["1"],
    "train.max_grad_norm": ["0"],
    "search.algorithm": ["grid search", "null", "3"],
    "search.asha": ["false", "[]", "3"],
    "search.asha.grace_epochs": ["99"],
    "search.asha.reduction_factor": ["1"],
    "search.published_points search.inherit_from_kd": ["maybe", "3"],
    "search.space.normalize": ["maybe", "[]", "{low: 0, high: 1}"],
    "search.space.alpha": ["1.1"],
    "search.space.temperature": ["0"],
    "search.space.learning_rate": ["1", "1e-5x"],
    "resources.cpus_per_trial": ["0"],
    "serach search.trails search.space.temprature train.x resources.gpu a data.": ["3", "{}"],
}  # fmt: skip
CASES = [
    (key, value) for keys, values in VALUES.items() for key in keys.split() for value in values
]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("configs") / "study.yaml"


def nested(key: str, value: Any) -> dict[str, Any]:
    *groups, last = key.split(".")
    tree = {last: value}
    for group in reversed(groups):
        tree = {group: tree}
    return tree


def refused(path: Path | None, overrides: list[str]) -> str:
    with pytest.raises(InputError) as caught:
        load_study_config(path, overrides)
    assert len(str(caught.value)) < 6000
    return str(caught.value)


@pytest.mark.parametrize("case", FORMS)
def test_a_file_of_a_wrong_form(path: Path, case: str) -> None:
    content, expected = FORMS[case]
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    message = refused(path, [])
    assert str(path) in message and expected in message


@pytest.mark.parametrize(("key", "value"), CASES)
def test_a_wrong_value_in_a_file_and_with_set(path: Path, key: str, value: str) -> None:
    path.write_text(yaml.safe_dump(nested(key, yaml.safe_load(value)), sort_keys=False))
    message = refused(path, [])
    # Values that do not fit together are told by their key's last part.
    assert str(path) in message
    assert f"`{key}" in message or f"`{key.split('.')[-1]}`" in message
    assert refused(None, [f"{key}={value}"]).partition("\n")[2] == message.partition("\n")[2]


@pytest.mark.parametrize("override", [
    "", "x", "=", "=1", "search.trials", "search.trials=[", "seed='1", "seed={a: 1, a: 2}",
    "seed=\0", "seed=2020-13-01", "seed=" + "1" * 5000, "seed=&a [*a]", "seed=*a", "seed=@",
    "seed=!!python/name:os.system x", "seed=" + "[" * 600, "seed={? [a] : b}", "seed={<<: 3}",
])  # fmt: skip
def test_a_wrong_form_of_set(override: str) -> None:
    assert "--set " in refused(None, [override])


@pytest.mark.parametrize("key", ["train.epochs.x", "name.x", "tasks.0", "search.trials.a.b"])
def test_a_key_below_a_value_is_refused(path: Path, key: str) -> None:
    path.write_text("{train: {epochs: 1}, name: a, tasks: [rte], search: {trials: 3}}")
    assert f"cannot set `{key}`: " in refused(path, [f"{key}=3"])


def test_a_number_that_is_too_long_to_be_shown_is_refused() -> None:
    assert "`seed` is a very long number" in refused(None, ["seed=0x" + "f" * 5000])


def test_a_grid_that_nobody_could_finish_is_refused() -> None:
    many = str([n / 1000 for n in range(1, 900)])
    space = [f"search.space.{key}={many}" for key in ("alpha", "beta", "temperature")]
    with pytest.raises(
        InputError, match=r"`search.space` has 4,359,\d+,\d+ combin.*at most 10,000"
    ):
        load_study_config(None, ["search.algorithm=grid", *space])


ANY_FILE = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.dates()
)
NAMES = st.sampled_from(sorted({part for keys in VALUES for part in re.split("[ .]", keys)}))
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@ANY_FILE
@given(st.dictionaries(NAMES, TREES, max_size=5))
def test_any_tree_is_read_or_refused(path: Path, tree: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    try:
        load_study_config(path, [])
    except InputError as error:
        assert str(path) in str(error)


@ANY_FILE
@given(st.text(alphabet="&*[]{}:,-?!|>'\"%@` \n\tab1.=", max_size=60))
def test_any_text_is_read_or_refused_as_a_file_and_by_set(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    for arguments in ((path, []), (None, [text]), (None, [f"search={text}"])):
        try:
            load_study_config(*arguments)
        except InputError as error:
            assert str(path) in str(error) or "--set" in str(error) or "`" in str(error)
