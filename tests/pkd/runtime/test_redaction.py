"""Redacted commands and configurations, which still mean the same."""

import shlex
from pathlib import Path

import pytest

from pkd.runtime.redaction import redacted, redacted_command, redacted_tree
from study.config.study_config import StudyConfig


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home folder: a link, as on many clusters."""
    (tmp_path / "disk" / "ada").mkdir(parents=True)
    (tmp_path / "ada").symlink_to(tmp_path / "disk" / "ada")
    monkeypatch.setenv("HOME", str(tmp_path / "ada"))
    return tmp_path / "ada"


def test_both_names_of_the_home_folder_become_a_tilde(home: Path) -> None:
    text = f"cannot read {home}/data, {home.resolve()}/x.csv, file://{home}/y or {home}."
    assert redacted(text) == "cannot read ~/data, ~/x.csv, file://~/y or ~."


def test_other_folders_keep_their_names(home: Path) -> None:
    for path in (f"{home}-2/data", f"{home}.old", f"/mnt{home}/data", f"{home}line/x", "/data"):
        assert redacted(path) == path


def test_the_root_as_home_of_a_container_is_not_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", "/")
    assert redacted("/data/glue") == "/data/glue"


@pytest.mark.parametrize(
    ("uri", "written"),
    [
        ("ray://ada:t0ken@head:10001", "ray://***@head:10001"),
        ("s3://KEY:SECRET@bucket/runs", "s3://***@bucket/runs"),
        ("s3://KEY:SEC/RE@T@bucket/runs", "s3://***@bucket/runs"),
        ("https://t0ken@host/x", "https://***@host/x"),
        ("--address=ray://:t0ken@head:10001", "--address=ray://***@head:10001"),
        ("ray://head:10001", "ray://head:10001"),
        ("s3://bucket/runs?region=eu", "s3://bucket/runs?region=eu"),
        ("ada@example.org", "ada@example.org"),
    ],
)
def test_credentials_of_a_uri_become_stars(uri: str, written: str) -> None:
    assert redacted(uri) == written


def test_a_command_means_the_same_to_a_shell_and_to_the_command_line(home: Path) -> None:
    words = ["python", f"{home}/my code/run.py", "--out", f"{home}/runs", f"--data={home}/a b"]
    command = redacted_command(words)
    assert command == "python ~/'my code/run.py' --out ~/runs '--data=~/a b'"
    assert shlex.split(command) == [word.replace(str(home), "~") for word in words]


def test_a_redacted_configuration_is_read_back_as_the_same(home: Path) -> None:
    config = StudyConfig.model_validate(
        {
            "tasks": ["rte", f"{home}/tickets.yaml"],
            "data": {"dir": f"{home}/glue"},
            "teacher": {"model": f"{home}/bert"},
        }
    )
    tree = redacted_tree(config.model_dump(mode="json"))
    assert tree["tasks"] == ["rte", "~/tickets.yaml"] and tree["data"]["dir"] == "~/glue"
    assert tree["teacher"]["model"] == "~/bert" and str(home) not in str(tree)
    assert StudyConfig.model_validate(tree) == config
