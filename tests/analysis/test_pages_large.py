"""The report of a large study: what it costs does not grow with the study."""

from pathlib import Path

import pandas as pd
import pytest

from analysis.pages import build_report
from tests.benchmarks.scale.large_report import write_run


@pytest.mark.slow
def test_a_large_study_has_a_report_that_can_be_read(tmp_path: Path) -> None:
    write_run(tmp_path, cells=240, trials=3, reports=2)
    for trial in sorted((tmp_path / "ledger" / "search").glob("task11-*/trial-0002"))[:3]:
        (trial / "end.json").write_text("{")
    folder = build_report(tmp_path).parent
    sizes = {path.relative_to(folder): path.stat().st_size for path in folder.rglob("*.*")}
    images = {path: size for path, size in sizes.items() if path.suffix in (".png", ".svg")}
    assert 20 < len(images) <= 34
    assert max(size for path, size in images.items() if path.suffix == ".png") < 250_000
    assert max(images.values()) < 900_000
    assert sizes[Path("index.html")] < 2_500_000 and sizes[Path("report.md")] < 250_000
    page = (folder / "report.md").read_text()
    assert max(map(len, _tables(page))) == 200 + 2  # with the heading and the line below it
    assert "This page shows 200 of 492 rows and 12 of 12 columns; `tables/budget.csv`" in page
    assert "the first 2 of 12 tasks; trials.csv holds all" in page
    assert "the first 2 of 5 depths; trials.csv holds all" in page
    assert len(pd.read_csv(folder / "tables" / "budget.csv")) == 12 + 2 * 240
    assert len(pd.read_csv(folder / "trials.csv")) == 12 + 240 * (3 + 2)
    assert len((folder / "problems.txt").read_text().splitlines()) == 3


def _tables(page: str) -> list[list[str]]:
    """The lines of each table of a Markdown page."""
    blocks = [block.strip().splitlines() for block in page.split("\n\n")]
    return [block for block in blocks if block and block[0].startswith("|")]
