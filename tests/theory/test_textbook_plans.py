"""Answers known from books and formulas: Graham's anomalies, critical paths, batches, lines and fleets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.plan.vocabulary import Free, Hold, Jump, Label, Pool, Signal, Step, Wait
from tests.engine.small_plans import finished, job, last, told, work, write

# --- A10: Graham's five (R. L. Graham, "Bounds on multiprocessing timing anomalies", 1969) ---------------------

GRAHAM = (3, 2, 2, 2, 4, 4, 4, 4, 9)
BEFORE = {9: (1,), 5: (4,), 6: (4,), 7: (4,), 8: (4,)}


def makespan(
    machines: int,
    durations: Sequence[int] = GRAHAM,
    before: Mapping[int, Sequence[int]] = BEFORE,
    order: Sequence[int] = range(1, 10),
) -> int:
    """Schedule tasks by a list: a task has its place in the list as priority."""
    routes: dict[str, list[Step]] = {}
    for place, task in enumerate(order, 1):
        waits = [Wait(f"done {other}") for other in before.get(task, ())]
        routes[f"t{place}"] = [*waits, *job(durations[task - 1], "machine", priority=place), Signal(f"done {task}")]
    return told(write(routes, {"machine": machines})).finish


def test_grahams_list() -> None:
    assert makespan(3) == 12


def test_one_more_machine_makes_it_longer() -> None:
    assert makespan(4) == 15


def test_shorter_tasks_make_it_longer() -> None:
    assert makespan(3, [duration - 1 for duration in GRAHAM]) == 13


def test_fewer_constraints_make_it_longer() -> None:
    assert makespan(3, before={9: (1,), 7: (4,), 8: (4,)}) == 16


def test_another_list_makes_it_longer() -> None:
    assert makespan(3, order=(1, 2, 4, 5, 6, 3, 9, 7, 8)) == 14


# --- A1: critical path ----------------------------------------------------------------------------------------


@st.composite
def networks(draw: st.DrawFn) -> tuple[list[int], list[list[int]]]:
    """Durations, and for each task the earlier ones it waits for."""
    durations = draw(st.lists(st.integers(0, 30), min_size=1, max_size=40))
    before = [
        sorted(draw(st.sets(st.integers(0, task - 1), max_size=4))) if task else [] for task in range(len(durations))
    ]
    return durations, before


@given(networks())
def test_without_limits_everything_is_done_at_its_earliest(network: tuple[list[int], list[list[int]]]) -> None:
    durations, before = network
    ends: list[int] = []
    for duration, others in zip(durations, before, strict=True):
        ends.append(duration + max((ends[other] for other in others), default=0))
    # Names count backwards, so that order of names and order of tasks have nothing to do with each other.
    names = [f"t{len(durations) - task}" for task in range(len(durations))]
    routes: dict[str, list[Step]] = {
        name: [*(Wait(names[other]) for other in others), work(duration), Signal(name)]
        for name, duration, others in zip(names, durations, before, strict=True)
    }
    assert last(finished(write(routes)), "work") == dict(zip(names, ends, strict=True))


# --- A3, A4: a batch on machines, a line of stations -----------------------------------------------------------


@pytest.mark.parametrize(("jobs", "machines", "minutes"), [(23, 4, 7), (24, 4, 7), (1, 9, 3), (9, 1, 3)])
def test_a_batch_of_equal_jobs(jobs: int, machines: int, minutes: int) -> None:
    routes = {f"j{number}": job(minutes, "machine") for number in range(jobs)}
    assert told(write(routes, {"machine": machines})).finish == -(-jobs // machines) * minutes


@pytest.mark.parametrize(("jobs", "stations"), [(25, (3, 5, 2, 4)), (1, (3, 5)), (7, (4,)), (12, (1, 1, 6))])
def test_a_line_of_stations_of_one_is_as_quick_as_the_slowest(jobs: int, stations: tuple[int, ...]) -> None:
    route: list[Step] = []
    for number, minutes in enumerate(stations):
        route += job(minutes, f"s{number}", activity=f"at {number}")
    routes = {f"j{number}": route for number in range(jobs)}
    expected = sum(stations) + (jobs - 1) * max(stations)
    assert told(write(routes, {f"s{number}": 1 for number in range(len(stations))})).finish == expected


# --- A6: a fleet of trucks ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loads", "trucks", "out", "unload", "back"), [(72, 5, 6, 2, 5), (70, 5, 6, 2, 5), (3, 9, 6, 2, 5), (9, 1, 1, 1, 1)]
)
def test_a_fleet_that_returns(loads: int, trucks: int, out: int, unload: int, back: int) -> None:
    trip: list[Step] = [work(out, "drive"), work(unload, "unload"), Signal("delivered"), work(back, "return")]
    truck: list[Step] = [Label("top"), Hold({"load": 1}), *trip, Jump("top")]
    routes = {f"t{number}": truck for number in range(trucks)}
    plan = write(routes, {"load": Pool(loads, "passed")}, finish=("delivered", loads))
    whole = out + unload + back
    assert told(plan).finish == (-(-loads // trucks) - 1) * whole + out + unload


def test_a_fleet_as_a_pool_of_trucks_is_the_same() -> None:
    trip: list[Step] = [work(6, "drive"), work(2, "unload"), Signal("delivered"), work(5, "return")]
    load: list[Step] = [Hold({"truck": 1}), *trip, Free({"truck": 1})]
    plan = write({f"s{number}": load for number in range(72)}, {"truck": 5}, finish=("delivered", 72))
    assert told(plan).finish == 190
