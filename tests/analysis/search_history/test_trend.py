import numpy as np
import pandas as pd
import pytest

from analysis.search_history.trend import is_choice, trends


def points(values: list[float], scores: list[float], method: str = "kd") -> pd.DataFrame:
    return pd.DataFrame({"method": method, "value": values, "score": scores})


def test_a_few_repeated_values_are_choices() -> None:
    assert is_choice(pd.Series([5.0, 10.0, 5.0, 10.0]))
    assert is_choice(pd.Series([True, False])) and is_choice(pd.Series(["skip"]))
    assert is_choice(pd.Series([6, 3]))  # depths
    assert not is_choice(pd.Series([5.0, 10.0, 20.0]))  # each once
    assert not is_choice(pd.Series([*range(9)] * 2, dtype=float))  # nine


def test_each_choice_has_its_best_and_its_median() -> None:
    table = trends(
        points([5.0] * 5 + [10.0] * 6, [1, 2, 3, 4, 9, 1, 2, 3, 4, 5, 6]), ["method"], log=False
    )
    assert table["value"].tolist() == [5.0, 10.0]
    assert table["trials"].tolist() == [5, 6]
    assert table["best"].tolist() == [9, 6]
    assert table["median"].tolist() == [3, 3.5]


def test_a_choice_with_fewer_than_five_trials_breaks_the_line() -> None:
    values, scores = [5.0] * 5 + [10.0] * 5 + [20.0] * 4, [1] * 5 + [2] * 5 + [3] * 4
    table = trends(points(values, scores), ["method"], log=False)
    assert table["median"].tolist() == pytest.approx([1.0, 2.0, np.nan], nan_ok=True)
    assert table["trials"].tolist() == [5, 5, 4]


@pytest.mark.parametrize("trials", [[5, 4], [5, 4, 5]])
def test_separate_choices_have_no_line(trials: list[int]) -> None:
    values = [float(value) for value, count in enumerate(trials) for _ in range(count)]
    assert trends(points(values, values), ["method"], log=False).empty


def test_along_a_range_only_near_trials_count() -> None:
    values = [i / 2 for i in range(17)]  # 0 … 8, so that the window is 2 to either side
    table = trends(points(values, values), ["method"], log=False)
    table = table.assign(value=table["value"].round(9)).set_index("value")
    assert len(table) == 41
    # At 0 there are the four trials at 0 … 1.5: too few.
    assert table.loc[0.0, "trials"] == 4 and np.isnan(table.loc[0.0, "best"])
    # At 0.2 the five at 0 … 2. Weights 1 - (d / 2)²: 0.99, 0.978, 0.84, 0.578, 0.19; sum 3.575.
    # The second one reaches half of it, 1.788.
    assert table.loc[0.2, "trials"] == 5
    assert (table.loc[0.2, "best"], table.loc[0.2, "median"]) == (2.0, 0.5)
    # At 4 the trials at 2.5 … 5.5; by symmetry the median is the middle one.
    assert (table.loc[4.0, "best"], table.loc[4.0, "median"]) == (5.5, 4.0)


def test_distance_can_be_logarithmic() -> None:
    values = [10.0 ** (i / 11) for i in range(23)]  # 1 … 100, the window a factor 10^0.5
    table = trends(points(values, list(range(23))), ["method"], log=True)
    middle = table.iloc[20]
    assert middle["value"] == pytest.approx(10.0)
    assert (middle["trials"], middle["best"], middle["median"]) == (11, 16, 11)


def test_a_logarithmic_range_with_a_zero_is_measured_linearly() -> None:
    table = trends(points([float(i) for i in range(21)], list(range(21))), ["method"], log=True)
    assert table["value"].iloc[[0, -1]].tolist() == [0.0, 20.0]


def test_a_group_with_too_few_trials_has_no_line() -> None:
    values = [float(i) for i in range(15)]
    both = pd.concat([points(values, values, "kd"), points(values[:14], values[:14], "ft")])
    assert set(trends(both, ["method"], log=False)["method"]) == {"kd"}
    assert trends(points([1.0], [2.0]), ["method"], log=True).empty
    assert trends(points([], []), ["method"], log=True).empty
