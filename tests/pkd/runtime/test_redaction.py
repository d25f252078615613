"""Redacted commands and configurations, which still mean the same."""

import shlex
import time
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


S = "s3cr3t-0f-4da"
SECRETS = {
    "ray://ada:t0ken@head:10001": "ray://***@head:10001",
    "s3://KEY:SECRET@bucket/runs": "s3://***@bucket/runs",
    "s3://KEY:SEC/RE@T@bucket/runs": "s3://***@bucket/runs",
    "https://t0ken@host/x": "https://***@host/x",
    "--address=ray://:t0ken@head:10001": "--address=ray://***@head:10001",
    f"postgresql+psycopg2://ada:{S}@db/x": "postgresql+psycopg2://***@db/x",
    f"postgresql://ada:two words {S}@db/x": "postgresql://***@db/x",
    f"trackers.mlflow=https://ada:two words {S}@host": "trackers.mlflow=https://***@host",
    "https://ada:p%40ss%3A1@host/x": "https://***@host/x",
    f"cannot reach https://ada:{S}@host/x: refused": "cannot reach https://***@host/x: refused",
    f"ada:{S}@host:5000": "***@host:5000",
    f"ada:{S}@mlflow.example.org/x": "***@mlflow.example.org/x",
    **{
        f"https://host/x?{name}={S}&region=eu": f"https://host/x?{name}=***&region=eu"
        for name in (
            *("token", "access_token", "access_key", "secret_key", "sig", "signature", "sas"),
            *("password", "api_key", "apikey", "X-Amz-Signature", "X-Amz-Credential", "key"),
            *("AWSAccessKeyId", "client_secret", "session_token", "auth", "ACCESS_KEY_ID"),
        )
    },
    f"s3://bucket/x?region=eu&secret_key={S}": "s3://bucket/x?region=eu&secret_key=***",
    f"file:///mnt/x?token={S} and more&a=b": "file:///mnt/x?token=***&a=b",
    f"host/path?token={S}": "host/path?token=***",
    f"https://host/x#access_token={S}": "https://host/x#access_token=***",
    f"https%3A%2F%2Fhost%3Ftoken%3D{S}%26a%3Db": "https%3A%2F%2Fhost%3Ftoken%3D***%26a%3Db",
    f"no answer from s3://b/x?token={S} now": "no answer from s3://b/x?token=*** now",
    f"HF_TOKEN={S}": "HF_TOKEN=***",
    f"AWS_SECRET_ACCESS_KEY={S} python run.py": "AWS_SECRET_ACCESS_KEY=*** python run.py",
    f"WANDB_API_KEY='{S}'": "WANDB_API_KEY='***'",
    f"--password={S}": "--password=***",
    f"own_methods.mine.api_key={S}": "own_methods.mine.api_key=***",
    f"{{'api_key': '{S}', 'a': 1}}": "{'api_key': '***', 'a': 1}",
    f'{{"token": "{S} two"}}': '{"token": "***"}',
    f"Authorization: Bearer {S}": "Authorization: Bearer ***",
    f"authorization=Basic {S}": "authorization=Basic ***",
    f"{{'Authorization': 'token {S}'}}": "{'Authorization': 'token ***'}",
    "sent Bearer abc123def456ghi789": "sent Bearer ***",
    "hf_0123456789abcdefghijklmnopqrstuvwx": "***",
    "with AKIAIOSFODNN7EXAMPLE here": "with *** here",
    "ghp_0123456789abcdefghijABCDEFGHIJ012345": "***",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl": "***",
}


@pytest.mark.parametrize("text", SECRETS)
def test_secrets_become_stars(text: str) -> None:
    assert redacted(text) == SECRETS[text]
    assert redacted(SECRETS[text]) == SECRETS[text]  # a record that is read and written again


@pytest.mark.parametrize(
    "text",
    [
        *("ray://head:10001", "s3://bucket/runs?region=eu", "http://host:80/x?a=b&c=d#part"),
        *("ada@example.org", "mailto:ada@example.org", "mail ada@example.org, or http://x:80/y"),
        *("git@github.com:ada/x.git", "/data/user@work/train.csv", "a=b", "search.trials=8"),
        *("token", "--text token", "columns token, password and key", "pad_token=[PAD]"),
        *("max_tokens=512", "tokens=128", "{'pad_token': '[PAD]', 'tokens': 3}", "key=value"),
        *("the token that the classifier reads: [CLS]", "sqlite:///mlflow.db", "basic research"),
        *("Bearer certificates", "hf_model", "line 3: 5 fields", "rte-6-pkd-skip", "12:30@room"),
        *("https://huggingface.co/bert?code", "learning_rate=3e-5", "a:b", "sk-learn", "eyJ"),
    ],
)
def test_ordinary_texts_stay(text: str) -> None:
    assert redacted(text) == text


@pytest.mark.parametrize("part", ["a", "a-", "a:", "a_token", "?a", "token=", "x://", "a@", "'"])
def test_a_long_text_takes_no_long_time(part: str) -> None:
    started = time.monotonic()
    redacted(part * 20_000)
    assert time.monotonic() - started < 5


def test_the_value_after_an_option_for_a_secret_is_hidden() -> None:
    words = ["run", "--password", S, "--text", "token", "--api-key", S]
    assert redacted_command(words) == "run --password '***' --text token --api-key '***'"


def test_values_of_secret_keys_are_hidden() -> None:
    tree = {"trackers": [{"api_key": S, "pad_token": "[PAD]", "token": 3}], "uri": f"x?sig={S}"}
    hidden = {
        "trackers": [{"api_key": "***", "pad_token": "[PAD]", "token": 3}],
        "uri": "x?sig=***",
    }
    assert redacted_tree(tree) == hidden


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
