from analysis.run_data.runs import load_run
from analysis.tables.all_tables import all_tables
from tests.support.runs.fake_run import FakeRun


def test_every_table_of_an_empty_run_can_be_rendered(fake: FakeRun) -> None:
    for empty in all_tables(load_run(fake.path)):
        assert empty.markdown() and empty.text() is not None
