"""The compiled engine against the SimPy one on a plan of 1,000 units × 18 steps, and on the 250 MW hybrid.

Processor time, one replication at a time and in turns, sampling included; the ratio holds on any machine. What the
kernel itself costs is set beside a bare numba loop that pushes and pops as many events, with a heap as deep as the
units of a project: nothing that simulates can be faster than its own queue of events. The comparison is hard on the
kernel, and meant to be: one of its timed events also draws, reads a calendar, performs three to four steps, asks and
grants, opens gates and writes the log; the loop does none of that.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import date
from functools import partial
from heapq import heappop, heappush
from typing import Any

import numpy as np

from benchmarks.bare_simpy import PROCESSES
from benchmarks.rows import Row, at_least, cpu_seconds, told
from sim.engine import simpy_engine as processes
from sim.engine.numba_engine.simulate import KernelPlan, Workspace, load_kernel, simulate_many
from sim.plan.compile import compile_plan
from sim.plan.compiled_plan import CompiledPlan
from sim.plan.draws import Draws
from sim.plan.vocabulary import (
    CREW_PATIENCE,
    UNTIL,
    WORK,
    Chance,
    Free,
    Hold,
    Jump,
    Label,
    Mode,
    Note,
    Plan,
    Signal,
    Span,
    Step,
    Until,
    Wait,
    Work,
)
from sim.plan.vocabulary import MINUTES_PER_DAY as DAY
from sim.world.distributions import Discrete, Distribution, Lognormal, Pert, Triangular, Uniform
from sim.world.working_time import always, weekly

CONFIG = "configs/hybrid.yaml"
UNITS, POOLS, HALLS = 1_000, 12, 20
DAYS = 6_000
TURNS, AT_ONCE = 3, 25
SPANS: tuple[tuple[Distribution, str, Mode], ...] = (
    (Lognormal(30, 60), "shift", "pausing"),
    (Pert(20, 40, 80), "day", "pausing"),
    (Lognormal(30, 60), "always", "duty"),
    (Pert(20, 40, 80), "shift", "pausing"),
)


def crowd() -> Plan:
    """Write a plan of many units with every feature, which share a dozen pools."""
    start = date(2026, 1, 5)
    plan = Plan(("done", UNITS))
    plan.gate("done")
    day = weekly("day", start, DAYS, days="mon-sun", shifts=(("06:00", "18:00"),))
    plan.works_on({"always": always(DAYS * DAY), "shift": weekly("shift", start, DAYS), "day": day})
    for number in range(POOLS):
        plan.pool(f"p{number}", 14 + number)
    for number in range(HALLS):
        plan.gate(f"h{number}")
    plan.factor("productivity", Triangular(0.9, 1, 1.3))
    plan.factor("shortage", Discrete((1, 1.2), (0.7, 0.3)))
    plan.learns("curve", tuple(int(1e6 * (n + 1) ** -0.15) for n in range(200)))
    plan.area("yard", (1_000_000,) * 60 + tuple(1_000_000 + 5_000 * n for n in range(40)))
    for unit in range(UNITS):
        plan.unit(f"b{unit}", _route(unit))
    return plan


def _route(unit: int) -> list[Step]:
    """Return the route of one unit: wait for a date or for others, four times hold, work and free, and signal."""
    hall = f"h{unit % HALLS}"
    begin = Until("order", Span(Uniform(0, 400), DAY)) if unit % 4 == 0 else Wait(hall, unit // 40)
    steps: list[Step] = [begin]
    for place, (shape, calendar, mode) in enumerate(SPANS):
        pools = {f"p{(unit * 5 + place * 3) % POOLS}": 1 + (unit % 3 == 0), f"p{(unit * 7 + place * 5 + 1) % POOLS}": 1}
        span = Span(shape, 60, ("productivity",), ("shortage",))
        curve, area = "curve" if place == 0 else None, "yard" if place == 3 else None
        work = Work(f"work {place}", span, calendar, mode, {"fitters": 3}, True, curve, area)
        steps += [Hold(pools, unit % 2, CREW_PATIENCE), Label(f"do {place}"), work]
        steps += [Jump(f"do {place}", "failed", Chance(0.1), 3)] if place == 2 else []
        steps.append(Free(pools))
    return [*steps, Signal(hall), Note("online"), Signal("done")]


def hybrid() -> CompiledPlan:
    """Return the plan of the shipped project."""
    from sim.study.api import load
    from sim.study.case import prepare_case

    return prepare_case(load(CONFIG).value).plan


def compared(name: str, plan: CompiledPlan) -> list[Row]:
    """Measure both engines on a plan, in turns."""
    reference, prepared = processes.SimpyPlan(plan), KernelPlan(plan)
    draws, logs = Draws(plan.inputs, 1), []

    def slow(first: int) -> None:
        (drawn,) = draws.chunk(first, 1)
        logs.append(processes.simulate(reference, drawn, plan.base_calendars).log)

    def fast(first: int) -> None:
        for _ in simulate_many(prepared, 1, first, AT_ONCE, lambda _: plan.base_calendars):
            pass

    fast(0)
    simpy = min(cpu_seconds(partial(slow, turn)) for turn in range(TURNS))
    compiled = min(cpu_seconds(partial(fast, turn * AT_ONCE)) for turn in range(TURNS)) / AT_ONCE
    timed = int(np.isin(plan.rows[logs[0][:, 1], 0], (WORK, UNTIL)).sum())
    bare, kernel = bare_heap(timed), kernel_alone(prepared, plan)
    per = f"{simpy * 1e3:.0f} ms, compiled {compiled * 1e3:.1f} ms, {len(logs[0]):,} steps performed"
    each = f"{kernel / timed * 1e9:.0f} ns, with {len(logs[0]) / timed:.1f} steps; bare {bare / timed * 1e9:.0f} ns"
    return [
        Row(f"{name}: SimPy", per),
        Row(f"{name}: a timed event in the kernel", each),
        at_least(f"{name}: compiled over SimPy", simpy / compiled, 50),
        at_least(f"{name}: bare heap loop of {timed:,} events over the kernel", bare / kernel, 0.4, digits=2),
    ]


def kernel_alone(prepared: KernelPlan, plan: CompiledPlan) -> float:
    """Return the processor seconds of a replication inside the machine code."""
    tables = prepared.draw_tables(1)
    (common,) = tables.chunk(0, 1)
    stage = Workspace(prepared, tables.draws, np.concatenate([tables.parameters, common.parameters]))
    hours = stage.calendar_arrays.of(plan.base_calendars)

    def simulate() -> None:
        for _ in range(AT_ONCE):
            stage.simulate_once(0, hours)

    return min(cpu_seconds(simulate) for _ in range(TURNS)) / AT_ONCE


def bare_heap(events: int) -> float:
    """Return the processor seconds of a numba loop that does nothing but pop and push so many events."""
    from numba import njit

    def loop(events: int, units: int) -> int:
        heap = [(unit * 37 % 5_000, unit) for unit in range(units)]
        for event in range(events):
            minute, unit = heappop(heap)
            heappush(heap, (minute + 1 + (event * 61) % 5_000, unit))
        return heap[0][0]

    compiled: Callable[[int, int], Any] = njit(loop)  # type: ignore[assignment]
    compiled(10, PROCESSES)
    return min(cpu_seconds(lambda: compiled(50 * events, PROCESSES)) for _ in range(TURNS)) / 50


def rows() -> list[Row]:
    """Measure everything."""
    seconds = cpu_seconds(lambda: load_kernel(print))
    found = [Row("getting the compiled engine ready (from the disk, or compiling it)", f"{seconds:.1f} s")]
    return [*found, *compared("1,000 units", compile_plan(crowd())), *compared(CONFIG, hybrid())]


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    print(told(rows()))
