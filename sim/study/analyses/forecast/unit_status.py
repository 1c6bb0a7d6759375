"""What a status reports of single units, and the minutes of their steps.

Every unit has its own facts and its share of the counts of several units. The minutes of the steps between are interpolated.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

import numpy as np

from sim.jit import special_functions
from sim.plan.compiled_plan import Column
from sim.study.analyses.forecast.plan_steps import NEVER, PlanSteps, UnitPosition
from sim.study.analyses.forecast.status import ONLINE, Fact, Status
from sim.world.project_calendars import day_minutes_on


@dataclass
class UnitStatus:
    """What a status reports of one unit. Steps are named by their position in the unit's route.

    `not_done_from` is the first position that is reported as not done.
    """

    done_at: dict[int, int] = field(default_factory=dict)
    """By position the minute at which the step was done."""
    actual_positions: set[int] = field(default_factory=set)
    """Positions whose minute is an actual of this unit, not interpolated from counts of several units."""
    in_progress: dict[int, int] = field(default_factory=dict)
    """By position the start of a work that is not finished."""
    not_done_from: int = NEVER
    position_reported: bool = False
    """Whether the status reports where in its route the unit is, so that nothing is assumed about its further steps."""

    def actual_minute(self, position: int) -> int | None:
        """Return the minute by which a position was passed, as its own or a later actual shows; None where none does."""
        if not self.actual_positions:  # most units have no actuals, and every count asks each unit of its stage
            return None
        return min((self.done_at[actual] for actual in self.actual_positions if actual >= position), default=None)

    @property
    def current_work(self) -> tuple[int, int] | None:
        """Return position and start of the work that the unit is at, if it has started."""
        return max(self.in_progress.items()) if self.in_progress else None


NO_FACTS = UnitStatus()
"""The status of a unit of which nothing is reported; it is not changed."""


@dataclass(frozen=True)
class RemainingDuration:
    """What a status reports about the remaining duration of a work in progress.

    It is a range of `minutes` (low, mode, high), or a `share` of the whole duration, or neither; `suspended` and `resumed`
    are the minutes at which the work was stopped and goes on.
    """

    minutes: tuple[float, float, float] | None = None
    share: float | None = None
    suspended: int | None = None
    resumed: int | None = None
    is_promise: bool = False
    """Whether a vendor has promised it."""


NOTHING_REMAINS = RemainingDuration((0.0, 0.0, 0.0))


@dataclass(frozen=True)
class OutOfSequenceWork:
    """A work that started before its predecessors were finished: its start and what is reported to remain of it."""

    unit: int
    position: int
    start: int
    remaining: RemainingDuration


# --- minutes of steps ------------------------------------------------------------------------------------------------


def capped_at_actuals(unit_status: UnitStatus) -> dict[int, int]:
    """Return the minutes of a unit's steps, those from counts no later than the actuals of steps after them."""
    done_at, current = dict(unit_status.done_at), unit_status.current_work
    limit = NEVER if current is None else current[1]
    for position in sorted(done_at, reverse=True):
        if current is not None and position > current[0]:
            continue
        if position in unit_status.actual_positions:
            limit = min(limit, done_at[position])
        else:
            done_at[position] = min(done_at[position], limit)
    return done_at


def interpolated_minutes(planned: list[int], known: list[tuple[int, int]]) -> list[int]:
    """Return the minutes of a unit's steps up to the last known one; `known` has (position, minute) in route order.

    Before the first known step the planned intervals are kept; between two they are stretched linearly.
    """
    if not known:
        return []
    (first, minute), *_ = known
    minutes = [max(0, min(minute, minute - max(0, planned[first] - planned[position]))) for position in range(first)]
    minutes.append(minute)
    for (left, left_minute), (right, reported_minute) in pairwise(known):
        right_minute = max(reported_minute, left_minute)
        planned_span = planned[right] - planned[left]
        for position in range(left + 1, right + 1):
            if planned_span and position < right:
                share = (planned[position] - planned[left]) / planned_span
            else:
                share = float(position == right)
            minutes.append(round(left_minute + share * (right_minute - left_minute)))
    return list(accumulate(minutes, max))


def minutes_of_counts(planned: Sequence[int], counts: Sequence[tuple[int, int]]) -> list[int]:
    """Return when units reached a stage, as many as were counted; `counts` has (date, number of units by then).

    `planned` has their planned minutes in order. Between two dates the planned intervals are kept in proportion.
    """
    if not planned:
        return []
    planned_minutes = np.maximum.accumulate(planned).tolist()
    minutes: list[int] = []
    last_date, planned_from = min(planned_minutes[0], counts[0][0]), planned_minutes[0]
    for date, counted in counts:
        count = min(counted, len(planned_minutes))
        # the minute nearest to the date at which the plan has the same count: units on schedule keep their planned minutes
        planned_to = max(date, planned_minutes[count - 1]) if count else planned_from
        planned_to = min(planned_to, planned_minutes[count]) if count < len(planned_minutes) else planned_to
        for number in range(len(minutes), count):
            share = 1.0
            if planned_to < NEVER:
                share = (planned_minutes[number] - planned_from) / max(1, planned_to - planned_from)
            minutes.append(round(last_date + min(1.0, max(0.0, share)) * (date - last_date)))
        last_date, planned_from = date, max(planned_from, min(planned_to, NEVER))
    return minutes


# --- overdue units --------------------------------------------------------------------------------------------------


OVERDUE_SPREAD = 0.25
"""Standard deviation of the time to the next reported step, as a share of the planned time (an assumption: 0.15 to 0.6;
docs/decisions.md has what it is in simulated projects)."""


def overdue_remaining_share(drawn: float) -> float:
    """Return the share of the planned time that remains to an overdue unit: the upper half of a normal distribution.

    `drawn` is a uniform random number.
    """
    return OVERDUE_SPREAD * float(special_functions().ndtri((1 + drawn) / 2))


def overdue_delay(
    planned: Sequence[int],
    position: int,
    not_done: int,
    delay: int,
    data_date: int,
    remaining_share: Callable[[], float],
) -> int:
    """Return the additional delay of a unit that has not done a step by the data date, though it should have; else 0.

    The step `not_done` should be done at its planned minute plus `delay`. It then remains `remaining_share` of the planned
    time between `position`, where the unit was last, and that step.
    """
    due, planned_time = planned[not_done] + delay, planned[not_done] - planned[position]
    if due > data_date or planned[not_done] >= NEVER:
        return 0
    return data_date - due + max(1, round(remaining_share() * planned_time))


def working_day(plan_steps: PlanSteps, step: int, day_minutes: Mapping[str, int]) -> float:
    """Return the minutes of a working day on the calendar of a work."""
    calendar = plan_steps.plan.calendars[plan_steps.rows[step][Column.CALENDAR]]
    return day_minutes_on(plan_steps.project, calendar, day_minutes)


# --- facts by unit ---------------------------------------------------------------------------------------------------


class StatusByUnit:
    """The facts of a status by unit; `remaining` has the reported remaining duration of works in progress."""

    def __init__(self, plan_steps: PlanSteps, status: Status, day_minutes: Mapping[str, int]) -> None:
        """Work the facts out; `day_minutes` has the minutes of a working day on site and in a factory."""
        self.plan_steps, self.plan, self.data_minute, self.day_minutes = (
            plan_steps,
            plan_steps.plan,
            status.minute,
            day_minutes,
        )
        self.of_unit: dict[int, UnitStatus] = {}
        self.remaining: dict[UnitPosition, RemainingDuration] = {}
        starts = {fact.what: fact.start for fact in status.facts_of("activity")}
        self.activity_positions = plan_steps.reported_positions(starts)
        # facts about single units come before counts, which are shared out among the other units
        for fact in status.facts_of("milestone"):
            self._add_milestone(fact)
        for what in dict.fromkeys(fact.what for fact in status.facts_of("count")):
            self._add_counts(what, [fact for fact in status.facts_of("count") if fact.what == what])
        for trade in dict.fromkeys(fact.what for fact in status.facts_of("people")):
            self._add_people(trade, [fact for fact in status.facts_of("people") if fact.what == trade])
        for fact in status.facts_of("activity"):
            self._add_activity(fact)
        for fact in status.facts_of("promise"):
            self._add_promise(fact)

    def _of(self, unit: int) -> UnitStatus:
        if unit not in self.of_unit:
            self.of_unit[unit] = UnitStatus()
        return self.of_unit[unit]

    def _add_counts(self, what: str, facts: list[Fact]) -> None:
        """Add the counts of a stage."""
        unit_positions = self.plan_steps.stages[what]
        per_unit = self.plan_steps.mw_of_block if what == ONLINE else 1.0
        total = len(unit_positions)
        counts = sorted((fact.date or 0, min(total, int((fact.count or 0) / per_unit + 1e-6))) for fact in facts)
        self.share_out(unit_positions, counts)

    def _add_people(self, trade: str, facts: list[Fact]) -> None:
        """Add counts of people: so many crews have arrived, in the planned order; the others have not arrived yet."""
        crews = self.plan_steps.crews.get(trade)
        if crews is None:
            return
        people = sorted((fact.date or 0, round(fact.count or 0)) for fact in facts)
        counts = [(date, crews.arrived(number, date)) for date, number in people]
        self.share_out([(unit, position) for _, _, unit, position in crews.arrivals], counts)

    def share_out(self, unit_positions: Sequence[UnitPosition], counts: list[tuple[int, int]]) -> None:
        """Share out counts, (date, number of units past their position), among units in their planned order.

        Units whose own facts say that they are past it are part of the count. Those whose own facts say that they are not are
        the last of the order.
        """
        minute_of_unit = {unit: self._of(unit).actual_minute(position) for unit, position in unit_positions}
        actual_minutes = sorted(minute for minute in minute_of_unit.values() if minute is not None)
        others = [(unit, position) for unit, position in unit_positions if minute_of_unit[unit] is None]
        others.sort(key=lambda one: self._of(one[0]).not_done_from <= one[1])
        planned = [self.plan_steps.routes[unit].planned[position] for unit, position in others]
        counts_of_others = [(date, max(0, count - bisect_right(actual_minutes, date))) for date, count in counts]
        minutes = minutes_of_counts(planned, counts_of_others)
        for (unit, position), minute in zip(others, minutes, strict=False):
            self._of(unit).done_at[position] = minute
        for unit, position in others[len(minutes) :]:
            self._set_not_done(unit, position)

    def _set_not_done(self, unit: int, position: int) -> None:
        """Set a step as not done, and with it the steps before it back to one that can take time: they share its minute."""
        steps = self.plan_steps.routes[unit].steps
        while position and not self.plan_steps.takes_time[steps[position]]:
            position -= 1
        unit_status = self._of(unit)
        unit_status.not_done_from = min(unit_status.not_done_from, position)

    def _add_milestone(self, fact: Fact) -> None:
        """Add a milestone: the last step of its unit is done, or not done."""
        unit = self.plan_steps.unit_of_milestone(fact.what)
        assert unit is not None
        last = len(self.plan_steps.routes[unit].steps) - 1
        if fact.finish is None:
            self._set_not_done(unit, last)
        else:
            self._of(unit).done_at[last] = fact.finish
            self._of(unit).actual_positions.add(last)

    def _add_activity(self, fact: Fact) -> None:
        """Add an activity: finished, in progress or not started."""
        unit, position = self.activity_positions[fact.what]
        unit_status, step = self._of(unit), self.plan_steps.routes[unit].steps[position]
        unit_status.position_reported = True
        if fact.start is None:
            unit_status.not_done_from = min(unit_status.not_done_from, position)
        elif fact.finish is not None:
            unit_status.done_at[position] = fact.finish
            unit_status.actual_positions.add(position)
            if position:
                unit_status.done_at.setdefault(position - 1, fact.start)
        else:
            unit_status.in_progress[position] = fact.start
            self.remaining[unit, position] = self._reported_remaining(fact, step)

    def _reported_remaining(self, fact: Fact, step: int) -> RemainingDuration:
        """Return what an activity's fact says about its remaining duration."""
        minutes = (
            None
            if fact.remaining_days is None
            else (fact.remaining_days * working_day(self.plan_steps, step, self.day_minutes),) * 3
        )
        share = None if fact.percent is None or minutes else 1 - min(fact.percent, 100) / 100
        return RemainingDuration(minutes, share, fact.suspended, fact.resumed)

    def _add_promise(self, fact: Fact) -> None:
        """Add a promise: the unit's lead time is in progress since its planned start, and ends on the promised date."""
        unit = self.plan_steps.units[fact.what]
        position = self.plan_steps.lead_time_position(unit)
        assert position is not None
        assert fact.finish is not None
        planned_start = self.plan_steps.routes[unit].planned[position - 1] if position else 0
        unit_status = self._of(unit)
        unit_status.position_reported = True
        unit_status.in_progress = {position: min(planned_start, self.data_minute)}
        dates = (fact.low or fact.finish, fact.finish, fact.high or fact.finish)
        low, mode, high = (float(max(0, date - self.data_minute)) for date in dates)
        self.remaining[unit, position] = RemainingDuration((low, mode, high), is_promise=True)
