"""A configuration is refused with all that is wrong in it; each message names key and limit."""

from pathlib import Path

import pytest

from pkd.errors import InputError
from pkd.tasks.glue import PAPER_TASKS
from study.config.config_file import load_study_config
from study.config.search_space import Range
from study.config.sections import Asha

CONFIGS = Path(__file__).resolve().parents[3] / "configs"
# What a cluster is started from is no study: see test_cluster_files.py.
STUDIES = sorted(set(CONFIGS.rglob("*.yaml")) - set((CONFIGS / "cluster").iterdir()))


def refused(tmp_path: Path, text: str) -> str:
    """What the user reads about a configuration file with this text."""
    path = tmp_path / "study.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_study_config(path, [])
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: str(path.relative_to(CONFIGS)))
def test_every_shipped_config_is_valid_and_says_how_to_run_it(path: Path) -> None:
    load_study_config(path, [])
    text = path.read_text(encoding="utf-8")
    # It opens with what it is; the command that runs it stands before the first key.
    assert text.startswith("# ")
    opening = text[: text.index("\n\n")]
    assert "python study/run.py" in opening or "make " in opening


def test_students_start_from_one_model(tmp_path: Path) -> None:
    text = refused(tmp_path, "train: {init: teacher, model: other}")
    assert "`train.init` is teacher and `train.model` is given" in text
    for given in ("train: {model: other}", "teacher: {fine_tuned: {rte: other}}"):
        text = refused(tmp_path, f"data: {{generated: true}}\n{given}")
        assert "`data.generated` is on, whose encoder is generated too" in text


def test_there_are_shipped_configs() -> None:
    # Without this the test above would be content with an empty folder.
    assert (CONFIGS / "laptop.yaml").exists() and (CONFIGS / "glue.yaml").exists()


def test_an_empty_file_is_the_paper_s_study(tmp_path: Path) -> None:
    path = tmp_path / "empty.yaml"
    path.touch()
    config = load_study_config(path, [])
    assert config.tasks == PAPER_TASKS and config.depths == (6, 3)
    assert config.methods == ("ft", "kd", "pkd-skip", "pkd-last")
    assert config.teacher.model == "bert-base-uncased"
    assert (config.train.epochs, config.train.batch_size, config.train.max_length) == (4, 32, 128)


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
    message = refused(tmp_path, text)
    assert f"unknown key `{key}`" in message and f"did you mean `{near}`?" in message


def test_a_key_like_no_other_is_refused_with_all_valid_ones(tmp_path: Path) -> None:
    message = refused(tmp_path, "confirm: {xyz: 1}")
    assert "unknown key `confirm.xyz` (valid here: seeds)" in message


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    message = refused(
        tmp_path,
        "serach: {}\n"
        "train: {batch_size: 0, epochs: 0}\n"
        "search: {trials: 0, space: {temperature: [0], alpha: [0.5, 1.5]}}\n"
        "confirm: {seed: 3}\n",
    )
    for key in ("serach", "train.batch_size", "train.epochs", "search.trials", "confirm.seed"):
        assert f"`{key}`" in message
    # Two wrong values of one group are two problems.
    assert "`temperature` holds 0, but must be > 0" in message
    assert "`alpha` holds 1.5, but must be between 0 and 1" in message


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ("temperature: [5, 0]", "`temperature` holds 0, but must be > 0"),
        ("temperature: -1", "`temperature` holds -1, but must be > 0"),
        ("temperature: {low: 0, high: 5}", "`temperature` holds 0, but must be > 0"),
        ("alpha: [-0.1, 0.5]", "`alpha` holds -0.1, but must be between 0 and 1"),
        ("alpha: 2", "`alpha` holds 2, but must be between 0 and 1"),
        ("alpha: .nan", "`alpha` holds nan, but must be between 0 and 1"),
        ("beta: [-1]", "`beta` holds -1, but must be >= 0"),
        ("learning_rate: 0", "`learning_rate` holds 0, but must be between 0 and 1"),
        ("learning_rate: [2.0]", "`learning_rate` holds 2, but must be between 0 and 1"),
        ("learning_rate: {low: 1.0e-3, high: 1.0e-4}", "low < high, but has low 0.001"),
        ("learning_rate: {low: 0, high: 1.0e-4, log: true}", "low > 0, but has low 0"),
    ],
)
def test_a_space_beyond_its_limits_is_refused(tmp_path: Path, space: str, message: str) -> None:
    text = refused(tmp_path, f"search: {{space: {{{space}}}}}")
    assert message in text
    # One problem is one line, in the words of the file and not of the validator.
    assert "has 1 problem(s)" in text and "function-" not in text


@pytest.mark.parametrize("space", ["temperature: [.inf]", "beta: [10, .inf]"])
def test_an_infinite_value_is_refused(tmp_path: Path, space: str) -> None:
    # The recipe refuses it too, but only inside the trial.
    assert "inf" in refused(tmp_path, f"search: {{space: {{{space}}}}}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "search: {algorithm: grid, space: {beta: {low: 1, high: 9}}}",
            "`search.space.beta` is a range, but a grid needs a list of choices",
        ),
        (
            "{methods: [ft, pkd-skip], search: {inherit_from_kd: true}}",
            "`search.inherit_from_kd` needs 'kd' in `methods`",
        ),
        (
            "{train: {epochs: 2}, search: {asha: {grace_epochs: 3}}}",
            "`search.asha.grace_epochs` is 3, but must be <= `train.epochs` (2)",
        ),
        ("teacher: {trials: 4}", "`teacher.learning_rate` has 3 choice(s)"),
        ("methods: [teacher]", "'teacher', which is always trained"),
        ("methods: [pkd-skp]", "must be 'teacher', 'ft', 'kd', 'pkd-skip' or 'pkd-last'"),
        ("depths: [3, 6, 3]", "`depths` names 3 twice"),
        (
            "{depths: [6, 3], train: {start_layers: {3: [1, 4, 6]}}}",
            "`train.start_layers` has no list for depth 6",
        ),
        ("train: {start_layers: last}", "'last', but must be 'first' or 'spaced'"),
        ("teacher: {ensemble: 4}", "`teacher.ensemble` is 4, but must be <= `teacher.trials` (3)"),
        (
            "teacher: {ensemble: 2, fine_tuned: {rte: a}}",
            "`teacher.ensemble` is 2 and `teacher.fine_tuned` is given",
        ),
        ("depths: [0]", "`depths` holds 0, but must be >= 1"),
        ("data: {max_train_rows: {rte: 1}}", "`max_train_rows` is 1, but must be >= 2"),
        ("data: {generated: true, dir: /data}", "choose one"),
        ("name: a/b", "`name` is 'a/b'"),
        ("- a list", "must hold keys and values"),
        ("a: [", "cannot read the configuration"),
    ],
)
def test_keys_that_do_not_fit_together_are_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    assert message in refused(tmp_path, text)


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


def test_set_takes_a_number_as_people_write_it() -> None:
    # YAML 1.1 reads 5e-5 as a text.
    config = load_study_config(None, ["search.space.learning_rate=5e-5"])
    assert config.search.space.learning_rate == (5e-5,)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("search.trials", "must have the form key=value"),
        ("=3", "must have the form key=value"),
        ("search.trials=[", "it is no YAML"),
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
    # What neither names stays as the file has it.
    assert config.search.asha == Asha(grace_epochs=2) and config.data.dir is None


def test_a_row_cap_holds_for_all_tasks_or_for_those_it_names() -> None:
    all_tasks = load_study_config(None, ["data.max_train_rows=100"]).data
    assert all_tasks.cap("max_train_rows", "rte") == 100
    assert all_tasks.cap("max_dev_rows", "rte") is None
    one_task = load_study_config(None, ["data.max_train_rows={mnli: 100}"]).data
    assert one_task.cap("max_train_rows", "mnli") == 100
    assert one_task.cap("max_train_rows", "rte") is None
