"""A tracker without its package or its key is refused before anything starts."""

import importlib.util
from pathlib import Path

import pytest

from pkd.errors import InputError
from study.config.sections import Trackers
from study.tracking.availability import check_trackers


@pytest.mark.parametrize(
    ("key", "package"), [("tensorboard", "tensorboardX"), ("mlflow", "mlflow"), ("wandb", "wandb")]
)
def test_a_missing_package_is_named_before_any_work(
    key: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == package else find(name)
    )
    value = {"tensorboard": True, "mlflow": "sqlite:///x.db", "wandb": "distil"}[key]
    with pytest.raises(InputError, match=rf"`trackers.{key}` .*\[trackers\]"):
        check_trackers(Trackers.model_validate({key: value}))
    # Trackers that are off need no package.
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
