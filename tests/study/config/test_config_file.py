"""A configuration file is read with the changes of the command line; all problems are shown."""

from pathlib import Path

import pytest

from pkd.errors import InputError
from study.config.config_file import load_study_config
from study.config.search_space import Range
from study.config.sections import Asha
from tests.support.studies.refused_configs import refusal_of

CONFIGS = Path(__file__).resolve().parents[3] / "configs"
# Files that start a cluster are not studies: see test_cluster_files.py.
STUDIES = sorted(set(CONFIGS.rglob("*.yaml")) - set((CONFIGS / "cluster").iterdir()))


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: str(path.relative_to(CONFIGS)))
def test_every_shipped_config_is_valid_and_shows_how_to_run_it(path: Path) -> None:
    load_study_config(path, [])
    text = path.read_text(encoding="utf-8")
    # Before the first key it says what it is and which command runs it.
    assert text.startswith("# ")
    opening = text[: text.index("\n\n")]
    assert "python study/run.py" in opening or "make " in opening


def test_there_are_shipped_configs() -> None:
    # Without this the test above would pass with an empty folder.
    assert (CONFIGS / "laptop.yaml").exists() and (CONFIGS / "glue.yaml").exists()


@pytest.mark.parametrize(
    ("text", "key", "near"),
    [
        ("serach: {trials: 3}", "serach", "search"),
        ("train: {epoch: 3}", "train.epoch", "train.epochs"),
        ("search: {trails: 3}", "search.trails", "search.trials"),
        ("search: {asha: {grace: 1}}", "search.asha.grace", "search.asha.grace_epochs"),
        (
            "search: {space: {temprature: 5}}",
            "search.space.temprature",
            "search.space.temperature",
        ),
        (
            "search: {space: {alpha: {low: 0, high: 1, logg: true}}}",
            "search.space.alpha.logg",
            "search.space.alpha.log",
        ),
        (
            "teacher: {learning_rate: {low: 1.0e-5, hihg: 1.0e-4}}",
            "teacher.learning_rate.hihg",
            "teacher.learning_rate.high",
        ),
        ("data: {max_train_row: 9}", "data.max_train_row", "data.max_train_rows"),
        ("resources: {gpu_per_trial: 1}", "resources.gpu_per_trial", "resources.gpus_per_trial"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_valid_one(
    tmp_path: Path, text: str, key: str, near: str
) -> None:
    message = refusal_of(tmp_path, text)
    assert f"unknown key `{key}`" in message and f"did you mean `{near}`?" in message


def test_a_key_unlike_any_other_is_refused_with_all_valid_ones(tmp_path: Path) -> None:
    message = refusal_of(tmp_path, "confirm: {xyz: 1}")
    assert "unknown key `confirm.xyz` (valid here: seeds)" in message


def test_all_problems_are_reported_at_once(tmp_path: Path) -> None:
    message = refusal_of(
        tmp_path,
        "serach: {}\n"
        "train: {batch_size: 0, epochs: 0}\n"
        "search: {trials: 0, space: {temperature: [0], alpha: [0.5, 1.5]}}\n"
        "confirm: {seed: 3}\n",
    )
    for key in ("serach", "train.batch_size", "train.epochs", "search.trials", "confirm.seed"):
        assert f"`{key}`" in message
    # Two wrong values of one group are two problems.
    assert "`search.space.temperature` is [0], but must be > 0" in message
    assert (
        "`search.space.alpha` is [0.5, 1.5], but must be between 0 and 1 (1.5 is not)" in message
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a list", "must hold keys and values"),
        ("a: [", "cannot read the configuration"),
    ],
)
def test_a_file_that_is_not_a_mapping_is_refused(tmp_path: Path, text: str, message: str) -> None:
    assert message in refusal_of(tmp_path, text)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read the configuration .*nowhere.yaml"):
        load_study_config(tmp_path / "nowhere.yaml", [])


def test_set_takes_values_in_yaml() -> None:
    config = load_study_config(
        None,
        [
            "search.trials=3",
            "search.asha=null",
            "search.space.alpha={low: 0, high: 1}",
            "search.space.learning_rate=[5e-5, 1e-4]",
            "search.space.temperature=7",
            "tasks=[rte, sst2]",
            "name=first-try",
        ],
    )
    assert config.search.trials == 3 and config.search.asha is None
    assert config.search.space.alpha == Range(low=0, high=1)
    assert config.search.space.learning_rate == (5e-5, 1e-4)
    assert config.search.space.temperature == (7.0,)
    assert config.tasks == ("rte", "sst2") and config.name == "first-try"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("search.trials", "must have the form key=value"),
        ("=3", "must have the form key=value"),
        ("search.trials=[", "it is not YAML"),
        ("search.trails=3", "did you mean `search.trials`?"),
        ("search.trials=many", "`search.trials` is 'many'"),
    ],
)
def test_a_wrong_set_is_refused(override: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        load_study_config(None, [override])
    assert message in str(caught.value)


def test_options_win_over_set_and_set_wins_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text("{tasks: [rte], search: {trials: 9, asha: {grace_epochs: 2}}}")
    config = load_study_config(
        path, ["search.trials=5", "tasks=[mrpc]"], tasks=["sst2"], data__dir=None
    )
    assert config.tasks == ("sst2",) and config.search.trials == 5
    # Keys that neither names keep the file's values.
    assert config.search.asha == Asha(grace_epochs=2) and config.data.dir is None


# Shipped configurations, from any folder --------------------------------------------------------


@pytest.mark.parametrize("name", ["laptop", "laptop.yaml", "configs/laptop.yaml"])
def test_a_shipped_configuration_is_found_by_its_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_study_config(name, []).name == "laptop"
    # A folder of that name is no configuration; a file is.
    (tmp_path / name).mkdir(parents=True)
    assert load_study_config(name, []).name == "laptop"
    (tmp_path / name).rmdir()
    (tmp_path / name).write_text("name: mine")
    assert load_study_config(name, []).name == "mine"


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("labtop", "'laptop'"),
        ("configs/demoo.yaml", "'demo.yaml'"),
        ("Glue", "'glue'"),
        ("mine.yml", "'mine.yaml'"),
        ("below/min.yaml", "'mine2.yaml'"),
        ("elsewhere/laptop.yaml", "'laptop.yaml'"),
    ],
)
def test_the_nearest_configuration_is_suggested(
    name: str, near: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("name: mine")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "mine2.yaml").write_text("name: mine")
    with pytest.raises(InputError) as caught:
        load_study_config(name, [])
    assert (
        f"cannot read the configuration {name}: there is no such file; did you mean {near}?"
        in (str(caught.value))
    )
    assert "the shipped configurations are demo, glue, laptop, " in str(caught.value)


@pytest.mark.parametrize(
    "override", ["trackers.mlflow", "trackers.mlflow=sqlite://a:s3cret@x/y ["]
)
def test_no_message_about_set_shows_a_password(override: str) -> None:
    with pytest.raises(InputError) as caught:
        load_study_config(None, [override, "seed=x", "name=http://a:s3cret@x/y"])
    assert "--set " in str(caught.value) and "s3cret" not in str(caught.value)
