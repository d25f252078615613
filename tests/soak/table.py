"""What a soak found, as Markdown and JSON."""

import json
from collections import Counter
from dataclasses import asdict

from tests.soak.kills import EXPECTED
from tests.soak.moments import SHARES
from tests.soak.records import Records


def markdown(records: Records) -> str:
    """Returns the tables of a soak: kills by moment and kind, studies, and what was unexpected."""
    counts = Counter((record.moment, record.kind) for record in records.kills if record.moment)
    rows = [
        [moment, *(counts[moment, kind] for kind in EXPECTED)]
        for moment in SHARES
        if any(counts[moment, kind] for kind in EXPECTED)
    ]
    rows = [[*row, sum(row[1:])] for row in rows]
    rows.append(
        ["**all**", *(sum(row[column] for row in rows) for column in range(1, len(EXPECTED) + 2))]
    )
    kills = _table(["moment", *EXPECTED, "all"], rows)
    studies = _table(
        [
            *("study", "workers", "commands", "trials", "events lost", "changed", "doubled"),
            *("epochs trained", "of them again", "compared", "different", "processes left"),
        ],
        [
            [
                *(ended.study, ended.workers, ended.commands, ended.trials, ended.lost),
                *(ended.changed, ended.doubled, ended.trained, ended.repeated, ended.compared),
                *(len(ended.differences), ended.left),
            ]
            for ended in records.studies
        ],
    )
    lines = [kills, studies, _unexpected(records)]
    return "\n\n".join(lines) + "\n"


def as_json(records: Records) -> str:
    """Returns all records."""
    content = {
        "kills": [asdict(record) for record in records.kills],
        "studies": [asdict(record) for record in records.studies],
    }
    return json.dumps(content, indent=1)


def failed(records: Records) -> bool:
    """Whether a kill cost finished work, or a command ended as it should not."""
    return any(
        record.lost or record.changed or not record.expected for record in records.kills
    ) or any(
        ended.lost or ended.changed or ended.doubled or ended.differences or ended.left
        for ended in records.studies
    )


def _unexpected(records: Records) -> str:
    lines = [
        f"- study {record.study}, {record.moment or 'no kill'}, {record.kind}: "
        f"exit {record.exit}, {record.lost} events lost, {record.changed} changed"
        for record in records.kills
        if not record.expected or record.lost or record.changed
    ]
    lines += [
        f"- study {ended.study}: {line}" for ended in records.studies for line in ended.differences
    ]
    return "\n".join(["Not as expected:", *lines] if lines else ["All as expected."])


def _table(head: list[str], rows: list[list[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
