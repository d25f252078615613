"""The files of the GLUE server agree with the built-in tasks: tasks, splits and labels."""

from analysis.exchange.glue_server import FILES
from pkd.tasks.glue import GLUE

SERVER = {file.name: file for file in FILES}
PREDICTED = [file for file in FILES if file.task in GLUE]


def test_every_test_split_of_the_built_in_tasks_has_a_file_on_the_server() -> None:
    splits = {(task.name, split) for task in GLUE.values() for split in task.test}
    assert {(file.task, file.split) for file in PREDICTED} == splits


def test_every_filling_is_something_the_server_can_score() -> None:
    for file in FILES:
        if file.labels:
            assert set(file.filling) <= set(file.labels.values())
    assert set(SERVER["AX"].filling) <= set(SERVER["MNLI-m"].labels.values())
    similarity = list(map(float, SERVER["STS-B"].filling))
    assert min(similarity) >= 0 and max(similarity) <= 5
    assert len(set(similarity)) > 1  # the correlation with a constant is undefined
