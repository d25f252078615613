"""The ranking of students: dev scores as printed, then held-out scores, then size."""

from pathlib import Path

import pandas as pd
import pytest

from analysis.results.choice import Limits, better_held_out, candidates, choose, ranked
from analysis.run_data.runs import load_run
from pkd.deployment.students import students
from tests.support.runs.costed_run import BASE
from tests.support.runs.fake_run import FakeRun

TICKETS = {"metrics": ["accuracy"], "dev_splits": ["dev"], "labels": ["ok", "bug"]}


def table(
    path: Path, limits: Limits | None = None, **models: tuple[float, float | None]
) -> pd.DataFrame:
    """The candidates of a study with these dev and held-out scores by method, ``kd_6`` say."""
    fake = FakeRun(path, (), own_tasks={"tickets": TICKETS}, teacher=BASE)
    fake.trial("teachers", "tickets", 12, "teacher", 0, 0.9)
    for name, (dev, later) in models.items():
        method, depth = name.split("_")
        for seed in range(3):
            fake.trial("confirm", "tickets", int(depth), method, seed, dev)
        if later is not None:
            fake.trial("predict", "tickets", int(depth), method, 0, {"later": {"accuracy": later}})
    return candidates(load_run(path), "tickets", limits or Limits(), None)


@pytest.mark.parametrize(
    ("models", "order"),
    [
        # Dev scores that differ in print decide alone.
        ({"ft_6": (0.80, 0.9), "kd_6": (0.81, 0.7)}, ["kd_6", "ft_6"]),
        # 80.04 and 80.01 print alike: held-out decides, against the unrounded mean.
        ({"ft_6": (0.8004, 0.7), "kd_6": (0.8001, 0.8)}, ["kd_6", "ft_6"]),
        # The same on held-out rows, or none: the smaller one.
        ({"ft_6": (0.80, 0.7), "kd_3": (0.80, 0.7)}, ["kd_3", "ft_6"]),
        ({"ft_6": (0.80, None), "kd_3": (0.80, None)}, ["kd_3", "ft_6"]),
        # A held-out score comes before an unknown one, and before the size.
        ({"ft_6": (0.80, 0.1), "kd_3": (0.80, None)}, ["ft_6", "kd_3"]),
        ({"ft_6": (0.80, 0.8), "kd_3": (0.80, 0.7)}, ["ft_6", "kd_3"]),
        # Nothing differs: the order of the study.
        ({"kd_6": (0.80, 0.7), "ft_6": (0.80, 0.7)}, ["ft_6", "kd_6"]),
    ],
)
def test_the_best_student_comes_first(
    tmp_path: Path, models: dict[str, tuple[float, float | None]], order: list[str]
) -> None:
    found = ranked(table(tmp_path, **models))
    assert [f"{row['method']}_{row['depth']}" for _, row in found.iterrows()] == order


def test_export_takes_what_choose_names(tmp_path: Path) -> None:
    # Both means are 78.35; as a float, one of them is 78.35000000000001, which prints as 78.4.
    fake = FakeRun(tmp_path, (), own_tasks={"tickets": TICKETS}, depths=[3])
    scores = {"ft": (0.7835, 0.7835, 0.7835), "kd": (0.7035, 0.7235, 0.9235)}
    for method, seeds in scores.items():
        for seed, score in enumerate(seeds):
            fake.trial("confirm", "tickets", 3, method, seed, score)
        later = {"later": {"accuracy": {"ft": 0.8, "kd": 0.7}[method]}}
        fake.trial("predict", "tickets", 3, method, 0, later)
        folder = tmp_path / "models" / f"tickets-3-{method}"
        folder.mkdir(parents=True)
        (folder / "config.json").touch()
    chosen = ranked(candidates(load_run(tmp_path), "tickets", Limits(), None))
    exported = [each.method for each in students(tmp_path, fake.study, "tickets")]
    assert list(chosen["method"]) == exported == ["ft", "kd"]


def test_with_a_limit_on_the_drop_the_best_of_the_cheapest_is_taken(tmp_path: Path) -> None:
    limits = Limits(drop=20)
    found = table(tmp_path, limits, ft_6=(0.85, 0.9), ft_3=(0.8, 0.7), kd_3=(0.8, 0.75))
    taken = choose(found, limits)
    assert taken is not None and (taken["method"], taken["depth"]) == ("kd", 3)
    assert taken["drop"] == pytest.approx(10)


@pytest.mark.parametrize(("other", "better"), [(0.75, True), (0.7004, False), (None, False)])
def test_a_student_with_a_higher_held_out_score_is_found(
    tmp_path: Path, other: float | None, better: bool
) -> None:
    found = table(tmp_path, ft_6=(0.8, other), kd_6=(0.9, 0.7))
    taken = choose(found, Limits())
    assert taken is not None and taken["method"] == "kd"
    assert (better_held_out(found, taken) is not None) is better
