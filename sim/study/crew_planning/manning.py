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
from sim.plan.context import Mobilisation, Progress
from sim.plan.mechanisms.crews import done
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
    """Return the manning that a rehearsed log needs."""
    project, trades = rehearsal.project, tuple(rehearsal.most)
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
    """Return what `crew_weeks` returns, by machine code."""
    from sim.metrics.kernels.crew_weeks import crew_weeks

    return crew_weeks(log, *rehearsal.changes_by_step, MINUTES_PER_WEEK, rehearsal.project.labour.idle_weeks)


def crew_weeks(rehearsal: Rehearsal, log: Ints) -> tuple[Ints, Ints]:
    """Return crews by trade and week, busy at most, and manned."""
    on_crews = log[rehearsal.crew_steps[log[:, 1]]]
    crews = rehearsal.crew_changes[:, on_crews[:, 1]].cumsum(axis=1)
    busy = _weekly(on_crews[:, 0], crews, int(log[-1, 0]) // MINUTES_PER_WEEK + 1)
    return busy, closed(busy, rehearsal.project.labour.idle_weeks)


def _weekly(minute: Ints, busy: Ints, weeks: int) -> Ints:
    """Return the most crews busy in every week; `busy` holds from its minute to the next one."""
    found = np.zeros((len(busy), weeks), np.int64)
    last = np.searchsorted(minute, np.arange(weeks) * MINUTES_PER_WEEK, side="right") - 1
    begun = last >= 0
    found[:, begun] = busy[:, last[begun]]  # what is busy as a week begins
    week = minute // MINUTES_PER_WEEK
    first = np.flatnonzero(np.diff(week, prepend=-1))
    if len(first):
        found[:, week[first]] = np.maximum(found[:, week[first]], np.maximum.reduceat(busy, first, axis=1))
    return found


def closed(busy: Ints, idle_weeks: int) -> Ints:
    """Return crews by week with valleys of up to `idle_weeks` filled: a grey closing of every row."""
    span = idle_weeks + 1
    windows = np.lib.stride_tricks.sliding_window_view
    wide = np.pad(busy, ((0, 0), (span - 1, span - 1)))
    highest = windows(wide, span, axis=1).max(axis=2)
    return windows(highest, span, axis=1).min(axis=2)


def mobilisations(
    rehearsal: Rehearsal, plan: Manning, hired_per_week: dict[str, int]
) -> dict[str, tuple[Mobilisation, ...]]:
    """Return the stays of every crew of every trade: when it is called, and the hours done at which it may leave.

    The k-th crew is on site while k crews are manned. The first ones, as many as any step takes at once, stay for all
    the work of their trade: without them a step could wait for ever.
    """
    timeline = _Timeline(rehearsal)
    undated = bool(rehearsal.placed())  # calls count from orders, whose dates are not known yet
    by_date = undated or rehearsal.project.labour.called_by != "progress"
    early = rehearsal.project.labour.early_weeks
    found = {}
    for number, trade in enumerate(plan.trades):
        if curve := rehearsal.project.labour.trades[trade].crews_by_month:
            found[trade] = typed_stays(curve, rehearsal.most[trade])
            continue
        stays = [
            _stays(plan.manned[number], crew, merged=undated or crew <= rehearsal.most[trade])
            for crew in range(1, int(plan.manned[number].max(initial=0)) + 1)
        ]
        needs = [[timeline.need(number, crew, *weeks) for weeks in of] for crew, of in enumerate(stays, 1)]
        called = _call_minutes(needs, hired_per_week[trade], early)
        found[trade] = tuple(
            _mobilisation([
                Mobilisation(call, need.until_hours, need.unit, None if by_date else timeline.progress(need.row, call))
                for call, need in zip(calls, of, strict=True)
            ])
            for calls, of in zip(called, needs, strict=True)
        )  # fmt: skip
    return found


def with_typed_curves(plan: Manning, curves: Mapping[str, Sequence[int]]) -> Manning:
    """Return a manning with the curves that are typed in, month by month, instead of what the rehearsal needs."""
    weeks = max([plan.manned.shape[1], *(len(curve) * MONTH // MINUTES_PER_WEEK + 1 for curve in curves.values())])
    manned = np.pad(plan.manned, ((0, 0), (0, weeks - plan.manned.shape[1])))
    busy = np.pad(plan.busy, ((0, 0), (0, weeks - plan.busy.shape[1])))
    month = np.arange(weeks) * MINUTES_PER_WEEK // MONTH
    for number, trade in enumerate(plan.trades):
        if curve := curves.get(trade, ()):
            manned[number] = np.where(month < len(curve), np.array([*curve, 0])[np.minimum(month, len(curve))], 0)
            busy[number] = np.minimum(busy[number], manned[number])
    return replace(plan, manned=manned, busy=busy)


def typed_stays(curve: Sequence[int], most: int) -> tuple[Mobilisation, ...]:
    """Return the stays of every crew of a trade whose crews are typed in month by month.

    The first ones, as many as one step takes at once, come in the first month in which anybody does, and stay.
    """
    by_month, found = np.asarray(curve, np.int64), list[Mobilisation]()
    for crew in range(1, max(int(by_month.max()), most) + 1):
        stays = _stays(by_month, min(crew, int(by_month.max())) if crew > most else 1, merged=crew <= most)
        found.append(_mobilisation([
            Mobilisation(max(0, first * MONTH - LEAD), 1, until_minute=(last + 1) * MONTH) for first, last in stays
        ]))  # fmt: skip
    return tuple(found)


def _mobilisation(stays: Sequence[Mobilisation]) -> Mobilisation:
    """Return the first stay with the later ones as its returns."""
    first = stays[0]
    return replace(first, returns=tuple(stays[1:]))


def _stays(manned: Ints, crew: int, *, merged: bool) -> list[tuple[int, int]]:
    """Return the (first, last) weeks of every stretch in which at least so many crews are manned."""
    there = np.flatnonzero(manned >= crew)
    if merged:
        return [(int(there[0]), int(there[-1]))]
    breaks = np.flatnonzero(np.diff(there) > 1)
    first, last = [there[0], *there[breaks + 1]], [*there[breaks], there[-1]]
    return [(int(begin), int(end)) for begin, end in zip(first, last, strict=True)]


def _call_minutes(needs: Sequence[Sequence[Need]], hired_per_week: int, early_weeks: int | None) -> list[list[int]]:
    """Return when every crew must be called to be at work when it is needed, however long the queue of hiring is.

    Counted back from the last need: of the crews that are hired before another one, so many find a place each week.
    None is called to be there more than `early_weeks` before its work: where hiring takes longer than that, the trade
    grows while its work is under way.
    """
    order = sorted(((need.minute, crew, stay) for crew, of in enumerate(needs) for stay, need in enumerate(of)))
    called: list[int] = [0] * len(order)
    for place in range(len(order) - 1, -1, -1):
        called[place] = order[place][0] - LEAD
        if place + hired_per_week < len(order):
            called[place] = min(called[place], called[place + hired_per_week] - MINUTES_PER_WEEK)
    found = [[0] * len(of) for of in needs]
    for (needed, crew, stay), minute in zip(order, called, strict=True):
        soonest = 0 if early_weeks is None else needed - LEAD - early_weeks * MINUTES_PER_WEEK
        found[crew][stay] = max(0, minute, soonest)
    return found


@dataclass(frozen=True)
class Need:
    """A stay of a crew: the row of the log and the minute at which it is first needed, by whom, and its last hours."""

    row: int
    minute: int
    unit: str
    until_hours: int


class _Timeline:
    """A rehearsed log as crews see it: who is busy when, and how many hours every trade has behind it."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        """Read the log once."""
        plan, log = rehearsal.plan, rehearsal.log
        self.rehearsal, self.minute = rehearsal, log[:, 0]
        self.busy = rehearsal.crew_changes[:, log[:, 1]].cumsum(axis=1)
        self.trades = tuple(rehearsal.most)
        self.hours = np.zeros((len(self.trades), len(log)), np.int64)
        operation, argument = plan.rows[log[:, 1], 0], plan.rows[log[:, 1], 1]
        for number, trade in enumerate(self.trades):
            reported = (operation == SIGNAL) & (argument == plan.gates.index(done(trade)))
            self.hours[number] = np.where(reported, log[:, 2], 0).cumsum()
        self._reports = [np.flatnonzero(np.diff(hours, prepend=0)) for hours in self.hours]

    def need(self, trade: int, crew: int, first_week: int, last_week: int) -> Need:
        """Return when a crew is first and last needed in some weeks."""
        begin, end = first_week * MINUTES_PER_WEEK, (last_week + 1) * MINUTES_PER_WEEK
        inside = slice(*np.searchsorted(self.minute, (begin, end)).tolist())
        rows = np.flatnonzero(self.busy[trade, inside] >= crew) + inside.start
        # busy since an earlier week: the row that began it
        first = int(rows[0]) if len(rows) else max(0, inside.start - 1)
        last = int(rows[-1]) if len(rows) else first
        plan, log = self.rehearsal.plan, self.rehearsal.log
        unit = plan.units[plan.unit_of[log[first, 1]]]
        minute = max(begin, int(self.minute[first])) if not len(rows) else int(self.minute[first])
        return Need(first, minute, unit, max(1, int(self.hours[trade, last]) + 1))

    def progress(self, row: int, called: int) -> Progress | None:
        """Return what has been done when a crew is called that is needed at a row: by the trade that works before it.

        None where no trade has done anything by then: the crew is called on its date.
        """
        for trade in self._trades_before(row):
            reports = self._reports[trade]
            at = int(np.searchsorted(self.minute[reports], called, side="right")) - 1
            if at >= 0:
                reached = int(reports[at])
                return Progress(self.trades[trade], int(self.hours[trade, reached]), called - int(self.minute[reached]))
        return None

    def _trades_before(self, row: int) -> Iterator[int]:
        """Yield trades whose reports came last before a row, the latest first: the work that this one follows."""
        latest = {
            trade: int(reports[at])
            for trade, reports in enumerate(self._reports)
            if (at := int(np.searchsorted(reports, row)) - 1) >= 0
        }
        yield from sorted(latest, key=lambda trade: -latest[trade])
