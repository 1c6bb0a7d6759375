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
from sim.plan.context import Mobilisation, ResourcePlan, Review, TradeReviews
from sim.plan.deterministic_draws import expected_draws
from sim.plan.mechanisms.acceleration import second_shift
from sim.plan.mechanisms.crews import crews_available, done, on_site
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
    bound = rehearsal.latest_for(rehearsal.finish)
    signals = rehearsal.rows_of(SIGNAL)
    reported = rehearsal.plan.rows[rehearsal.log[signals, 1], 1]
    found = {}
    for trade, crews in resource_plan.mobilisations.items():
        own = signals[reported == rehearsal.plan.gates.index(done(trade))]
        own = own[bound[own] != NEVER]
        overtime, more, shift = _measures(project, policy, trade, len(crews))
        if len(own) and overtime + more + shift:
            latest, hours = bound[own], rehearsal.log[own, 2]
            order = latest.argsort(kind="stable")
            curve = latest[order], hours[order].cumsum()
            reviews = tuple(_reviews(policy, curve, overtime + more + shift, rehearsal.finish))
            if reviews:
                found[trade] = TradeReviews(reviews, overtime, more, _trade_before(trade, crews), shift)
    return found


def _measures(project: Project, policy: Acceleration, trade: str, planned: int) -> tuple[int, int, int]:
    """Return what so many planned crews may be given: crews' worth of overtime, crews, crews' worth of a second shift."""
    overtime = 0 if policy.overtime is None else policy.overtime.worth(planned)
    capped = project.labour.limit is not None
    more = 0 if policy.crews is None or capped else policy.crews.more(planned)
    alone = len(project.pattern.shifts) == 1
    shift = 0 if policy.shift is None or capped or not alone else policy.shift.worth(planned)
    there = crews_available(project, trade)
    if there is not None:
        more = min(more, there - planned)
        shift = min(shift, (there - planned - more) * on_site(project, trade) // second_shift(project, trade))
    return overtime, more, shift


def _reviews(
    policy: Acceleration, curve: tuple[NDArray[np.int64], NDArray[np.int64]], measures: int, finish: int
) -> Iterator[Review]:
    """Yield the reviews by which anything of a trade must be finished."""
    slips = [policy.slip_days * (1 + measure / measures) * MINUTES_PER_DAY for measure in range(measures)]
    for minute in range(0, round(UNTIL_LATE * finish), policy.every_weeks * MINUTES_PER_WEEK):
        enough = tuple(_due(curve, minute - slip) for slip in slips)
        if enough[0] > 0:
            yield Review(minute, enough, _due(curve, minute))


def _due(curve: tuple[NDArray[np.int64], NDArray[np.int64]], minute: float) -> int:
    """Return the hours that must be done at the latest by a minute."""
    latest, hours = curve
    at = int(np.searchsorted(latest, minute, side="right")) - 1
    return int(hours[at]) if at >= 0 else 0


def _trade_before(trade: str, crews: tuple[Mobilisation, ...]) -> str:
    """Return the trade on whose progress most crews are called."""
    before = Counter(crew.progress.trade for crew in crews if crew.progress is not None)
    before.pop(trade, None)
    return before.most_common(1)[0][0] if before else ""
