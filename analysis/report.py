"""Build the report of a study: ``python -m analysis.report RUN_DIR [--beside RUN_DIR ...]``.

Works from the files alone and in every state of a study: finished, running, interrupted, failed.
Writes ``RUN_DIR/report/``: ``index.html`` (one file, images inside), ``report.md``,
``tables/*.md|csv|tex`` and ``plots/*.png|svg|csv``.
"""

import argparse
import base64
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from analysis.exchange.config_fragments import write_fragments
from analysis.exchange.trial_tables import write_trials
from analysis.labels import method_label, task_label
from analysis.plots import write_plots
from analysis.plots.importance import NO_IMPORTANCE
from analysis.rendering import CODE, GENERATED, Table
from analysis.results.budget import budget, failures, missing
from analysis.results.comparison import comparison, models
from analysis.results.headline import headline
from analysis.run_data.runs import Run, RunError, load_run
from analysis.tables import all_tables
from analysis.tables.comparison import comparison_table
from analysis.tables.teachers import teachers_tables

_MANY = 20  # of a long list of what is missing or failed, the report names so many


def build_report(run_dir: Path | str, beside: Sequence[Path | str] = ()) -> Path:
    """Read a run directory and write its report, replacing an older one.

    Args:
        run_dir: The directory that ``study/run.py`` wrote.
        beside: Studies of other teachers or student starts, for the table that compares them.

    Returns:
        The path of ``report.md``; ``index.html`` lies beside it.

    Raises:
        RunError: The directory holds no run that this version can read.
    """
    return write_report(load_run(run_dir), [load_run(other) for other in beside])


def write_report(run: Run, beside: Sequence[Run] = ()) -> Path:
    """Write the report of runs that are already loaded; returns the path of ``report.md``."""
    folder = run.path / "report"
    for name in ("tables", "plots"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    tables = [*all_tables(run), *teachers_tables([run, *beside])]
    for table in tables:
        table.write(folder / "tables")
    write_trials(run, folder)
    write_fragments(run, folder / "configs")
    plots = write_plots(run, folder / "plots")
    drawn = {plot.name for plot in plots}
    undrawn = NO_IMPORTANCE if drawn and "importance" not in drawn else None
    facts = {**_facts(run, tables), "tables": tables, "plots": plots, "undrawn": undrawn}
    _render("report.md.j2", folder / "report.md", facts)
    images = {
        plot.name: base64.b64encode((folder / "plots" / f"{plot.name}.png").read_bytes()).decode()
        for plot in plots
    }
    _render("report.html.j2", folder / "index.html", {**facts, "images": images})
    return folder / "report.md"


def comparison_text(run: Run) -> str:
    """The comparison for a terminal: a table per depth on its side, and what is missing."""
    table = comparison_table(run, comparison(run))
    lines = [f"*** {GENERATED} ***", ""] if run.generated else []
    for depth in run.study["depths"]:  # the teacher, in the first row, beside each depth
        students = [i for i, (layers, _) in enumerate(models(run)) if i and layers == depth]
        lines += [table.only([0, *students]).transposed().text(), ""]
    lines.append("mean ± standard deviation over confirm seeds (how many), dev, percent; * best")
    absent = missing(run)
    if absent:
        lines.append(f"not finished: {len(absent)} of {len(budget(run))} cells and stages")
    if run.problems:
        lines.append(f"{len(run.problems)} damaged or unusable files, named in the report")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status: 0, or 2 where there is no run or no trial."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.report", description="Build the report of a study from its files."
    )
    parser.add_argument("run_dir", metavar="RUN_DIR", type=Path, help="what study/run.py wrote")
    parser.add_argument(
        "--beside",
        metavar="RUN_DIR",
        type=Path,
        nargs="+",
        default=[],
        help="studies of other teachers or student starts, to compare with",
    )
    options = parser.parse_args(arguments)
    try:
        run, *others = [load_run(path) for path in (options.run_dir, *options.beside)]
    except RunError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    path = write_report(run, others)
    print(comparison_text(run))
    print(f"\nreport: {path.with_name('index.html')}\n        {path}")
    if run.trials.empty:
        print(f"error: {run.path} holds no trial yet; the report tells the plan", file=sys.stderr)
        return 2
    return 0


def _facts(run: Run, tables: list[Table]) -> dict[str, Any]:
    study = run.study
    numbers = {table.name: table.numbers for table in tables}
    absent, failed, spent = missing(run), failures(run), budget(run)
    return {
        "name": study["name"],
        "command": study.get("command", "unknown"),
        "generated": GENERATED if run.generated else None,
        "headline": headline(run, numbers["comparison"], numbers.get("significance-overall")),
        "summary": _summary(run, spent),
        "config": yaml.safe_dump(study["config"], sort_keys=False, allow_unicode=True),
        "unfinished": f"{len(absent)} of {len(spent)}" if absent else None,
        "missing": _shortened(absent),
        "failures": _shortened(failed),
        "problems": run.problems,
    }


def _shortened(lines: list[str]) -> list[str]:
    rest = len(lines) - _MANY
    return lines if rest <= 0 else [*lines[:_MANY], f"and {rest} more"]


def _summary(run: Run, spent: pd.DataFrame) -> dict[str, str]:
    """What was run, as label and text."""
    study, teacher = run.study, run.study["teacher"]
    methods = ", ".join(method_label(method) for method in study["methods"])
    depths = ", ".join(map(str, study["depths"]))
    devices = sorted(run.reports["device"].dropna().unique())
    return {
        "Teacher": f"{teacher['name']}, {teacher['layers']} layers of {teacher.get('hidden')}"
        + _together(teacher),
        "Students": f"{depths} layers{_of_another(study)}; {methods}",
        **{task_label(task): _rows(about) for task, about in study["tasks"].items()},
        "Budget per cell": _pairs(study["budget"]),
        "Spent": f"{spent['done'].sum()} trials ended ({spent['planned'].sum()} planned), "
        f"{spent['device_hours'].sum():.2f} device hours" + _wall_time(run),
        "Devices": ", ".join(devices) or "unknown",
        "Started": str(study.get("created", "unknown")),
        "Git commit": str(study.get("git_commit") or "unknown"),
        "Versions": _pairs(study.get("versions") or {}),
    }


def _together(teacher: dict[str, Any]) -> str:
    """How many teachers teach, where that is more than one."""
    sizes = {task_label(task): size for task, size in teacher.get("ensemble", {}).items()}
    if not sizes:
        return ""
    return (
        f"; {_value(sizes)} of a task teach together (the mean of their softened predictions), "
        "patience and tables look at the first"
    )


def _rows(about: dict[str, Any]) -> str:
    """How many rows a task has, in words."""
    text = f"{_count(about, 'train_rows')} training rows"
    if "unlabelled_rows" in about:
        text += f" and {_count(about, 'unlabelled_rows')} unlabelled ones"
    cut = " cut from the training file" if about.get("dev_fraction") else ""
    return f"{text}, {_count(about, 'dev_rows')} dev rows{cut}"


def _of_another(study: dict[str, Any]) -> str:
    """What students are cut from, where that is another model than the teacher."""
    return f" of {study['student']['name']}" if "student" in study else ""


def _wall_time(run: Run) -> str:
    if run.reports.empty:
        return ""
    times = run.reports.sort_values("seq")["time"]
    # A clock that was set back took nothing back.
    hours = times.diff().clip(lower=0).sum() / 3600
    return f", {hours:.2f} hours from the first report to the last"


def _count(about: dict[str, Any], key: str) -> str:
    rows = about.get(key)
    return f"{rows:,}" if isinstance(rows, int) else "unknown"


def _pairs(mapping: dict[str, Any]) -> str:
    pairs = ((name.replace("_", " "), _value(value)) for name, value in mapping.items())
    return ", ".join(f"{name} {value}" for name, value in pairs)


def _value(value: Any) -> str:
    """A plain value; of a mapping its one value, or each with its name where they differ."""
    if not isinstance(value, dict):
        return str(value)
    same = len(set(value.values())) == 1
    return str(next(iter(value.values()))) if same else f"({_pairs(value)})"


def _with_code(note: str) -> Markup:
    """A note in HTML, whose `commands` are set as such."""
    return Markup(CODE.sub(r"<code>\1</code>", str(escape(note))))


def _render(template: str, path: Path, facts: dict[str, Any]) -> None:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=template.endswith(".html.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["with_code"] = _with_code
    path.write_text(environment.get_template(template).render(facts), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
