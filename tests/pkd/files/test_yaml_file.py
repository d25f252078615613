"""Wrong YAML files are refused, and the message names the file and the line."""

from pathlib import Path

import pytest

from pkd.errors import InputError
from pkd.files.yaml_file import parse_yaml, read_mapping, read_yaml

LAUGHS = "a0: &a0 [x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
)
MERGES = "a0: &a0 {x: 1}\n" + "".join(
    f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 10)
)
CASES: dict[str, tuple[str | bytes, str]] = {
    "a list": ("- name: own\n", "must hold keys and values"),
    "a text": ("own", "must hold keys and values, e.g. `name: demo`, but holds 'own'"),
    "a number": ("3", "but holds 3"),
    "JSON cut off": ('{"name": "own", ', "it is not YAML"),
    "open quote": ('name: "own\n', "it is not YAML"),
    "a tab": ("name: own\n\ttexts: [text]\n", "line 2"),
    "wrong indent": ("name: own\n texts: [a]\n", "line 2"),
    "two documents": ("name: own\n---\nname: other\n", "it is not YAML"),
    "a doubled key": ("name: own\ntexts: [a]\nname: two\n", "key `name` appears twice, on line"),
    "a doubled key inside": ("files: {train: a.csv, dev: b.csv, train: c.csv}", "key `train` app"),
    "latin-1": ("name: é\n".encode("latin-1"), "byte 0xe9"),
    "utf-16": ("name: own\n".encode("utf-16"), "byte 0xff"),
    "binary": (bytes(range(256)), "byte 0x80"),
    "NUL": ("name: o\0wn\n", "unacceptable character"),
    "a bell": ("name: o\awn\n", "unacceptable character"),
    "deep lists": ("[" * 600, "nested too deeply"),
    "deep keys": ("\n".join(" " * depth + "a:" for depth in range(1000)), "nested too deeply"),
    "a billion laughs": (LAUGHS, "more than 50,000 values"),
    "a billion merges": (MERGES, "more than 50,000 values"),
    "a list in itself": ("name: &a [*a]\n", "more than 50,000 values"),
    "a key in itself": ("files: &a {train: *a}\n", "more than 50,000 values"),
    "an unknown alias": ("name: *own\n", "undefined alias 'own'"),
    "two megabytes": ("# " + "x" * 2_000_000, "more than 1,000,000 bytes"),
    "Python's object": ("name: !!python/object/apply:os.getcwd []\n", "could not determine a con"),
    "an unknown tag": ("name: !own x\n", "could not determine a constructor"),
    "no such day": ("name: 2020-13-01\n", "'2020-13-01' is not a valid timestamp"),
    "no such number": ("name: !!int one\n", "'one' is not a valid int"),
    "no such truth": ("name: !!bool maybe\n", "'maybe' is not a valid bool"),
    "a list as key": ("? [a]\n: b\n", "unhashable key"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_wrong_yaml_file_is_refused(folder: Path, case: str) -> None:
    content, expected = CASES[case]
    path = folder / "own.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(InputError) as caught:
        read_mapping(path, "task file")
    message = str(caught.value)
    assert "task file" in message and "own.yaml" in message
    assert expected in message and len(message) < 1500


def test_a_yaml_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read the task file .*gone\.yaml"):
        read_mapping(tmp_path / "gone.yaml", "task file")


def test_plain_values_keep_the_types_that_earlier_studies_got() -> None:
    found = parse_yaml("[yes, off, y, n, 5e-5, 5.0e-5, 010]")
    assert found == [True, False, "y", "n", "5e-5", 5e-5, 8]


def test_words_of_yaml_1_1_may_stay_texts(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("labels: [no, Yes, off, ON, true, False, truely, 'true']\nno: 1")
    words = read_yaml(path, words=True)
    assert words == {
        "labels": ["no", "Yes", "off", "ON", True, False, "truely", "true"],
        "no": 1,
    }
    assert read_yaml(path)["labels"][:4] == [False, True, False, True]
