"""``docs/config.md`` agrees with the schema of the configuration."""

from tests.documentation.config_reference import FILE, reference


def test_the_reference_of_the_keys_is_up_to_date() -> None:
    assert FILE.read_text(encoding="utf-8") == reference(), (
        "run python -m tests.documentation.config_reference"
    )


def test_every_key_is_explained() -> None:
    rows = [line for line in reference().splitlines() if line.startswith("| `")]
    assert len(rows) > 40
    assert not [row for row in rows if row.endswith("|  |")]
