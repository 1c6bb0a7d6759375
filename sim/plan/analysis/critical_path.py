"""The critical path without limits: when everything could be done if crews and machines were never short.

`ForwardPass` runs a plan in which only order, dates, working hours and what others make count. Crews, machines and
slots are there as soon as any are; a skid, a crew or a megawatt is not there before it has been made, has arrived or
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
from sim.plan.compiled_plan import NONE, Column, CompiledPlan, LogColumn
from sim.plan.vocabulary import FREE, HOLD, JUMP, SIGNAL, UNTIL, WAIT, WORK
from sim.world.roads import duty_finish
from sim.world.working_time import Calendar

# --- forward pass -----------------------------------------------------------------------------------------------------


PAUSING, WHOLE = range(2)
MILLION = 1_000_000
MAX_JUMPS_PER_MINUTE = 10_000

PoolCounts = tuple[tuple[int, int, int], ...]
"""(pool, count, used up): what a hold needs to have been supplied and uses up, or what a free supplies and gives back."""


class ForwardPass:
    """One simulation of a plan without resource limits, from its start until nothing more happens.

    A unit that waits for the completion gate stays there; the others go on when it is open.
    `log` has a row (minute done, step, minute begun, row that caused it or -1) for every performed step;
    `finish` is the row with which the completion gate opened, or -1; `never_done` says by unit what it waits for.
    """

    def __init__(
        self,
        plan: CompiledPlan,
        values: Sequence[int],
        calendars: Sequence[Calendar],
        *,
        later_values: Sequence[int] | NDArray[np.int64] | None = None,
        sharing: bool = True,
    ) -> None:
        """Simulate the plan; without `sharing`, what one unit takes of what others supply is still there for all others."""
        self.plan, self.values, self.calendars = plan, values, calendars
        self.later_values = values if later_values is None else later_values
        self.rows: list[list[int]] = plan.rows.tolist()
        self.first: list[int] = plan.first.tolist()
        self.requested, self.supplied = _supply_counts(plan, sharing)
        self.now, self.finish = 0, NONE
        self.log: list[tuple[int, int, int, int]] = []
        self.never_done: dict[int, str] = {}
        # per gate: its level, and (level before, minute) of its latest change
        self.level = [0] * len(plan.gates)
        self.level_before = [(0, NONE)] * len(plan.gates)
        # per pool: how many were ever supplied, how many are used up, and (minute, log row) of the latest supply
        self.available: list[int] = plan.initial.tolist()
        self.used = [0] * len(plan.pools)
        self._latest_supply = [(NONE, NONE)] * len(plan.pools)
        # per unit: its step, the minute at which it came there, and the latest row of the log that is its own
        self._step_of, self._begun = self.first[:-1], [0] * len(plan.units)
        self._last_row = [NONE] * len(plan.units)
        self._attempts: dict[int, int] = defaultdict(int)
        self._jumps: dict[int, tuple[int, int]] = {}
        self._ready = list(range(len(plan.units) - 1, -1, -1))
        self._starting: list[int] = []
        self._due: list[tuple[int, int]] = []
        self._at_gate: dict[int, list[tuple[int, int]]] = defaultdict(list)
        self._queues: dict[PoolCounts, list[tuple[int, int, int]]] = defaultdict(list)
        self._run()
        self._explain_unfinished()

    # --- one minute after the other -------------------------------------------------------------------------

    def _run(self) -> None:
        """Simulate one minute after the other, each until no unit can go on in it."""
        while True:
            while self._ready or self._grant():
                while self._ready:
                    self._advance(self._ready.pop())
            self._start_works()
            if not self._due:
                return
            self.now = self._due[0][0]
            while self._due and self._due[0][0] == self.now:
                self._finish_step(heappop(self._due)[1], NONE)

    def _finish_step(self, unit: int, cause: int) -> None:
        """Record that what a unit waited for has happened, because of a row of the log (or -1), and let it go on."""
        step = self._step_of[unit]
        # a date that is waited for follows from nothing
        if cause == NONE and self.rows[step][Column.OPERATION] != UNTIL:
            cause = self._last_row[unit]
        self._record(unit, step, self._begun[unit], cause)
        self._step_of[unit] = step + 1
        self._ready.append(unit)

    def _record(self, unit: int, step: int, begun: int, cause: int) -> None:
        self._last_row[unit] = len(self.log)
        self.log.append((self.now, step, begun, cause))

    def _advance(self, unit: int) -> None:
        """Perform the steps of a unit until it has to wait for something."""
        end = self.first[unit + 1]
        while self._step_of[unit] < end:
            step = self._step_of[unit]
            next_step = self._perform_or_wait(unit, step)
            if next_step == NONE:
                self._begun[unit] = self.now
                return
            self._record(unit, step, self.now, self._last_row[unit])
            self._apply_effect(step, self._last_row[unit])
            self._step_of[unit] = next_step

    def _perform_or_wait(self, unit: int, step: int) -> int:
        """Return the step that comes next if this one takes no time; else put the unit in its queue and return -1."""
        # of a wait its gate and level, of a hold its bundle and priority, of a date its input
        operation, number, argument, *_ = self.rows[step]
        if operation == WORK:
            self._starting.append(unit)
        elif operation == HOLD and self.requested[step]:
            heappush(self._queues[self.requested[step]], (argument, self.now, unit))
        elif operation == WAIT and waits_for_completion(self.plan, self.rows[step]):
            return NONE  # a unit that waits for the end of the run comes no further
        elif operation == WAIT and self.level[number] < argument:
            heappush(self._at_gate[number], (argument, unit))
        elif operation == UNTIL and self.values[number] > self.now:
            heappush(self._due, (self.values[number], unit))
        elif operation == JUMP:
            return self._jump(unit, step)
        else:
            return step + 1
        return NONE

    def _apply_effect(self, step: int, log_row: int) -> None:
        """Raise the gate that a step signals, or supply the pools that it frees; `log_row` is where the log has it."""
        operation, gate, amount, *_ = self.rows[step]
        if operation == SIGNAL:
            self._signal(gate, amount, log_row)
        elif operation == FREE:
            self._supply(step, log_row)

    # --- gates and pools ------------------------------------------------------------------------------------

    def _signal(self, gate: int, amount: int, log_row: int) -> None:
        """Raise a gate and let every unit through whose level it has reached."""
        if self.level_before[gate][1] != self.now:
            self.level_before[gate] = self.level[gate], self.now
        self.level[gate] += amount
        queue = self._at_gate[gate]
        if self.finish == NONE and gate == self.plan.finish[0] and self.level[gate] >= self.plan.finish[1]:
            self.finish = log_row
        while queue and queue[0][0] <= self.level[gate]:
            self._finish_step(heappop(queue)[1], log_row)

    def _supply(self, step: int, log_row: int) -> None:
        for pool, count, count_returned in self.supplied[step]:
            self.available[pool] += count
            self.used[pool] -= count_returned
            if self._latest_supply[pool][0] != self.now:
                self._latest_supply[pool] = self.now, log_row

    def _grant(self) -> bool:
        """Grant every request for which enough is available, in one order over all queues; tell whether any unit is ready."""
        # equal requests lie in one queue: only its first can be next, so hundreds wait for the price of one
        heads = [(*queue[0], requested) for requested, queue in self._queues.items() if queue]
        heapify(heads)
        while heads:
            _, since, unit, requested = heappop(heads)
            if all(self.available[pool] - (self.used[pool] if uses else 0) >= count for pool, count, uses in requested):
                queue = self._queues[requested]
                heappop(queue)
                for pool, _, uses in requested:
                    self.used[pool] += uses
                # critical is what came last; a request of the same minute waited for no supply
                supplies = [self._latest_supply[pool] for pool, _, _ in requested]
                causes = [log_row for minute, log_row in supplies if minute == self.now and since < self.now]
                self._finish_step(unit, min(causes, default=NONE))
                if queue:
                    heappush(heads, (*queue[0], requested))
        return bool(self._ready)

    # --- work and decisions -----------------------------------------------------------------------------------

    def _start_works(self) -> None:
        """Start the work of every unit that is ready for it, in the order of the units' numbers."""
        starting, self._starting = sorted(self._starting), []
        for unit in starting:
            try:
                heappush(self._due, (self._end(self._step_of[unit]), unit))
            except SimError as error:
                self.never_done[unit] = str(error)

    def _end(self, step: int) -> int:
        """Return the minute at which work that starts now is done."""
        _, duration, calendar_number, mode, _, _ = self.rows[step]
        self._attempts[step] += 1
        minutes = self._value(step, duration)
        # at the best factor of its learning curve and crowding area, in millionths, rounded half up
        for curves, curve_of in ((self.plan.learning, self.plan.learning_of), (self.plan.areas, self.plan.area_of)):
            if curve_of[step] != NONE:
                minutes = (2 * minutes * min(curves[curve_of[step]]) + MILLION) // (2 * MILLION)
        calendar = self.calendars[calendar_number]
        if mode == PAUSING:
            return calendar.finish(self.now, minutes)
        return calendar.finish_whole(self.now, minutes) if mode == WHOLE else duty_finish(self.now, minutes, calendar)

    def _value(self, step: int, input_number: int) -> int:
        """Return the value of an input at this attempt of a step: minutes, or 0 or 1 of a decision."""
        return int((self.values if self._attempts[step] == 1 else self.later_values)[input_number])

    def _jump(self, unit: int, step: int) -> int:
        """Return the step to which a jump leads, or the next one; -1 if the unit jumps for ever without time passing."""
        _, target, chance, limit, gate, level = self.rows[step]
        self._attempts[step] += 1
        minute, jumps = self._jumps.get(unit, (NONE, 0))
        self._jumps[unit] = self.now, jumps + 1 if minute == self.now else 1
        if self._jumps[unit][1] > MAX_JUMPS_PER_MINUTE:
            self.never_done[unit] = "jumps for ever"
            return NONE
        if limit != NONE and self._attempts[step] > limit:
            return step + 1
        if chance != NONE:
            return target if self._value(step, chance) else step + 1
        if gate == NONE:
            return target
        # a jump sees what a gate had before this minute, whatever the order of units within it
        level_before, minute = self.level_before[gate]
        return target if (level_before if minute == self.now else self.level[gate]) >= level else step + 1

    def _explain_unfinished(self) -> None:
        """Record in `never_done` what each unit waits for that has not come to the end of its route."""
        for unit, step in enumerate(self._step_of):
            if (
                step < self.first[unit + 1]
                and unit not in self.never_done
                and not waits_for_completion(self.plan, self.rows[step])
            ):
                operation, gate, level, *_ = self.rows[step]
                if operation == WAIT:
                    name = self.plan.gates[gate]
                    self.never_done[unit] = f"waits for {name} to reach {level} (it comes to {self.level[gate]})"
                else:
                    requested = self.requested[step]
                    pools = ", ".join(f"{self.plan.pools[pool]} ({self.available[pool]})" for pool, _, _ in requested)
                    self.never_done[unit] = f"waits for more than ever comes of {pools}"


def _supply_counts(plan: CompiledPlan, sharing: bool) -> tuple[list[PoolCounts], list[PoolCounts]]:
    """Return per step what a hold asks of supplied pools, and what a free supplies (or gives back of what was used).

    A unit that gives back what it took finds all that was ever supplied; one that keeps it leaves less for others.
    """
    requested: list[PoolCounts] = [()] * len(plan.rows)
    supplied: list[PoolCounts] = [()] * len(plan.rows)
    classes = route_classes(plan)
    circulating_pools = Prerequisites(plan, classes).circulating_pools
    kinds = enumerate(plan.pool_kinds)
    supplied_pools = {pool for pool, kind in kinds if kind != "returned" and pool not in circulating_pools}
    for route_class in classes:
        for operation, counts_of in ((HOLD, requested), (FREE, supplied)):
            for step, counts in _per_step(route_class, operation, supplied_pools, sharing).items():
                for unit in route_class.units:
                    counts_of[plan.first[unit] + step] = counts
    return requested, supplied


def _per_step(
    route_class: RouteClass, operation: int, supplied_pools: set[int], sharing: bool
) -> dict[int, PoolCounts]:
    """Return by step of a route class what its holds ask for, or its frees give, of pools that are supplied."""
    counts_of_step: dict[int, PoolCounts] = {}
    for step in route_class.steps_of(operation):
        held_counts, counts = route_class.held_at_step[step] or {}, []
        for pool, count in route_class.plan.bundles[route_class.rows[step][Column.ARGUMENT]]:
            if pool in supplied_pools:
                already_held = max(0, held_counts.get(pool, 0))
                uses_up = sharing and (route_class.held_at_end or {}).get(pool, 0) > 0
                if operation == FREE:
                    returned = min(count, already_held)
                    counts.append((pool, count - returned, returned if uses_up else 0))
                else:
                    counts.append((pool, count if uses_up else count + already_held, count if uses_up else 0))
        counts_of_step[step] = tuple(counts)
    return counts_of_step


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
    later_values: Sequence[int] | NDArray[np.int64] | None = None,
    bound: bool = False,
) -> Schedule:
    """Return the schedule of a plan at its earliest: with planned values, and without resource limits.

    `values` are minutes and decisions (0 or 1) per input, as in `sim.plan.draws`; a later attempt takes that of
    `later_values`, or left out the value of the first, up to its limit. `calendars` are in the plan's order. Tokens such as
    finished skids go to those who ask first, so others can be served in another order where limits delay the first; with
    `bound` no unit takes a token from another, and no run with these values and decisions can be done earlier.
    """
    forward = ForwardPass(plan, values, calendars, later_values=later_values, sharing=not bound)
    log = np.array(forward.log, np.int64).reshape(-1, 4)
    minute_begun, minute_done = (np.full(len(plan.rows), NEVER, np.int64) for _ in range(2))
    minute_begun[log[:, LogColumn.STEP]], minute_done[log[:, LogColumn.STEP]] = (
        log[:, LogColumn.DETAIL],
        log[:, LogColumn.MINUTE],
    )
    finish = forward.finish
    return Schedule(
        log=log,
        begun=minute_begun,
        done=minute_done,
        completion=None if finish == NONE else int(log[finish, LogColumn.MINUTE]),
        chain=_chain(plan, log, finish),
        never={plan.units[unit]: reason for unit, reason in sorted(forward.never_done.items())},
    )


def _chain(plan: CompiledPlan, log: NDArray[np.int64], finish: int) -> tuple[Link, ...]:
    """Return the chain of activities that led to row `finish` of the log, or to its last row where that is -1."""
    log_row = finish if finish != NONE or not len(log) else len(log) - 1
    chain = []
    while log_row != NONE:
        done, step, begun, cause = log[log_row].tolist()
        if plan.operation_of[step] in (WORK, UNTIL) and done > begun:
            activity = plan.activities[plan.activity_of[step]]
            chain.append(Link(plan.units[plan.unit_of[step]], activity, begun, done))
        log_row = cause
    return tuple(reversed(chain))
