"""Schedules whose dates are known: batches, lines, fleets, critical paths, Graham's five, nights and storms.

What is drawn: moments, merges, rework, learning, and streams whose bits are published.

Queues whose waits are known: path by path from recursions, and on the mean from formulas.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from math import factorial, log2, sqrt
from random import Random

import numpy as np
from numpy.typing import NDArray

from sim.plan.vocabulary import (
    HOLD,
    WORK,
    Chance,
    Free,
    Hold,
    Jump,
    Label,
    Signal,
    Span,
    Step,
    Until,
    Wait,
    Work,
    fixed,
)
from sim.study.statistics.intervals import interval_ranks
from sim.study.verification.harness import Check, SimulatedPlan, job, simulate_plan, work
from sim.world.distributions import Distribution, Exponential, Fixed, Lognormal, Pert, Triangular, Uniform
from sim.world.streams import philox, stream_key, uniforms
from sim.world.working_time import ALWAYS_OPEN, Calendar

# --- schedules --------------------------------------------------------------------------------------------------------


GRAHAM = (3, 2, 2, 2, 4, 4, 4, 4, 9)
PREDECESSORS = {9: (1,), 5: (4,), 6: (4,), 7: (4,), 8: (4,)}


def batch(jobs: int, machines: int, minutes: int) -> int:
    """Return the makespan of equal jobs on equal machines."""
    return simulate_plan({f"j{n}": job(minutes, "machine") for n in range(jobs)}, {"machine": machines}).finish


def line(jobs: int, stations: Sequence[int]) -> int:
    """Return the makespan of jobs that pass stations of one, with all the room they need between them."""
    route = [step for n, minutes in enumerate(stations) for step in job(minutes, f"s{n}", f"at {n}")]
    return simulate_plan({f"j{n}": route for n in range(jobs)}, {f"s{n}": 1 for n in range(len(stations))}).finish


def blocking_line(durations: Sequence[Sequence[int]], places: int) -> int:
    """Return the simulated makespan of a flow line with few buffer places between stations, where a full buffer blocks."""
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
    return simulate_plan(routes, pools).finish


def blocking_recursion(durations: Sequence[Sequence[int]], places: int) -> int:
    """Return the makespan by D(i,k) = max(max(D(i,k−1), D(i−1,k)) + p(i,k), D(i−b−1,k+1)): job i leaves station k."""
    departures: list[list[int]] = []
    for i, row in enumerate(durations):
        departures.append([])
        for k, minutes in enumerate(row):
            departure = max(departures[i][k - 1] if k else 0, departures[i - 1][k] if i else 0) + minutes
            if k + 1 < len(row) and i - places - 1 >= 0:
                departure = max(departure, departures[i - places - 1][k + 1])
            departures[i].append(departure)
    return departures[-1][-1]


def fleet(loads: int, trucks: int, out: int, unload: int, back: int) -> int:
    """Return when the last load is delivered by trucks that return empty."""
    trip: list[Step] = [work(out, "drive"), work(unload, "unload"), Signal("delivered"), work(back, "return")]
    load: list[Step] = [Hold({"truck": 1}), *trip, Free({"truck": 1})]
    return simulate_plan({f"l{n}": load for n in range(loads)}, {"truck": trucks}, finish=("delivered", loads)).finish


def graham(
    machines: int,
    minutes_less: int = 0,
    predecessors_of: Mapping[int, Sequence[int]] = PREDECESSORS,
    order: Sequence[int] = range(1, 10),
) -> int:
    """Return the makespan of Graham's nine tasks by list scheduling."""
    routes = {}
    for priority, task in enumerate(order, 1):
        waits = [Wait(f"done {predecessor}") for predecessor in predecessors_of.get(task, ())]
        minutes = GRAHAM[task - 1] - minutes_less
        routes[f"t{priority}"] = [*waits, *job(minutes, "machine", priority=priority), Signal(f"done {task}")]
    return simulate_plan(routes, {"machine": machines}).finish


def network(tasks: int, seed: int) -> tuple[dict[str, list[Step]], list[int]]:
    """Return the routes of a random network, and the earliest end of every task by the longest path."""
    random = Random(seed)  # noqa: S311 (the same network every time, no secret)
    routes: dict[str, list[Step]] = {}
    earliest_ends: list[int] = []
    for task in range(tasks):
        predecessors = random.sample(range(task), min(task, random.randint(0, 3)))
        minutes = random.randint(0, 500)
        earliest_ends.append(minutes + max((earliest_ends[predecessor] for predecessor in predecessors), default=0))
        routes[f"t{task}"] = [
            *(Wait(f"t{predecessor}") for predecessor in predecessors),
            work(minutes),
            Signal(f"t{task}"),
        ]
    return routes, earliest_ends


def earliest_ends_that_differ(tasks: int, seed: int) -> int:
    """Return how many tasks of a network without limits do not end where the longest path ends."""
    routes, ends = network(tasks, seed)
    times = simulate_plan(routes, {}).times(WORK)
    return sum(times[f"t{task}"][1] != end for task, end in enumerate(ends))


def over_a_night(minutes: int) -> int:
    """Return when work ends that begins at 16:00 and is only done from 7:00 to 17:00."""
    day, hour = 1440, 60
    shifts = [(n * day + 7 * hour, n * day + 17 * hour) for n in range(10)]
    shift = Calendar.of("shift", shifts, 10 * day)
    route = [work(16 * hour, "wait"), work(minutes, "dig", "shift")]
    return simulate_plan({"crew": route}, {}, calendars={"shift": shift}).finish


def deadlock() -> int:
    """Return how many units a deadlock names: two that each hold what the other one wants."""
    first: list[Step] = [Hold({"crane": 1}), work(5), Hold({"rig": 1}), Free({"crane": 1, "rig": 1})]
    second: list[Step] = [Hold({"rig": 1}), work(5), Hold({"crane": 1}), Free({"crane": 1, "rig": 1})]
    deadlock = simulate_plan({"a": first, "b": second}, {"crane": 1, "rig": 1}).outcome.deadlock
    return 0 if deadlock is None else len({waiter.unit for waiter in deadlock.waiting})


LINE = tuple(tuple(3 + (7 * job + 5 * station) % 11 for station in range(4)) for job in range(40))
SCHEDULE = "schedules"
SCHEDULES = (
    Check(SCHEDULE, "23 equal jobs of 7 on 4 machines", 42, lambda: batch(23, 4, 7)),
    Check(SCHEDULE, "25 jobs through stations of 3, 5, 2 and 4", 134, lambda: line(25, (3, 5, 2, 4))),
    Check(SCHEDULE, "40 jobs, one place between stations", blocking_recursion(LINE, 1), lambda: blocking_line(LINE, 1)),
    Check(SCHEDULE, "72 loads, 5 trucks, 6 out, 2 to unload, 5 back", 190, lambda: fleet(72, 5, 6, 2, 5)),
    Check(SCHEDULE, "200 tasks without limits: ends off the longest path", 0, lambda: earliest_ends_that_differ(200, 1)),
    Check(SCHEDULE, "Graham: 3 machines", 12, lambda: graham(3)),
    Check(SCHEDULE, "Graham: one machine more takes longer", 15, lambda: graham(4)),
    Check(SCHEDULE, "Graham: shorter tasks take longer", 13, lambda: graham(3, minutes_less=1)),
    Check(
        SCHEDULE, "Graham: fewer constraints take longer", 16, lambda: graham(3, predecessors_of={9: (1,), 7: (4,), 8: (4,)})
    ),
    Check(SCHEDULE, "Graham: another list takes longer", 14, lambda: graham(3, order=(1, 2, 4, 5, 6, 3, 9, 7, 8))),
    Check(SCHEDULE, "90 minutes from 16:00 end at 7:30 the next day", 1440 + 7 * 60 + 30, lambda: over_a_night(90)),
    Check(SCHEDULE, "a deadlock of two names both", 2, deadlock),
)  # fmt: skip


# --- chance -----------------------------------------------------------------------------------------------------------


Floats = NDArray[np.float64]
DRAWS = 100_000
MERGES, PATHS = 400, 8
PARTS = 1000


@cache
def drawn(shape: Distribution) -> Floats:
    """Return many draws of a distribution."""
    return shape.ppf(uniforms([stream_key(1, "textbook draws")], 0, DRAWS)[0])


def four_errors_of_the_variance(values: Floats) -> float:
    """Return four standard errors of a sample variance."""
    fourth = float(((values - values.mean()) ** 4).mean())
    return 4 * sqrt((fourth - float(values.var()) ** 2) / len(values))


@cache
def merge_times() -> Floats:
    """Return the sorted times until the last of some uniform paths ends, in units of a path's longest, by replication."""
    path = Span(Uniform(0, 1), PARTS)
    finish = []
    for replication in range(MERGES):
        routes = {f"p{n}": [Work("path", path, ALWAYS_OPEN)] for n in range(PATHS)}
        finish.append(simulate_plan(routes, {}, replication=replication).finish / PARTS)
    return np.sort(np.array(finish))


def p80_error() -> float:
    """Return half of the interval that holds P80 of the merge with a probability beyond four standard errors."""
    low, high = interval_ranks(0.8, MERGES, 0.99994)
    return float(merge_times()[high - 1] - merge_times()[low - 1]) / 2


@cache
def attempts(items: int, limit: int | None) -> Floats:
    """Return how often each of many items is tested while each test fails with probability 0.5."""
    test: list[Step] = [Label("top"), work(1, "test"), Jump("top", "test fails", Chance(0.5), limit)]
    played = simulate_plan({f"i{n}": test for n in range(items)}, {})
    times = np.bincount([int(played.plan.unit_of[step]) for _, step, _ in played.outcome.log.tolist()
                         if played.plan.operation_of[step] == WORK], minlength=items)  # fmt: skip
    return times.astype(np.float64)


def four_errors(values: Callable[[], Floats]) -> Callable[[], float]:
    """Return four standard errors of a mean."""
    return lambda: 4 * float(values().std(ddof=1)) / sqrt(len(values()))


def practised(units: int, rate: float, first: int) -> float:
    """Return the sum of the times of units made one after the other on a Crawford curve, in those of the stated time."""
    curve = tuple(round(1_000_000 * n ** log2(rate)) for n in range(1, units + 1))
    make = Work("make", fixed(first), ALWAYS_OPEN, learning="curve")
    route: list[Step] = [Hold({"line": 1}), make, Free({"line": 1})]
    return simulate_plan({f"u{n}": route for n in range(units)}, {"line": 1}, learning={"curve": curve}).finish / first


SKEWED, ROUND = Pert(20, 25, 45), Triangular(2, 4, 9)
GROUP = "chance"
CHANCE = (
    Check(
        GROUP, "PERT 20, 25, 45: mean", 27.5, lambda: float(drawn(SKEWED).mean()), four_errors(lambda: drawn(SKEWED))
    ),
    Check(
        GROUP, "PERT 20, 25, 45: variance of its beta", 18.75, lambda: float(drawn(SKEWED).var(ddof=1)),
        lambda: four_errors_of_the_variance(drawn(SKEWED)),
    ),
    Check(GROUP, "triangular 2, 4, 9: mean", 5, lambda: float(drawn(ROUND).mean()), four_errors(lambda: drawn(ROUND))),
    Check(
        GROUP, f"the last of {PATHS} paths of 0 to 1: mean (merge bias)", PATHS / (PATHS + 1),
        lambda: float(merge_times().mean()), four_errors(merge_times),
    ),
    Check(
        GROUP, f"the last of {PATHS} paths of 0 to 1: P80", 0.8 ** (1 / PATHS),
        lambda: float(merge_times()[int(np.ceil(0.8 * MERGES)) - 1]), p80_error,
    ),
    Check(
        GROUP, "a test that fails every second time: tests a skid", 2, lambda: float(attempts(3000, None).mean()),
        four_errors(lambda: attempts(3000, None)),
    ),
    Check(
        GROUP, "the same with at most two retests", 1.75, lambda: float(attempts(3000, 2).mean()),
        four_errors(lambda: attempts(3000, 2)),
    ),
    Check(GROUP, "72 units on an 85 % curve, stated 100 for the first", 3390.133,
          lambda: 100 * practised(72, 0.85, 1_000_000), 0.001),
    Check(
        GROUP, "random words: bits off those published for Philox", 0,
        lambda: float((philox((0, 0, 0, 0), (0, 0))[0] ^ 0x16554D9ECA36314C).bit_count()),
    ),
)  # fmt: skip


# --- queues -----------------------------------------------------------------------------------------------------------


MINUTES = 1000
"""Minutes of one unit of time, so that rounding to minutes does not show."""


def station(servers: int, customers: int) -> SimulatedPlan:
    """Return customers who come at drawn dates and are served for drawn minutes."""
    arrive, serve = Until("arrive", Span(Uniform(0, 600))), Work("serve", Span(Lognormal(18, 40)), ALWAYS_OPEN)
    route: list[Step] = [arrive, Hold({"server": 1}), serve, Free({"server": 1})]
    return simulate_plan({f"c{n}": route for n in range(customers)}, {"server": servers})


def starts_off_recursion(servers: int, customers: int) -> int:
    """Return how many customers do not start as in the recursion of Kiefer and Wolfowitz: first free server first."""
    simulated = station(servers, customers)
    arrivals, services = simulated.drawn("arrive"), simulated.drawn("serve")
    simulated_starts = {unit: minute for unit, (_, minute) in simulated.times(HOLD).items()}
    server_free_at, differences = [0] * servers, 0
    ranks = {unit: rank for rank, unit in enumerate(simulated.plan.units)}
    for unit in sorted(arrivals, key=lambda unit: (arrivals[unit], ranks[unit])):
        server = server_free_at.index(min(server_free_at))
        start = max(arrivals[unit], server_free_at[server])
        server_free_at[server] = start + services[unit]
        differences += start != simulated_starts[unit]
    return differences


def littles_residual(servers: int, customers: int) -> int:
    """Return ∫ customers in the queue dt less the sum of their waits, in minutes."""
    wait_intervals = list(station(servers, customers).times(HOLD).values())
    last = max(served for _, served in wait_intervals)
    queue = np.zeros(last + 1, np.int64)
    for arrived, served in wait_intervals:
        queue[arrived:served] += 1
    return int(queue.sum()) - sum(served - arrived for arrived, served in wait_intervals)


@cache
def waits(servers: int, load: float, service: Distribution, customers: int) -> tuple[float, float]:
    """Return (mean wait, its standard error by batch means), in units of the mean service time, at a load."""
    gaps = uniforms([stream_key(1, "textbook gaps")], 0, customers)[0]
    arrivals = np.cumsum(-np.log1p(-gaps)) / (servers * load)
    routes: dict[str, list[Step]] = {}
    for n, arrival in enumerate(arrivals.tolist()):
        serve = Work("serve", Span(service, MINUTES), ALWAYS_OPEN)
        routes[f"c{n}"] = [
            Until("arrive", Span(Fixed(arrival), MINUTES)), Hold({"server": 1}), serve, Free({"server": 1})
        ]  # fmt: skip
    hold_times = simulate_plan(routes, {"server": servers}).times(HOLD)
    wait_times = np.array([hold_times[f"c{n}"][1] - hold_times[f"c{n}"][0] for n in range(customers)]) / MINUTES
    batches = wait_times[len(wait_times) % 20 :].reshape(20, -1).mean(axis=1)
    return float(wait_times.mean()), float(batches.std(ddof=1) / sqrt(20))


def erlang_c(servers: int, load: float) -> float:
    """Return the mean wait of M/M/c with services of mean 1: C(c, a) / (c − a)."""
    offered_load = servers * load
    all_busy_weight = offered_load**servers / factorial(servers) / (1 - load)
    probability_of_wait = all_busy_weight / (
        sum(offered_load**k / factorial(k) for k in range(servers)) + all_busy_weight
    )
    return probability_of_wait / (servers - offered_load)


CUSTOMERS = 4000
QUEUE = "queues"
QUEUES = (
    Check(QUEUE, "300 customers, 3 servers: starts off Kiefer and Wolfowitz", 0, lambda: starts_off_recursion(3, 300)),
    Check(QUEUE, "Little's law, queue against waits, residual", 0, lambda: littles_residual(2, 200)),
    Check(
        QUEUE, "M/M/2 at load 0.6: mean wait (Erlang C)", erlang_c(2, 0.6),
        lambda: waits(2, 0.6, Exponential(1), CUSTOMERS)[0], lambda: 4 * waits(2, 0.6, Exponential(1), CUSTOMERS)[1],
    ),
    Check(
        QUEUE, "M/D/1 at load 0.6: mean wait (Pollaczek and Khinchine)", 0.6 / (2 * (1 - 0.6)),
        lambda: waits(1, 0.6, Fixed(1), CUSTOMERS)[0], lambda: 4 * waits(1, 0.6, Fixed(1), CUSTOMERS)[1],
    ),
)  # fmt: skip
