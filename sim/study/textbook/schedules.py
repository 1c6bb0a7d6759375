"""Schedules whose dates are known: batches, lines, fleets, critical paths, Graham's five, nights and storms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from sim.plan.compile import WORK
from sim.plan.vocabulary import Free, Hold, Signal, Step, Wait
from sim.study.textbook.asking import Check, job, play, work
from sim.world.calendars import Calendar

GRAHAM = (3, 2, 2, 2, 4, 4, 4, 4, 9)
BEFORE = {9: (1,), 5: (4,), 6: (4,), 7: (4,), 8: (4,)}


def batch(jobs: int, machines: int, minutes: int) -> int:
    """The makespan of equal jobs on equal machines."""
    return play({f"j{n}": job(minutes, "machine") for n in range(jobs)}, {"machine": machines}).finish


def line(jobs: int, stations: Sequence[int]) -> int:
    """The makespan of jobs that pass stations of one, with all the room they need between them."""
    route = [step for n, minutes in enumerate(stations) for step in job(minutes, f"s{n}", f"at {n}")]
    return play({f"j{n}": route for n in range(jobs)}, {f"s{n}": 1 for n in range(len(stations))}).finish


def tight_line(durations: Sequence[Sequence[int]], places: int) -> int:
    """The makespan of a line whose stations have few places behind them: a full place blocks the station."""
    stations = len(durations[0])
    pools = {f"s{k}": 1 for k in range(stations)} | {f"b{k}": places for k in range(stations - 1)}
    routes = {}
    for n, row in enumerate(durations):
        route: list[Step] = [Hold({"s0": 1})]
        for k, minutes in enumerate(row):
            route.append(work(minutes, f"at {k}"))
            if k < stations - 1:
                route += [Hold({f"b{k}": 1}), Free({f"s{k}": 1}), Hold({f"s{k + 1}": 1}), Free({f"b{k}": 1})]
        routes[f"j{n}"] = [*route, Free({f"s{stations - 1}": 1})]
    return play(routes, pools).finish


def tight_line_by_recursion(durations: Sequence[Sequence[int]], places: int) -> int:
    """D(i,k) = max(max(D(i,k−1), D(i−1,k)) + p(i,k), D(i−b−1,k+1)): when the last job leaves the last station."""
    left: list[list[int]] = []
    for i, row in enumerate(durations):
        left.append([])
        for k, minutes in enumerate(row):
            leave = max(left[i][k - 1] if k else 0, left[i - 1][k] if i else 0) + minutes
            if k + 1 < len(row) and i - places - 1 >= 0:
                leave = max(leave, left[i - places - 1][k + 1])
            left[i].append(leave)
    return left[-1][-1]


def fleet(loads: int, trucks: int, out: int, unload: int, back: int) -> int:
    """When the last load is delivered by trucks that return empty."""
    trip: list[Step] = [work(out, "drive"), work(unload, "unload"), Signal("delivered"), work(back, "return")]
    load: list[Step] = [Hold({"truck": 1}), *trip, Free({"truck": 1})]
    return play({f"l{n}": load for n in range(loads)}, {"truck": trucks}, finish=("delivered", loads)).finish


def graham(
    machines: int, shorter: int = 0, before: Mapping[int, Sequence[int]] = BEFORE, order: Sequence[int] = range(1, 10)
) -> int:
    """The makespan of Graham's nine tasks, taken from a list."""
    routes = {}
    for place, task in enumerate(order, 1):
        waits = [Wait(f"done {other}") for other in before.get(task, ())]
        minutes = GRAHAM[task - 1] - shorter
        routes[f"t{place}"] = [*waits, *job(minutes, "machine", priority=place), Signal(f"done {task}")]
    return play(routes, {"machine": machines}).finish


def network(tasks: int, seed: int) -> tuple[dict[str, list[Step]], list[int]]:
    """A random network, and the earliest end of every task by the longest path."""
    random = Random(seed)  # noqa: S311 (the same network every time, no secret)
    routes: dict[str, list[Step]] = {}
    ends: list[int] = []
    for task in range(tasks):
        others = random.sample(range(task), min(task, random.randint(0, 3)))
        minutes = random.randint(0, 500)
        ends.append(minutes + max((ends[other] for other in others), default=0))
        routes[f"t{task}"] = [*(Wait(f"t{other}") for other in others), work(minutes), Signal(f"t{task}")]
    return routes, ends


def earliest_ends_that_differ(tasks: int, seed: int) -> int:
    """How many tasks of a network without limits do not end when the longest path says."""
    routes, ends = network(tasks, seed)
    found = play(routes, {}).times(WORK)
    return sum(found[f"t{task}"][1] != end for task, end in enumerate(ends))


def over_a_night(minutes: int) -> int:
    """When work ends that begins at 16:00 and is only done from 7:00 to 17:00."""
    day, hour = 1440, 60
    shifts = [(n * day + 7 * hour, n * day + 17 * hour) for n in range(10)]
    shift = Calendar.of("shift", shifts, 10 * day)
    route = [work(16 * hour, "wait"), work(minutes, "dig", "shift")]
    return play({"crew": route}, {}, calendars={"shift": shift}).finish


def deadlock() -> int:
    """How many units a deadlock names: two that each hold what the other one wants."""
    first: list[Step] = [Hold({"crane": 1}), work(5), Hold({"rig": 1}), Free({"crane": 1, "rig": 1})]
    second: list[Step] = [Hold({"rig": 1}), work(5), Hold({"crane": 1}), Free({"crane": 1, "rig": 1})]
    stuck = play({"a": first, "b": second}, {"crane": 1, "rig": 1}).performance.stuck
    return 0 if stuck is None else len({waiter.unit for waiter in stuck.waiting})


LINE = tuple(tuple(3 + (7 * job + 5 * station) % 11 for station in range(4)) for job in range(40))
GROUP = "schedules"
SCHEDULES = (
    Check(GROUP, "23 equal jobs of 7 on 4 machines", 42, lambda: batch(23, 4, 7)),
    Check(GROUP, "25 jobs through stations of 3, 5, 2 and 4", 134, lambda: line(25, (3, 5, 2, 4))),
    Check(GROUP, "40 jobs, one place between stations", tight_line_by_recursion(LINE, 1), lambda: tight_line(LINE, 1)),
    Check(GROUP, "72 loads, 5 trucks, 6 out, 2 to unload, 5 back", 190, lambda: fleet(72, 5, 6, 2, 5)),
    Check(GROUP, "200 tasks without limits: ends off the longest path", 0, lambda: earliest_ends_that_differ(200, 1)),
    Check(GROUP, "Graham: 3 machines", 12, lambda: graham(3)),
    Check(GROUP, "Graham: one machine more takes longer", 15, lambda: graham(4)),
    Check(GROUP, "Graham: shorter tasks take longer", 13, lambda: graham(3, shorter=1)),
    Check(
        GROUP, "Graham: fewer constraints take longer", 16, lambda: graham(3, before={9: (1,), 7: (4,), 8: (4,)})
    ),
    Check(GROUP, "Graham: another list takes longer", 14, lambda: graham(3, order=(1, 2, 4, 5, 6, 3, 9, 7, 8))),
    Check(GROUP, "90 minutes from 16:00 end at 7:30 the next day", 1440 + 7 * 60 + 30, lambda: over_a_night(90)),
    Check(GROUP, "a deadlock of two names both", 2, deadlock),
)  # fmt: skip
