"""Reading a study's run folder."""

from pkd.deployment.run_folder import text_columns


def test_text_columns_are_the_studys_or_those_of_glue() -> None:
    assert text_columns({"tasks": {"own": {"texts": ["subject", "body"]}}}, "own") == (
        "subject",
        "body",
    )
    assert text_columns({"tasks": {"sst2": {}}}, "sst2") == ("sentence",)
    assert text_columns({"tasks": {"own": {}}}, "own") == ()  # of an older version
