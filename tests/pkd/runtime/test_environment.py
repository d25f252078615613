"""Variables that a command sets: only where the user has set none, and only while it runs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pkd.runtime.command_line import exit_code_of
from pkd.runtime.environment import TELEMETRY_OFF, variables


def test_variables_are_set_in_the_block_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PKD_A", "mine")
    monkeypatch.delenv("PKD_B", raising=False)
    before = dict(os.environ)
    with pytest.raises(KeyError), variables({"PKD_A": "ours", "PKD_B": "ours"}):
        assert (os.environ["PKD_A"], os.environ["PKD_B"]) == ("mine", "ours")
        os.environ["PKD_C"] = "set by others"
        raise KeyError
    assert os.environ.pop("PKD_C") == "set by others"
    assert dict(os.environ) == before


def test_a_command_sends_no_telemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in TELEMETRY_OFF:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "false")
    seen: dict[str, str] = {}

    def work() -> int:
        seen.update(os.environ)
        return 0

    assert exit_code_of(work) == 0
    assert seen.items() >= (TELEMETRY_OFF | {"MLFLOW_DISABLE_TELEMETRY": "false"}).items()
    assert not os.environ.keys() & (TELEMETRY_OFF.keys() - {"MLFLOW_DISABLE_TELEMETRY"})


_ASKS = """
import json
from pkd.runtime.environment import TELEMETRY_OFF, variables
with variables(TELEMETRY_OFF):
    import huggingface_hub.constants, mlflow.telemetry.utils, onnxruntime, wandb.env
    from ray._common.usage.usage_lib import usage_stats_enabled
    print(json.dumps({
        "mlflow": not mlflow.telemetry.utils.is_telemetry_disabled(),
        "hub": not huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY,
        "ray": usage_stats_enabled(),
        "wandb": wandb.env.error_reporting_enabled(),
    }))
"""


def test_the_packages_know_the_variables_and_write_nothing(tmp_path: Path) -> None:
    # A CI's own variables would turn MLflow's telemetry off.
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    folders = {"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "PYTHONPATH": os.getcwd()}
    done = subprocess.run(
        [sys.executable, "-c", _ASKS], env=kept | folders, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == dict.fromkeys(("mlflow", "hub", "ray", "wandb"), False)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
