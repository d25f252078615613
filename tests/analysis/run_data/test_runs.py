import json
import shutil
from pathlib import Path

import pytest
import yaml

from analysis.run_data.runs import RunError, load_run, metric_columns
from tests.support.runs.fake_run import FakeRun, write
from tests.support.runs.recorded_trial import record_trial


def test_a_run_becomes_one_row_per_trial_and_one_per_report(fake: FakeRun) -> None:
    fake.trial("teachers", "rte", 12, "teacher", 0, 0.69, epochs=4)
    fake.trial("search", "rte", 6, "kd", 0, 0.65, epochs=2, alpha=0.7)
    run = load_run(fake.path)
    assert len(run.trials) == 2 and len(run.reports) == 6 and run.problems == []
    kd = run.trials.iloc[1]
    assert (kd["stage"], kd["task"], kd["depth"], kd["method"]) == ("search", "rte", 6, "kd")
    assert (kd["state"], kd["score"], kd["epochs"], kd["seconds"]) == ("complete", 0.65, 2, 36.0)
    assert (kd["alpha"], kd["temperature"]) == (0.7, 10.0)
    assert kd["validation/accuracy"] == 0.65
    assert run.settings == ["learning_rate", "temperature", "alpha"]
    assert run.trials["alpha"].isna().tolist() == [True, False]  # a teacher has no alpha


def test_rows_are_in_the_order_of_the_study(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path, ("rte", "mrpc"))
    for task, depth, method in [("mrpc", 3, "ft"), ("rte", 3, "pkd-skip"), ("rte", 6, "kd")]:
        fake.trial("search", task, depth, method, 0, 0.6)
    trials = load_run(tmp_path).trials
    assert trials[["task", "depth"]].to_numpy().tolist() == [["rte", 6], ["rte", 3], ["mrpc", 3]]


def test_both_mnli_splits_become_columns(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path, ("mnli",))
    splits = {"validation_matched": {"accuracy": 0.8}, "validation_mismatched": {"accuracy": 0.7}}
    fake.trial("confirm", "mnli", 6, "ft", 0, splits)
    run = load_run(tmp_path)
    names = ["validation_matched/accuracy", "validation_mismatched/accuracy"]
    assert metric_columns(run.trials) == names == metric_columns(run.reports)
    assert run.trials["score"].tolist() == [0.8]


def test_a_trial_without_an_end_is_unfinished_and_has_no_score(fake: FakeRun) -> None:
    fake.trial("search", "rte", 6, "ft", 0, 0.65, state="unfinished", epochs=3)
    trial = load_run(fake.path).trials.iloc[0]
    assert trial["state"] == "unfinished" and trial["score"] != trial["score"]
    assert trial["epochs"] == 3
    assert trial["seconds"] == 3 * (8.0 + 1.0)  # what its reports say it trained and evaluated


def test_a_run_without_a_ledger_is_empty(fake: FakeRun) -> None:
    run = load_run(fake.path)
    assert run.trials.empty and run.reports.empty and run.settings == []


def test_temporary_files_are_ignored_and_jobs_are_no_trials(fake: FakeRun) -> None:
    folder = fake.trial("search", "rte", 6, "ft", 0, 0.65)
    (folder / "end.json.4711.tmp").write_text('{"half')
    (folder.parent / "trial-0001").mkdir()  # its driver was killed before it wrote the start
    record_trial(fake.path, "signals", "rte-12-teacher", "job-0000")
    run = load_run(fake.path)
    assert len(run.trials) == 1 and run.problems == []


def test_foreign_files_are_named_in_one_line(fake: FakeRun) -> None:
    folder = fake.trial("search", "rte", 6, "ft", 0, 0.65)
    (folder / "end.json~").write_text("")
    (folder.parents[2] / "notes.txt").write_text("")
    run = load_run(fake.path)
    assert len(run.trials) == 1
    [problem] = run.problems
    assert problem.startswith("not of this study, so neither read nor changed: ledger/notes.txt")
    assert problem.endswith(", ledger/search/rte-6-ft/trial-0000/end.json~")


def test_a_copied_trial_is_not_one_more_seed(fake: FakeRun) -> None:
    folder = fake.trial("confirm", "rte", 6, "ft", 0, 0.65)
    shutil.copytree(folder, folder.with_name("seed-0001"))
    run = load_run(fake.path)
    assert run.trials["trial"].tolist() == ["seed-0000"] and len(run.reports) == 1
    why = "is not used: it is a copy of confirm/rte-6-ft/seed-0000"
    assert run.problems == [f"ledger/confirm/rte-6-ft/seed-0001 {why}"]


def test_a_missing_report_is_named_and_the_rest_is_used(fake: FakeRun) -> None:
    folder = fake.trial("search", "rte", 6, "ft", 0, 0.65, epochs=3)
    (folder / "report-0002.json").unlink()
    run = load_run(fake.path)
    assert run.trials["score"].tolist() == [0.65] and run.reports["epoch"].tolist() == [1, 3]
    assert run.problems == ["ledger/search/rte-6-ft/trial-0000/report-0002.json: it is missing"]


def test_jobs_are_checked_too(fake: FakeRun) -> None:
    job = record_trial(fake.path, "predict", "rte-6-ft", "job-0000")
    assert load_run(fake.path).problems == []
    (job / "end.json").write_text("{")
    [problem] = load_run(fake.path).problems
    assert "ledger/predict/rte-6-ft/job-0000/end.json is not used" in problem


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ('{"event": "end", "sta', "Unterminated string"),
        ("", "Expecting value"),
        ("[1, 2]", "no JSON object"),
        ('{"event": "end", "state": "complete", "score": 0.9}', "it has no checksum"),
    ],
)
def test_a_damaged_event_is_named_and_the_rest_is_used(
    fake: FakeRun, content: str, why: str
) -> None:
    fake.trial("search", "rte", 6, "ft", 0, 0.65)
    folder = fake.trial("search", "rte", 6, "ft", 1, 0.66, epochs=2)
    (folder / "end.json").write_text(content)
    run = load_run(fake.path)
    assert run.trials["state"].tolist() == ["complete", "unfinished"]
    assert len(run.reports) == 3
    [problem] = run.problems
    assert "ledger/search/rte-6-ft/trial-0001/end.json" in problem and why in problem


def test_an_event_with_a_score_that_is_not_a_number_is_named(fake: FakeRun) -> None:
    folder = fake.trial("search", "rte", 6, "ft", 0, 0.65)
    end = json.loads((folder / "end.json").read_text())
    write(folder / "end.json", {**end, "score": "high"})
    [problem] = load_run(fake.path).problems
    assert "end.json" in problem and "'high'" in problem


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"metrics": {"validation": {"accuracy": "0.9"}}}, "validation/accuracy is '0.9'"),
        ({"metrics": {"validation": {"accuracy": [0.9]}}}, "validation/accuracy is [0.9]"),
        ({"best_epoch": "last"}, "its best_epoch is 'last'"),
        ({"epochs": [3]}, "its epochs is [3]"),
    ],
)
def test_an_event_with_a_metric_or_count_that_is_not_a_number_is_named(
    fake: FakeRun, change: dict[str, object], why: str
) -> None:
    folder = fake.trial("search", "rte", 6, "ft", 0, 0.65)
    end = json.loads((folder / "end.json").read_text())
    write(folder / "end.json", {**end, **change})
    [problem] = load_run(fake.path).problems
    assert "end.json" in problem and why in problem


def test_a_metric_may_be_missing(fake: FakeRun) -> None:
    folder = fake.trial("search", "rte", 6, "ft", 0, 0.65)
    end = json.loads((folder / "end.json").read_text())
    write(folder / "end.json", {**end, "metrics": {"validation": {"accuracy": None}}})
    run = load_run(fake.path)
    assert run.problems == [] and run.trials["validation/accuracy"].isna().all()


def test_an_event_that_cannot_be_opened_is_named_without_the_folders_above(fake: FakeRun) -> None:
    trial = fake.trial("search", "rte", 6, "ft", 0, 0.6)
    (trial / "report-0001.json").unlink()
    (trial / "report-0001.json").mkdir()
    [problem] = load_run(fake.path).problems
    event = "ledger/search/rte-6-ft/trial-0000/report-0001.json"
    assert problem == f"{event} is not used: it is a folder; name a file"


def test_a_trial_whose_start_is_damaged_keeps_its_score(fake: FakeRun) -> None:
    folder = fake.trial("search", "rte", 6, "ft", 0, 0.65)
    (folder / "start.json").write_text("{")
    run = load_run(fake.path)
    assert run.trials["score"].tolist() == [0.65] and len(run.problems) == 1


def test_a_newer_study_is_refused_with_the_file_named(fake: FakeRun) -> None:
    (fake.path / "study.yaml").write_text(yaml.safe_dump({**fake.study, "format": 2}))
    with pytest.raises(RunError, match=r"study\.yaml has format 2, but .* reads format 1"):
        load_run(fake.path)


def test_a_newer_event_is_named_and_the_rest_is_used(fake: FakeRun) -> None:
    folder = fake.trial("search", "rte", 6, "ft", 0, 0.65)
    write(folder / "end.json", {"format": 2, "event": "end", "outcome": "new"})
    fake.trial("search", "rte", 6, "ft", 1, 0.66)
    run = load_run(fake.path)
    assert run.trials["state"].tolist() == ["unfinished", "complete"]
    [problem] = run.problems
    assert "trial-0000/end.json is not used: it has format 2, but" in problem


def test_a_directory_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"is not a run directory: it has no study\.yaml"):
        load_run(tmp_path)


@pytest.mark.parametrize("text", ["a: [", "just text", "\x00"])
def test_a_damaged_study_is_refused_with_the_file_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "study.yaml").write_text(text)
    with pytest.raises(RunError, match=r"study\.yaml is damaged"):
        load_run(tmp_path)


def test_a_study_that_lacks_keys_is_refused_and_all_are_named(fake: FakeRun) -> None:
    study = {**fake.study, "budget": {"teacher_trials": 1, "search_trials": 4}}
    del study["depths"]
    (fake.path / "study.yaml").write_text(yaml.safe_dump(study))
    with pytest.raises(RunError, match=r"lacks depths, budget\.confirm_seeds"):
        load_run(fake.path)


def test_a_changed_digit_fails_the_checksum(fake: FakeRun) -> None:
    path = fake.trial("search", "rte", 6, "ft", 0, 0.65) / "end.json"
    event = json.loads(path.read_text())
    assert load_run(fake.path).problems == []
    path.write_text(json.dumps(event | {"score": 0.95}))
    [problem] = load_run(fake.path).problems
    assert "end.json is not used: its checksum differs" in problem
