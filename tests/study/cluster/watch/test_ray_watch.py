"""What a watch does when Ray dies."""

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from study.cluster.watch import ray_watch
from study.cluster.watch.ray_watch import RayDied, RayWatch


class Scene:
    """A Ray that can die, and what the watch did then."""

    def __init__(self) -> None:
        self.dead = ""
        self.done: list[tuple[object, ...]] = []
        self.notes: list[str] = []
        self.acted = threading.Event()

    def act(self, *what: object) -> None:
        self.done.append(what)
        self.acted.set()


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    scene = Scene()
    monkeypatch.setattr(ray_watch, "_EVERY_S", 0.01)
    monkeypatch.setattr(ray_watch, "_PATIENCE_S", 0.05)
    monkeypatch.setattr(ray_watch, "death_here", lambda: scene.dead)
    monkeypatch.setattr(ray_watch, "end_marked", lambda mark: scene.done.append(("kill",)))
    monkeypatch.setattr(ray_watch, "end_with", lambda *what: scene.act("end", *what))
    monkeypatch.setattr(ray_watch, "run_anew", lambda recorded: scene.act("anew", recorded))
    monkeypatch.setattr(ray_watch, "how_to_continue", lambda: "To continue: pkd-study run")
    monkeypatch.delenv("PKD_RAY_DEATHS", raising=False)
    yield scene


def watching(scene: Scene, own_process: bool = True) -> RayWatch:
    watch = RayWatch(None, own_process, lambda: 5, scene.notes.append)
    watch.begin()
    return watch


KEPT = "recorded results are kept. To continue: pkd-study run"
DEAD = "Ray's process gcs_server ended"


def dies(scene: Scene) -> list[tuple[object, ...]]:
    scene.dead = DEAD
    assert scene.acted.wait(10)
    return scene.done


def test_a_dead_ray_is_cleared_away_and_the_command_runs_anew(scene: Scene) -> None:
    watch = watching(scene)
    assert dies(scene) == [("kill",), ("anew", 5)]
    assert scene.notes == [
        f"{DEAD}: recorded results are kept, and the study goes on with a new Ray"
    ]
    watch.end()


def test_a_ray_that_dies_again_and_again_ends_the_command(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PKD_RAY_DEATHS", "2 5")
    watch = watching(scene)
    assert dies(scene)[1] == (
        "end",
        f"error: {DEAD}, 3 times with nothing recorded in between: {KEPT}",
        1,
    )
    watch.end()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_to_the_whole_group_ends_the_command_although_its_handler_waits(
    number: int, code: int, scene: Scene
) -> None:
    # The main thread does not leave the handler, as it does not leave Ray's compiled code.
    before = signal.signal(number, lambda *_: scene.acted.wait(10))
    watch = watching(scene)
    try:
        scene.dead = DEAD
        os.kill(os.getpid(), number)
        assert scene.acted.wait(10)
        assert scene.done[1] == ("end", f"interrupted: {KEPT}", code)
    finally:
        watch.end()
        signal.signal(number, before)


def test_a_study_in_a_user_s_own_process_is_told(scene: Scene) -> None:
    watch = watching(scene, own_process=False)
    with pytest.raises(RayDied):
        scene.dead = DEAD
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            time.sleep(0.01)
    assert watch.death == DEAD and scene.done == []
    assert signal.set_wakeup_fd(-1) == -1  # a user's event loop may have one


def test_after_its_end_a_watch_does_nothing_but_tell(scene: Scene) -> None:
    watch = watching(scene)
    assert watch.end() is True
    time.sleep(0.1)
    assert scene.done == []
    watch.begin()
    scene.dead = DEAD
    assert watch.end() is False and scene.done == [("kill",)]


def test_a_dead_ray_is_not_started_again_in_the_same_process(scene: Scene) -> None:
    watch = watching(scene)
    scene.dead = DEAD
    watch.end_for_restart()
    assert scene.done == [("kill",), ("anew", 5)]
