"""The real command from data to report; then again, and with a larger budget."""

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from mlflow import MlflowClient
from pyarrow import parquet
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from tests.support.commands.study_process import Finished, Study

pytestmark = pytest.mark.slow

CELLS = ["rte-2-ft", "rte-2-pkd-skip", "sst2-2-ft", "sst2-2-pkd-skip"]


def stage_counts(study: Study, event: str) -> dict[str, int]:
    return dict(Counter(e["stage"] for e in study.events() if e["event"] == event))


def is_constant(event: dict[str, Any]) -> bool:
    """Whether a search trial ended predicting a single class and is replaced by a new one."""
    return event["event"] == "end" and bool(event["constant"])


def copied(finished: Finished, folder: Path) -> Study:
    """Returns a copy of the finished study."""
    shutil.copytree(finished.study.out, folder / "run")
    return Study(folder / "run", finished.study.data, finished.study.model)


def ledger_files(study: Study) -> dict[str, int]:
    paths = (study.out / "ledger").rglob("*.json")
    return {str(path.relative_to(study.out)): path.stat().st_mtime_ns for path in paths}


def test_the_ledger_holds_exactly_the_planned_trials(finished: Finished) -> None:
    # Two tasks: 2 teachers and 1 signals job each; 4 cells with 3 trials and 2 seeds each; the
    # test splits of 2 teachers and 4 students.
    planned = {"teachers": 4, "signals": 2, "search": 12, "confirm": 8, "predict": 6}
    planned["search"] += sum(map(is_constant, finished.study.events("search")))
    assert stage_counts(finished.study, "start") == planned
    assert stage_counts(finished.study, "end") == planned
    ends = [e for e in finished.study.events() if e["event"] == "end"]
    assert {e["state"] for e in ends} <= {"complete", "stopped"}
    # ASHA may stop trials of the search only.
    assert all(e["state"] == "complete" for e in ends if e["stage"] != "search")


def test_one_process_serves_all_stages(finished: Finished) -> None:
    stages, processes = set(), set()
    for log in (finished.study.out / "logs").rglob("*.log"):
        lines = [line.split() for line in log.read_text().splitlines() if " INFO " in line]
        processes.update(words[2] for words in lines)
        stages.update(log.relative_to(finished.study.out / "logs").parts[:1] if lines else ())
    # The study runs one trial at a time; jobs log nothing.
    assert stages == {"teachers", "search", "confirm"} and len(processes) == 1


def test_every_winner_can_be_loaded_by_transformers(finished: Finished) -> None:
    assert sorted(p.name for p in (finished.study.out / "models").iterdir()) == CELLS
    for folder in (finished.study.out / "models").iterdir():
        model = AutoModelForSequenceClassification.from_pretrained(folder)
        assert model.config.num_hidden_layers == 2 and model.config.num_labels == 2
        tokens = AutoTokenizer.from_pretrained(folder)("a fine film", return_tensors="pt")
        assert model(**tokens).logits.shape == (1, 2)
    for task in ("rte", "sst2"):
        teacher = finished.study.out / "teachers" / task
        assert (
            AutoModelForSequenceClassification.from_pretrained(teacher).config.num_hidden_layers
            == 4
        )


def test_predictions_are_kept_and_the_test_split_is_not_scored(finished: Finished) -> None:
    predictions = finished.study.out / "predictions"
    for cell in (*CELLS, "rte-4-teacher", "sst2-4-teacher"):
        table = parquet.read_table(predictions / "predict" / cell / "job-0000" / "test.parquet")
        assert table.num_rows == 16 and "label" not in table.column_names
    for cell in CELLS:
        for seed in ("seed-0000", "seed-0001"):
            table = parquet.read_table(
                predictions / "confirm" / cell / seed / "validation.parquet"
            )
            assert table.num_rows == 32 and "label" in table.column_names
    for event in finished.study.events():
        assert not {"test"} & set(event.get("metrics") or {})


def test_the_report_exists_and_is_named_at_the_end(finished: Finished) -> None:
    report = finished.study.out / "report"
    assert (report / "index.html").stat().st_size > 1000 and (report / "report.md").exists()
    assert str(report) in finished.output and "complete after" in finished.output
    # Without a terminal: one line per ended trial, no control codes.
    assert finished.output.count("search rte-2-ft trial-") == 3 and "\x1b" not in finished.output


def test_no_work_in_progress_is_left(finished: Finished) -> None:
    for folder in ("checkpoints", "weights"):
        files = [p for p in (finished.study.out / folder).rglob("*") if p.is_file()]
        assert files == []
    assert not list(finished.study.out.rglob("*.tmp"))


def test_trackers_hold_every_epoch_of_every_training(finished: Finished) -> None:
    trained = ("teachers", "search", "confirm")
    reports = [e for stage in trained for e in finished.study.events(stage) if "epoch" in e]
    ledger = Counter(
        f"{e['stage']} {e['task']}-{e['depth']}-{e['method']} {e['trial']}" for e in reports
    )
    client = MlflowClient(f"sqlite:///{finished.study.out.parent}/mlflow.db")
    experiment = client.get_experiment_by_name("tiny")
    runs = client.search_runs([experiment.experiment_id])
    assert {run.info.status for run in runs} == {"FINISHED"} and len(runs) == len(ledger)
    for run in runs:
        tags = run.data.tags
        epochs = ledger[f"{tags['stage']} {tags['cell']} {tags['trial']}"]
        losses = client.get_metric_history(run.info.run_id, "train_loss")
        assert [each.step for each in losses] == list(range(1, epochs + 1))
        folder = Path(tags["stage"], tags["cell"], tags["trial"])
        dispatcher = EventAccumulator(
            str(finished.study.out / "trackers" / "tensorboard" / folder)
        )
        scalars = dispatcher.Reload().Scalars("ray/tune/train_loss")
        assert [each.value for each in scalars] == pytest.approx([each.value for each in losses])
    assert "trackers." not in finished.output


def test_a_larger_budget_runs_only_the_new_trials_and_once(
    finished: Finished, tmp_path: Path, without_ray: Callable
) -> None:
    study = copied(finished, tmp_path)
    old = study.numbers()
    winners = {
        e["task"] + e["method"]: e["settings"]
        for e in study.events("confirm")
        if e["event"] == "start"
    }
    larger = ("--set", "search.trials=4", "confirm.seeds=3")
    done = study.run(*larger)
    assert done.returncode == 0, done.stdout
    new = study.numbers()
    # One or two more search trials in each cell; the old ones are unchanged.
    assert {key: new[key] for key in old if key.startswith(("teachers", "search"))} == {
        key: old[key] for key in old if key.startswith(("teachers", "search"))
    }
    ends = [e for e in study.events("search") if e["event"] == "end" and not is_constant(e)]
    assert Counter(f"{e['task']}-{e['depth']}-{e['method']}" for e in ends) == dict.fromkeys(
        CELLS, 4
    )
    # Three seeds of the current winner; those of an unchanged winner are not trained again.
    for cell in CELLS:
        seeds = {key: new[key] for key in new if key.startswith(f"confirm/{cell}/")}
        assert len(seeds) == 3
        task, _, method = cell.split("-", 2)
        now = [value["start"]["settings"] for value in seeds.values()]
        assert now[0] == now[1] == now[2]
        if now[0] == winners[task + method]:
            assert seeds | {k: old[k] for k in old if k in seeds} == seeds
    assert done.stdout.count(" seed-0002 ") == 4
    record = yaml.safe_load((study.out / "study.yaml").read_text())
    assert record["budget"]["confirm_seeds"] == 3
    # The same command again does nothing.
    before = ledger_files(study)
    again = without_ray(study, *larger)
    assert again.returncode == 0 and ledger_files(study) == before, again.stdout
    assert "trial-0000" not in again.stdout and "report:" in again.stdout


def test_a_trial_that_diverges_fails_alone(ensembled: Finished) -> None:
    study = ensembled.study
    ends = {e["trial"]: e for e in study.events("search") if e["event"] == "end"}
    assert ends["trial-0000"]["state"] == "failed" and "not finite" in ends["trial-0000"]["error"]
    assert ends["trial-0001"]["state"] == "complete"
    # It is not trained again, and the winner is confirmed.
    assert [e["settings"]["beta"] for e in study.events("confirm") if e["event"] == "start"] == [
        100
    ]
    log = study.out / "logs" / "search" / "rte-2-pkd-skip" / "trial-0000.log"
    assert "not finite" in log.read_text()
