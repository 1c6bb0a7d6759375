"""Manning: how many crews of every trade are on site in every week, as a rehearsal needs them.

A crew that has no work for up to `idle_weeks` stays; for longer it goes home and comes back. A plan is judged by its
peak, by the idle weeks of crews that are kept through valleys, and by how many crews are released and hired again:
resource idle days and release and re-hire of El-Rayes and Jun, Journal of Construction Engineering and Management 135
(2009), counted in crew-weeks here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil

import numpy as np
from numpy.typing import NDArray

from sim.jit import available
from sim.metrics.event_log import MONTH
from sim.plan.compiled_plan import LogColumn
from sim.plan.mechanisms.crews import done
from sim.plan.plan_context import CalledAfter, Mobilisation
from sim.plan.vocabulary import MINUTES_PER_DAY, MINUTES_PER_WEEK, SIGNAL
from sim.study.crew_planning.rehearsal import Rehearsal

Ints = NDArray[np.int64]
LEAD = MINUTES_PER_WEEK + 2 * MINUTES_PER_DAY
"""From the call of a crew to its first day of work: a week of hiring and two days of induction."""


@dataclass(frozen=True)
class Manning:
    """Crews by trade and week: `busy` at most, and `manned`, both of shape (trades, weeks); people of one crew."""

    trades: tuple[str, ...]
    busy: Ints
    manned: Ints
    people_per_crew: Ints
    indirect_ratio: float

    @property
    def people(self) -> NDArray[np.float64]:
        """Return the people on site by week, indirect ones included."""
        return np.asarray(self.people_per_crew @ self.manned * (1 + self.indirect_ratio), np.float64)

    @property
    def peak(self) -> int:
        """Return the most people on site in any week."""
        return ceil(self.people.max(initial=0.0) - 1e-9)

    @property
    def sum_of_squares(self) -> float:
        """Return the sum of squared weekly people, the classic measure of a level plan (Burgess, Killebrew 1962)."""
        return float((self.people**2).sum())

    @property
    def idle_crew_weeks(self) -> int:
        """Return the weeks that crews are kept without work between two pieces of work."""
        return int((self.manned - self.busy).sum())

    @property
    def rehired_crews(self) -> int:
        """Return how many times a crew is released and needed again."""
        rises = np.maximum(np.diff(self.manned, axis=1, prepend=0), 0).sum(axis=1)
        return int((rises - self.manned.max(axis=1, initial=0)).sum())


def manning(rehearsal: Rehearsal, log: Ints) -> Manning:
    """Return the manning that the work in a log needs, which is of a rehearsal: its plan, run once without chance."""
    project, trades = rehearsal.project, tuple(rehearsal.max_crews_at_once)
    weeks = compiled_weeks if available() else crew_weeks
    busy, manned = weeks(rehearsal, log)
    return Manning(
        trades,
        busy,
        manned,
        np.array([project.labour.trades[trade].team * len(project.pattern.shifts) for trade in trades], np.int64),
        project.labour.indirect_ratio.value,
    )


def compiled_weeks(rehearsal: Rehearsal, log: Ints) -> tuple[Ints, Ints]:
    """Return crews by trade and week, busy at most, and manned, in the log of a rehearsal; as `crew_weeks`, compiled."""
    from sim.metrics.kernels.crew_weeks import crew_weeks

    return crew_weeks(log, *rehearsal.crew_changes, MINUTES_PER_WEEK, rehearsal.project.labour.idle_weeks)


def crew_weeks(rehearsal: Rehearsal, log: Ints) -> tuple[Ints, Ints]:
    """Return crews by trade and week: the most that are busy, and those manned; both of shape (trades, weeks).

    `log` is one of the rehearsal, the plan run without chance, with any number of crews.
    """
    changes = log[rehearsal.crew_steps[log[:, LogColumn.STEP]]]
    busy_after = rehearsal.busy_crews(changes[:, LogColumn.STEP])
    weeks = int(log[-1, LogColumn.MINUTE]) // MINUTES_PER_WEEK + 1
    busy = _weekly_maximum(changes[:, LogColumn.MINUTE], busy_after, weeks)
    return busy, with_valleys_filled(busy, rehearsal.project.labour.idle_weeks)


def _weekly_maximum(minute: Ints, busy: NDArray[np.int32], weeks: int) -> Ints:
    """Return the most busy crews by trade and week, shape (trades, weeks); each column of `busy` holds from its minute on."""
    busiest = np.zeros((len(busy), weeks), np.int64)
    change_before_week = np.searchsorted(minute, np.arange(weeks) * MINUTES_PER_WEEK, side="right") - 1
    has_change_before = change_before_week >= 0
    busiest[:, has_change_before] = busy[:, change_before_week[has_change_before]]  # busy as a week begins
    week = minute // MINUTES_PER_WEEK
    first_in_week = np.flatnonzero(np.diff(week, prepend=-1))
    if len(first_in_week):
        busiest_in_week = np.maximum.reduceat(busy, first_in_week, axis=1)
        busiest[:, week[first_in_week]] = np.maximum(busiest[:, week[first_in_week]], busiest_in_week)
    return busiest


def with_valleys_filled(busy: Ints, idle_weeks: int) -> Ints:
    """Return crews by trade and week with valleys of up to `idle_weeks` filled: a grey closing of every row."""
    span = idle_weeks + 1
    windows = np.lib.stride_tricks.sliding_window_view
    padded = np.pad(busy, ((0, 0), (span - 1, span - 1)))
    highest = windows(padded, span, axis=1).max(axis=2)
    return windows(highest, span, axis=1).min(axis=2)


def mobilisations(
    rehearsal: Rehearsal, plan: Manning, hired_per_week: dict[str, int]
) -> dict[str, tuple[Mobilisation, ...]]:
    """Return by trade the stays of each of its crews: when it is called, and the hours done at which it may leave.

    Both are those of the rehearsal, the plan run once without chance with the crews of `plan` on site from the beginning.

    The k-th crew is on site while k crews are manned. The first ones, as many as any step takes at once, stay for all
    the work of their trade: without them a step could wait for ever.
    """
    timeline = _Timeline(rehearsal)
    undated = bool(rehearsal.placement_minutes())  # calls count from orders, whose dates are not known yet
    called_by_date = undated or rehearsal.project.labour.called_by != "progress"
    early_weeks = rehearsal.project.labour.early_weeks
    stays_of_trade = {}
    for number, trade in enumerate(plan.trades):
        if curve := rehearsal.project.labour.trades[trade].crews_by_month:
            stays_of_trade[trade] = entered_stays(curve, rehearsal.max_crews_at_once[trade])
            continue
        weeks_by_crew = [
            _stays(plan.manned[number], crew, merged=undated or crew <= rehearsal.max_crews_at_once[trade])
            for crew in range(1, int(plan.manned[number].max(initial=0)) + 1)
        ]
        needs = [
            [timeline.need(number, crew, first_week, last_week) for first_week, last_week in weeks_of_stays]
            for crew, weeks_of_stays in enumerate(weeks_by_crew, 1)
        ]
        calls = _call_minutes(needs, hired_per_week[trade], early_weeks)
        stays_of_trade[trade] = tuple(
            _mobilisation([
                Mobilisation(
                    call, need.until_hours, need.unit, None if called_by_date else timeline.progress(need.row, call)
                )
                for call, need in zip(calls_of_crew, needs_of_crew, strict=True)
            ])
            for calls_of_crew, needs_of_crew in zip(calls, needs, strict=True)
        )  # fmt: skip
    return stays_of_trade


def with_entered_curves(plan: Manning, curves: Mapping[str, Sequence[int]]) -> Manning:
    """Return a manning in which some trades have the crews by month entered for them (`curves`), not the rehearsed ones."""
    weeks = max([plan.manned.shape[1], *(len(curve) * MONTH // MINUTES_PER_WEEK + 1 for curve in curves.values())])
    manned = np.pad(plan.manned, ((0, 0), (0, weeks - plan.manned.shape[1])))
    busy = np.pad(plan.busy, ((0, 0), (0, weeks - plan.busy.shape[1])))
    month = np.arange(weeks) * MINUTES_PER_WEEK // MONTH
    for number, trade in enumerate(plan.trades):
        if curve := curves.get(trade, ()):
            manned[number] = np.where(month < len(curve), np.array([*curve, 0])[np.minimum(month, len(curve))], 0)
            busy[number] = np.minimum(busy[number], manned[number])
    return replace(plan, manned=manned, busy=busy)


def entered_stays(curve: Sequence[int], max_crews_at_once: int) -> tuple[Mobilisation, ...]:
    """Return the stays of every crew of a trade whose crews are entered month by month.

    The first ones, as many as one step takes at once, come in the first month in which anybody does, and stay.
    """
    by_month, mobilisations = np.asarray(curve, np.int64), list[Mobilisation]()
    peak = int(by_month.max())
    for crew in range(1, max(peak, max_crews_at_once) + 1):
        stays_throughout = crew <= max_crews_at_once
        months = _stays(by_month, 1 if stays_throughout else min(crew, peak), merged=stays_throughout)
        mobilisations.append(_mobilisation([
            Mobilisation(max(0, first * MONTH - LEAD), 1, until_minute=(last + 1) * MONTH) for first, last in months
        ]))  # fmt: skip
    return tuple(mobilisations)


def _mobilisation(stays: Sequence[Mobilisation]) -> Mobilisation:
    """Return the first stay of a crew, with the later ones as its returns."""
    first = stays[0]
    return replace(first, returns=tuple(stays[1:]))


def _stays(manned: Ints, crew: int, *, merged: bool) -> list[tuple[int, int]]:
    """Return (first, last) period of every stretch in which at least `crew` crews are manned; as one stretch if `merged`.

    `manned` has the crews of one trade by period, a week or a month.
    """
    on_site = np.flatnonzero(manned >= crew)
    if merged:
        return [(int(on_site[0]), int(on_site[-1]))]
    breaks = np.flatnonzero(np.diff(on_site) > 1)
    first, last = [on_site[0], *on_site[breaks + 1]], [*on_site[breaks], on_site[-1]]
    return [(int(begin), int(end)) for begin, end in zip(first, last, strict=True)]


def _call_minutes(needs: Sequence[Sequence[Need]], hired_per_week: int, early_weeks: int | None) -> list[list[int]]:
    """Return by crew and stay the minute at which the crew must be called, so that it is hired when it is needed.

    Counted back from the last need: `hired_per_week` crews are hired a week, so the k-th last is called a week before the one
    so many places behind it. None is called to be on site more than `early_weeks` before its work: where hiring takes longer
    than that, the trade grows while its work is under way.
    """
    order = sorted(
        (need.minute, crew, stay) for crew, needs_of_crew in enumerate(needs) for stay, need in enumerate(needs_of_crew)
    )
    calls: list[int] = [0] * len(order)
    for position in range(len(order) - 1, -1, -1):
        calls[position] = order[position][0] - LEAD
        if position + hired_per_week < len(order):
            calls[position] = min(calls[position], calls[position + hired_per_week] - MINUTES_PER_WEEK)
    call_minutes = [[0] * len(needs_of_crew) for needs_of_crew in needs]
    for (minute_needed, crew, stay), call in zip(order, calls, strict=True):
        earliest_call = 0 if early_weeks is None else minute_needed - LEAD - early_weeks * MINUTES_PER_WEEK
        call_minutes[crew][stay] = max(0, call, earliest_call)
    return call_minutes


@dataclass(frozen=True)
class Need:
    """Why a crew stays on site: the row of the log, the minute and the unit that need it first, and until when.

    It is needed until its trade has worked `until_hours`.
    """

    row: int
    minute: int
    unit: str
    until_hours: int


class _Timeline:
    """The log of a rehearsal (the plan run once without chance) by trade: busy crews and person-hours worked, row by row."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        """Add up over the log, by trade, the crews taken and given back and the person-hours reported at the end of works."""
        plan, log = rehearsal.plan, rehearsal.log
        self.rehearsal, self.minute = rehearsal, log[:, LogColumn.MINUTE]
        self.busy = rehearsal.busy_crews(log[:, LogColumn.STEP])
        self.trades = tuple(rehearsal.max_crews_at_once)
        # by trade, the rows at which it reports hours, and those reported by then, from none
        self._reports, self._hours = list[Ints](), list[Ints]()
        operation, argument = plan.operation_of[log[:, LogColumn.STEP]], plan.argument_of[log[:, LogColumn.STEP]]
        for trade in self.trades:
            is_report = (operation == SIGNAL) & (argument == plan.gates.index(done(trade)))
            reports = np.flatnonzero(is_report & (log[:, LogColumn.DETAIL] != 0))
            self._reports.append(reports)
            self._hours.append(np.append(0, log[reports, LogColumn.DETAIL].cumsum()))

    def hours(self, trade: int, row: int) -> int:
        """Return the hours that a trade has reported up to a row of the log."""
        return int(self._hours[trade][np.searchsorted(self._reports[trade], row, side="right")])

    def need(self, trade: int, crew: int, first_week: int, last_week: int) -> Need:
        """Return when, and by which unit, the `crew`-th crew of a trade is first needed in some weeks, and until when."""
        begin, end = first_week * MINUTES_PER_WEEK, (last_week + 1) * MINUTES_PER_WEEK
        rows_in_weeks = slice(*np.searchsorted(self.minute, (begin, end)).tolist())
        rows = np.flatnonzero(self.busy[trade, rows_in_weeks] >= crew) + rows_in_weeks.start
        # busy since an earlier week: the row that began it
        first = int(rows[0]) if len(rows) else max(0, rows_in_weeks.start - 1)
        last = int(rows[-1]) if len(rows) else first
        plan, log = self.rehearsal.plan, self.rehearsal.log
        unit = plan.units[plan.unit_of[log[first, LogColumn.STEP]]]
        minute = max(begin, int(self.minute[first])) if not len(rows) else int(self.minute[first])
        return Need(first, minute, unit, max(1, self.hours(trade, last) + 1))

    def progress(self, row: int, called: int) -> CalledAfter | None:
        """Return the progress by which a crew that is needed at a row is called at minute `called`.

        It is the hours worked by then of the trade that works before it, and the minutes since they were reached. None where
        no trade has worked by then: the crew is called on its date.
        """
        for trade in self._trades_before(row):
            reports = self._reports[trade]
            last_report = int(np.searchsorted(self.minute[reports], called, side="right")) - 1
            if last_report >= 0:
                report_row = int(reports[last_report])
                minutes_since = called - int(self.minute[report_row])
                return CalledAfter(self.trades[trade], self.hours(trade, report_row), minutes_since)
        return None

    def _trades_before(self, row: int) -> Iterator[int]:
        """Yield the trades that reported hours before a row, the one whose last report is latest first."""
        last_report_row = {
            trade: int(reports[last_report])
            for trade, reports in enumerate(self._reports)
            if (last_report := int(np.searchsorted(reports, row)) - 1) >= 0
        }
        yield from sorted(last_report_row, key=lambda trade: -last_report_row[trade])
