"""The critical path without limits: when everything could be done if crews and machines were never short.

`ForwardPass` runs a plan in which only order, dates, working hours and what others make count. Crews, machines and
places are there as soon as any are; a skid, a crew or a megawatt is not there before it has been made, has arrived or
is generated. Learning and crowding are at their best. What is asked for at the same minute goes in the order
(priority, minute asked, name), as in the engines.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

import numpy as np
from numpy.typing import NDArray

from sim.errors import SimError
from sim.plan.analysis.prerequisites import Prerequisites
from sim.plan.analysis.route_classes import RouteClass, route_classes, waits_for_completion
from sim.plan.compile import NONE, CompiledPlan
from sim.plan.vocabulary import AGAIN, FREE, HOLD, SIGNAL, UNTIL, WAIT, WORK
from sim.world.roads import duty_finish
from sim.world.working_time import Calendar

# --- forward pass -----------------------------------------------------------------------------------------------------


PAUSING, WHOLE = range(2)
MILLION = 1_000_000
JUMPS_A_MINUTE = 10_000

Asked = tuple[tuple[int, int, int], ...]
"""Per pool of a hold that must have been supplied: how many in all, and how many of them are used up."""


class ForwardPass:
    """One pass through a plan, from its start until nothing more happens.

    Whoever waits for the completion gate stays there; the others go on when it is open.
    `log` has a row (minute done, step, minute begun, row that caused it or -1) for every performed step;
    `finish` is the row with which the completion gate opened, or -1; `never` says by unit what it waits for.
    """

    def __init__(
        self,
        plan: CompiledPlan,
        values: Sequence[int],
        calendars: Sequence[Calendar],
        *,
        repeated: Sequence[int] | NDArray[np.int64] | None = None,
        sharing: bool = True,
    ) -> None:
        """Perform the plan; unless `sharing`, every unit finds what was made as if no other had taken of it."""
        self.plan, self.values, self.calendars = plan, values, calendars
        self.repeated = values if repeated is None else repeated
        self.rows: list[list[int]] = plan.rows.tolist()
        self.first: list[int] = plan.first.tolist()
        self.asked, self.given = _exchange(plan, sharing)
        self.now, self.finish = 0, NONE
        self.log: list[tuple[int, int, int, int]] = []
        self.never: dict[int, str] = {}
        self.level = [0] * len(plan.gates)
        self.before = [(0, NONE)] * len(plan.gates)
        self.there: list[int] = plan.initial.tolist()
        self.used = [0] * len(plan.pools)
        self._at, self._begun = self.first[:-1], [0] * len(plan.units)
        self._last = [NONE] * len(plan.units)
        self._supplied = [(NONE, NONE)] * len(plan.pools)
        self._attempts: dict[int, int] = defaultdict(int)
        self._jumps: dict[int, tuple[int, int]] = {}
        self._ready = list(range(len(plan.units) - 1, -1, -1))
        self._starting: list[int] = []
        self._due: list[tuple[int, int]] = []
        self._at_gate: dict[int, list[tuple[int, int]]] = defaultdict(list)
        self._queues: dict[Asked, list[tuple[int, int, int]]] = defaultdict(list)
        self._perform()
        self._who_never()

    # --- one minute after the other -------------------------------------------------------------------------

    def _perform(self) -> None:
        """Play one minute out after the other, each until no unit can go on in it."""
        while True:
            while self._ready or self._grant():
                while self._ready:
                    self._go_on(self._ready.pop())
            self._start_works()
            if not self._due:
                return
            self.now = self._due[0][0]
            while self._due and self._due[0][0] == self.now:
                self._done(heappop(self._due)[1], NONE)

    def _done(self, unit: int, cause: int) -> None:
        """Record that what a unit waited for has happened, and let it go on."""
        at = self._at[unit]
        if cause == NONE and self.rows[at][0] != UNTIL:  # a date that is waited for follows from nothing
            cause = self._last[unit]
        self._record(unit, at, self._begun[unit], cause)
        self._at[unit] = at + 1
        self._ready.append(unit)

    def _record(self, unit: int, at: int, begun: int, cause: int) -> None:
        self._last[unit] = len(self.log)
        self.log.append((self.now, at, begun, cause))

    def _go_on(self, unit: int) -> None:
        """Perform the steps of a unit until it has to wait for something."""
        end = self.first[unit + 1]
        while self._at[unit] < end:
            at = self._at[unit]
            to = self._step(unit, at)
            if to == NONE:
                self._begun[unit] = self.now
                return
            self._record(unit, at, self.now, self._last[unit])
            self._pass_on(at, self._last[unit])
            self._at[unit] = to

    def _step(self, unit: int, at: int) -> int:
        """Perform a step that takes no time and return the next one; -1 if the unit has to wait, and is noted."""
        operation, a, b, _, _, _ = self.rows[at]
        if operation == WORK:
            self._starting.append(unit)
        elif operation == HOLD and self.asked[at]:
            heappush(self._queues[self.asked[at]], (b, self.now, unit))
        elif operation == WAIT and waits_for_completion(self.plan, self.rows[at]):
            return NONE  # a unit that waits for the end of the run comes no further
        elif operation == WAIT and self.level[a] < b:
            heappush(self._at_gate[a], (b, unit))
        elif operation == UNTIL and self.values[a] > self.now:
            heappush(self._due, (self.values[a], unit))
        elif operation == AGAIN:
            return self._jump(unit, at)
        else:
            return at + 1
        return NONE

    def _pass_on(self, at: int, row: int) -> None:
        """Let others have what a step raises or gives; `row` is where the log has it."""
        operation, a, b, _, _, _ = self.rows[at]
        if operation == SIGNAL:
            self._signal(a, b, row)
        elif operation == FREE:
            self._give(at, row)

    # --- gates and pools ------------------------------------------------------------------------------------

    def _signal(self, gate: int, amount: int, row: int) -> None:
        """Raise a gate and let everyone through whose level it has reached."""
        if self.before[gate][1] != self.now:
            self.before[gate] = self.level[gate], self.now
        self.level[gate] += amount
        waiting = self._at_gate[gate]
        if self.finish == NONE and gate == self.plan.finish[0] and self.level[gate] >= self.plan.finish[1]:
            self.finish = row
        while waiting and waiting[0][0] <= self.level[gate]:
            self._done(heappop(waiting)[1], row)

    def _give(self, at: int, row: int) -> None:
        for pool, supplied, back in self.given[at]:
            self.there[pool] += supplied
            self.used[pool] -= back
            if self._supplied[pool][0] != self.now:
                self._supplied[pool] = self.now, row

    def _grant(self) -> bool:
        """Let everyone go on who finds enough, in one order over all queues; tell whether anyone did."""
        # those who ask for the same lie in one queue: only its first can be next, so hundreds wait for the price of one
        heads = [(*queue[0], asked) for asked, queue in self._queues.items() if queue]
        heapify(heads)
        while heads:
            _, since, unit, asked = heappop(heads)
            if all(self.there[pool] - (self.used[pool] if uses else 0) >= count for pool, count, uses in asked):
                queue = self._queues[asked]
                heappop(queue)
                for pool, _, uses in asked:
                    self.used[pool] += uses
                # critical is what came last; who asked in the same minute waited for nobody
                causes = [self._supplied[pool] for pool, _, _ in asked]
                late = [row for minute, row in causes if minute == self.now and since < self.now]
                self._done(unit, min(late, default=NONE))
                if queue:
                    heappush(heads, (*queue[0], asked))
        return bool(self._ready)

    # --- work and decisions -----------------------------------------------------------------------------------

    def _start_works(self) -> None:
        """Start everyone who is ready to work, in name order."""
        starting, self._starting = sorted(self._starting), []
        for unit in starting:
            try:
                heappush(self._due, (self._end(self._at[unit]), unit))
            except SimError as refused:
                self.never[unit] = str(refused)

    def _end(self, at: int) -> int:
        """Return the minute at which work that starts now is done."""
        _, number, calendar, mode, _, _ = self.rows[at]
        self._attempts[at] += 1
        minutes = self._value(at, number)
        for curves, which in ((self.plan.learning, self.plan.learning_of), (self.plan.areas, self.plan.area_of)):
            if which[at] != NONE:
                minutes = (2 * minutes * min(curves[which[at]]) + MILLION) // (2 * MILLION)
        on = self.calendars[calendar]
        if mode == PAUSING:
            return on.finish(self.now, minutes)
        return on.finish_whole(self.now, minutes) if mode == WHOLE else duty_finish(self.now, minutes, on)

    def _value(self, at: int, number: int) -> int:
        """Return what an input comes out at in this attempt of a step."""
        return int((self.values if self._attempts[at] == 1 else self.repeated)[number])

    def _jump(self, unit: int, at: int) -> int:
        """Return where a jump leads; -1 if the unit jumps for ever without time passing."""
        _, to, chance, limit, gate, level = self.rows[at]
        self._attempts[at] += 1
        minute, jumps = self._jumps.get(unit, (NONE, 0))
        self._jumps[unit] = self.now, jumps + 1 if minute == self.now else 1
        if self._jumps[unit][1] > JUMPS_A_MINUTE:
            self.never[unit] = "jumps for ever"
            return NONE
        if limit != NONE and self._attempts[at] > limit:
            return at + 1
        if chance != NONE:
            return to if self._value(at, chance) else at + 1
        if gate == NONE:
            return to
        # a jump sees what a gate had before this minute, whatever the order of units within it
        count, minute = self.before[gate]
        return to if (count if minute == self.now else self.level[gate]) >= level else at + 1

    def _who_never(self) -> None:
        """Note by unit what those wait for who have not come to their ends."""
        for unit, at in enumerate(self._at):
            if (
                at < self.first[unit + 1]
                and unit not in self.never
                and not waits_for_completion(self.plan, self.rows[at])
            ):
                operation, a, b, *_ = self.rows[at]
                if operation == WAIT:
                    self.never[unit] = f"waits for {self.plan.gates[a]} to reach {b} (it comes to {self.level[a]})"
                else:
                    pools = ", ".join(f"{self.plan.pools[pool]} ({self.there[pool]})" for pool, _, _ in self.asked[at])
                    self.never[unit] = f"waits for more than ever comes of {pools}"


def _exchange(plan: CompiledPlan, sharing: bool) -> tuple[list[Asked], list[Asked]]:
    """Return per step what a hold asks of supplied pools, and what a free supplies (or gives back of what was used).

    A unit that gives back what it took finds all that was ever supplied; one that keeps it leaves less for others.
    """
    asked: list[Asked] = [()] * len(plan.rows)
    given: list[Asked] = [()] * len(plan.rows)
    classes = route_classes(plan)
    place_pools = Prerequisites(plan, classes).place_pools
    made = {pool for pool, kind in enumerate(plan.pool_kinds) if kind != "returned" and pool not in place_pools}
    for route_class in classes:
        for step, wanted in _per_step(route_class, HOLD, made, sharing).items():
            for unit in route_class.units:
                asked[plan.first[unit] + step] = wanted
        for step, handed in _per_step(route_class, FREE, made, sharing).items():
            for unit in route_class.units:
                given[plan.first[unit] + step] = handed
    return asked, given


def _per_step(route_class: RouteClass, operation: int, made: set[int], sharing: bool) -> dict[int, Asked]:
    """Return by step of a route class what its holds ask for, or its frees give, of pools that are supplied."""
    found: dict[int, Asked] = {}
    for step in route_class.steps_of(operation):
        held, counts = route_class.held[step] or {}, []
        for pool, count in route_class.plan.bundles[route_class.rows[step][1]]:
            if pool in made:
                has, uses = max(0, held.get(pool, 0)), sharing and (route_class.end or {}).get(pool, 0) > 0
                if operation == FREE:
                    counts.append((pool, count - min(count, has), min(count, has) if uses else 0))
                else:
                    counts.append((pool, count if uses else count + has, count if uses else 0))
        found[step] = tuple(counts)
    return found


# --- schedule ---------------------------------------------------------------------------------------------------------


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


def earliest(
    plan: CompiledPlan,
    values: Sequence[int],
    calendars: Sequence[Calendar],
    *,
    repeated: Sequence[int] | NDArray[np.int64] | None = None,
    bound: bool = False,
) -> Schedule:
    """Return the schedule of a plan with planned values and without limits.

    `values` are minutes and decisions (0 or 1) per input, as in `sim.plan.draws`; a repeated attempt takes that of
    `repeated`, or left out the value of the first, up to its limit. `calendars` are in the plan's order. Tokens such as
    finished skids go to those who ask first, so others can be served in another order where limits delay the first; with
    `bound` nobody takes a token from another, and no performance with these values and decisions can be done earlier.
    """
    passed = ForwardPass(plan, values, calendars, repeated=repeated, sharing=not bound)
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


def _chain(plan: CompiledPlan, log: NDArray[np.int64], finish: int) -> tuple[Link, ...]:
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
