"""Whole replications of the 250 MW hybrid by both engines: weather, sampling, performing and measuring.

Processor time, so that it holds on a busy machine; what two cores need for 1,000 is half of what one needs. With
`--campus` the 2 GW campus is set beside it; its plan alone takes most of a minute to prepare.
"""

from __future__ import annotations

import argparse
import resource
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from time import process_time
from typing import Any
from unittest.mock import patch

from benchmarks.rows import Row, at_least, at_most, cpu_seconds, told
from sim.engine.backends import COMPILED, SIMPY, Name
from sim.engine.numba_engine import simulate as engine
from sim.engine.numba_engine.simulate import load_kernel
from sim.metrics.event_log import Record
from sim.metrics.kernels import capital, critical_chain, ledger, log
from sim.metrics.measure import measure
from sim.study.api import load
from sim.study.case import Case, prepare_case
from sim.world import kernels as calendars
from sim.world.weather import generator_numba as weather

CONFIG, CAMPUS = "configs/hybrid.yaml", "configs/horizon_2gw.yaml"
TURNS = 3
MEGABYTE = 1024
"""Kilobytes, in which the system counts memory."""


def by(case: Case, engine: Name) -> Case:
    """Return a case for one engine, warmed up, that compares nothing while it is timed."""
    ready_case = replace(case, engine=engine, compared_runs=0, compared_in_every_process=False)
    ready_case.simulate_chunk(1, 0, 2)
    return ready_case


def each(case: Case, runs: int) -> float:
    """Return the least processor seconds of a replication in several turns of so many."""
    spans = [turn * runs for turn in range(TURNS)]
    return min(cpu_seconds(partial(case.simulate_chunk, 1, begin, runs)) for begin in spans) / runs


def measured(case: Case, runs: int) -> float:
    """Return the least processor seconds of measuring a replication, of several turns of so many."""
    records = [case.record(done) for done in case.replications(1, 100, runs)]

    def measure_all() -> None:
        for one in records:
            measure(
                case.metric_context,
                Record.of(one.plan_index, one.log, one.content, one.calendars, one.factors, one.kernels),
            )

    return min(cpu_seconds(measure_all) for _ in range(TURNS)) / runs


def in_compiled_passes(case: Case, runs: int) -> float:
    """Return the processor seconds of a replication that compiled functions take: what is left if all else took no time."""
    spent = 0.0

    def timed(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            nonlocal spent
            began = process_time()
            try:
                return function(*arguments)
            finally:
                spent += process_time() - began

        return call

    with ExitStack() as patches:
        for module in (engine, weather, calendars, capital, critical_chain, ledger, log):
            for name, function in vars(module).copy().items():
                # entry points alone: what they call is compiled into them
                if hasattr(getattr(function, "_cache", None), "_load_overload"):
                    patches.enter_context(patch.object(module, name, timed(function)))
        case.simulate_chunk(1, 0, runs)
    return spent / runs


def grown(case: Case, runs: int) -> float:
    """Return by how many megabytes the memory of this process grows with so many replications."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for begin in range(0, runs, 50):
        case.simulate_chunk(2, 10 + begin, 50)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / MEGABYTE


def rows(campus: bool = False) -> list[Row]:
    """Measure everything."""
    load_kernel(print)
    project = load(CONFIG).value
    found: list[Case] = []
    sizing = cpu_seconds(lambda: found.append(prepare_case(project)))
    slow, fast = by(found[0], SIMPY), by(found[0], COMPILED)
    simpy, compiled = each(slow, 2), each(fast, 50)
    alone = cpu_seconds(lambda: [None for _ in fast.replications(1, 100, 50)]) / 50
    ahead = fast._horizon.days  # noqa: SLF001 (what the case itself draws)
    hours = cpu_seconds(lambda: [fast.calendars_of(1, 100 + number, ahead) for number in range(50)]) / 50
    measuring, passes = measured(fast, 50), min(in_compiled_passes(fast, 50) for _ in range(TURNS))
    parts = f"weather {hours * 1e3:.1f}, sampling and performing {(alone - hours) * 1e3:.1f}"
    told_rows = [
        Row("250 MW: sizing and writing the plan, once", f"{sizing:.1f} s"),
        Row("250 MW: a whole replication by SimPy", f"{simpy * 1e3:.0f} ms"),
        Row("250 MW: a whole replication compiled", f"{compiled * 1e3:.1f} ms: {parts}, metrics {measuring * 1e3:.1f}"),
        at_most("250 MW: measuring a replication", measuring * 1e3, 2.5, "ms", digits=1),
        at_least("250 MW: compiled over SimPy, whole replications", simpy / compiled, 60),
        Row(
            "250 MW: the same, by what compiled functions take alone", f"{simpy / passes:.0f} × ({passes * 1e3:.1f} ms)"
        ),
        at_most("250 MW: 1,000 whole replications on two cores", 1000 * compiled / 2, 2, "s"),
        at_most("memory that 500 more replications take", grown(fast, 500), 8, "MB", digits=1),
    ]
    if campus:
        large = each(by(prepare_case(load(CAMPUS).value), COMPILED), 10)
        told_rows.append(at_most("2 GW over 250 MW, whole replications", large / compiled, 8.5, "×"))
    return told_rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--campus", action="store_true", help="the 2 GW campus as well; takes minutes")
    print(told(rows(parser.parse_args().campus)))
