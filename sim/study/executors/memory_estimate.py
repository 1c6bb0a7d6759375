"""The memory a run needs at its most, and how much of it there is.

What is needed is worked out from the sizes of the tables. A run that cannot fit is refused before it starts,
instead of being killed by the system hours later.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Protocol

from sim.errors import Stalled
from sim.metrics.measure import CURVES
from sim.study.sample import SLICE_BYTES

TABLES = 2
"""Copies of the table of replications: as it is gathered, and as it is written or looked at."""
TABLES_OF_A_STUDY = 5
"""The same where many configurations are put under each other: also divided by point, with settings, and sorted."""
COPIES = 5
"""Of the days of a curve that are looked at together: as read, put together, sorted, and freed but not given back."""
PROCESS_BYTES = 450_000_000
"""One process with its libraries and a 250 MW plan."""


class TooLarge(Stalled):
    """A run that does not fit into this machine's memory: the budget is exceeded before it begins."""


class Sized(Protocol):
    """What is asked of a case: how long its curves are, and how many columns a replication has."""

    @property
    def days(self) -> int:
        """Length of the daily curves."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics' names."""


def memory_needed(case: Sized, runs: int, workers: int, *, on_disk: bool = True, tables: int = TABLES) -> int:
    """Bytes that all processes of a run need at their most: grows with the runs by its tables only.

    `on_disk`: finished chunks are kept there, and curves are read some days at a time; else all are in memory.
    """
    table = 8 * len(case.metrics) * runs * tables
    curve = 4 * case.days * runs
    curves = min(curve, SLICE_BYTES) * COPIES + (0 if on_disk else curve * len(CURVES))
    chunk = 4 * case.days * len(CURVES) * 1000
    return table + curves + (PROCESS_BYTES + chunk) * (workers + 1 if workers > 1 else 1)


def require_memory(case: Sized, runs: int, workers: int, *, on_disk: bool = True, tables: int = TABLES) -> None:
    """Raise TooLarge if the run needs more memory than there is."""
    needed, there = memory_needed(case, runs, workers, on_disk=on_disk, tables=tables), free_bytes()
    if there is not None and needed > there:
        raise TooLarge(
            f"{runs:,} replications{_long(case)} need about {needed / 1e9:.1f} GB of memory and "
            f"{there / 1e9:.1f} GB are free: take {', '.join(_remedies(case, workers, on_disk))}"
        )


def _long(case: Sized) -> str:
    """How long the curves are, where there are some."""
    return f" of {case.days:,} days" if case.days > 1 else ""


def _remedies(case: Sized, workers: int, on_disk: bool) -> list[str]:
    """What would make it smaller, what helps most first."""
    found = ["fewer --runs" if case.days > 1 else "fewer points or --runs"]
    found += ["fewer --workers"] if workers > 1 else []
    found += [] if on_disk else ["an output directory to keep finished work in", "a shorter money.horizon_days"]
    return found


def free_bytes() -> int | None:
    """Bytes of memory that are free for this process; None where the system does not report it."""
    limits = [found for found in (_free(), _allowed(), _container()) if found is not None]
    return min(limits, default=None)


def _free() -> int | None:
    """What the machine has free."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, ValueError, StopIteration):
        return None


def _allowed() -> int | None:
    """What this process may take at most (`ulimit -v`)."""
    if os.name != "posix":
        return None
    import resource

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY or limit > sys.maxsize else limit


def _container() -> int | None:
    """What the container may take at most, less what it has taken."""
    place = Path("/sys/fs/cgroup")
    try:
        limit, used = ((place / name).read_text(encoding="utf-8").strip() for name in ("memory.max", "memory.current"))
        return None if limit == "max" else max(int(limit) - int(used), 0)
    except (OSError, ValueError):
        return None
