"""The window rule: every trade's hours spread over the time between its earliest start and its latest finish.

The estimator's way to size crews. It is kept for comparison, and as the place where the levelled plan begins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.config.project import Project
from sim.config.sections.labour import Trade
from sim.metrics.schedule import NEVER
from sim.plan.mechanisms.crews import mean_over_peak
from sim.plan.vocabulary import MINUTES_PER_WEEK, WORK
from sim.study.crew_planning.rehearsal import Rehearsal
from sim.world.calendars.project_calendars import SHIFT, day_minutes, productive_share, stated_share

INDOORS = "interior"
"""The exposure by which the planner judges a way of working."""


@dataclass(frozen=True)
class Window:
    """When a trade is needed: minutes from its first earliest start to its last latest finish, and its hours."""

    trade: str
    start: int
    finish: int
    earned_hours: float


def windows(rehearsal: Rehearsal, target: int) -> list[Window]:
    """Return the window of every trade when every block may be as late as the last one may, for the target."""
    bound = rehearsal.latest_for(target)
    works = rehearsal.rows_of(WORK)
    steps = rehearsal.log[works, 1]
    found = []
    for number, trade in enumerate(rehearsal.plan.trades):
        own = works[rehearsal.plan.people[steps, number] > 0]
        ends = bound[own][bound[own] != NEVER]
        # nothing waits for this trade: it may work until the target
        last = int(ends.max()) if len(ends) else target
        found.append(Window(trade, int(rehearsal.log[own, 2].min()), last, _earned(rehearsal, own, number)))
    return found


def _earned(rehearsal: Rehearsal, works: np.ndarray, trade: int) -> float:
    """Return the hours of a trade that some works earn, each step once."""
    plan, steps = rehearsal.plan, rehearsal.log[works, 1]
    steps = np.unique(steps[plan.earns[steps]])
    minutes = rehearsal.draws.content[plan.rows[steps, 1]]
    return float((minutes * plan.people[steps, trade]).sum()) / 60


def crews_of_window(project: Project, window: Window, most: int) -> int:
    """Return a trade's crews: hours × (1 + loss) ÷ (weeks × hours a week × utilisation × shape), whole crews.

    Never fewer than one step takes at once (`most`); as many as the planner typed in, if he did. Hours a week are
    those of all shifts, as a crew has a team in each of them.
    """
    labour = project.labour
    trade = labour.trades[window.trade]
    if trade.crews is not None:
        return max(trade.crews, most)
    weeks = max(1.0, (window.finish - window.start) / MINUTES_PER_WEEK)
    week_hours = day_minutes(project)[SHIFT] / 60 * len(project.site_calendar.days)
    hours = window.earned_hours * (1 + labour.planned_loss.value) * _relative_hours(project, trade)
    people = hours / (weeks * week_hours * labour.utilisation.value * mean_over_peak(labour.ramp))
    return max(most, round(people / trade.team))


def _relative_hours(project: Project, trade: Trade) -> float:
    """Return the hours wanted over those under the conditions for which the losses are stated: 1 under these.

    The planned loss is stated for the same way of working and mix of people as the losses; where the project has
    another one, its planner allows for it in proportion.
    """
    productivity = project.labour.productivity
    if productivity is None:
        return 1 / trade.output
    crowded = 1.0 if productivity.crowding is None else 1 - productivity.crowding.in_losses.value
    stated, own = stated_share(project, INDOORS), productive_share(project, project.pattern, INDOORS)
    return productivity.loss_ratio / crowded * stated / own / trade.output
