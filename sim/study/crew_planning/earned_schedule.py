"""Reviews of progress by earned schedule: how many hours a trade must have done at the latest, review by review.

Earned schedule (Lipke 2003) reads progress on the axis of time: a project is so many days behind as lie between now and
the day for which what is done was planned. Here the plan is the expected one and its latest dates, so that float counts
as time in hand: a trade that has done less than what had to be finished d days ago has work that is more than d days
later than its latest finish, and unless that is made up for, so is the project.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from sim.config.project import Project
from sim.config.sections.acceleration import Acceleration
from sim.metrics.schedule import NEVER
from sim.plan.compiled_plan import LogColumn
from sim.plan.deterministic_draws import expected_draws
from sim.plan.mechanisms.crews import crews_available, done
from sim.plan.plan_context import (
    Mobilisation,
    ResourcePlan,
    Review,
    TradeReviews,
    people_of_crew,
    people_of_second_shift,
)
from sim.plan.vocabulary import MINUTES_PER_DAY, MINUTES_PER_WEEK, SIGNAL
from sim.study.crew_planning.rehearsal import Rehearsal
from sim.world.working_time import Calendar

UNTIL_LATE = 1.5
"""Reviews go on until so many times the expected finish: later than that almost no run is still behind."""


def progress_reviews(
    project: Project, resource_plan: ResourcePlan, calendars: Mapping[str, Calendar]
) -> dict[str, TradeReviews]:
    """Return the reviews of every trade whose crews are planned, from a rehearsal of the expected plan."""
    policy = project.labour.acceleration
    if policy is None or not policy.active:
        return {}
    rehearsal = Rehearsal(project, resource_plan, expected_draws, calendars)
    latest_minute = rehearsal.latest_for(rehearsal.finish)
    signals = rehearsal.rows_of(SIGNAL)
    gate_of_signal = rehearsal.plan.argument_of[rehearsal.log[signals, LogColumn.STEP]]
    reviews_of_trade = {}
    for trade, crews in resource_plan.mobilisations.items():
        reports = signals[gate_of_signal == rehearsal.plan.gates.index(done(trade))]
        reports = reports[latest_minute[reports] != NEVER]
        overtime, extra_crews, second_shift_crews = _measures(project, policy, trade, len(crews))
        measures = overtime + extra_crews + second_shift_crews
        if len(reports) and measures:
            latest, hours = latest_minute[reports], rehearsal.log[reports, LogColumn.DETAIL]
            order = latest.argsort(kind="stable")
            curve = latest[order], hours[order].cumsum()
            reviews = tuple(_reviews(policy, curve, measures, rehearsal.finish))
            if reviews:
                before = _trade_before(trade, crews)
                reviews_of_trade[trade] = TradeReviews(reviews, overtime, extra_crews, before, second_shift_crews)
    return reviews_of_trade


def _measures(project: Project, policy: Acceleration, trade: str, planned: int) -> tuple[int, int, int]:
    """Return how many measures a trade of so many planned crews may be given: overtime, extra crews, a second shift.

    Overtime and second shift are counted in crews' worth of work.
    """
    overtime = 0 if policy.overtime is None else policy.overtime.worth(planned)
    capped = project.labour.limit is not None
    extra_crews = 0 if policy.crews is None or capped else policy.crews.more(planned)
    one_shift = len(project.pattern.shifts) == 1
    shift = 0 if policy.shift is None or capped or not one_shift else policy.shift.worth(planned)
    available = crews_available(project, trade)
    if available is not None:
        extra_crews = min(extra_crews, available - planned)
        people_left = (available - planned - extra_crews) * people_of_crew(project, trade)
        shift = min(shift, people_left // people_of_second_shift(project, trade))
    return overtime, extra_crews, shift


def _reviews(
    policy: Acceleration, curve: tuple[NDArray[np.int64], NDArray[np.int64]], measures: int, finish: int
) -> Iterator[Review]:
    """Yield the reviews of a trade: by measure, the hours that must be done at a review so that the measure is not taken.

    `curve` is (latest minutes, hours due by them); a later measure is taken only where the trade is further behind.
    """
    slips = [policy.slip_days * (1 + measure / measures) * MINUTES_PER_DAY for measure in range(measures)]
    for minute in range(0, round(UNTIL_LATE * finish), policy.every_weeks * MINUTES_PER_WEEK):
        enough_hours = tuple(_hours_due(curve, minute - slip) for slip in slips)
        if enough_hours[0] > 0:
            yield Review(minute, enough_hours, _hours_due(curve, minute))


def _hours_due(curve: tuple[NDArray[np.int64], NDArray[np.int64]], minute: float) -> int:
    """Return the hours that must be done at the latest by a minute."""
    latest_minutes, hours = curve
    last_due = int(np.searchsorted(latest_minutes, minute, side="right")) - 1
    return int(hours[last_due]) if last_due >= 0 else 0


def _trade_before(trade: str, crews: tuple[Mobilisation, ...]) -> str:
    """Return the other trade by whose progress most crews of a trade are called; empty if there is none."""
    crews_by_trade = Counter(crew.progress.trade for crew in crews if crew.progress is not None)
    crews_by_trade.pop(trade, None)
    return crews_by_trade.most_common(1)[0][0] if crews_by_trade else ""
