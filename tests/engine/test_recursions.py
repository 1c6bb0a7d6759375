"""Queues and lines path by path: the same drawn durations through a recursion that knows nothing of the engine."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.plan.vocabulary import Free, Hold, Plan, Signal, Span, Step, Until, Wait, Work
from sim.world.distributions import Distribution, Lognormal, Uniform
from tests.engine.small_plans import Told, finished, last, replications, work, write


def drawn(told: Told, activity: str) -> list[int]:
    """What an activity came out at, for every unit that performs it in their order."""
    names = enumerate(told.compiled.inputs.names)
    return [told.draws.values[number] for number, name in names if name.split("/")[0] == activity]


def served(arrivals: Sequence[int], services: Sequence[int], servers: int) -> list[int]:
    """Kiefer and Wolfowitz: each customer in order of arrival takes the server that is free first; the starts."""
    free = [0] * servers
    starts = [0] * len(arrivals)
    for who in sorted(range(len(arrivals)), key=lambda who: (arrivals[who], who)):
        first = free.index(min(free))
        starts[who] = max(arrivals[who], free[first])
        free[first] = starts[who] + services[who]
    return starts


# --- A7: one station, arrivals and services drawn --------------------------------------------------------------


def station(servers: int, customers: int = 60) -> Plan:
    """Customers who come at drawn dates and are served for drawn minutes."""
    arrive = Until("arrive", Span(Uniform(0, 600)))
    serve = Work("serve", Span(Lognormal(18, 40)), "always")
    route: list[Step] = [arrive, Hold({"server": 1}), serve, Free({"server": 1})]
    return write({f"c{number}": route for number in range(customers)}, {"server": servers})


@pytest.mark.parametrize("servers", [1, 2, 3, 5])
def test_a_station_serves_as_kiefer_and_wolfowitz_say_on_every_path(servers: int) -> None:
    for told in replications(station(servers), 50, seed=servers):
        starts = last(told.rows, "hold")
        expected = served(drawn(told, "arrive"), drawn(told, "serve"), servers)
        assert [starts[unit] for unit in told.compiled.units] == expected


def test_a_server_more_never_makes_a_customer_of_one_station_wait_longer() -> None:
    few, more = (last(finished(station(servers), seed=3), "hold") for servers in (2, 3))
    assert all(more[unit] <= few[unit] for unit in few)
    assert few != more


# --- A5: a line with few places between its stations ------------------------------------------------------------


def departures(durations: Sequence[Sequence[int]], places: Sequence[int | None]) -> list[list[int]]:
    """D(i,k) = max(max(D(i,k-1), D(i-1,k)) + p(i,k), D(i-b_k-1,k+1)): when each job leaves each station."""
    left: list[list[int]] = []
    for job_number, row in enumerate(durations):
        left.append([])
        for k, minutes in enumerate(row):
            come = left[job_number][k - 1] if k else 0
            free = left[job_number - 1][k] if job_number else 0
            leave = max(come, free) + minutes
            room = places[k] if k < len(places) else None
            if room is not None and job_number - room - 1 >= 0:
                leave = max(leave, left[job_number - room - 1][k + 1])
            left[job_number].append(leave)
    return left


def line(durations: Sequence[Sequence[int]], places: Sequence[int | None]) -> Plan:
    """Jobs through stations of one; each takes a place, or the next station, before it gives back the last."""
    pools = {f"s{k}": 1 for k in range(len(places) + 1)}
    pools |= {f"b{k}": room for k, room in enumerate(places) if room}

    def step_on(k: int) -> list[Step]:
        """Go from a station to the next one."""
        here, place, there = ({name: 1} for name in (f"s{k}", f"b{k}", f"s{k + 1}"))
        if places[k] is None:
            return [Free(here), Hold(there)]
        if places[k] == 0:
            return [Hold(there), Free(here)]
        return [Hold(place), Free(here), Hold(there), Free(place)]

    routes: dict[str, list[Step]] = {}
    for number, row in enumerate(durations):
        route: list[Step] = [Hold({"s0": 1})]
        for k, minutes in enumerate(row):
            route += [work(minutes, f"at {k}"), *(step_on(k) if k < len(places) else [Free({f"s{k}": 1})])]
        routes[f"j{number}"] = route
    return write(routes, pools)


@st.composite
def lines_of_stations(draw: st.DrawFn) -> tuple[list[list[int]], list[int | None]]:
    """Durations by job and station, and places behind every station but the last."""
    stations = draw(st.integers(1, 4))
    row = st.lists(st.integers(0, 9), min_size=stations, max_size=stations)
    between = st.lists(st.sampled_from([0, 1, 2, 3, None]), min_size=stations - 1, max_size=stations - 1)
    return draw(st.lists(row, min_size=1, max_size=12)), draw(between)


def leaving(durations: Sequence[Sequence[int]], places: Sequence[int | None]) -> list[list[int]]:
    """When each job gave back each station."""
    rows = finished(line(durations, places))
    stations = [last(rows, f"free s{k}") for k in range(len(places) + 1)]
    return [[station[f"j{number}"] for station in stations] for number in range(len(durations))]


@given(lines_of_stations())
def test_a_line_blocks_where_there_is_no_place(jobs: tuple[list[list[int]], list[int | None]]) -> None:
    durations, places = jobs
    assert leaving(durations, places) == departures(durations, places)


@given(lines_of_stations(), st.data())
def test_a_place_more_or_a_minute_less_never_delays_a_line(
    jobs: tuple[list[list[int]], list[int | None]], data: st.DataObject
) -> None:
    durations, places = jobs
    wider = [None if room is None else room + data.draw(st.integers(0, 1)) for room in places]
    quicker = [[data.draw(st.integers(0, minutes)) for minutes in row] for row in durations]
    before, after = leaving(durations, places), leaving(quicker, wider)
    assert all(new <= old for was, now in zip(before, after, strict=True) for old, new in zip(was, now, strict=True))


# --- A8: factory, test bay, truck, crane, hook-up, each the bottleneck in turn ----------------------------------

FULL = {"line": 4, "bay": 2, "truck": 5, "crane": 2, "crew": 3}
SHAPES: dict[str, Distribution] = {
    "line": Uniform(20, 60),
    "bay": Uniform(5, 25),
    "truck": Lognormal(30, 60),
    "return": Uniform(20, 30),
    "crane": Uniform(2, 18),
    "crew": Lognormal(25, 50),
}


def chain(capacity: dict[str, int], skids: int = 30) -> Plan:
    """Skids from the factory to the truck, and blocks that wait for their skid and are lifted and hooked up."""
    tasks = {name: Work(name, Span(shape), "always") for name, shape in SHAPES.items()}

    def stage(name: str, *more: Step) -> list[Step]:
        return [Hold({name: 1}), tasks[name], *more, Free({name: 1})]

    routes: dict[str, list[Step]] = {}
    for number in range(skids):
        delivered: list[Step] = [Signal(f"here {number}"), tasks["return"]]
        routes[f"s{number}"] = [*stage("line"), *stage("bay"), *stage("truck", *delivered)]
        routes[f"b{number}"] = [Wait(f"here {number}"), *stage("crane"), *stage("crew")]
    return write(routes, capacity)


@pytest.mark.parametrize("bottleneck", [*FULL, "nothing"])
def test_the_whole_chain_is_a_chain_of_stations(bottleneck: str) -> None:
    plan = chain({name: 1 if name == bottleneck else count for name, count in FULL.items()})
    for told in replications(plan, 20, seed=11):
        minutes = {what: drawn(told, what) for what in SHAPES}
        trips = [there + back for there, back in zip(minutes["truck"], minutes["return"], strict=True)]
        over = [0] * 30
        for name, pool in plan.pools.items():
            starts = served(over, trips if name == "truck" else minutes[name], pool.initial)
            over = [start + lasts for start, lasts in zip(starts, minutes[name], strict=True)]
        hooked_up = last(told.rows, "crew")
        assert [hooked_up[f"b{number}"] for number in range(30)] == over


def test_a_blocked_line_by_hand() -> None:
    # Two stations, no place between: the second job stands on the first station until the first has left.
    assert leaving([[2, 9], [3, 1]], [0]) == [[2, 11], [11, 12]]
    assert leaving([[2, 9], [3, 1]], [1]) == [[2, 11], [5, 12]]
