"""What comes before the first replication: writing and compiling a plan, planning crews, and a worker's own start.

The least of several turns, wall time of preparing and processor time of the rest, with everything loaded and compiled
before. A worker receives the prepared case; what it does before its first replication is measured on a copy that has
travelled as it travels there.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

from benchmarks.rows import Row, at_most, cpu_seconds, told
from sim.config.project import Project
from sim.engine.backends import COMPILED
from sim.engine.numba_engine.simulate import load_kernel
from sim.jit import gc_paused
from sim.plan.compile import compile_plan
from sim.plan.project import write_plan
from sim.study.api import load
from sim.study.case import Case, prepare_case
from sim.study.crew_planning import reuse
from sim.study.storage import disk_cache
from sim.world.project_calendars import day_minutes, project_calendars

CONFIGS = {"hybrid": 0.4, "stick_built": 0.4, "modular": 0.4, "horizon_2gw": 3.0}
"""Target of preparing, in seconds."""
TURNS = 3


def seconds(action: Callable[[], object]) -> tuple[float, float]:
    """Return the least wall seconds of several turns, and their processor seconds: crews are planned by threads."""
    found = []
    for _ in range(TURNS):
        began, cpu = perf_counter(), process_time()
        action()
        found.append((perf_counter() - began, process_time() - cpu))
    return min(found)


def least(action: Callable[[], object]) -> float:
    """Return the least processor seconds of several turns."""
    return min(cpu_seconds(action) for _ in range(TURNS))


def prepare(project: Project, folder: str) -> None:
    """Prepare a project as a command does that has just begun; crew plans are kept in that folder, or nowhere."""
    reuse._plan_by_key.clear()  # noqa: SLF001 (what a process remembers)
    os.environ[disk_cache.FOLDER] = folder
    prepare_case(project, engine=COMPILED)


def write(case: Case) -> None:
    """Write and compile the plan of a case as it was prepared."""
    project = case.project
    with gc_paused():
        compile_plan(
            write_plan(project, project_calendars(project), day_minutes(project), case.crew_plan.resource_plan)
        )


def first_replication(sent: bytes) -> None:
    """Do what a worker does until it has one replication."""
    case: Case = pickle.loads(sent)  # noqa: S301 (what this process has just pickled)
    case.simulate_chunk(1, 0, 1)


def rows_of(config: str, target: float) -> list[Row]:
    """Measure one configuration."""
    project = load(f"configs/{config}.yaml").value
    case = replace(prepare_case(project, engine=COMPILED), compared_runs=0, compared_in_every_process=False)
    case.simulate_chunk(1, 0, 1)  # as in a run, before workers are sent the case
    sent = pickle.dumps(case)
    with TemporaryDirectory() as folder:
        anew, kept = (seconds(partial(prepare, project, where)) for where in ("", folder))
    routes = len(set(case.plan.route_of.tolist()))
    return [
        at_most(
            f"{config}: prepare, crews anew, wall time ({anew[1]:.2f} s of processor time)",
            anew[0],
            target,
            "s",
        ),
        at_most(f"{config}: prepare, crew plan of an earlier command (wall time)", kept[0], target, "s"),
        Row(
            f"{config}: of it writing and compiling the plan, three times ({len(case.plan.units):,} units, {routes} routes)",
            f"3 × {least(partial(write, case)):.3f} s",
        ),
        Row(
            f"{config}: a worker's first replication, from the case it is sent ({len(sent) / 1e6:.0f} MB)",
            f"{least(partial(first_replication, sent)):.2f} s",
        ),
    ]


def rows() -> list[Row]:
    """Measure every configuration."""
    load_kernel(print)
    return [row for config, target in CONFIGS.items() for row in rows_of(config, target)]


if __name__ == "__main__":
    print(told(rows()))
