"""The job here, by the SimPy engine with its whole log; or compiled, with the numbers drawn for it too."""

from __future__ import annotations

import sys
from time import process_time

from sim.engine import simpy_engine as processes
from sim.plan.compile import compile_plan
from sim.plan.deterministic_draws import most_likely_draws
from sim.plan.vocabulary import Free, Hold, Plan, Signal, Step, Work, fixed
from sim.world.working_time import always

UNITS, COMPILED, ACTIVITIES, CREWS = int(sys.argv[1]), sys.argv[2:] == ["compiled"], 8, 4
TURNS = 20  # of the compiled engine, whose clock is too short to read once


def job() -> Plan:
    """Write the job as a plan."""
    plan = Plan(("all done", UNITS))
    plan.works_on({"always": always(10_000_000)})
    plan.gate("all done")
    crews = [plan.pool(f"crew {place}", CREWS) for place in range(ACTIVITIES)]
    for number in range(UNITS):
        route: list[Step] = []
        for place, crew in enumerate(crews):
            minutes = fixed(60 + (number * 7 + place * 13) % 60)
            route += [Hold({crew: 1}), Work(f"work {place}", minutes, "always"), Free({crew: 1})]
        plan.unit(f"unit {number:05d}", [*route, Signal("all done")])
    return plan


def by_simpy() -> tuple[float, float, int]:
    """Return the seconds of setting up and of performing, and the minute of the end."""
    began = process_time()
    plan = compile_plan(job())
    prepared, luck = processes.SimpyPlan(plan), most_likely_draws(plan.inputs)
    set_up = process_time()
    log = processes.simulate(prepared, luck, plan.base_calendars).log
    return set_up - began, process_time() - set_up, int(log[-1, 0])


def by_machine_code() -> tuple[float, float, int]:
    """The same, compiled."""
    from sim.engine.numba_engine import simulate as performing

    performing.load_kernel()
    began = process_time()
    plan = compile_plan(job())
    prepared = performing.KernelPlan(plan)
    set_up = process_time()
    *_, last = performing.simulate_many(prepared, 1, 0, TURNS, lambda _: plan.base_calendars)
    return set_up - began, (process_time() - set_up) / TURNS, int(last.log[-1, 0])


print(*(by_machine_code() if COMPILED else by_simpy()), UNITS * ACTIVITIES)
