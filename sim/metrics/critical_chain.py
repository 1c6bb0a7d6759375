"""Why this date: the driving chain of one run, walked back from its completion to the decision (rule 12).

Each thing on the chain was done as late as it was because of one thing before it: the step before on its own
route, the last signal of a gate it waited for, or the first `free` of a pool that was short when it was granted.
So the chain has no gaps, and its days are the lead time. A day belongs to weather where the stated calendar would
have saved it; else to the pool that the next on the chain was waiting for at that time; else to the work itself. A
unit that waits for a place waits for what keeps it occupied: behind a gate, a place is no reason any more, a crew still is.
Capacity that a risk driver has taken away comes back on its own day: a unit that waits for it waits for the risk.

`DrivingChain` has the segments of the chain, for tables, charts and explanations. Every run is measured by the
minutes by cause alone, which the compiled kernel adds up without segments (`sim.metrics.delay_causes`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sim.metrics.delay_causes import compiled_chain_minutes, lost_to_weather, noted_rows, shares_of_rows
from sim.metrics.event_log import DAY, Index, Ints, Record
from sim.metrics.kernels import interface as layout
from sim.plan.compile import CAUSES, NONE, CompiledPlan
from sim.plan.vocabulary import DELAY_CAUSES, FREE, HOLD, OTHER, SIGNAL, TOKEN, UNTIL, WAIT, WORK

# --- driving chain ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ChainSegment:
    """A segment of the chain: minutes begin to end, by which row of the log, and the cause that it is due to.

    `waiting` is the row that had to wait for it: a late hold or wait of another unit, or -1.
    """

    begin: int
    end: int
    row: int
    cause: str
    waiting: int


@dataclass(frozen=True)
class DrivingChain:
    """The driving chain of a run; empty where the run was never finished."""

    record: Record

    @cached_property
    def segments(self) -> list[ChainSegment]:
        """Return its segments from the decision to the completion, without gaps."""
        return [*self._walk()][::-1]

    @property
    def minutes(self) -> dict[str, int]:
        """Return the minutes that are due to every cause."""
        total = dict.fromkeys(DELAY_CAUSES, 0)
        for segment in self.segments:
            total[segment.cause] += segment.end - segment.begin
        return total

    def days(self) -> dict[str, float]:
        """Return days on the chain by cause, as metrics; not-a-number where the run was never finished."""
        minutes = chain_minutes(self.record)
        return {f"chain_{name}_days": minutes[name] / DAY if minutes else np.nan for name in DELAY_CAUSES}

    # --- walking back ---------------------------------------------------------------------------------------

    def _walk(self) -> Iterator[ChainSegment]:
        """Yield the segments from the completion back to the decision."""
        record, operation, plan = self.record, self._operation, self.record.index.plan
        row, waiting, short, since, stays = self._completion(), NONE, "", 0, False
        seen: set[int] = set()
        while row >= 0:
            seen.add(row)
            begun, done, kind = int(record.begun[row]), int(record.minute[row]), int(operation[row])
            # steps that took no time are no reason for a date, but lead back to one
            if kind in (WORK, UNTIL) and done > begun:
                yield from self._segments(row, short, since, waiting)
            elif kind in (HOLD, WAIT) and done > begun:
                before, pool = self.released_by(row)
                if pool != NONE and plan.pool_causes[pool] != TOKEN:
                    short, since, stays = plan.pool_causes[pool], begun, plan.pool_kinds[pool] != "passed"
                elif not stays:
                    # behind a gate, a place that others pass on explains nothing any more; a crew is still short
                    short = ""
                struck = before >= 0 and self._strikes(before)
                # two units can release each other in one minute: a row is walked once, so that the walk ends
                if before >= 0 and before not in seen and not struck:
                    row, waiting = before, row
                    continue
                yield ChainSegment(begun, done, row, "risk" if struck else short or "other", waiting)
                short = ""
            row = int(self._before[row])

    def _strikes(self, row: int) -> bool:
        """Return whether a row is a risk driver's that had taken capacity away: nothing on site has led to it."""
        plan = self.record.index.plan
        return plan.unit_info[plan.unit_of[self.record.step[row]]].kind == "outage"

    def _completion(self) -> int:
        """Return the row that opened the completion gate, or -1."""
        level = self.record.index.plan.finish[1]
        rows, minute = np.flatnonzero(self.record.index.completes[self.record.step]), self.record.minute
        reached = np.cumsum(self.record.amount[rows]) >= level
        if not reached.any():
            return NONE
        # several blocks may be handed over in the last minute: the chain starts at the one that owes least to others
        last = minute[rows[np.argmax(reached)]]
        return self._first_hand(rows[minute[rows] == last].tolist())

    @cached_property
    def _operation(self) -> NDArray[np.uint8]:
        """Return the operation of every row, in the smallest numbers there are."""
        return self.record.index.operation[self.record.step]

    @cached_property
    def _before(self) -> Ints:
        """Return per row the one before it of the same unit, or -1."""
        unit = self.record.index.rank_of_step[self.record.step]
        order = np.argsort(unit, kind="stable")
        before = np.empty(len(unit), np.int64)
        before[order[1:]] = np.where(np.diff(unit[order]) == 0, order[:-1], NONE)
        before[order[:1]] = NONE
        return before

    def _segments(self, row: int, short: str, since: int, waiting: int) -> Iterator[ChainSegment]:
        """Yield work, or the wait for a date, backwards: what is short from `since` on, else itself; and weather."""
        begun, done, own = int(self.record.begun[row]), int(self.record.minute[row]), self.cause(row)
        lost, cut = lost_to_weather(self.record, row), min(max(begun, since), done) if short else done
        # weather is spread evenly over the work; differences of cumulated shares, so that no minute is lost by rounding
        for begin, end, cause in ((cut, done, short), (begun, cut, own)):
            stormy = (end - begun) * lost // (done - begun) - (begin - begun) * lost // (done - begun)
            if end - stormy > begin:
                yield ChainSegment(begin + stormy, end, row, cause, waiting)
            if stormy:
                yield ChainSegment(begin, begin + stormy, row, "weather", waiting)

    # --- what a row is about --------------------------------------------------------------------------------

    def cause(self, row: int) -> str:
        """Return the cause of work, or of a wait for a date."""
        return CAUSES[self.record.index.plan.cause_of[self.record.step[row]]]

    def of_unit(self, row: int) -> str:
        """Return the cause of the last thing that took time before a row of the same unit."""
        # steps that took no time have no cause of their own: what led to them has
        while row >= 0 and not (
            self._operation[row] in (WORK, UNTIL) and self.record.begun[row] < self.record.minute[row]
        ):
            row = int(self._before[row])
        return self.cause(row) if row >= 0 else "other"

    def released_by(self, row: int) -> tuple[int, int]:
        """Return the row that let a late hold or wait go on, and the pool that was short; -1 for none."""
        record, plan = self.record, self.record.index.plan
        # all rows of the minute: what released this one may stand behind it in the log
        first, end = np.searchsorted(record.minute, [record.minute[row], record.minute[row] + 1]).tolist()
        operation, argument = plan.rows[record.step[row], :2].tolist()
        steps, done = record.step[first:end], self._operation[first:end]
        others, about = plan.unit_of[steps] != plan.unit_of[record.step[row]], record.index.first_argument[steps]
        if operation == WAIT:
            signals = np.flatnonzero((done == SIGNAL) & (about == argument) & others)
            return self._first_hand((first + signals).tolist()), NONE
        wanted = dict(plan.bundles[argument])
        frees = [
            (first + int(at), pool)
            for at in np.flatnonzero((done == FREE) & others).tolist()
            for pool, _ in plan.bundles[about[at]]
            if pool in wanted
        ]
        # of several pools given back in that minute, only one that was short before it explains the wait
        if len({pool for _, pool in frees}) > 1:
            short = {pool for pool, count in wanted.items() if self._free(pool, first) < count}
            frees = [found for found in frees if found[1] in short] or frees
        chosen = self._first_hand([at for at, _ in frees])
        return next((found for found in frees if found[0] == chosen), (NONE, next(iter(wanted))))

    def _first_hand(self, rows: list[int]) -> int:
        """Return the one of some rows of a minute that owes least to others in that minute, then the first by rank.

        The order of units within one minute of the log is no rule, and each engine has its own.
        """
        # the common case, without looking at what the unit did before
        if len(rows) == 1:
            return rows[0]
        plan, step = self.record.index.plan, self.record.step
        return min(rows, key=lambda row: (self._released(row), plan.unit_of[step[row]], row), default=NONE)

    def _released(self, row: int) -> int:
        """Return how many late holds and waits a unit has behind it in the minute of one of its rows."""
        record, found, minute = self.record, 0, self.record.minute[row]
        while row >= 0 and record.minute[row] == minute:
            found += bool(self._operation[row] in (HOLD, WAIT) and record.begun[row] < minute)
            row = int(self._before[row])
        return found

    def short(self, row: int) -> str:
        """Return the cause of the first pool that a late hold found short in the minute in which it asked."""
        record, plan = self.record, self.record.index.plan
        after = int(np.searchsorted(record.minute, record.begun[row], side="right"))
        wanted = plan.bundles[plan.rows[record.step[row], 1]]
        short = [plan.pool_causes[pool] for pool, count in wanted if self._free(pool, after) < count]
        # where only tokens are short, such as finished skids, the line that makes them is what is waited for
        return next((cause for cause in short if cause != TOKEN), "factory" if short else OTHER)

    def _free(self, pool: int, rows: int) -> int:
        """Return what is free of a pool after so many rows of the log."""
        moving, bundle, sign = self._moves
        if pool not in self._levels:
            # one pass per pool that is asked for, not per question
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
        operation = self._operation
        moving = np.flatnonzero((operation == FREE) | (operation == HOLD))
        bundle = self.record.index.first_argument[self.record.step[moving]].astype(np.int64)
        return moving, bundle, np.where(operation[moving] == FREE, 1, -1)


@dataclass(frozen=True)
class ChainSummary:
    """What the driving chain of a run went through: its steps, and minutes by cause and by what was short.

    What was short is the system of a factory, the trade of a crew, or nothing.
    """

    steps: Ints
    minutes: dict[tuple[str, str], int]


def chain_summary(record: Record) -> ChainSummary:
    """Return what the chain of a run went through; with machine code, where there is some, without its segments.

    >>> chain_summary(case.record(done)).minutes[("factory", "compute")]
    """
    kernels = record.kernels.chain
    if kernels is not None:
        return _compiled_summary(record.index, noted_rows(record, kernels))
    plan, found, trade = record.index.plan, dict[tuple[str, str], int](), ""
    segments = DrivingChain(record).segments
    for segment in reversed(segments):  # from the completion back, as waits are handed on
        if segment.waiting >= 0:
            trade = _trade_of(plan, int(record.step[segment.waiting])) or trade
        what = trade if segment.cause == "crew" else ""
        if segment.cause in BY_SYSTEM:
            what = plan.unit_info[plan.unit_of[record.step[segment.row]]].part
        key = (segment.cause, what)
        found[key] = found.get(key, 0) + segment.end - segment.begin
    return ChainSummary(record.step[np.array([segment.row for segment in segments], np.int64)], found)


def _trade_of(plan: CompiledPlan, step: int) -> str:
    """Return the trade whose crews a step waits for; empty where it waits for none."""
    operation, number = plan.rows[step, :2].tolist()
    wanted = plan.bundles[number] if operation == HOLD else ()
    return next((plan.pools[pool].partition(".")[2] for pool, _ in wanted if plan.pool_causes[pool] == "crew"), "")


def _compiled_summary(index: Index, found: Ints) -> ChainSummary:
    """Return the same of the rows that the compiled walk notes."""
    plan, minutes, trade = index.plan, dict[tuple[str, str], int](), ""
    short, own, stormy = (part.tolist() for part in shares_of_rows(found))
    steps, whys, owns, waiters = (
        found[:, place].tolist() for place in (layout.STEP, layout.WHY, layout.OWN, layout.WAITER)
    )
    for step, why, own_cause, waiter, *shares in zip(steps, whys, owns, waiters, short, own, stormy, strict=True):
        if waiter >= 0:
            trade = _trade_of(plan, waiter) or trade
        for cause, spent in zip((CAUSES[why], CAUSES[own_cause], "weather"), shares, strict=True):
            if spent:
                system = plan.unit_info[plan.unit_of[step]].part if cause in BY_SYSTEM else ""
                key = (cause, trade if cause == "crew" else system)
                minutes[key] = minutes.get(key, 0) + spent
    return ChainSummary(found[:, layout.STEP], minutes)


BY_SYSTEM = frozenset({"factory", "truck", "yard", "parts"})
"""Causes of which each system has its own."""


def chain_minutes(record: Record) -> dict[str, int] | None:
    """Return the minutes on the chain that are due to every cause; None where the run was never finished."""
    kernels = record.kernels.chain
    if kernels is None:
        chain = DrivingChain(record)
        return chain.minutes if chain.segments else None
    return compiled_chain_minutes(record, kernels)
