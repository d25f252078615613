"""A study has one driver: a second one is refused, and a dead one does not block."""

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pkd.errors import InputError
from study.storage.driver_lock import only_driver
from study.storage.layout import Layout

HOLD = "import sys, time; from pathlib import Path\n"
HOLD += (
    "from study.storage.driver_lock import only_driver; from study.storage.layout import Layout\n"
)
HOLD += (
    "with only_driver(Layout(Path(sys.argv[1]))):\n    print('held', flush=True); time.sleep(600)"
)


@pytest.fixture
def other(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that holds the folder."""
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    root = Path(__file__).resolve().parents[3]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        yield process
        process.kill()


def hold(out: Path) -> None:
    with only_driver(Layout(out)):
        pass


def write_card(out: Path, host: str, age: float) -> None:
    """Writes a card that its driver last touched `age` seconds ago."""
    card = out / "driver.json"
    card.write_text(json.dumps({"pid": 7, "host": host, "since": 1e9}))
    os.utime(card, (time.time() - age, time.time() - age))


def test_a_second_driver_is_shown_the_first_and_its_start(
    tmp_path: Path, other: "subprocess.Popen[str]"
) -> None:
    pattern = rf"process {other.pid} on {platform.node()}, since 20\d\d-"
    with pytest.raises(InputError, match=pattern):
        hold(tmp_path)
    other.kill()
    other.wait()
    # The lock ends with its process; the card that it left behind does not count.
    hold(tmp_path)
    assert not (tmp_path / "driver.json").exists()


def test_a_living_driver_on_another_host_is_respected_where_locks_do_not_reach(
    tmp_path: Path,
) -> None:
    write_card(tmp_path, "another-host", age=5)
    with pytest.raises(InputError, match="process 7 on another-host, since 2001-09-09"):
        hold(tmp_path)
    # The card was not taken for that of a dead driver.
    assert (tmp_path / "driver.json").exists()


@pytest.mark.parametrize(
    ("host", "age"),
    # Two days in the future: the clock was set back after the driver had died.
    [("another-host", 3600.0), ("another-host", -2 * 86400.0), (platform.node(), 0.0)],
)
def test_a_dead_driver_s_folder_is_taken_over(tmp_path: Path, host: str, age: float) -> None:
    write_card(tmp_path, host, age)
    hold(tmp_path)


def test_a_damaged_card_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "driver.json").write_text("{")
    hold(tmp_path)


@pytest.mark.parametrize("name", ["driver.json", "study.yaml"])
def test_a_folder_where_a_file_belongs_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(InputError, match=f"{tmp_path / name} is a folder, but .* move it away"):
        hold(tmp_path)


@pytest.mark.parametrize("name", ["ledger", "ray", "generated"])
def test_a_file_where_a_folder_belongs_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(InputError, match=f"{tmp_path / name} is a file, but .* move it away"):
        hold(tmp_path)


def test_the_folder_is_free_again_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), only_driver(Layout(tmp_path)):
        raise ZeroDivisionError
    hold(tmp_path)
