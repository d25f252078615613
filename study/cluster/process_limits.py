"""Whether the limits of this process leave room for Ray; its start would end without a message.

Children inherit the limits, so each of Ray's processes has them too.
"""

import resource

from pkd.errors import InputError

# Measured with the smallest study on 2 CPUs; more CPUs and larger models need more.
_NEEDED = {
    "v": (resource.RLIMIT_AS, "kB of address space for a process", 4_000_000, 1024),
    "n": (resource.RLIMIT_NOFILE, "open files of a process", 128, 1),
    "u": (resource.RLIMIT_NPROC, "processes and threads of this user", 300, 1),
}


def check_process_limits() -> None:
    """Checks the limits that a shell shows with ``ulimit -a``.

    Raises:
        InputError: naming each limit that is too low, what is needed, and how to raise it.
    """
    problems = []
    for option, (kind, what, needed, unit) in _NEEDED.items():
        soft, hard = resource.getrlimit(kind)
        if resource.RLIM_INFINITY != soft < needed * unit:
            how = f"raise it by `ulimit -{option} {needed}` or more"
            if resource.RLIM_INFINITY != hard < needed * unit:
                how = "it can only be raised in another shell or in the job's settings"
            problems.append(f"{soft // unit:,} {what}, but Ray needs {needed:,}: {how}")
    if problems:
        raise InputError("the limits of this shell allow " + "; ".join(problems))
