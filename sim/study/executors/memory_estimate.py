"""The memory a run needs at its most, how large its plan is, and how much memory there is.

What is needed is worked out from the sizes of the tables, and the size of a plan from the numbers of a configuration,
before anything of it is laid out. A run that cannot fit is refused before it starts,
instead of being killed by the system hours later.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sim.config.project import Project
from sim.config.sections.systems import System
from sim.errors import Stalled
from sim.metrics.measure import CURVES
from sim.study.chunk import MAX_CHUNK_SIZE
from sim.study.sample import SLICE_BYTES

TABLE_COPIES = 2
"""Copies of the table of replications in memory: as it is gathered, and as it is written or read."""
STUDY_TABLE_COPIES = 5
"""The same for a study, whose table is also divided by point, joined with settings, and sorted."""
CURVE_COPIES = 5
"""Copies of a slice of a curve in memory: as read, concatenated, sorted, and freed but not returned to the system."""
PROCESS_BYTES = 450_000_000
"""One process with its libraries and a 250 MW plan."""


class TooLarge(Stalled):
    """A run that does not fit into this machine's memory: the budget is exceeded before it begins."""


# --- plans ------------------------------------------------------------------------------------------------------------


MAX_STEPS = 5_000_000
"""Steps that a plan may have unless more are allowed: ten times those of the campus of 2 GW."""
_max_steps = ContextVar("max_steps", default=MAX_STEPS)
STEP_BYTES, STEP_SECONDS = 1_300, 1.1e-4
"""Memory and time of a step while a plan is laid out, crews sized and arrays compiled. Measured: the 250 MW hybrid,
58,788 steps, takes 71 MB and 6.3 s of one core (28 November 2026)."""
WORK_STEPS, PLACE_STEPS, SKID_STEPS = 12, 30, 22
"""Steps in a plan of a piece of work, of a place or unit besides its work, and of a skid besides its stations."""


@dataclass(frozen=True)
class PlanSize:
    """An estimate of the size of a plan: blocks, steps of all routes, bytes, and seconds to write it."""

    blocks: int
    steps: int

    @property
    def bytes(self) -> int:
        """Return the memory that it takes."""
        return self.steps * STEP_BYTES

    @property
    def seconds(self) -> float:
        """Return the time that one core takes to lay it out."""
        return self.steps * STEP_SECONDS


def plan_size(project: Project) -> PlanSize:
    """Return an estimate of the size of a project's plan, from numbers of the configuration alone."""
    blocks, phases = project.blocks, min(project.scale.phases, project.blocks)
    halls = -(-blocks // project.hall.blocks) + phases
    energization = project.energization
    count_of = {"phase": phases, "hall": halls, "block": blocks}
    # a generating unit lists the blocks that need it: an eighth of a step each
    plants = 1 if energization.shared else phases
    units = (
        plants
        * energization.units.count
        * (PLACE_STEPS + WORK_STEPS * len(energization.install) + blocks // plants // 8)
    )
    steps = (
        blocks
        * (PLACE_STEPS + sum(map(_steps_of_system, project.by_system.values())) + WORK_STEPS * len(project.pad.steps))
        + halls * (PLACE_STEPS + WORK_STEPS * len(project.shell.steps))
        + phases * (PLACE_STEPS + WORK_STEPS * len(project.site_works.steps))
        + sum(count_of[item.per] for item in project.procurement.items) * WORK_STEPS
        + units
    )
    return PlanSize(blocks, steps)


def _steps_of_system(system: System) -> int:
    """Return about how many steps one block has of a system."""
    if system.scope == "site":
        return PLACE_STEPS + WORK_STEPS * len(system.site.steps)
    return system.skid.per_block * (SKID_STEPS + 3 * len(system.factory.stations)) + WORK_STEPS * len(system.hook_up)


@contextmanager
def steps_allowed(max_steps: int) -> Iterator[None]:
    """Allow plans of so many steps within a block."""
    token = _max_steps.set(max_steps)
    try:
        yield
    finally:
        _max_steps.reset(token)


def require_plan_fits(project: Project) -> None:
    """Raise TooLarge if a plan has more steps than are allowed, or needs more memory than there is."""
    size, bytes_free = plan_size(project), free_bytes()
    size_text = (
        f"{project.name}: a plan of {size.blocks:,} blocks has about {size.steps:,} steps, takes about "
        f"{size.bytes / 1e9:.1f} GB of memory and {size.seconds / 60:,.0f} minutes to lay out"
    )
    remedy = "make scale.capacity_mw smaller or block.mw_gross larger, or state fewer skids and units"
    if size.steps > _max_steps.get():
        raise TooLarge(f"{size_text}; the most is {_max_steps.get():,} steps: {remedy}, or allow it with --most-steps")
    if bytes_free is not None and size.bytes > bytes_free:
        raise TooLarge(f"{size_text}, and {bytes_free / 1e9:.1f} GB are free: {remedy}")


# --- runs -------------------------------------------------------------------------------------------------------------


class SizedCase(Protocol):
    """A case whose memory is estimated: the length of its curves, and the metrics of a replication."""

    @property
    def days(self) -> int:
        """Length of the daily curves."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics' names."""


def memory_needed(case: SizedCase, runs: int, workers: int, *, on_disk: bool = True, tables: int = TABLE_COPIES) -> int:
    """Return the bytes that all processes of a run need at most; only its tables grow with the number of runs.

    `on_disk`: finished chunks are kept there, and curves are read some days at a time; else all are in memory.
    """
    table = 8 * len(case.metrics) * runs * tables
    curve = 4 * case.days * runs
    curves = min(curve, SLICE_BYTES) * CURVE_COPIES + (0 if on_disk else curve * len(CURVES))
    chunk = 4 * case.days * len(CURVES) * MAX_CHUNK_SIZE
    return table + curves + (PROCESS_BYTES + chunk) * (workers + 1 if workers > 1 else 1)


def require_memory(
    case: SizedCase, runs: int, workers: int, *, on_disk: bool = True, tables: int = TABLE_COPIES
) -> None:
    """Raise TooLarge if the run needs more memory than there is, after memory that preparing it has freed is returned."""
    bytes_needed = memory_needed(case, runs, workers, on_disk=on_disk, tables=tables)
    give_back_memory()  # after what is asked of the case, which works out its expected plan
    bytes_free = free_bytes()
    if bytes_free is not None and bytes_needed > bytes_free:
        raise TooLarge(
            f"{runs:,} replications{_long(case)} need about {bytes_needed / 1e9:.1f} GB of memory and "
            f"{bytes_free / 1e9:.1f} GB are free: take {', '.join(_remedies(case, workers, on_disk))}"
        )


def _long(case: SizedCase) -> str:
    """Return how long the curves are, where there are some."""
    return f" of {case.days:,} days" if case.days > 1 else ""


def _remedies(case: SizedCase, workers: int, on_disk: bool) -> list[str]:
    """Return what a user can change so that the run needs less memory, the most effective change first."""
    remedies = ["fewer --runs" if case.days > 1 else "fewer points or --runs"]
    remedies += ["fewer --workers"] if workers > 1 else []
    remedies += [] if on_disk else ["an output directory to keep finished work in", "a shorter money.horizon_days"]
    return remedies


def free_bytes() -> int | None:
    """Return bytes of memory that are free for this process; None where the system does not report it."""
    limits = [found for found in (_free(), _process_limit(), _container_limit()) if found is not None]
    return min(limits, default=None)


def _free() -> int | None:
    """Return what the machine has free."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, ValueError, StopIteration):
        return None


def _process_limit() -> int | None:
    """Return the most bytes that this process may take (`ulimit -v`), None without a limit."""
    if os.name != "posix":
        return None
    import resource

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY or limit > sys.maxsize else limit


def _container_limit() -> int | None:
    """Return the bytes that the container may still take; None without a limit."""
    folder = Path("/sys/fs/cgroup")
    try:
        names = ("memory.max", "memory.current")
        max_bytes, bytes_used = ((folder / name).read_text(encoding="utf-8").strip() for name in names)
        return None if max_bytes == "max" else max(int(max_bytes) - int(bytes_used), 0)
    except (OSError, ValueError):
        return None


def give_back_memory() -> None:
    """Have the C library (glibc), and Arrow where it was used, return freed memory to the operating system.

    For a campus of 2 GW, crew planning leaves 270 MB of it and the expected plan 40 MB, which forked workers would share;
    chunks of 20,000 replications leave 120 MB, which would be held while these are put together.
    """
    if arrow := sys.modules.get("pyarrow"):
        arrow.default_memory_pool().release_unused()
    if sys.platform == "linux":
        with suppress(AttributeError, OSError):
            ctypes.CDLL(None).malloc_trim(0)
