"""The pages of the report, ``report.md`` and ``index.html``, with everything they link to."""

import base64
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from analysis.exchange.config_fragments import write_fragments
from analysis.exchange.trial_tables import write_trials
from analysis.plots.all_plots import write_plots
from analysis.plots.importance import NO_IMPORTANCE
from analysis.rendering import GENERATED, Table
from analysis.results.budget import budget, failures, missing
from analysis.results.headline import headline
from analysis.results.summary import data_notes, summary
from analysis.run_data.predictions import prediction_problems
from analysis.run_data.runs import Run, load_run
from analysis.tables.all_tables import all_tables
from analysis.tables.teachers import teachers_tables
from pkd.files.yaml_file import yaml_text
from pkd.shown_text import CODE, lines, markdown, markdown_block, markdown_sentence, one_line

_MAX_LINES = 20  # of the lists of missing and failed trials


def build_report(
    run_dir: Path | str, beside: Sequence[Path | str] = (), damage: Sequence[str] = ()
) -> Path:
    """Reads a run folder and writes its report, replacing an older one.

    Args:
        run_dir: The folder of a study (its ``--out``).
        beside: Run folders of studies with another teacher or student start, for the table that
            compares them.
        damage: What is wrong with files that the report does not read, one line each.

    Returns:
        The path of ``report.md``; ``index.html`` is in the same folder.

    Raises:
        RunError: The folder holds no run that this version can read.
    """
    run = load_run(run_dir)
    run = replace(run, problems=[*run.problems, *damage, *prediction_problems(run)])
    return write_report(run, [load_run(other) for other in beside])


def write_report(run: Run, beside: Sequence[Run] = ()) -> Path:
    """Writes the report of loaded runs and returns the path of ``report.md``."""
    folder = run.path / "report"
    for name in ("tables", "plots"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    tables = [*all_tables(run), *teachers_tables([run, *beside])]
    for table in tables:
        table.write(folder / "tables")
    _write_problems(run.problems, folder / "problems.txt")
    write_trials(run, folder)
    write_fragments(run, folder / "configs")
    plots = write_plots(run, folder / "plots")
    drawn = {plot.name for plot in plots}
    undrawn = NO_IMPORTANCE if drawn and "importance" not in drawn else None
    facts = {**_facts(run, tables), "plots": plots, "undrawn": undrawn}
    _render("report.md.j2", folder / "report.md", facts)
    images = {
        plot.name: base64.b64encode((folder / "plots" / f"{plot.name}.png").read_bytes()).decode()
        for plot in plots
    }
    _render("report.html.j2", folder / "index.html", {**facts, "images": images})
    return folder / "report.md"


def _write_problems(problems: list[str], path: Path) -> None:
    path.unlink(missing_ok=True)
    if problems:
        path.write_text("\n".join(map(one_line, problems)) + "\n", encoding="utf-8")


def _facts(run: Run, tables: list[Table]) -> dict[str, Any]:
    study = run.study
    numbers = {table.name: table.numbers for table in tables}
    absent, failed, cells = missing(run), failures(run), budget(run)
    return {
        "name": study["name"],
        "tables": [table.shortened() for table in tables],
        "command": study.get("command", "unknown"),
        "generated": GENERATED if run.generated else None,
        "headline": headline(run, numbers["comparison"], numbers.get("significance-overall")),
        "summary": summary(run, cells),
        "data_notes": _first_lines(data_notes(run), "study.yaml holds all", most=100),
        "config": yaml_text(study["config"]),
        "unfinished": f"{len(absent)} of {len(cells)}" if absent else None,
        "missing": _first_lines(absent, "tables/budget.csv holds all"),
        "failures": _first_lines(failed, "trials.csv holds all"),
        "problems": _first_lines(run.problems, "problems.txt holds all", most=100),
        "problem_count": len(run.problems),
    }


def _first_lines(lines: list[str], where: str, most: int = _MAX_LINES) -> list[str]:
    rest = len(lines) - most
    return lines if rest <= 0 else [*lines[:most], f"and {rest:,} more; {where}"]


def _with_code(note: str) -> Markup:
    """Returns a note as HTML, with its `commands` as code."""
    return Markup(CODE.sub(r"<code>\1</code>", str(escape(lines(note)))))


def _visible(value: Any) -> Any:
    """Shows every character of a text; autoescape then makes it HTML."""
    return lines(value) if type(value) is str else value


def _render(template: str, path: Path, facts: dict[str, Any]) -> None:
    html = template.endswith(".html.j2")
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=html,
        finalize=_visible if html else None,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"with_code": _with_code, "block": markdown_block}
    environment.filters |= {"markdown": markdown, "sentence": markdown_sentence}
    path.write_text(environment.get_template(template).render(facts), encoding="utf-8")
