"""The same repetitive job here and in other simulators: N units through eight activities, four crews each.

Peers are measured where a Python has them (`--peers /tmp/peers/bin/python`; they are no dependency of ours): each
in a fresh process, processor time of the run alone. Ours keeps its full log; SimPM's is switched off, which is
its fastest. The figures of those that are not measured are cited from an earlier measurement (N = 1,000):
OpenCLSim 8 s, pDESy 360 s; ORBIT does another job, its own: 2.3 s in calm, 45 s with hourly weather.
"""

from __future__ import annotations

import argparse
import subprocess
from math import log
from pathlib import Path
from statistics import median

from benchmarks.rows import Row, at_most, cpu_seconds, told

ACTIVITIES, CREWS = 8, 4
SIZES = (250, 1000)
CITED = (("OpenCLSim", "8 s"), ("pDESy", "360 s"), ("ORBIT, its own job", "2.3 s calm, 45 s with weather"))

BARE = """
import simpy, sys
from time import process_time
n = int(sys.argv[1])
env = simpy.Environment()
crews = [simpy.Resource(env, 4) for _ in range(8)]
def unit(env, number):
    for place, crew in enumerate(crews):
        with crew.request() as asked:
            yield asked
            yield env.timeout(60 + (number * 7 + place * 13) % 60)
for number in range(n):
    env.process(unit(env, number))
began = process_time(); env.run(); print(process_time() - began, env.now)
"""
SIMPM = """
import sys, logging
logging.disable(logging.CRITICAL)
import simpm.des as des
from time import process_time
n = int(sys.argv[1])
env = des.Environment()
crews = [des.Resource(env, f"crew {k}", init=4, capacity=4, log=False) for k in range(8)]
def unit(entity, number):
    for place, crew in enumerate(crews):
        yield entity.get(crew, 1)
        yield entity.do("work", 60 + (number * 7 + place * 13) % 60)
        yield entity.put(crew, 1)
for number in range(n):
    entity = des.Entity(env, f"unit {number}", log=False)
    env.process(unit(entity, number))
began = process_time(); env.run(); print(process_time() - began, env.now)
"""


def ours(units: int) -> tuple[float, int]:
    """Return CPU seconds of one replication with its whole log, and the minute at which it ends."""
    from sim.engine.processes import Prepared, perform
    from sim.plan.compile import compile_plan
    from sim.plan.luck import planned
    from sim.plan.plan import Plan
    from sim.plan.vocabulary import Free, Hold, Signal, Step, Work, fixed
    from sim.world.calendars import always

    plan = Plan(("all done", units))
    plan.works_on({"always": always(10_000_000)})
    plan.gate("all done")
    crews = [plan.pool(f"crew {place}", CREWS) for place in range(ACTIVITIES)]
    for number in range(units):
        route: list[Step] = []
        for place, crew in enumerate(crews):
            minutes = fixed(60 + (number * 7 + place * 13) % 60)
            route += [Hold({crew: 1}), Work(f"work {place}", minutes, "always"), Free({crew: 1})]
        plan.unit(f"unit {number:05d}", [*route, Signal("all done")])
    compiled = compile_plan(plan)
    prepared, luck = Prepared(compiled), planned(compiled.inputs)
    ends: list[int] = []
    taken = cpu_seconds(lambda: ends.append(int(perform(prepared, luck, compiled.base_calendars).log[-1, 0])))
    return taken, ends[0]


def theirs(python: str, script: str, units: int) -> tuple[float, int]:
    """Return CPU seconds and the end of the same job in another simulator, in a process of its own."""
    command = [python, "-W", "ignore", "-c", script, str(units)]
    words = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()  # noqa: S603
    return float(words[-2]), int(float(words[-1]))


def rows(python: str | None = None, turns: int = 3) -> list[Row]:
    """Measure in turns, and take medians; refuses to compare where two simulators end half a percent apart."""
    import sys

    who = {"bare SimPy": (sys.executable, BARE), **({"SimPM, no log": (python, SIMPM)} if python else {})}
    times: dict[tuple[str, int], list[float]] = {}
    for _ in range(turns):
        for units in SIZES:
            seconds, ours_ends = ours(units)
            times.setdefault(("here, full log", units), []).append(seconds)
            for name, (interpreter, script) in who.items():
                seconds, ends = theirs(interpreter, script, units)
                # requests of the same minute are served by name here, by order of events there
                assert abs(ends / ours_ends - 1) < 0.005, f"{name} ends at {ends}, we at {ours_ends}"
                times.setdefault((name, units), []).append(seconds)
    found = {place: median(taken) for place, taken in times.items()}
    return [
        *_rows(found, list(who)),
        *(Row(f"{name}, N = 1,000 (cited, not measured)", figure) for name, figure in CITED),
    ]


def _rows(found: dict[tuple[str, int], float], who: list[str]) -> list[Row]:
    small, large = SIZES
    mine = found["here, full log", large]
    rows = []
    for name in ["here, full log", *who]:
        seconds = found[name, large]
        grows = log(seconds / found[name, small]) / log(large / small)
        speed = f"{seconds:.2f} s, {large * ACTIVITIES / seconds:,.0f} activities/s, grows as N^{grows:.2f}"
        rows.append(Row(f"{name}, N = {large:,}", speed))
    rows.append(at_most("ours over bare SimPy", mine / found["bare SimPy", large], 2.5))
    rows += [at_most(f"ours over {name}", mine / found[name, large], 1.0) for name in who[1:]]
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", type=Path, help="a Python that has the peers installed")
    chosen = parser.parse_args().peers
    print(told(rows(str(chosen) if chosen else None)))
