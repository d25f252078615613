from analysis.results.settings import ablation
from analysis.run_data.runs import load_run
from analysis.search_history.ablation_lines import ablation_numbers
from tests.support.runs.fake_run import FakeRun


def test_lines_exist_only_with_enough_trials(fake: FakeRun) -> None:
    for number, alpha in enumerate([0.2] * 5 + [0.7] * 5 + [0.9]):
        score = 0.5 + number / 100
        fake.trial("search", "rte", 6, "kd", number, score, alpha=alpha)
        fake.trial("search", "rte", 3, "kd", number, score, alpha=0.2 if number < 3 else 0.7)
    numbers = ablation_numbers(ablation(load_run(fake.path), "alpha"), "alpha", ["rte"])
    lines = numbers[numbers["mark"] != "trial"]
    assert set(lines["depth"]) == {6}
    at = lines.set_index(["mark", "value"])["score"].dropna().round(6).to_dict()
    best, median = {("best", 0.2): 54.0, ("best", 0.7): 59.0}, {("median", 0.2): 52.0}
    assert at == best | median | {("median", 0.7): 57.0}
