"""Trials that predict one class only: recorded, made up for, learnt from, and never a winner."""

from pathlib import Path

from study.search.samplers import OptunaSampler
from study.storage.ledger import Ledger
from tests.support.studies.dispatchers import dispatcher_of, fixed, report, sampled, take


def test_a_trial_whose_best_epoch_predicts_one_class_is_recorded_as_such(tmp_path: Path) -> None:
    search = fixed("rte", 2)
    dispatcher = dispatcher_of(tmp_path, search)
    constant, other = take(dispatcher), take(dispatcher)
    dispatcher.report(*constant, report(1, 0.6, classes=1))
    dispatcher.report(*constant, report(2, 0.5, classes=2))
    # The worse epoch of this one does not count.
    dispatcher.report(*other, report(1, 0.4, classes=1))
    dispatcher.report(*other, report(2, 0.7, classes=2))
    ends = [e for e in Ledger(tmp_path).events() if e["event"] == "end"]
    assert [(e["trial"], e["constant"]) for e in ends] == [(constant[1], True), (other[1], False)]
    assert [e["state"] for e in ends] == ["complete", "complete"]
    assert search.constant == 1
    # Its settings are fixed: another one would not be any better, so none is made up for.
    assert search.useful == search.wanted == 2


def test_a_trial_that_predicts_one_class_only_is_replaced_and_learned_from(
    tmp_path: Path,
) -> None:
    search = sampled("rte", 2, epochs=1)
    dispatcher = dispatcher_of(tmp_path, search)
    dispatcher.report(*take(dispatcher), report(1, 0.5, classes=1))
    assert search.wanted == 3
    while (work := dispatcher.next()) is not None:
        dispatcher.report(*work, report(1, 0.4))
    assert search.useful == 2 and len(search.trials) == 3 and dispatcher.done
    assert isinstance(search.sampler, OptunaSampler)
    assert [trial.value for trial in search.sampler.trials] == [0.5, 0.4, 0.4]


def test_failed_and_constant_trials_are_replaced_up_to_one_more_budget(tmp_path: Path) -> None:
    search = sampled("rte", 3, epochs=1)
    dispatcher = dispatcher_of(tmp_path, search)
    for number in range(6):
        if number % 2:
            dispatcher.fail(*take(dispatcher), "diverged")
        else:
            dispatcher.report(*take(dispatcher), report(1, 0.5, classes=1))
    assert dispatcher.next() is None and dispatcher.done and search.useful == 0


def test_a_constant_trial_of_a_fixed_list_is_not_replaced(tmp_path: Path) -> None:
    search = fixed("rte", 2, epochs=1)
    dispatcher = dispatcher_of(tmp_path, search)
    dispatcher.report(*take(dispatcher), report(1, 0.5, classes=1))
    dispatcher.report(*take(dispatcher), report(1, 0.4))
    assert dispatcher.next() is None and dispatcher.done


def test_a_constant_trial_wins_only_where_all_are(tmp_path: Path) -> None:
    search = fixed("rte", 3, epochs=1)
    dispatcher = dispatcher_of(tmp_path, search)
    first, second, third = take(dispatcher), take(dispatcher), take(dispatcher)
    dispatcher.report(*first, report(1, 0.6, classes=1))
    dispatcher.report(*second, report(1, 0.7, classes=1))
    assert search.winner == second[1]
    dispatcher.report(*third, report(1, 0.1))
    assert search.winner == third[1]


def test_what_an_older_version_recorded_as_useful_stays_so(tmp_path: Path) -> None:
    search = sampled("rte", 1, epochs=1)
    cell, event = search.cell, {"state": "complete", "score": 0.5}
    ledger = Ledger(tmp_path)
    ledger.start(cell, "trial-0000", {"learning_rate": 1e-4}, seed=1, epochs=1)
    ledger.report(cell, "trial-0000", report(1, 0.5, classes=1), "stop")
    ledger.end(cell, "trial-0000", **event)
    dispatcher = dispatcher_of(tmp_path, search)
    # Its study is complete, and its report says the same.
    assert dispatcher.done and search.useful == 1
