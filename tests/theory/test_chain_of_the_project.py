"""A project as its configuration writes it, from parts to hook-up, against a recursion that knows nothing of it.

Sixteen skids through a factory of three stations, a test bay with failures, few places for what is finished, trucks
that return, a crane and a crew; with each of them in turn the bottleneck. Dates agree to the minute on every path.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from heapq import heappop, heappush

import pytest

from sim.plan.compile import compile_plan
from sim.plan.project import write_plan
from sim.plan.vocabulary import FREE, HOLD, WORK
from sim.study.case import Case, prepare_case
from sim.world.project_calendars import day_minutes, project_calendars
from tests.tiny_project import tiny

SKIDS, SEED, PATHS = 16, 5, 6
DAYS = {"s1": 0.5, "s2": 0.5, "s3": 0.5, "test": 0.3}
SLOW = {
    "line": {"s2": 3.0},
    "bay": {"test": 2.5},
    "places": {},
    "truck": {},
    "crane": {},
    "crew": {},
    "nothing": {},
}
Paths = dict[str, list[int]]


@cache
def case(bottleneck: str) -> Case:
    """The tiny project with more blocks, spread, and one thing that is short."""
    days = {**DAYS, **SLOW[bottleneck]}
    stations = ", ".join(f"{{id: {name}, days: {_spread(days[name])}}}" for name in ("s1", "s2", "s3"))
    far = 3000 if bottleneck in {"truck", "places"} else 200
    return with_crews_from_the_beginning(prepare_case(tiny(
        f"scale.capacity_mw={2.5 * SKIDS}", f"hall.blocks={SKIDS}", "scale.target_days=200",
        f"systems.electrical.factory.stations=[{stations}]",
        f"systems.electrical.factory.test.days={_spread(days['test'])}",
        "systems.electrical.factory.test.rework_places=null",
        "systems.electrical.factory.test.fails=0.3", "systems.electrical.factory.test.retests=2",
        f"systems.electrical.factory.test.rework_days={_spread(0.2)}",
        f"systems.electrical.factory.finished_places={1 if bottleneck == 'places' else 3}",
        "systems.electrical.factory.parts_weeks=8",
        f"systems.electrical.skid.lift_hours={_spread(40 if bottleneck == 'crane' else 3)}",
        f"systems.electrical.hook_up.connect.hours={_spread(400 if bottleneck == 'crew' else 20)}",
        "systems.compute.site.steps=[{id: racks, crews: {civil: 1}, hours: 24}]",
        "labour.trades.electricians.crews=1", "logistics.gates=60", "logistics.release=push",
        f"logistics.fleets.electrical.trucks={1 if bottleneck == 'truck' else 2}",
        f"logistics.fleets.electrical.distance_miles={far}",
        "logistics.fleets.electrical.delay={low: 0.9, mode: 1, high: 1.6}",
        "energization.units.first_week=1", f"energization.units.count={SKIDS + 1}", "energization.units.weeks_between=0.1",
    )))  # fmt: skip


def with_crews_from_the_beginning(case: Case) -> Case:
    """The same case with every crew called on the first day: the recursion knows no crew that is on its way."""
    agreed = case.crew_plan.resource_plan
    called = {trade: tuple(replace(stay, called=0) for stay in stays) for trade, stays in agreed.mobilisations.items()}
    early = replace(agreed, mobilisations=called)
    plan = write_plan(case.project, project_calendars(case.project), day_minutes(case.project), early)
    return replace(case, crew_plan=replace(case.crew_plan, resource_plan=early), plan=compile_plan(plan))


def _spread(mode: float) -> str:
    return f"{{low: {0.7 * mode:g}, mode: {mode:g}, high: {2 * mode:g}}}"


def performed(bottleneck: str, replication: int) -> tuple[Paths, Paths, dict[str, int]]:
    """Return by activity the minutes that were worked, the dates at which it was done, and when crews were there."""
    project = case(bottleneck)
    plan = project.plan
    luck = next(project.draws(SEED).chunk(replication, 1))
    worked: dict[tuple[str, str], int] = defaultdict(int)
    done: dict[tuple[str, str], int] = {}
    there: dict[str, int] = {}
    for minute, step, x in project.simulate(luck).log.tolist():
        unit, operation = plan.units[plan.unit_of[step]], plan.rows[step, 0]
        if operation == WORK:
            activity = plan.activities[plan.activity_of[step]]
            worked[activity, unit] += minute - x
            done[activity, unit] = minute
        if operation == FREE and unit.startswith("crew."):
            there.setdefault(unit, minute)
        assert operation != HOLD or minute >= x

    def of(found: dict[tuple[str, str], int], activity: str, units: Sequence[str]) -> list[int]:
        return [found[activity, unit] for unit in units]

    skids = [f"electrical.s{n + 1}" for n in range(SKIDS)]
    blocks = [f"b{n + 1}.electrical" for n in range(SKIDS)]
    times: Paths = {f"s{n}": of(worked, f"electrical.s{n}", skids) for n in (1, 2, 3)}
    names = ("load", "drive", "unload", "return")
    times |= {name: of(worked, f"electrical {name}", skids) for name in names}
    tested = [
        sum(worked.get((f"electrical factory test{what}", skid), 0) for what in ("", " rework")) for skid in skids
    ]
    times |= {"test": tested, "lift": of(worked, "electrical lift 1", blocks)}
    times |= {"connect": of(worked, "electrical.connect", blocks)}
    dates = {"parts": of(done, "electrical parts", skids), "unload": of(done, "electrical unload", skids)}
    dates |= {"lift": of(done, "electrical lift 1", blocks), "connect": of(done, "electrical.connect", blocks)}
    dates |= {f"s{n}": of(done, f"electrical.s{n}", skids) for n in (1, 2, 3)}
    last = ("electrical factory test", "electrical factory test rework")
    dates |= {"tested": [max(done.get((what, skid), 0) for what in last) for skid in skids]}
    assert max(there["crew.electricians.1"], there["crew.riggers.1"]) < min(dates["unload"])
    return times, dates, there


def unloaded(times: Paths, ready: Sequence[int], places: int, trucks: int) -> tuple[list[list[int]], list[int]]:
    """When each skid is done at every station and its test, and unloaded.

    D(i,k) of a line of single stations that block, places, and trucks that return.
    """
    left: list[list[int]] = []
    made: list[list[int]] = []
    finished: list[int] = []
    cycle: list[int] = [0] * trucks
    unload: list[int] = []
    for i in range(SKIDS):
        before = left[i - 1] if i else [0, 0, 0, 0]
        at = max(ready[i], before[0])
        row, done = [], []
        for k, name in enumerate(("s1", "s2", "s3")):
            done.append(at + times[name][i])
            at = max(done[-1], before[k + 1])  # it leaves when the next one is free
            row.append(at)
        made.append([*done, at + times["test"][i]])
        place = heappop(finished) if i >= places else 0
        tested = max(at + times["test"][i], place)
        left.append([*row, tested])
        truck = min(range(trucks), key=lambda n: cycle[n])
        start = max(tested, cycle[truck])
        loaded = start + times["load"][i]
        heappush(finished, loaded)
        unload.append(loaded + times["drive"][i] + times["unload"][i])
        cycle[truck] = unload[-1] + times["return"][i]
    return made, unload


def one_after_the_other(ready: Sequence[int], minutes: Sequence[int]) -> list[int]:
    """One server, always the lowest number of those who are there: when each is done."""
    waiting, now, done = set(range(len(ready))), 0, [0] * len(ready)
    while waiting:
        now = max(now, min(ready[n] for n in waiting))
        n = min(n for n in waiting if ready[n] <= now)
        waiting.remove(n)
        now += minutes[n]
        done[n] = now
    return done


@pytest.mark.parametrize("bottleneck", SLOW)
def test_every_skid_comes_when_the_recursion_says(bottleneck: str) -> None:
    for replication in range(PATHS):
        times, dates, _ = performed(bottleneck, replication)
        places, trucks = (1 if bottleneck == "places" else 3), (1 if bottleneck == "truck" else 2)
        made, unload = unloaded(times, dates["parts"], places, trucks)
        assert [[dates[name][n] for name in ("s1", "s2", "s3", "tested")] for n in range(SKIDS)] == made
        assert unload == dates["unload"]
        # any skid fits any block: the n-th to come is the n-th block's
        lifted = one_after_the_other(sorted(unload), times["lift"])
        assert lifted == dates["lift"]
        assert one_after_the_other(lifted, times["connect"]) == dates["connect"]


def test_the_bottlenecks_differ() -> None:
    last = {bottleneck: performed(bottleneck, 0)[1]["connect"][-1] for bottleneck in SLOW}
    assert len(set(last.values())) == len(last)
    assert min(last, key=lambda bottleneck: last[bottleneck]) == "nothing"
