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

from sim.metrics.delay_causes import chain_rows, compiled_chain_minutes, lost_to_weather, shares_of_rows
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
        row, waiting, short_resource, short_from, returned_to_pool = self._completion(), NONE, "", 0, False
        seen: set[int] = set()
        while row >= 0:
            seen.add(row)
            begun, done, kind = int(record.begun[row]), int(record.minute[row]), int(operation[row])
            # steps that took no time are no reason for a date, but lead back to one
            if kind in (WORK, UNTIL) and done > begun:
                yield from self._segments(row, short_resource, short_from, waiting)
            elif kind in (HOLD, WAIT) and done > begun:
                releasing, pool = self.released_by(row)
                if pool != NONE and plan.pool_causes[pool] != TOKEN:
                    short_resource = plan.pool_causes[pool]
                    short_from = begun
                    returned_to_pool = plan.pool_kinds[pool] != "passed"
                elif not returned_to_pool:
                    # behind a gate, a place that others pass on explains nothing any more; a crew is still short
                    short_resource = ""
                is_outage = releasing >= 0 and self._strikes(releasing)
                # two units can release each other in one minute: a row is walked once, so that the walk ends
                if releasing >= 0 and releasing not in seen and not is_outage:
                    row, waiting = releasing, row
                    continue
                yield ChainSegment(begun, done, row, "risk" if is_outage else short_resource or "other", waiting)
                short_resource = ""
            row = int(self._before[row])

    def _strikes(self, row: int) -> bool:
        """Return whether a row is a risk driver's that had taken capacity away: nothing on site has led to it."""
        plan = self.record.index.plan
        return plan.unit_info[plan.unit_of[self.record.step[row]]].kind == "outage"

    def _completion(self) -> int:
        """Return the row that opened the completion gate, or -1."""
        level = self.record.index.plan.finish[1]
        rows, minute = np.flatnonzero(self.record.index.completes[self.record.step]), self.record.minute
        is_complete = np.cumsum(self.record.amount[rows]) >= level
        if not is_complete.any():
            return NONE
        # several blocks may be handed over in the last minute: the chain starts at the one that owes least to others
        last_minute = minute[rows[np.argmax(is_complete)]]
        return self._first_hand(rows[minute[rows] == last_minute].tolist())

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

    def _segments(self, row: int, short_resource: str, short_from: int, waiting: int) -> Iterator[ChainSegment]:
        """Yield the segments of one row, last first: time lost to weather, to a short resource, and by the row's own cause.

        `short_resource` is the cause of the pool that was short since minute `short_from`, empty where none was; `waiting` is
        the row that waited for this one.
        """
        begun, done, own_cause = int(self.record.begun[row]), int(self.record.minute[row]), self.cause(row)
        weather_minutes = lost_to_weather(self.record, row)
        split = min(max(begun, short_from), done) if short_resource else done
        # weather is spread evenly over the work; differences of cumulated shares, so that no minute is lost by rounding
        for begin, end, cause in ((split, done, short_resource), (begun, split, own_cause)):
            weather = (end - begun) * weather_minutes // (done - begun) - (begin - begun) * weather_minutes // (
                done - begun
            )
            if end - weather > begin:
                yield ChainSegment(begin + weather, end, row, cause, waiting)
            if weather:
                yield ChainSegment(begin, begin + weather, row, "weather", waiting)

    # --- what a row is about --------------------------------------------------------------------------------

    def cause(self, row: int) -> str:
        """Return the cause of work, or of a wait for a date."""
        return CAUSES[self.record.index.plan.cause_of[self.record.step[row]]]

    def of_unit(self, row: int) -> str:
        """Return the cause of the last step of a unit, up to a row of its, that took time."""
        # steps that took no time have no cause of their own: what led to them has
        while row >= 0 and not (
            self._operation[row] in (WORK, UNTIL) and self.record.begun[row] < self.record.minute[row]
        ):
            row = int(self._before[row])
        return self.cause(row) if row >= 0 else "other"

    def released_by(self, row: int) -> tuple[int, int]:
        """Return (row that ended a late hold or wait, pool that was short), -1 for none."""
        record, plan = self.record, self.record.index.plan
        # all rows of the minute: the one that released this may come after it in the log
        first, end = np.searchsorted(record.minute, [record.minute[row], record.minute[row] + 1]).tolist()
        operation, argument = plan.rows[record.step[row], :2].tolist()
        steps, done = record.step[first:end], self._operation[first:end]
        of_other_unit = plan.unit_of[steps] != plan.unit_of[record.step[row]]
        arguments = record.index.first_argument[steps]
        if operation == WAIT:
            signals = np.flatnonzero((done == SIGNAL) & (arguments == argument) & of_other_unit)
            return self._first_hand((first + signals).tolist()), NONE
        needed = dict(plan.bundles[argument])
        frees = [
            (first + int(at), pool)
            for at in np.flatnonzero((done == FREE) & of_other_unit).tolist()
            for pool, _ in plan.bundles[arguments[at]]
            if pool in needed
        ]
        # of several pools given back in that minute, only one that was short before it explains the wait
        if len({pool for _, pool in frees}) > 1:
            short = {pool for pool, count in needed.items() if self._free(pool, first) < count}
            frees = [(at, pool) for at, pool in frees if pool in short] or frees
        chosen = self._first_hand([at for at, _ in frees])
        return next(((at, pool) for at, pool in frees if at == chosen), (NONE, next(iter(needed))))

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
        record, count, minute = self.record, 0, self.record.minute[row]
        while row >= 0 and record.minute[row] == minute:
            count += bool(self._operation[row] in (HOLD, WAIT) and record.begun[row] < minute)
            row = int(self._before[row])
        return count

    def short(self, row: int) -> str:
        """Return the cause of the first pool that was short when a late hold asked for it."""
        record, plan = self.record, self.record.index.plan
        rows_until = int(np.searchsorted(record.minute, record.begun[row], side="right"))
        needed = plan.bundles[plan.rows[record.step[row], 1]]
        short = [plan.pool_causes[pool] for pool, count in needed if self._free(pool, rows_until) < count]
        # where only tokens are short, such as finished skids, the line that makes them is what is waited for
        return next((cause for cause in short if cause != TOKEN), "factory" if short else OTHER)

    def _free(self, pool: int, rows: int) -> int:
        """Return how much of a pool is free after a number of rows of the log."""
        moving_rows, bundle, sign = self._moves
        if pool not in self._levels:
            # one pass per pool that is asked for, not per question
            changes = np.cumsum(self.record.index.counts[bundle, pool] * sign)
            self._levels[pool] = self.record.index.plan.initial[pool] + np.concatenate([[0], changes])
        return int(self._levels[pool][np.searchsorted(moving_rows, rows)])

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
    """The driving chain of a run in short: its steps, and minutes by (cause, resource).

    The resource is the system of a factory, the trade of a crew, or empty.
    """

    steps: Ints
    minutes: dict[tuple[str, str], int]


def chain_summary(record: Record) -> ChainSummary:
    """Return steps and minutes by cause of a run's driving chain; by the compiled kernel, if there is one, without segments.

    >>> chain_summary(case.record(done)).minutes[("factory", "compute")]
    """
    kernels = record.kernels.chain
    if kernels is not None:
        return _compiled_summary(record.index, chain_rows(record, kernels))
    plan, minutes, trade = record.index.plan, dict[tuple[str, str], int](), ""
    segments = DrivingChain(record).segments
    for segment in reversed(segments):  # from the completion back, as waits are handed on
        if segment.waiting >= 0:
            trade = _trade_of(plan, int(record.step[segment.waiting])) or trade
        resource = trade if segment.cause == "crew" else ""
        if segment.cause in BY_SYSTEM:
            resource = plan.unit_info[plan.unit_of[record.step[segment.row]]].part
        key = (segment.cause, resource)
        minutes[key] = minutes.get(key, 0) + segment.end - segment.begin
    return ChainSummary(record.step[np.array([segment.row for segment in segments], np.int64)], minutes)


def _trade_of(plan: CompiledPlan, step: int) -> str:
    """Return the trade whose crews a step waits for; empty where it waits for none."""
    operation, number = plan.rows[step, :2].tolist()
    bundle = plan.bundles[number] if operation == HOLD else ()
    return next((plan.pools[pool].partition(".")[2] for pool, _ in bundle if plan.pool_causes[pool] == "crew"), "")


def _compiled_summary(index: Index, rows: Ints) -> ChainSummary:
    """Return the summary from the rows that the compiled walk notes."""
    plan, minutes, trade = index.plan, dict[tuple[str, str], int](), ""
    short_minutes, own_minutes, weather_minutes = (part.tolist() for part in shares_of_rows(rows))
    steps, short_causes, own_causes, waiting_steps = (
        rows[:, column].tolist() for column in (layout.STEP, layout.SHORT_CAUSE, layout.OWN_CAUSE, layout.WAITING_STEP)
    )
    for step, short_cause, own_cause, waiting_step, *shares in zip(
        steps, short_causes, own_causes, waiting_steps, short_minutes, own_minutes, weather_minutes, strict=True
    ):
        if waiting_step >= 0:
            trade = _trade_of(plan, waiting_step) or trade
        for cause, minutes_of_cause in zip((CAUSES[short_cause], CAUSES[own_cause], "weather"), shares, strict=True):
            if minutes_of_cause:
                system = plan.unit_info[plan.unit_of[step]].part if cause in BY_SYSTEM else ""
                key = (cause, trade if cause == "crew" else system)
                minutes[key] = minutes.get(key, 0) + minutes_of_cause
    return ChainSummary(rows[:, layout.STEP], minutes)


BY_SYSTEM = frozenset({"factory", "truck", "yard", "parts"})
"""Causes whose minutes are counted by system."""


def chain_minutes(record: Record) -> dict[str, int] | None:
    """Return the minutes on the chain that are due to every cause; None where the run was never finished."""
    kernels = record.kernels.chain
    if kernels is None:
        chain = DrivingChain(record)
        return chain.minutes if chain.segments else None
    return compiled_chain_minutes(record, kernels)
