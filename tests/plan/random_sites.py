"""Sites nobody would build, for hypothesis: crews in camp beds, skids on places, tests on shared power, and jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from sim.plan.vocabulary import LEAVING_PRIORITY, Chance, Free, Hold, Jump, Label, Plan, Pool, Signal, Step, Wait, Work
from tests.engine.small_plans import work, write

GEAR = ("crane", "truck", "bay")
TRADES = ("fitters", "riggers")
GATES = ("ready", "cleared", "signed")
PLENTY = 1_000


def random_site(random: Random, *, unlimited: bool = False) -> Plan:
    """Return a plan in which most gates open and most tokens are made; `unlimited` has plenty of every pool."""
    routes = {f"u{number}": _route(random) for number in range(random.randint(1, 6))}
    _make_up(random, routes)
    for trade in TRADES:
        routes |= _crews(random, trade, routes, PLENTY if unlimited else 1)
    pools = {name: PLENTY if unlimited else random.randint(1, 2) for name in GEAR}
    passed = {name: Pool(PLENTY if unlimited else random.randint(1, 4), "passed") for name in ("place", "test power")}
    counted = {name: Pool(0, "supplied") for name in (*TRADES, "power")}
    beds = PLENTY if unlimited else random.randint(1, 4)
    return write(
        {name: numbered(route) for name, route in routes.items()},
        {**pools, **passed, **counted, "bed": beds, "skid": Pool(0, "passed")},
    )


def _route(random: Random) -> list[Step]:
    """Return a few passages, and behind them a report to every trade that is used."""
    makes = random.random() < 0.5
    route = _told_apart([step for _ in range(random.randint(1, 3)) for step in _passage(random, makes, 0)])
    used = {trade for step in route if isinstance(step, Hold) for trade in step.pools}
    return [*route, *(Signal(f"done {trade}") for trade in TRADES if trade in used)]


def _told_apart(route: list[Step]) -> list[Step]:
    """Give every skip and the label it leads to, which follows it, a name of their own."""
    named: list[Step] = []
    name = ""
    for place, step in enumerate(route):
        if isinstance(step, Jump):
            name = f"skip {place}"
            named.append(replace(step, to=name, decision=name))
        else:
            named.append(Label(name) if isinstance(step, Label) else step)
    return named


def _passage(random: Random, makes: bool, depth: int) -> list[Step]:
    """Return something to do; a job has other passages inside it. Who makes skids does not take any."""
    tasks = (_some_work, _wait, _handed_on, _keep_power, _begin_test, _end_test, _make if makes else _take)
    if depth < 3 and random.random() < 0.25:
        pool = random.choice((*GEAR, *TRADES))
        count = random.choice([1, 1, 1, 2])
        together = {random.choice((*GEAR, *TRADES)): 1, pool: count} if random.random() < 0.3 else {pool: count}
        if random.random() < 0.2:
            return _perhaps(random, together)
        inside = [step for _ in range(random.randint(0, 2)) for step in _passage(random, makes, depth + 1)]
        return [Hold(together, patience=random.choice([None, 0, 5])), *inside, Free(together)]
    return random.choice(tasks)(random)


def _perhaps(random: Random, together: dict[str, int]) -> list[Step]:
    """Return a job that may be skipped, with a wait in it."""
    inside = [*_some_work(random), Wait(random.choice(GATES))][: random.randint(1, 2)]
    return [Jump("", "", Chance(0.5)), Hold(together), *inside, Free(together), Label("")]


def _some_work(random: Random) -> list[Step]:
    return [work(random.choice([0, 1, 2, 3, 5]))]


def _wait(random: Random) -> list[Step]:
    gate = random.choice(GATES)
    return [Wait(gate, random.choice([1, 1, 2, 3])) if random.random() < 0.5 else Signal(gate)]


def _handed_on(random: Random) -> list[Step]:
    one, other = random.sample(GEAR, 2)
    return [Hold({one: 1}), *_some_work(random), Hold({other: 1}), Free({one: 1}), Free({other: 1})]


def _keep_power(_: Random) -> list[Step]:
    return [Hold({"power": 1})]


def _begin_test(random: Random) -> list[Step]:
    return [Hold({"test power": 1}), *_some_work(random), Signal("tested")]


def _end_test(random: Random) -> list[Step]:
    return [Wait("tested", random.choice([1, 2])), Free({"test power": random.choice([1, 2])})]


def _make(random: Random) -> list[Step]:
    return [Hold({"place": 1}), *_some_work(random), Free({"skid": 1})]


def _take(random: Random) -> list[Step]:
    count = random.choice([1, 2, 3])
    return [Hold({"skid": count}), *_some_work(random), Free({"place": count})]


def _make_up(random: Random, routes: dict[str, list[Step]]) -> None:
    """Add what is missing: signals, skids, power, and the end of the tests."""
    for gate in (*GATES, "tested"):
        wanted = max((step.level for step in _all(routes) if isinstance(step, Wait) and step.gate == gate), default=0)
        signalled = sum(step.amount for step in _all(routes) if isinstance(step, Signal) and step.gate == gate)
        for _ in range(wanted - signalled):
            route = routes[random.choice(list(routes))]
            missing: list[Step] = [Signal(gate)] if gate in GATES else [Hold({"test power": 1}), Signal(gate)]
            place = random.randint(0, len(route))
            route[place:place] = missing
    for number in range(_taken(routes, "skid") - _freed(routes, "skid")):
        routes[f"maker{number}"] = [Hold({"place": 1}), work(1), Free({"skid": 1})]
    tested = sum(isinstance(step, Signal) and step.gate == "tested" for step in _all(routes))
    left = _taken(routes, "test power") - _freed(routes, "test power")
    if left > 0:
        routes["tester"] = [Wait("tested", random.randint(1, max(1, tested))), Free({"test power": left})]
    routes["generator"] = [work(2), Free({"power": max(1, _taken(routes, "power"))})]


def _crews(random: Random, trade: str, routes: dict[str, list[Step]], size: int) -> dict[str, list[Step]]:
    """Return the crews of a trade: they arrive, are there until enough is done, and go."""
    total = sum(isinstance(step, Signal) and step.gate == f"done {trade}" for step in _all(routes))
    bed = {"bed": 1} if random.random() < 0.7 else {}
    return {
        f"{trade}{number}": [
            Hold(bed),
            work(random.choice([0, 1, 2, 5])),
            Free({trade: size}),
            Wait(f"done {trade}", random.choice([total, total, total, max(1, total - 1)])),
            Hold({trade: 1}, LEAVING_PRIORITY),
            Free(bed),
        ]
        for number in range(random.randint(1, 4) if total else 0)
    }


def _all(routes: dict[str, list[Step]]) -> list[Step]:
    return [step for route in routes.values() for step in route]


def _taken(routes: dict[str, list[Step]], pool: str) -> int:
    return sum(step.pools.get(pool, 0) for step in _all(routes) if isinstance(step, Hold))


def _freed(routes: dict[str, list[Step]], pool: str) -> int:
    return sum(step.pools.get(pool, 0) for step in _all(routes) if isinstance(step, Free))


def numbered(route: Sequence[Step]) -> list[Step]:
    """Give every piece of work of a route a name of its own."""
    return [
        replace(step, activity=f"work {place}") if isinstance(step, Work) else step for place, step in enumerate(route)
    ]
