"""When a Ray, or a cluster, counts as dead."""

import socket
from collections.abc import Iterator

import pytest

from study.cluster.watch import death
from study.cluster.watch.death import ClusterPulse, death_here


@pytest.mark.parametrize(
    ("dead", "told"), [([], ""), (["raylet", "gcs_server"], "Ray's process raylet ended")]
)
def test_one_dead_process_is_the_death_of_a_ray(
    dead: list[str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(death, "dead_processes", lambda: dead)
    assert death_here() == told


@pytest.fixture
def head() -> Iterator[socket.socket]:
    """A port at which something answers until it is closed."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_a_cluster_is_dead_when_its_head_has_been_silent_for_long(head: socket.socket) -> None:
    now = [100.0]
    pulse = ClusterPulse("head:6379", head.getsockname(), lambda: True, lambda: now[0])
    assert pulse.death() == ""
    head.close()
    now[0] += 44.9
    assert pulse.death() == ""
    now[0] += 0.1
    assert pulse.death() == ("the Ray cluster at --address head:6379 has not answered for 45 s")


def test_a_head_that_restarts_in_time_is_alive(head: socket.socket) -> None:
    now = [0.0]
    pulse = ClusterPulse("auto", head.getsockname(), lambda: True, lambda: now[0])
    for now[0] in (40.0, 80.0, 120.0):
        assert pulse.death() == ""


def test_a_machine_that_left_its_cluster(head: socket.socket) -> None:
    pulse = ClusterPulse("auto", head.getsockname(), lambda: False)
    assert pulse.death() == "this machine has left the Ray cluster at --address auto"
