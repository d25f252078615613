"""Proposals: what they depend on, how many points a grid has, what comes first."""

from collections.abc import Sequence

import pytest
from optuna.trial import TrialState

from study.config.search_space import Range, Space
from study.search.samplers import (
    LateSampler,
    ListSampler,
    OptunaSampler,
    contains,
    dimensions,
    grid,
)

KD = ("learning_rate", "temperature", "alpha")
PKD = (*KD, "beta", "normalize")
SPACE = {"learning_rate": Range(low=1e-5, high=1e-3, log=True), "alpha": Range(low=0, high=1)}
SCORES = (0.3, 0.9, 0.5, 0.7, 0.2, 0.6)


def run(
    sampler: OptunaSampler, count: int, scores: Sequence[float] = SCORES
) -> list[dict[str, float]]:
    """Makes proposals one after the other and reports the score of each."""
    proposals = []
    for number in range(count):
        proposals.append(sampler.propose(number))
        sampler.finish(number, "complete", scores[number])
    return proposals


def tpe(seed: int = 1, name: str = "rte-3-kd", algorithm: str = "tpe") -> OptunaSampler:
    return OptunaSampler(SPACE, algorithm, seed, name, startup=2)


# The paper's grid -----------------------------------------------------------------------------


def test_the_paper_s_kd_grid_has_27_points() -> None:
    points = grid(dimensions(Space(), KD, {}))
    # 3 learning rates, 3 temperatures, 3 alphas; each combination once.
    assert len(points) == 27 == len({tuple(point.values()) for point in points})
    assert points[0] == {"learning_rate": 5e-5, "temperature": 5.0, "alpha": 0.2}
    assert points[1] == {"learning_rate": 5e-5, "temperature": 5.0, "alpha": 0.5}


def test_the_full_pkd_grid_has_216_points() -> None:
    # The KD grid, 4 betas, normalised or not.
    assert len(grid(dimensions(Space(), PKD, {}))) == 27 * 4 * 2


def test_pkd_with_temperature_and_alpha_of_kd_has_24_points() -> None:
    points = grid(dimensions(Space(), PKD, {"temperature": 10.0, "alpha": 0.5}))
    # 3 learning rates, 4 betas, normalised or not.
    assert len(points) == 24
    assert {(point["temperature"], point["alpha"]) for point in points} == {(10.0, 0.5)}


def test_a_fixed_list_gives_its_settings_by_number_and_learns_nothing() -> None:
    sampler = ListSampler([{"alpha": 0.1}, {"alpha": 0.2}])
    sampler.finish(0, "failed", None)
    assert sampler.propose(1) == {"alpha": 0.2} and sampler.propose(0) == {"alpha": 0.1}
    assert sampler.fixed and not tpe().fixed


# What a proposal depends on -------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["tpe", "random"])
def test_the_same_seed_name_number_and_history_give_the_same_proposal(algorithm: str) -> None:
    first = run(tpe(algorithm=algorithm), 6)
    assert run(tpe(algorithm=algorithm), 6) == first
    assert all(contains(SPACE, proposal) for proposal in first)
    # Six proposals are six different points.
    assert len({proposal["learning_rate"] for proposal in first}) == 6


def test_another_seed_name_or_history_gives_other_proposals() -> None:
    first = run(tpe(), 6)
    assert run(tpe(seed=2), 6)[0] != first[0]
    assert run(tpe(name="rte-3-ft"), 6)[0] != first[0]
    # TPE has learned from other scores; its first proposals, made before any score, are the same.
    other = run(tpe(), 6, scores=SCORES[::-1])
    assert other[:2] == first[:2] and other[5] != first[5]


def test_random_proposals_do_not_depend_on_the_scores() -> None:
    first = run(tpe(algorithm="random"), 6)
    assert run(tpe(algorithm="random"), 6, scores=SCORES[::-1]) == first


def test_a_proposal_is_the_same_after_a_replay() -> None:
    live, replayed = tpe(), tpe()
    for number, proposal in enumerate(run(live, 5)):
        replayed.begin(number, proposal)
        replayed.finish(number, "complete", SCORES[number])
    assert replayed.propose(5) == live.propose(5)


def test_one_fixed_dimension_stays_fixed() -> None:
    sampler = OptunaSampler(dimensions(Space(), KD, {"alpha": 0.7}), "tpe", 1, "a")
    assert {proposal["alpha"] for proposal in run(sampler, 4)} == {0.7}


def test_first_points_are_proposed_first() -> None:
    points = [{"learning_rate": 2e-5, "alpha": 0.2}, {"learning_rate": 5e-5, "alpha": 0.7}]
    sampler = OptunaSampler(SPACE, "tpe", 1, "a", first=points)
    proposals = run(sampler, 3)
    assert proposals[:2] == points and proposals[2] not in points


# What Optuna records --------------------------------------------------------------------------


def test_optuna_knows_how_each_trial_ended() -> None:
    sampler = tpe()
    for number, state in enumerate(("complete", "stopped", "failed")):
        sampler.propose(number)
        sampler.report(number, 1, 0.4)
        sampler.report(number, 2, 0.6)
        sampler.finish(number, state, 0.6)
    sampler.propose(3)
    states = [trial.state for trial in sampler.trials]
    # A trial that ASHA stopped is not complete: its score is only what it had reached by then.
    assert states == [TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL, TrialState.RUNNING]
    assert sampler.trials[0].value == 0.6
    assert sampler.trials[1].intermediate_values == {1: 0.4, 2: 0.6}
    assert sampler.trials[2].value is None


# Space and settings ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"learning_rate": 1e-5, "alpha": 1.0}, True),
        ({"learning_rate": 1e-6, "alpha": 0.5}, False),  # outside the range
        ({"learning_rate": 1e-4}, False),  # a dimension is missing
        ({"learning_rate": 1e-4, "alpha": 0.5, "beta": 1.0}, False),  # one too many
    ],
)
def test_settings_are_in_a_space_only_as_a_whole(
    settings: dict[str, float], expected: bool
) -> None:
    assert contains(SPACE, settings) is expected
    assert contains({"alpha": (0.2, 0.5)}, {"alpha": 0.5})
    assert not contains({"alpha": (0.2, 0.5)}, {"alpha": 0.3})


def test_a_late_sampler_is_made_when_it_is_first_needed_and_once() -> None:
    made: list[ListSampler] = []

    def make() -> ListSampler:
        made.append(ListSampler([{"alpha": 0.1}, {"alpha": 0.2}]))
        return made[-1]

    late = LateSampler(make, fixed=True)
    assert late.fixed and not made
    assert late.propose(0) == {"alpha": 0.1} and late.propose(1) == {"alpha": 0.2}
    assert len(made) == 1
