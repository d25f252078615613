"""The page in a real browser: complete, without console messages, no wider than the window."""

import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from analysis.pages import build_report
from tests.support.runs.fake_run import GLUE, FakeRun
from tests.support.runs.hostile_run import hostile_run

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (shutil.which("chromium") and shutil.which("chromedriver")),
        reason="needs chromium and chromedriver (Debian: apt-get install chromium-driver)",
    ),
]


@pytest.fixture(scope="module", params=["large", "hostile"])
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a finished study, with seven tasks or with hostile names."""
    if request.param == "hostile":
        run = hostile_run(tmp_path_factory.mktemp("run"))
        return build_report(run.path).with_name("index.html")
    fake, rng = FakeRun(tmp_path_factory.mktemp("run"), tuple(GLUE)), random.Random(0)
    for task in GLUE:
        for number in range(2):
            fake.trial("teachers", task, 12, "teacher", number, 0.8 + rng.random() / 10, epochs=4)
        for depth in (6, 3):
            for method in ("ft", "kd", "pkd-skip", "pkd-last"):
                for number in range(4):
                    state = "stopped" if number == 3 else "complete"
                    score = 0.6 + rng.random() / 5
                    fake.trial("search", task, depth, method, number, score, state, epochs=4)
                for seed in range(3):
                    fake.trial("confirm", task, depth, method, seed, score, epochs=4)
    return build_report(fake.path).with_name("index.html")


@pytest.fixture(scope="module")
def browser() -> "Iterator[Chrome]":
    """A headless Chromium that records console messages."""
    from selenium.webdriver import Chrome, ChromeOptions, ChromeService

    options = ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options, ChromeService(shutil.which("chromedriver")))
    yield driver
    driver.quit()


@pytest.mark.parametrize("width", [1400, 390], ids=["desktop", "phone"])
def test_the_page_is_complete_at_every_width(browser: "Chrome", page: Path, width: int) -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(page.as_uri())
    images = browser.execute_script(
        "return [...document.images].map(i => [i.alt, i.complete && i.naturalWidth > 0])"
    )
    assert len(images) >= 6
    assert [alt for alt, whole in images if not whole] == []
    assert browser.get_log("browser") == []
    # Wide tables and images scroll inside their frames; the page does not scroll sideways.
    wide = browser.execute_script("return document.documentElement.scrollWidth")
    assert wide <= width
    targets = browser.execute_script(
        "return [...document.querySelectorAll('a[href^=\"#\"]')]"
        ".filter(a => !document.getElementById(a.hash.slice(1))).map(a => a.hash)"
    )
    assert targets == []
