"""Calendars in the kernel: work in every mode, begun at any minute of any calendar, ends when Python says."""

from __future__ import annotations

from random import Random

import pytest

from sim.engine.simpy_engine import RunOutcome
from sim.plan.compile import compile_plan
from sim.plan.vocabulary import Mode, Plan, Signal, Until, Work, fixed
from sim.world.working_time import Calendar
from tests.engine.numba_engine.both import agree

HORIZON = 60_000


def stretches(pick: Random, closed: int, opened: int) -> Calendar:
    """A calendar of random stretches."""
    pairs, at = [], 0
    while at < HORIZON:
        at += pick.randint(1, closed)
        pairs.append((at, at := at + pick.randint(1, opened)))
    return Calendar.of("hours", pairs, HORIZON)


@pytest.mark.parametrize("mode", ["pausing", "whole", "duty"])
@pytest.mark.parametrize(("closed", "opened"), [(3, 3), (50, 400), (900, 900), (30, 5_000), (2_000, 40)])
def test_work_ends_when_the_calendar_says(mode: Mode, closed: int, opened: int) -> None:
    pick = Random(closed + opened)
    hours = stretches(pick, closed, opened)
    longest = {"whole": min(hours.longest, opened // 2 + 1), "duty": 4_000}.get(mode, 6_000)
    share = len(hours.starts) and int(hours.done[-1]) / HORIZON
    plan = Plan(("done", 500))
    plan.works_on({"hours": hours})
    plan.gate("done")
    for unit in range(500):
        begin, minutes = pick.randint(0, HORIZON // 3), pick.choice([0, 1, pick.randint(0, int(longest * share))])
        work = Work("work", fixed(minutes), "hours", mode)
        plan.unit(f"u{unit}", [Until("date", fixed(begin)), work, Signal("done")])
    done = agree(compile_plan(plan))
    assert isinstance(done, RunOutcome)
    assert done.deadlock is None
    assert len(done.log) == 1_500


def test_a_replication_works_on_its_own_calendars() -> None:
    plan = Plan(("done", 30))
    plan.works_on({"hours": stretches(Random(0), 5, 5), "other": stretches(Random(1), 9, 9)})
    plan.gate("done")
    for unit in range(30):
        steps = [Work(f"w{n}", fixed(n * unit), ("hours", "other")[n % 2]) for n in range(6)]
        plan.unit(f"u{unit}", [*steps, Signal("done")])
    compiled = compile_plan(plan)
    ends = set()
    for replication in range(5):
        calendars = [stretches(Random(replication + n), 2 + 7 * replication, 9) for n in range(2)]
        done = agree(compiled, 0, replication, calendars)
        assert isinstance(done, RunOutcome)
        ends.add(int(done.log[-1, 0]))
    assert len(ends) == 5
