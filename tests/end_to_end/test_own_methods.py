"""A method that a user wrote, named in a configuration, through the real command."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from glob import escape
from pathlib import Path

import pytest
import yaml
from pyarrow import parquet

from tests.documentation.documents import example
from tests.support.commands.study_process import SHORT, Study
from tests.support.hostile_task import HELD_OUT, LABELS, hostile_task
from tests.support.hostile_texts import unseen

OWN = {"own_methods": {"pkd-first": "my_methods:PKD_FIRST"}, "methods": ["kd", "pkd-first"]}


@pytest.fixture
def own_study(tiny_data: Path, tiny_model: Path, tmp_path: Path) -> Study:
    """A study of rte that compares the method of ``docs/extend.md`` with KD."""
    code = tmp_path / "code"
    code.mkdir()
    (code / "my_methods.py").write_text(example("new-method"), encoding="utf-8")
    environment = {"PYTHONPATH": str(code)}
    config = SHORT | OWN | {"depths": [3]}
    return Study(tmp_path / "run", tiny_data, tiny_model, "rte", config, environment)


@pytest.fixture
def hostile_study(own_study: Study, tmp_path: Path) -> Study:
    """The same method with a hostile label, on a task with hostile columns, labels and splits."""
    code = Path(own_study.environment["PYTHONPATH"]) / "my_methods.py"
    code.write_text(code.read_text().replace('"PKD-First"', repr("PKD-First\x1b[2J|<b>")))
    return replace(own_study, tasks=str(hostile_task(tmp_path / "task")))


@pytest.mark.slow
def test_a_study_trains_and_reports_a_method_of_the_users(hostile_study: Study) -> None:
    own_study = hostile_study
    done = own_study.run()
    assert done.returncode == 0, done.stdout
    # A progress bar returns to the start of its line.
    assert not unseen(done.stdout.replace("\r", ""))
    methods = {event["method"] for event in own_study.events("confirm")}
    assert methods == {"kd", "pkd-first"}
    settings = [
        set(event["settings"])
        for event in own_study.events("confirm")
        if event["event"] == "start" and event["method"] == "pkd-first"
    ]
    assert settings == [{"learning_rate", "temperature", "alpha", "beta", "normalize"}]
    # Student layers 1 and 2 imitate layers 1 and 2, of which a study of Skip would keep 1 and 3.
    (signals,) = (own_study.out / "signals").glob("*/manifest.json")
    assert sorted(path.name for path in signals.parent.glob("layer-*.npy")) == [
        "layer-01.npy",
        "layer-02.npy",
    ]

    # The report needs the record only: the code is no longer there.
    code = Path(own_study.environment["PYTHONPATH"])
    shutil.move(code / "my_methods.py", code / "elsewhere.py")
    from analysis.report import main

    shutil.rmtree(own_study.out / "report")
    assert main([str(own_study.out)]) == 0
    report = (own_study.out / "report" / "report.md").read_text()
    tables = report.partition("The resolved configuration")[0]
    assert r"PKD-First\\x1b\[2J\|&lt;b>" in tables and "pkd-first" not in tables
    texts = [path.read_text() for path in own_study.out.glob("report/**/*.[!p]*")]
    assert len(texts) > 20 and not [text for text in texts if unseen(text)]
    # Predictions are data: they keep the labels as they are.
    [path] = own_study.out.glob(f"predictions/predict/tickets-3-kd/*/{escape(HELD_OUT)}.parquet")
    assert {f"logit_{label}" for label in LABELS} <= set(parquet.read_schema(path).names)
    plot = (own_study.out / "report" / "plots" / "pareto-parameters.svg").read_text()
    assert "#009e73" in plot.lower()  # its colour


@pytest.fixture
def refused(
    own_study: Study, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """Runs the command in this process; returns the message of its refusal."""
    from study.command_line import main

    monkeypatch.setattr("study.cluster.ray_cluster.start_ray", lambda *_: pytest.fail("Ray"))
    monkeypatch.syspath_prepend(own_study.environment["PYTHONPATH"])

    def run(*options: str) -> str:
        own_study.out.parent.mkdir(exist_ok=True)
        assert main([*own_study.command[2:], *options]) == 2
        return capsys.readouterr().err

    return run


def test_code_in_a_folder_of_data_or_models_is_never_run(
    own_study: Study, refused: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = tmp_path / "ran"
    planted = f"from pathlib import Path\nPath({str(ran)!r}).touch()\n" + example("new-method")
    for kind, option in {"data": "--data", "model": "--model"}.items():
        folder = tmp_path / kind
        shutil.copytree(own_study.data if kind == "data" else own_study.model, folder)
        (folder / "planted_methods.py").write_text(planted)
        with monkeypatch.context() as patch:
            patch.syspath_prepend(str(folder))
            message = refused(
                option, str(folder), "--set", "own_methods={pkd-first: planted_methods:PKD_FIRST}"
            )
        assert "a folder of data or models, whose code is never run" in message
        assert not ran.exists()


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("my_methods", "must be `module:object`"),
        ("no_such_module:PKD_FIRST", "cannot find the method 'no_such_module:PKD_FIRST'"),
        ("my_methods:first_layers", "must be a `pkd.Method`"),
        ("my_methods:nothing", "is None, but must be a `pkd.Method`"),
    ],
)
def test_a_reference_that_names_no_method_is_refused(
    refused: Callable[..., str], reference: str, message: str
) -> None:
    assert message in refused("--set", f"own_methods={{pkd-first: '{reference}'}}")


def test_a_name_that_is_taken_is_refused(refused: Callable[..., str]) -> None:
    message = refused("--set", "own_methods={kd: my_methods:PKD_FIRST}", "methods=[kd]")
    assert "there is a method 'kd' already" in message


def test_changed_code_of_a_method_is_another_study(
    own_study: Study, refused: Callable[..., str], tmp_path: Path
) -> None:
    from pkd.distillation.own_methods import source_digest

    code = Path(own_study.environment["PYTHONPATH"]) / "my_methods.py"
    record = {"label": "PKD-First", "source": source_digest(code)}
    assert "depth is 9" in refused("--set", "depths=[9]")  # the method itself is accepted
    own_study.out.mkdir(parents=True, exist_ok=True)
    from study.config.config_file import load_study_config

    options = own_study.command[2:]
    config = load_study_config(
        Path(options[options.index("--config") + 1]),
        [],
        tasks=["rte"],
        data__dir=str(own_study.data),
        teacher__model=str(own_study.model),
    )
    recorded = {
        **{"format": 1, "name": "tiny", "id": "1", "created": "", "methods": OWN["methods"]},
        "config": config.model_dump(mode="json"),
        "own_methods": {"pkd-first": record | {"source": "another"}},
    }
    (own_study.out / "study.yaml").write_text(yaml.safe_dump(recorded))
    message = refused()
    assert "own_methods.pkd-first: the code of my_methods:PKD_FIRST has changed" in message
    assert os.listdir(own_study.out)
