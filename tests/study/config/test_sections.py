"""Each group of keys refuses values that are outside its limits or contradict each other."""

from pathlib import Path

import pytest

from pkd.errors import InputError
from study.config.config_file import load_study_config
from tests.support.studies.refused_configs import refusal_of


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("teacher: {trials: 4}", "`teacher.learning_rate` has 3 choice(s)"),
        ("train: {start_layers: last}", "'last', but must be 'first' or 'spaced'"),
        ("teacher: {ensemble: 4}", "`teacher.ensemble` is 4, but must be <= `teacher.trials` (3)"),
        (
            "teacher: {ensemble: 2, fine_tuned: {rte: a}}",
            "`teacher.ensemble` is 2 and `teacher.fine_tuned` is given",
        ),
        ("data: {max_train_rows: {rte: 1}}", "`data.max_train_rows` is 1, but must be >= 2"),
        ("data: {generated: true, dir: /data}", "choose one"),
    ],
)
def test_values_of_a_group_that_do_not_fit_together_are_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    assert message in refusal_of(tmp_path, text)


def test_a_row_cap_holds_for_all_tasks_or_for_those_it_names() -> None:
    all_tasks = load_study_config(None, ["data.max_train_rows=100"]).data
    assert all_tasks.cap("max_train_rows", "rte") == 100
    assert all_tasks.cap("max_dev_rows", "rte") is None
    one_task = load_study_config(None, ["data.max_train_rows={mnli: 100}"]).data
    assert one_task.cap("max_train_rows", "mnli") == 100
    assert one_task.cap("max_train_rows", "rte") is None


@pytest.mark.parametrize(
    "uri",
    ["sqlite:///mlflow.db", "https://host:5000", "postgresql+psycopg2://host/db", "databricks"],
)
def test_mlflow_may_be_a_server_or_a_database(uri: str) -> None:
    assert load_study_config(None, [f"trackers.mlflow={uri}"]).trackers.mlflow == uri


@pytest.mark.parametrize(
    "uri", ["mlruns", "/tmp/mlruns", "file:///mlruns", "foo://x", "sqlite://"]
)
def test_any_other_mlflow_address_is_refused_with_what_is_allowed(uri: str) -> None:
    expected = f"`trackers.mlflow` is '{uri}', but must be the http.* or a database such as sqlite"
    with pytest.raises(InputError, match=expected):
        load_study_config(None, [f"trackers.mlflow={uri}"])


def test_a_refused_mlflow_address_does_not_show_its_password() -> None:
    with pytest.raises(InputError) as caught:
        load_study_config(None, ["trackers.mlflow=oracle://ada:s3cret@host/db"])
    assert "oracle://***@host/db" in str(caught.value) and "s3cret" not in str(caught.value)


@pytest.mark.parametrize("project", ["a/b", "", "a#b", "x" * 129])
def test_a_project_name_that_wandb_would_refuse_is_refused(project: str) -> None:
    with pytest.raises(InputError, match="trackers.wandb"):
        load_study_config(None, [f"trackers.wandb='{project}'"])
