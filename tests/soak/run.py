"""Kills a real study again and again, at every moment, and checks that it costs nothing.

python -m tests.soak.run --out DIR [--kills 40] [--seed 0] [--kinds driver,worker,...]

A stopped soak goes on with the same command. The studies run with one worker and with two, in
turn. The tables are printed, and written to DIR/soak.md and DIR/soak.json.
"""

import argparse
import signal
import sys
from pathlib import Path

from tests.soak import table
from tests.soak.disturbed import Disturbed
from tests.soak.kills import EXPECTED, deck
from tests.soak.records import Records
from tests.soak.session import study_of, undisturbed
from tests.support.studies.tiny_inputs import write_data, write_model


def main() -> int:
    """Runs the soak; returns 1 if a kill cost anything."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", default=",".join(EXPECTED))
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends what it has started
    kinds = options.kinds.split(",")
    if unknown := set(kinds) - EXPECTED.keys():
        parser.error(f"--kinds {','.join(sorted(unknown))}: one of {','.join(EXPECTED)}")
    out: Path = options.out.resolve()
    if not (out / "inputs").exists():
        write_data(out / "inputs" / "data")
        write_model(out / "inputs" / "model")
    reference = study_of(out / "reference" / "run", out / "inputs", workers=1)
    lengths = undisturbed(reference, out / "reference")
    records = Records(out)
    cards = deck(kinds, f"{options.seed} {records.done}")
    while records.done < options.kills:
        number = len(records.studies)
        workers = 1 + number % 2
        study = study_of(out / f"study-{number:03d}" / "run", out / "inputs", workers)
        disturbed = Disturbed(study, number, lengths, records, cards, options.seed)
        disturbed.run()
        records.add(disturbed.result(reference.out, workers))
        (out / "soak.md").write_text(table.markdown(records))
        (out / "soak.json").write_text(table.as_json(records))
    print(table.markdown(records))
    return int(table.failed(records))


if __name__ == "__main__":
    raise SystemExit(main())
