"""The folders of a study: setting the record of a cell aside."""

from pathlib import Path

from study.config.cell import Cell
from study.storage.layout import Layout
from study.storage.ledger import Ledger


def test_superseding_leaves_nothing_that_a_new_trial_could_resume(tmp_path: Path) -> None:
    layout, cell = Layout(tmp_path), Cell("confirm", "rte", 2, "kd")
    ledger = Ledger(layout.ledger)
    for number in (1, 2):
        ledger.start(cell, "seed-0000", {}, seed=1, epochs=1)
        for path in (
            layout.checkpoint(cell, "seed-0000"),
            layout.weights(cell, "seed-0000") / "a",
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        layout.supersede(cell)
        assert not layout.checkpoint(cell, "seed-0000").exists()
        assert not layout.weights(cell, "seed-0000").exists()
        assert ledger.events() == []
        # The record itself is kept, once for each time.
        kept = tmp_path / "superseded" / f"confirm-rte-2-kd-{number}" / "seed-0000" / "start.json"
        assert kept.exists()
    # A cell without a record: nothing happens.
    layout.supersede(cell)
    assert len(list((tmp_path / "superseded").iterdir())) == 2
