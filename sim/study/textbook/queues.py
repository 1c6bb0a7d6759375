"""Queues whose waits are known: path by path from recursions, and on the mean from formulas."""

from __future__ import annotations

from functools import cache
from math import factorial, sqrt

import numpy as np

from sim.plan.compile import HOLD
from sim.plan.vocabulary import Free, Hold, Span, Step, Until, Work
from sim.study.textbook.asking import Check, Played, play
from sim.world.distributions import Distribution, Exponential, Fixed, Lognormal, Uniform
from sim.world.draws import key, uniforms

MINUTES = 1000
"""Minutes of one unit of time, so that rounding to minutes does not show."""


def station(servers: int, customers: int) -> Played:
    """Customers who come at drawn dates and are served for drawn minutes."""
    arrive, serve = Until("arrive", Span(Uniform(0, 600))), Work("serve", Span(Lognormal(18, 40)), "always")
    route: list[Step] = [arrive, Hold({"server": 1}), serve, Free({"server": 1})]
    return play({f"c{n}": route for n in range(customers)}, {"server": servers})


def off_the_recursion(servers: int, customers: int) -> int:
    """How many customers do not begin when Kiefer and Wolfowitz say: each takes the server that is free first."""
    played = station(servers, customers)
    arrivals, services = played.drawn("arrive"), played.drawn("serve")
    begun = {unit: done for unit, (_, done) in played.times(HOLD).items()}
    free, differ = [0] * servers, 0
    ranks = {unit: rank for rank, unit in enumerate(played.plan.units)}
    for unit in sorted(arrivals, key=lambda unit: (arrivals[unit], ranks[unit])):
        first = free.index(min(free))
        start = max(arrivals[unit], free[first])
        free[first] = start + services[unit]
        differ += start != begun[unit]
    return differ


def littles_residual(servers: int, customers: int) -> int:
    """∫ customers in the queue dt less the sum of their waits, minute by minute."""
    waits = list(station(servers, customers).times(HOLD).values())
    last = max(done for _, done in waits)
    queue = np.zeros(last + 1, np.int64)
    for asked, done in waits:
        queue[asked:done] += 1
    return int(queue.sum()) - sum(done - asked for asked, done in waits)


@cache
def waits(servers: int, load: float, service: Distribution, customers: int) -> tuple[float, float]:
    """The mean wait in units of time and its standard error by batches, at that load; services have mean 1."""
    gaps = uniforms([key(1, "textbook gaps")], 0, customers)[0]
    arrivals = np.cumsum(-np.log1p(-gaps)) / (servers * load)
    routes: dict[str, list[Step]] = {}
    for n, arrival in enumerate(arrivals.tolist()):
        serve = Work("serve", Span(service, MINUTES), "always")
        routes[f"c{n}"] = [
            Until("arrive", Span(Fixed(arrival), MINUTES)), Hold({"server": 1}), serve, Free({"server": 1})
        ]  # fmt: skip
    found = play(routes, {"server": servers}).times(HOLD)
    waited = np.array([found[f"c{n}"][1] - found[f"c{n}"][0] for n in range(customers)]) / MINUTES
    batches = waited[len(waited) % 20 :].reshape(20, -1).mean(axis=1)
    return float(waited.mean()), float(batches.std(ddof=1) / sqrt(20))


def erlang_c(servers: int, load: float) -> float:
    """The mean wait of M/M/c with services of mean 1: C(c, a) / (c − a)."""
    offered = servers * load
    full = offered**servers / factorial(servers) / (1 - load)
    waiting = full / (sum(offered**k / factorial(k) for k in range(servers)) + full)
    return waiting / (servers - offered)


MANY = 4000
GROUP = "queues"
QUEUES = (
    Check(GROUP, "300 customers, 3 servers: starts off Kiefer and Wolfowitz", 0, lambda: off_the_recursion(3, 300)),
    Check(GROUP, "Little's law, queue against waits, residual", 0, lambda: littles_residual(2, 200)),
    Check(
        GROUP, "M/M/2 at load 0.6: mean wait (Erlang C)", erlang_c(2, 0.6),
        lambda: waits(2, 0.6, Exponential(1), MANY)[0], lambda: 4 * waits(2, 0.6, Exponential(1), MANY)[1],
    ),
    Check(
        GROUP, "M/D/1 at load 0.6: mean wait (Pollaczek and Khinchine)", 0.6 / (2 * (1 - 0.6)),
        lambda: waits(1, 0.6, Fixed(1), MANY)[0], lambda: 4 * waits(1, 0.6, Fixed(1), MANY)[1],
    ),
)  # fmt: skip
