"""Why this date: the driving chain of one run, walked back from its completion to the decision (rule 12).

Each thing on the chain was done as late as it was because of one thing before it: the step before on its own
route, the last signal of a gate it waited for, or the first `free` of a pool that was short when it was granted.
So the chain has no gaps, and its days are the lead time. A day belongs to weather where the stated calendar would
have saved it; else to the pool that the next on the chain was waiting for at that time; else to the work itself. Who
waits for a place waits for what keeps it occupied: behind a gate, a place is no reason any more, a crew still is.
Capacity that a risk driver has taken away comes back on its own day: who waits for it waits for the risk.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sim.metrics.mechanisms import MECHANISMS, of_pool, of_work
from sim.metrics.record import DAY, Index, Ints, Record
from sim.metrics.weather_loss import lost_to_weather
from sim.plan.compile import FREE, HOLD, NONE, SIGNAL, UNTIL, WAIT, WORK
from sim.plan.risks import AWAY


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of the chain: minutes begin to end, by which row of the log, and the mechanism that it is due to.

    `waiting` is the row that had to wait for it: a late hold or wait of another unit, or -1.
    """

    begin: int
    end: int
    row: int
    mechanism: str
    waiting: int


@dataclass(frozen=True)
class Chain:
    """The driving chain of a run; empty where the run was never finished."""

    record: Record

    @cached_property
    def stretches(self) -> list[Stretch]:
        """Return its pieces from the decision to the completion, without gaps."""
        return [*self._walk()][::-1]

    @property
    def minutes(self) -> dict[str, int]:
        """Return the minutes that are due to every mechanism."""
        total = dict.fromkeys(MECHANISMS, 0)
        for piece in self.stretches:
            total[piece.mechanism] += piece.end - piece.begin
        return total

    def days(self) -> dict[str, float]:
        """Return days on the chain by mechanism, as metrics; not-a-number where the run was never finished."""
        known = bool(self.stretches)
        return {f"chain_{name}_days": m / DAY if known else np.nan for name, m in self.minutes.items()}

    # --- walking back ---------------------------------------------------------------------------------------

    def _walk(self) -> Iterator[Stretch]:
        """Yield the pieces from the completion back to the decision."""
        record, operation, plan = self.record, self.record.operation, self.record.index.plan
        row, waiting, short, since, stays = self._completion(), NONE, "", 0, False
        seen = set[int]()
        while row >= 0:
            seen.add(row)
            begun, done, kind = int(record.x[row]), int(record.minute[row]), int(operation[row])
            if kind in (WORK, UNTIL) and done > begun:
                yield from self._pieces(row, short, since, waiting)
            elif kind in (HOLD, WAIT) and done > begun:
                before, pool = self.released_by(row, seen)
                if pool != NONE and of_pool(plan.pools[pool]):
                    short, since, stays = of_pool(plan.pools[pool]), begun, plan.pool_kinds[pool] != "passed"
                elif not stays:
                    short = ""
                if before >= 0 and not self._strikes(before):
                    row, waiting = before, row
                    continue
                yield Stretch(begun, done, row, "risk" if before >= 0 else short or "other", waiting)
                short = ""
            row = int(self._before[row])

    def _strikes(self, row: int) -> bool:
        """Tell whether a row is a risk driver's that had taken capacity away: nothing on site has led to it."""
        return self.record.index.plan.units[self.record.index.plan.unit_of[self.record.step[row]]].startswith(AWAY)

    def _completion(self) -> int:
        """Return the row that opened the completion gate, the last one of its minute in name order, or -1."""
        record, plan = self.record, self.record.index.plan
        gate, level = plan.completion
        rows = np.flatnonzero((record.operation == SIGNAL) & (record.index.first_argument[record.step] == gate))
        reached = np.cumsum(record.x[rows]) >= level
        if not reached.any():
            return NONE
        minute = record.minute[rows[np.argmax(reached)]]
        return max((int(plan.unit_of[record.step[row]]), int(row)) for row in rows[record.minute[rows] == minute])[1]

    @cached_property
    def _before(self) -> Ints:
        """Return per row the one before it of the same unit, or -1."""
        unit = self.record.index.plan.unit_of[self.record.step]
        order = np.argsort(unit, kind="stable")
        before = np.full(len(unit), NONE, np.int64)
        same = unit[order[1:]] == unit[order[:-1]]
        before[order[1:][same]] = order[:-1][same]
        return before

    def _pieces(self, row: int, short: str, since: int, waiting: int) -> Iterator[Stretch]:
        """Yield work, or the wait for a date, backwards: what is short from `since` on, else itself; and weather."""
        begun, done, own = int(self.record.x[row]), int(self.record.minute[row]), self.mechanism(row)
        lost, cut = lost_to_weather(self.record, row), min(max(begun, since), done) if short else done
        for begin, end, mechanism in ((cut, done, short), (begun, cut, own)):
            stormy = (end - begun) * lost // (done - begun) - (begin - begun) * lost // (done - begun)
            if end - stormy > begin:
                yield Stretch(begin + stormy, end, row, mechanism, waiting)
            if stormy:
                yield Stretch(begin, begin + stormy, row, "weather", waiting)

    # --- what a row is about --------------------------------------------------------------------------------

    def mechanism(self, row: int) -> str:
        """Return the mechanism of work, or of a wait for a date."""
        return step_mechanism(self.record.index, int(self.record.step[row]))

    def of_unit(self, row: int) -> str:
        """Return the mechanism of the last thing that took time before a row of the same unit."""
        while row >= 0 and not (
            self.record.operation[row] in (WORK, UNTIL) and self.record.x[row] < self.record.minute[row]
        ):
            row = int(self._before[row])
        return self.mechanism(row) if row >= 0 else "other"

    def released_by(self, row: int, seen: Collection[int] = ()) -> tuple[int, int]:
        """Return the row that let a late hold or wait go on, and the pool that was short; -1 for none.

        Of several in that minute the last signal, the first free: in name order, so that the order in which an
        engine performs a minute does not matter. `seen` are rows further on the chain.
        """
        record, plan = self.record, self.record.index.plan
        first, last = np.searchsorted(record.minute, [record.minute[row], record.minute[row] + 1])
        operation, argument = plan.rows[record.step[row], :2].tolist()
        wanted = {} if operation == WAIT else dict(plan.bundles[argument])
        found = []
        for at in range(first, last):
            does, what = plan.rows[record.step[at], :2].tolist()
            if at in seen or plan.unit_of[record.step[at]] == plan.unit_of[record.step[row]]:
                continue
            if operation == WAIT and (does, what) == (SIGNAL, argument):
                found.append((int(plan.unit_of[record.step[at]]), at, NONE))
            elif operation == HOLD and does == FREE:
                pools = [pool for pool, _ in plan.bundles[what] if pool in wanted]
                found += [(int(plan.unit_of[record.step[at]]), at, pool) for pool in pools]
        if not found:
            return NONE, next(iter(wanted), NONE)
        if len({pool for _, _, pool in found}) > 1:
            short = {pool for pool, count in wanted.items() if self._free(pool, int(first)) < count}
            found = [one for one in found if one[2] in short] or found
        _, at, pool = max(found) if operation == WAIT else min(found)
        return at, pool

    def short(self, row: int) -> str:
        """Return the mechanism of the first pool that a late hold found short in the minute in which it asked."""
        record, plan = self.record, self.record.index.plan
        after = int(np.searchsorted(record.minute, record.x[row], side="right"))
        wanted = plan.bundles[plan.rows[record.step[row], 1]]
        short = [of_pool(plan.pools[pool]) for pool, count in wanted if self._free(pool, after) < count]
        return next((name for name in short if name), "factory" if short else "other")

    def _free(self, pool: int, rows: int) -> int:
        """Return what is free of a pool after so many rows of the log."""
        moving, bundle, sign = self._moves
        if pool not in self._levels:
            moved = np.cumsum(self.record.index.counts[bundle, pool] * sign)
            self._levels[pool] = self.record.index.plan.initial[pool] + np.concatenate([[0], moved])
        return int(self._levels[pool][np.searchsorted(moving, rows)])

    @cached_property
    def _levels(self) -> dict[int, Ints]:
        """Return what is free of every pool that was asked for, after each row that takes or gives."""
        return {}

    @cached_property
    def _moves(self) -> tuple[Ints, Ints, Ints]:
        """Return the rows that take or give, the bundle of each, and -1 or 1."""
        operation = self.record.operation
        moving = np.flatnonzero((operation == FREE) | (operation == HOLD))
        bundle = self.record.index.first_argument[self.record.step[moving]]
        return moving, bundle, np.where(operation[moving] == FREE, 1, -1)


def step_mechanism(index: Index, step: int) -> str:
    """Return the mechanism of a step that takes time."""
    plan = index.plan
    operation, _, calendar = plan.rows[step, :3].tolist()
    activity = plan.activities[plan.activity_of[step]]
    return of_work(plan.units[plan.unit_of[step]], activity, plan.calendars[calendar] if operation == WORK else "")
