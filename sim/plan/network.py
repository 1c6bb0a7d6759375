"""The critical path without limits: when everything could be done if nobody ever had to wait for a crew or a crane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.plan.compile import NONE, UNTIL, WORK, Compiled
from sim.plan.forward import Forward
from sim.world.calendars import Calendar

NEVER = -1
"""The minute of a step that is not performed."""


@dataclass(frozen=True)
class Link:
    """An activity, or a date that is waited for, on the longest chain: minutes since the project's start."""

    unit: str
    activity: str
    start: int
    finish: int


@dataclass(frozen=True)
class Schedule:
    """When every step is begun and done at its earliest, in minutes; NEVER where it is not performed.

    `log` has a row (minute done, step, minute begun, row it followed from or -1) for every performance of a step,
    in the order in which they happen; `begun` and `done` are of the last performance. `completion` is the minute
    at which the completion gate opens, None if it does not. `chain` is the longest chain that leads there, or to
    the last thing that happens. `never` says of every unit that does not come to its end what it waits for.
    """

    log: NDArray[np.int64]
    begun: NDArray[np.int64]
    done: NDArray[np.int64]
    completion: int | None
    chain: tuple[Link, ...]
    never: Mapping[str, str]


def earliest(plan: Compiled, values: Sequence[int], calendars: Sequence[Calendar], *, bound: bool = False) -> Schedule:
    """Return the schedule of a plan with planned values and without limits.

    `values` are minutes and decisions (0 or 1) per input, as in `sim.plan.luck`; a repeated attempt takes the value
    of the first, up to its limit. `calendars` are in the plan's order. Tokens such as finished skids go to those who
    ask first, so others can be served in another order where limits delay the first; with `bound` nobody takes
    a token from another, and no performance with these values and decisions can be done earlier.
    """
    passed = Forward(plan, values, calendars, sharing=not bound)
    log = np.array(passed.log, np.int64).reshape(-1, 4)
    begun, done = (np.full(len(plan.rows), NEVER, np.int64) for _ in range(2))
    begun[log[:, 1]], done[log[:, 1]] = log[:, 2], log[:, 0]
    finish = passed.finish
    return Schedule(
        log=log,
        begun=begun,
        done=done,
        completion=None if finish == NONE else int(log[finish, 0]),
        chain=_chain(plan, log, finish),
        never={plan.units[unit]: why for unit, why in sorted(passed.never.items())},
    )


def _chain(plan: Compiled, log: NDArray[np.int64], finish: int) -> tuple[Link, ...]:
    """Return the activities from which a row of the log followed, each from the one before."""
    row = finish if finish != NONE or not len(log) else len(log) - 1
    chain = []
    while row != NONE:
        done, at, begun, cause = log[row].tolist()
        if plan.rows[at, 0] in (WORK, UNTIL) and done > begun:
            activity = plan.activities[plan.activity_of[at]]
            chain.append(Link(plan.units[plan.unit_of[at]], activity, begun, done))
        row = cause
    return tuple(reversed(chain))
