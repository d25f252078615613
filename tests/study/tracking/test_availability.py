"""The keys of the trackers: what is refused before anything starts, and what may change."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import yaml

from pkd.errors import InputError
from pkd.runtime.redaction import redacted_tree
from study.config.config_file import load_study_config
from study.config.sections import Trackers
from study.planning.resume_check import check_same_study
from study.storage.layout import Layout
from study.tracking.availability import check_trackers


@pytest.mark.parametrize(
    "uri",
    ["sqlite:///mlflow.db", "https://host:5000", "postgresql+psycopg2://host/db", "databricks"],
)
def test_a_server_or_a_database_is_taken_for_mlflow(uri: str) -> None:
    assert load_study_config(None, [f"trackers.mlflow={uri}"]).trackers.mlflow == uri


@pytest.mark.parametrize(
    "uri", ["mlruns", "/tmp/mlruns", "file:///mlruns", "foo://x", "sqlite://"]
)
def test_anything_else_is_refused_with_what_is_allowed(uri: str) -> None:
    expected = f"`trackers.mlflow` is '{uri}', but must be the http.* or a database such as sqlite"
    with pytest.raises(InputError, match=expected):
        load_study_config(None, [f"trackers.mlflow={uri}"])


def test_a_refused_uri_does_not_show_its_password() -> None:
    with pytest.raises(InputError) as caught:
        load_study_config(None, ["trackers.mlflow=oracle://ada:s3cret@host/db"])
    assert "oracle://***@host/db" in str(caught.value) and "s3cret" not in str(caught.value)


@pytest.mark.parametrize("project", ["a/b", "", "a#b", "x" * 129])
def test_a_project_that_wandb_would_refuse(project: str) -> None:
    with pytest.raises(InputError, match="trackers.wandb"):
        load_study_config(None, [f"trackers.wandb='{project}'"])


@pytest.mark.parametrize(
    ("key", "package"), [("tensorboard", "tensorboardX"), ("mlflow", "mlflow"), ("wandb", "wandb")]
)
def test_a_package_that_is_missing_is_named_before_any_work(
    key: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == package else find(name)
    )
    value = {"tensorboard": True, "mlflow": "sqlite:///x.db", "wandb": "distil"}[key]
    with pytest.raises(InputError, match=rf"`trackers.{key}` .*\[trackers\]"):
        check_trackers(Trackers.model_validate({key: value}))
    # Those that are off need none.
    check_trackers(Trackers(tensorboard=key != "tensorboard"))


def test_wandb_without_a_key_is_refused_unless_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))  # no `wandb login` there
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    on = Trackers(wandb="distil")
    with pytest.raises(InputError, match="WANDB_API_KEY, run `wandb login`, or .*offline"):
        check_trackers(on)
    monkeypatch.setenv("WANDB_MODE", "offline")
    check_trackers(on)
    monkeypatch.delenv("WANDB_MODE")
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    check_trackers(on)


def test_trackers_may_change_while_a_study_is_interrupted(tmp_path: Path) -> None:
    def record(*overrides: str) -> Any:
        return load_study_config(None, list(overrides))

    before = redacted_tree(
        record("trackers.mlflow=http://ada:s3cret@host").model_dump(mode="json")
    )
    assert before["trackers"]["mlflow"] == "http://***@host"
    layout = Layout(tmp_path)
    layout.study_file.write_text(yaml.safe_dump({"format": 1, "created": "x", "config": before}))
    check_same_study(layout, record("trackers.tensorboard=true"))
    with pytest.raises(InputError, match="seed: 42 there, 1 now"):
        check_same_study(layout, record("trackers.tensorboard=true", "seed=1"))
    # A study of a version that knew no trackers goes on as well.
    del before["trackers"]
    layout.study_file.write_text(yaml.safe_dump({"format": 1, "created": "x", "config": before}))
    check_same_study(layout, record("trackers.tensorboard=true"))
