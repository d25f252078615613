"""Limits that are too low for Ray are named before it starts."""

import resource

import pytest

from pkd.errors import InputError
from study.cluster.process_limits import check_process_limits

UNLIMITED = resource.RLIM_INFINITY
SPACE, FILES, THREADS = resource.RLIMIT_AS, resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC


def limit(monkeypatch: pytest.MonkeyPatch, limits: dict[int, tuple[int, int]]) -> None:
    monkeypatch.setattr(
        "resource.getrlimit", lambda kind: limits.get(kind, (UNLIMITED, UNLIMITED))
    )


@pytest.mark.parametrize(
    "limits",
    [
        {},
        {SPACE: (4_096_000_000, 4_096_000_000)},
        {FILES: (128, 128), THREADS: (300, UNLIMITED)},
    ],
)
def test_enough(limits: dict[int, tuple[int, int]], monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, limits)
    check_process_limits()


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (
            {SPACE: (3_000_000 * 1024, UNLIMITED)},
            "the limits of this shell allow 3,000,000 kB of address space for a process, but Ray "
            "needs 4,000,000: raise it by `ulimit -v 4000000` or more",
        ),
        (
            {SPACE: (1024, 4_095_999_999)},
            "the limits of this shell allow 1 kB of address space for a process, but Ray needs "
            "4,000,000: it can only be raised in another shell or in the job's settings",
        ),
        (
            {FILES: (127, 1024), THREADS: (299, 300)},
            "the limits of this shell allow 127 open files of a process, but Ray needs 128: raise "
            "it by `ulimit -n 128` or more; 299 processes and threads of this user, but Ray needs "
            "300: raise it by `ulimit -u 300` or more",
        ),
    ],
)
def test_too_little(
    limits: dict[int, tuple[int, int]], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(monkeypatch, limits)
    with pytest.raises(InputError) as refused:
        check_process_limits()
    assert str(refused.value) == message
