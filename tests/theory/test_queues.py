"""Queues whose means are known: stations, tandems, and closed networks such as a truck fleet or lines that are mended.

Each mean lies within four standard errors (by batches) at a fixed seed; see `sim verify` for the path-wise ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import factorial, sqrt

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.plan.vocabulary import HOLD, WORK, Free, Hold, Jump, Label, Pool, Signal, Span, Step, Until, Work
from sim.study.verification.harness import SimulatedPlan, simulate_plan
from sim.world.distributions import Distribution, Exponential, Fixed, Triangular
from sim.world.streams import stream_key, uniforms

pytestmark = pytest.mark.slow

UNIT, CUSTOMERS, BATCHES = 1000, 20_000, 20
Floats = NDArray[np.float64]


def assert_mean(values: Floats, mean: float) -> None:
    """The mean of correlated values is within four standard errors, estimated from batches."""
    batches = values[len(values) % BATCHES :].reshape(BATCHES, -1).mean(axis=1)
    error = float(batches.std(ddof=1)) / sqrt(BATCHES)
    assert abs(float(values.mean()) - mean) < 4 * error
    assert error < 0.2 * mean  # or it would say nothing


def open_line(stations: Sequence[tuple[int, Distribution]], rate: float, seed: int) -> SimulatedPlan:
    """Customers of a Poisson stream who pass stations of so many servers."""
    gaps = uniforms([stream_key(seed, "arrivals")], 0, CUSTOMERS)[0]
    arrivals = np.cumsum(-np.log1p(-gaps)) / rate
    routes: dict[str, list[Step]] = {}
    for n, arrival in enumerate(arrivals.tolist()):
        route: list[Step] = [Until("arrive", Span(Fixed(arrival), UNIT))]
        for k, (_, service) in enumerate(stations):
            served = Work(f"serve {k}", Span(service, UNIT), "always")
            route += [Hold({f"s{k}": 1}), served, Free({f"s{k}": 1})]
        routes[f"c{n}"] = route
    return simulate_plan(routes, {f"s{k}": servers for k, (servers, _) in enumerate(stations)}, seed=seed)


def waits(played: SimulatedPlan) -> Floats:
    """Waits of all customers in order of arrival, in units of time."""
    rows = [(asked, done) for done, step, asked in played.outcome.log.tolist() if played.plan.rows[step, 0] == HOLD]
    return np.array([done - asked for asked, done in sorted(rows)], np.float64) / UNIT


def erlang_c(servers: int, offered: float) -> float:
    """The probability to wait in M/M/c."""
    full = offered**servers / factorial(servers) * servers / (servers - offered)
    return full / (sum(offered**k / factorial(k) for k in range(servers)) + full)


@pytest.mark.parametrize("servers", [1, 2, 4, 8])
def test_exponential_servers_make_wait_as_erlang_says(servers: int) -> None:
    load = 0.7
    found = waits(open_line([(servers, Exponential(1))], servers * load, servers))
    chance = erlang_c(servers, servers * load)
    assert_mean(found, chance / (servers - servers * load))
    assert_mean((found > 0).astype(np.float64), chance)


def test_a_server_of_fixed_times_makes_wait_half_as_long() -> None:
    assert_mean(waits(open_line([(1, Fixed(1))], 0.7, 11)), 0.7 / (2 * (1 - 0.7)))


def test_any_other_server_as_pollaczek_and_khinchine_say() -> None:
    low, mode, high, rate = 0.5, 0.8, 2.0, 0.65
    mean = (low + mode + high) / 3
    second = (low**2 + mode**2 + high**2 - low * mode - low * high - mode * high) / 18 + mean**2
    found = waits(open_line([(1, Triangular(low, mode, high))], rate, 12))
    assert_mean(found, rate * second / (2 * (1 - rate * mean)))


def test_a_tandem_is_the_sum_of_its_stations() -> None:
    rate = 0.7
    played = open_line([(1, Exponential(1)), (2, Exponential(2))], rate, 13)
    ends, begins = np.zeros(CUSTOMERS), np.zeros(CUSTOMERS)
    for done, step, _ in played.outcome.log.tolist():
        unit = int(played.plan.units[played.plan.unit_of[step]][1:])
        ends[unit] = done
        begins[unit] = begins[unit] or done
    second = erlang_c(2, 2 * rate) / (2 / 2 - rate) + 2
    assert_mean((ends - begins) / UNIT, 1 / (1 - rate) + second)


def rounds(played: SimulatedPlan, activity: str, until: int) -> Floats:
    """How many of an activity are done in each of the batches of time, in units of time."""
    number = played.plan.activities.index(activity)
    log = played.outcome.log
    done = log[np.isin(log[:, 1], np.flatnonzero(played.plan.activity_of == number)), 0]
    counts, _ = np.histogram(done, bins=np.linspace(0, until, BATCHES + 1))
    return counts * (BATCHES * UNIT / until)


def test_lines_that_break_down_and_few_fitters_as_the_birth_and_death_process_says() -> None:
    lines, fitters, rate, mend, cycles = 6, 2, 0.25, 1.0, 4000
    line: list[Step] = [
        Label("runs"), Work("run", Span(Exponential(1 / rate), UNIT), "always"), Hold({"fitter": 1}),
        Work("mend", Span(Exponential(mend), UNIT), "always"), Free({"fitter": 1}), Signal("mended"), Jump("runs"),
    ]  # fmt: skip
    played = simulate_plan(
        {f"l{n}": line for n in range(lines)}, {"fitter": fitters}, finish=("mended", cycles), seed=21
    )
    weights = [1.0]
    for n in range(lines):
        weights.append(weights[-1] * (lines - n) * rate / (min(n + 1, fitters) / mend))
    down = sum(n * weight for n, weight in enumerate(weights)) / sum(weights)
    assert_mean(rounds(played, "mend", played.finish), rate * (lines - down))


def test_a_full_yard_stops_its_line_as_often_as_erlang_loses_calls() -> None:
    """A line that begins a skid only where there is a place for it: M/M/c/c, its lost calls are its standstills."""
    places, rate, skids = 4, 2.0, 8000
    skid: list[Step] = [
        Hold({"line": 1, "place": 1}), Work("make", Span(Exponential(1 / rate), UNIT), "always"), Free({"line": 1}),
        Work("stand", Span(Exponential(1), UNIT), "always"), Free({"place": 1}),
    ]  # fmt: skip
    played = simulate_plan({f"s{n}": skid for n in range(skids)}, {"line": 1, "place": places}, seed=23)
    made = sorted(played.times(WORK, "make").values())
    stood = np.array([begun - done for (_, done), (begun, _) in pairwise(made)], np.float64) / UNIT
    lost = [rate**n / factorial(n) for n in range(places + 1)]
    blocked = lost[-1] / sum(lost)
    assert blocked == pytest.approx(0.0952, abs=5e-5)  # the published tables
    assert_mean(stood, blocked / (rate * (1 - blocked)))
    assert_mean((stood > 0).astype(np.float64), blocked * places / (rate * (1 - blocked)))


def test_a_fleet_is_a_closed_network() -> None:
    """Trucks that load one at a time, drive, unload one at a time and return: throughput by Buzen's convolution."""
    trucks, loads, times = 5, 4000, {"load": 1.0, "out": 2.0, "unload": 1.4, "back": 1.5}
    trip: list[Step] = [Label("top"), Hold({"load": 1})]
    for name, mean in times.items():
        work = Work(name, Span(Exponential(mean), UNIT), "always")
        alone = name in ("load", "unload")
        trip += [Hold({f"{name} place": 1}), work, Free({f"{name} place": 1})] if alone else [work]
    trip += [Signal("round"), Jump("top")]
    pools: dict[str, int | Pool] = {"load place": 1, "unload place": 1, "load": Pool(loads + trucks, "passed")}
    played = simulate_plan({f"t{n}": trip for n in range(trucks)}, pools, finish=("round", loads), seed=22)
    road = times["out"] + times["back"]
    g = [road**n / factorial(n) for n in range(trucks + 1)]
    for mean in (times["load"], times["unload"]):
        for n in range(1, trucks + 1):
            g[n] += mean * g[n - 1]
    assert_mean(rounds(played, "unload", played.finish), g[trucks - 1] / g[trucks])
