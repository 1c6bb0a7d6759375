"""Why this date: the driving chain of one run, walked back from its completion to the decision.

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
from sim.metrics.event_log import DAY, Ints, PlanIndex, Record
from sim.metrics.kernels import interface
from sim.plan.compiled_plan import CAUSES, NONE, CompiledPlan
from sim.plan.vocabulary import DELAY_CAUSES, FREE, HOLD, OTHER, SIGNAL, TOKEN, UNTIL, WAIT, WORK

# --- driving chain ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ChainSegment:
    """A segment of the driving chain: its begin and end in minutes, its row of the log, and the cause of delay it is due to.

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
        """Return the segments of the chain from the decision to the completion, without gaps."""
        return [*self._walk()][::-1]

    @property
    def minutes(self) -> dict[str, int]:
        """Return the minutes of the chain by cause of delay."""
        total = dict.fromkeys(DELAY_CAUSES, 0)
        for segment in self.segments:
            total[segment.cause] += segment.end - segment.begin
        return total

    def days(self) -> dict[str, float]:
        """Return the days on the chain by metric, one for every cause; not-a-number where the run was never finished."""
        minutes = chain_minutes(self.record)
        return {f"chain_{name}_days": minutes[name] / DAY if minutes else np.nan for name in DELAY_CAUSES}

    # --- walking back ---------------------------------------------------------------------------------------

    def _walk(self) -> Iterator[ChainSegment]:
        """Yield the segments from the completion back to the decision."""
        record, operation, plan = self.record, self._operation, self.record.plan_index.plan
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
                is_outage = releasing >= 0 and self._is_outage(releasing)
                # two units can release each other in one minute: a row is walked once, so that the walk ends
                if releasing >= 0 and releasing not in seen and not is_outage:
                    row, waiting = releasing, row
                    continue
                yield ChainSegment(begun, done, row, "risk" if is_outage else short_resource or "other", waiting)
                short_resource = ""
            row = int(self._previous_row[row])

    def _is_outage(self, row: int) -> bool:
        """Return whether a log row is of a risk driver that takes capacity away: nothing on site has led to it."""
        plan = self.record.plan_index.plan
        return plan.unit_info[plan.unit_of[self.record.step[row]]].kind == "outage"

    def _completion(self) -> int:
        """Return the log row that opened the completion gate, or -1."""
        level = self.record.plan_index.plan.finish[1]
        rows, minute = np.flatnonzero(self.record.plan_index.completes[self.record.step]), self.record.minute
        is_complete = np.cumsum(self.record.amount[rows]) >= level
        if not is_complete.any():
            return NONE
        # several blocks may be handed over in the last minute: the chain starts at the one with the fewest waits in it
        last_minute = minute[rows[np.argmax(is_complete)]]
        return self._row_with_fewest_waits(rows[minute[rows] == last_minute].tolist())

    @cached_property
    def _operation(self) -> NDArray[np.uint8]:
        """Return the operation of every row, in the smallest numbers there are."""
        return self.record.plan_index.operation[self.record.step]

    @cached_property
    def _previous_row(self) -> Ints:
        """Return by log row the row before it of the same unit, or -1."""
        unit = self.record.plan_index.rank_of_step[self.record.step]
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

    # --- causes and releases --------------------------------------------------------------------------------

    def cause(self, row: int) -> str:
        """Return the cause of delay that the plan states for a row of work, or of a wait for a date."""
        return CAUSES[self.record.plan_index.plan.cause_of[self.record.step[row]]]

    def cause_of_unit(self, row: int) -> str:
        """Return the cause of the last step that took time of the unit of a log row, up to that row."""
        # steps that took no time have no cause of their own: what led to them has
        while row >= 0 and not (
            self._operation[row] in (WORK, UNTIL) and self.record.begun[row] < self.record.minute[row]
        ):
            row = int(self._previous_row[row])
        return self.cause(row) if row >= 0 else "other"

    def released_by(self, row: int) -> tuple[int, int]:
        """Return (row that ended a late hold or wait, pool that was short), -1 for none."""
        record, plan = self.record, self.record.plan_index.plan
        # all rows of the minute: the one that released this may come after it in the log
        first, end = np.searchsorted(record.minute, [record.minute[row], record.minute[row] + 1]).tolist()
        operation, argument = plan.rows[record.step[row], :2].tolist()
        steps, operations = record.step[first:end], self._operation[first:end]
        of_other_unit = plan.unit_of[steps] != plan.unit_of[record.step[row]]
        arguments = record.plan_index.first_argument[steps]
        if operation == WAIT:
            signals = np.flatnonzero((operations == SIGNAL) & (arguments == argument) & of_other_unit)
            return self._row_with_fewest_waits((first + signals).tolist()), NONE
        needed = dict(plan.bundles[argument])
        frees = [
            (first + int(offset), pool)
            for offset in np.flatnonzero((operations == FREE) & of_other_unit).tolist()
            for pool, _ in plan.bundles[arguments[offset]]
            if pool in needed
        ]
        # of several pools given back in that minute, only one that was short before it explains the wait
        if len({pool for _, pool in frees}) > 1:
            short = {pool for pool, count in needed.items() if self._free_count(pool, first) < count}
            frees = [(freeing_row, pool) for freeing_row, pool in frees if pool in short] or frees
        chosen_row = self._row_with_fewest_waits([freeing_row for freeing_row, _ in frees])
        return next(((row, pool) for row, pool in frees if row == chosen_row), (NONE, next(iter(needed))))

    def _row_with_fewest_waits(self, rows: list[int]) -> int:
        """Return, of some log rows of one minute, the one with the fewest waits before it in that minute; ties by rank.

        The order of units within one minute of the log is no rule, and each engine has its own.
        """
        # the common case, without looking at what the unit did before
        if len(rows) == 1:
            return rows[0]
        plan, step = self.record.plan_index.plan, self.record.step
        return min(rows, key=lambda row: (self._waits_before(row), plan.unit_of[step[row]], row), default=NONE)

    def _waits_before(self, row: int) -> int:
        """Return how many late holds and waits of its unit ended in the minute of a log row, up to that row."""
        record, waits, minute = self.record, 0, self.record.minute[row]
        while row >= 0 and record.minute[row] == minute:
            waits += bool(self._operation[row] in (HOLD, WAIT) and record.begun[row] < minute)
            row = int(self._previous_row[row])
        return waits

    def short(self, row: int) -> str:
        """Return the cause of the first pool that was short when a late hold asked for it."""
        record, plan = self.record, self.record.plan_index.plan
        rows_until = int(np.searchsorted(record.minute, record.begun[row], side="right"))
        needed = plan.bundles[plan.rows[record.step[row], 1]]
        short = [plan.pool_causes[pool] for pool, count in needed if self._free_count(pool, rows_until) < count]
        # where only tokens are short, such as finished skids, the line that makes them is what is waited for
        return next((cause for cause in short if cause != TOKEN), "factory" if short else OTHER)

    def _free_count(self, pool: int, rows: int) -> int:
        """Return the free count of a pool after the first `rows` rows of the log."""
        moving_rows, bundle, sign = self._moves
        if pool not in self._free_counts:
            # one pass per pool that is asked for, not per question
            changes = np.cumsum(self.record.plan_index.counts[bundle, pool] * sign)
            self._free_counts[pool] = self.record.plan_index.plan.initial[pool] + np.concatenate([[0], changes])
        return int(self._free_counts[pool][np.searchsorted(moving_rows, rows)])

    @cached_property
    def _free_counts(self) -> dict[int, Ints]:
        """Return the free counts after each hold and free, by pool; filled as pools are asked for."""
        return {}

    @cached_property
    def _moves(self) -> tuple[Ints, Ints, Ints]:
        """Return the log rows of holds and frees, the bundle of each, and its sign: -1 for a hold, 1 for a free."""
        operation = self._operation
        rows = np.flatnonzero((operation == FREE) | (operation == HOLD))
        bundle = self.record.plan_index.first_argument[self.record.step[rows]].astype(np.int64)
        return rows, bundle, np.where(operation[rows] == FREE, 1, -1)


@dataclass(frozen=True)
class ChainSummary:
    """Summary of the driving chain of a run: its steps, and minutes by (cause, resource).

    The resource is the system of a factory, the trade of a crew, or empty.
    """

    steps: Ints
    minutes: dict[tuple[str, str], int]


def chain_summary(record: Record) -> ChainSummary:
    """Return steps and minutes by (cause, resource) of a run's driving chain; a compiled kernel needs no segments for it.

    >>> chain_summary(case.record(done)).minutes[("factory", "compute")]
    """
    kernels = record.kernels.chain
    if kernels is not None:
        return _compiled_summary(record.plan_index, chain_rows(record, kernels))
    plan, minutes, trade = record.plan_index.plan, dict[tuple[str, str], int](), ""
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
    """Return the trade whose crews a step waits for; empty where it waits for none, or for a bed of the camp alone."""
    operation, number = plan.rows[step, :2].tolist()
    bundle = plan.bundles[number] if operation == HOLD else ()
    trades = (plan.pools[pool].partition(".")[2] for pool, _ in bundle if plan.pool_causes[pool] == "crew")
    return next((trade for trade in trades if trade), "")


def _compiled_summary(plan_index: PlanIndex, rows: Ints) -> ChainSummary:
    """Return the summary of the driving chain from the rows that the compiled walk writes."""
    plan, minutes, trade = plan_index.plan, dict[tuple[str, str], int](), ""
    short_minutes, own_minutes, weather_minutes = (part.tolist() for part in shares_of_rows(rows))
    steps, short_causes, own_causes, waiting_steps = (
        rows[:, column].tolist()
        for column in (interface.STEP, interface.SHORT_CAUSE, interface.OWN_CAUSE, interface.WAITING_STEP)
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
    return ChainSummary(rows[:, interface.STEP], minutes)


BY_SYSTEM = frozenset({"factory", "truck", "yard", "parts"})
"""Causes whose minutes are counted by system."""


def chain_minutes(record: Record) -> dict[str, int] | None:
    """Return the minutes on the driving chain by cause; None where the run was never finished."""
    kernels = record.kernels.chain
    if kernels is None:
        chain = DrivingChain(record)
        return chain.minutes if chain.segments else None
    return compiled_chain_minutes(record, kernels)
