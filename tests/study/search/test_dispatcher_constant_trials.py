"""How the ledger records trials that predict a single class."""

from pathlib import Path

from study.storage.ledger import Ledger
from tests.support.studies.dispatchers import dispatcher_of, fixed, report, sampled, take


def test_a_trial_whose_best_epoch_predicts_one_class_is_recorded_as_constant(
    tmp_path: Path,
) -> None:
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
    # A fixed list is not extended: the same settings would give the same.
    assert search.useful == search.wanted == 2


def test_a_trial_that_an_older_version_recorded_as_useful_stays_useful(tmp_path: Path) -> None:
    search = sampled("rte", 1, epochs=1)
    cell, event = search.cell, {"state": "complete", "score": 0.5, "epochs": 1}
    ledger = Ledger(tmp_path)
    ledger.start(cell, "trial-0000", {"learning_rate": 1e-4}, seed=1, epochs=1)
    ledger.report(cell, "trial-0000", report(1, 0.5, classes=1).to_dict(), "stop")
    ledger.end(cell, "trial-0000", **event)
    dispatcher = dispatcher_of(tmp_path, search)
    # Its study is complete, and its report shows the same.
    assert dispatcher.done and search.useful == 1
