"""The paper's Table 5: does another teacher, or another start, make a better student?"""

from collections.abc import Sequence

import pandas as pd

from analysis.labels import method_label, printed_name
from analysis.rendering import Table, plain_table
from analysis.results.comparison import Column, comparison, printed_columns
from analysis.run_data.published import published_results, published_task, start_layers
from analysis.run_data.runs import Run
from analysis.tables.text import NONE, constant_note, generated_note, number, scores_of
from pkd.distillation.methods import TEACHER

_PUBLISHED = "paper table 5"
_MODEL = ["study", "teacher", "start", "depth", "method"]


def teachers_tables(runs: Sequence[Run]) -> list[Table]:
    """Returns one table of several studies; no table if all have the same teacher and start.

    Args:
        runs: The studies. Their tasks may differ; missing tasks stay empty.
    """
    if len({(*_teacher(run), _start(run)) for run in runs}) < 2:
        return []
    numbers = pd.concat([_labelled_comparison(run) for run in runs], ignore_index=True)
    grid = list(dict.fromkeys(column for run in runs for column in printed_columns(run)))
    texts = []
    for model, rows in numbers.groupby(_MODEL, sort=False):
        study, teacher, start, depth, method = model
        text: dict[str | Column, str] = {
            "Study": str(study),
            "Teacher": printed_name(teacher),
            "Student starts from": NONE if method == TEACHER else printed_name(start),
            "Layers": str(depth),
            "Method": method_label(str(method)),
        }
        for column in grid:
            of_task = rows[rows["task"] == column.task]
            cell = of_task[of_task["split"] == column.split]
            text[column] = scores_of(cell) if len(of_task) else NONE
        texts.append(text)
    notes = [
        "Mean ± standard deviation over confirm seeds, with their number in parentheses; dev, in "
        "percent. Each study was tuned by its own search; see its report for the budget.",
        *constant_note(numbers["constant"]),
    ]
    if not any(run.generated for run in runs):
        texts += _published_rows(grid, list(texts[0]))
        notes.append(
            "The paper's rows are its table 5, from the GLUE test server: compare the order of "
            "the rows, not the scores. The first student is also in the paper's table 1, with "
            "other numbers for MNLI (80.2 and 79.8)."
        )
    title = "Teachers and initialisations"
    generated = next((generated_note(run) for run in runs if run.generated), [])
    cells = pd.DataFrame(texts).rename(columns={column: column.label for column in grid})
    return [plain_table("teachers", title, numbers, cells, *notes, *generated)]


def _labelled_comparison(run: Run) -> pd.DataFrame:
    numbers = comparison(run)
    numbers = numbers[numbers["task"].isin(list(run.study["tasks"]))]
    name, layers, _ = _teacher(run)
    about = {"study": run.study["name"], "teacher": f"{name}, {layers} layers"}
    return numbers.assign(**about, start=_start(run))


def _teacher(run: Run) -> tuple[str, int, int]:
    teacher = run.study["teacher"]
    return teacher["name"], int(teacher["layers"]), int(teacher.get("hidden") or 0)


def _start(run: Run) -> str:
    train = run.study["config"].get("train", {})
    start, layers = train.get("init", "pretrained"), start_layers(run.study)
    student = run.study.get("student")  # recorded if it is not the teacher's encoder
    if start == "teacher":
        source = "fine-tuned teacher"
    else:
        source = f"pre-trained {student['name']}" if student else f"{start} encoder"
    return source if layers == "first" else f"{source}, {layers} layers"


def _published_rows(
    grid: Sequence[Column], header: list[str | Column]
) -> list[dict[str | Column, str]]:
    table = published_results()
    table = table[table["source"] == _PUBLISHED].fillna({"teacher": NONE})
    rows = []
    for (model, teacher), values in table.groupby(["model", "teacher"], sort=False):
        row = dict.fromkeys(header, NONE)
        row |= {"Study": "paper", "Teacher": str(teacher), "Method": str(model)}
        row["Layers"] = str(values["student_layers"].iloc[0])
        for column in grid:
            of_task = values[values["task"] == published_task(column.task, column.split)]
            found = [
                number(of_task.loc[of_task["metric"] == metric, "value"].iloc[0])
                for metric in column.metrics
                if (of_task["metric"] == metric).any()
            ]
            if found:
                row[column] = " / ".join(found)
        rows.append(row)
    return rows
