"""The crew plan and the order dates of a project: the same rules for every strategy.

Crews are planned for the target date at expected durations, or, where as many crews as anybody asks for would not keep
it, for the date that crews of the window rule keep. The levelled plan has the smallest peak that keeps the date.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sim.config.project import Project
from sim.plan.context import ResourcePlan
from sim.plan.mechanisms.crews import hires_per_week
from sim.plan.vocabulary import MINUTES_PER_DAY, MINUTES_PER_WEEK
from sim.study.crew_planning.levelling import Aim, Levelled, Levelling
from sim.study.crew_planning.manning import Manning, mobilisations
from sim.study.crew_planning.rehearsal import Rehearsal
from sim.study.crew_planning.window_rule import Window, crews_of_window, windows

MEAN_TOLERANCE = MINUTES_PER_WEEK
"""So much later than by the window rule may blocks be online on the mean, in exchange for a lower peak: assumption."""


@dataclass(frozen=True)
class CrewPlan:
    """What was settled before the plan was written, and why.

    `earliest_days` is the expected finish with as many crews as anybody asks for; `planned_for_days` the date the crews
    are planned for, and `finish_days` the one that the rehearsal with them keeps; `window_peak` and `window_days` are
    peak and expected finish of the window rule.
    """

    resource_plan: ResourcePlan
    windows: tuple[Window, ...]
    manning: Manning
    earliest_days: float
    planned_for_days: float
    finish_days: float
    window_peak: int
    window_days: float


def plan_crews(project: Project) -> CrewPlan:
    """Return the crew plan and the order dates of a project, from rehearsals at expected durations.

    The first, with as many crews as anybody asks for, gives every trade its window and every job its latest finish.
    Many more, with so many crews of each trade from the beginning, give the crew plan. The next, with those crews as
    they come and go, gives every order the latest date that delays nothing.
    """
    project = project.with_risks("none")  # none occurs in an expected plan
    first = Rehearsal(project, ResourcePlan())
    target = round(project.scale.target_days * MINUTES_PER_DAY)
    own = windows(first, max(first.finish, target))
    begin = {window.trade: crews_of_window(project, window, first.most[window.trade]) for window in own}
    priorities = first.priorities(max(first.finish, target)) if project.labour.dispatch == "latest_finish" else {}
    rehearsal = Rehearsal(project, ResourcePlan(priorities=priorities))
    search = Levelling(rehearsal, [name for name, trade in project.labour.trades.items() if trade.crews is not None])
    by_window = search.plan(begin)
    aim = Aim(target if first.finish <= target else by_window.finish, by_window.mean_online + MEAN_TOLERANCE)
    chosen = _chosen(project, search, by_window, aim, first.finish)
    rehearsal.rerun(chosen.crews)
    hires = {trade: hires_per_week(project, trade) for trade in rehearsal.most}
    crews = mobilisations(rehearsal, chosen.manning, hires)
    resource_plan = _with_dates(
        project, ResourcePlan(chosen.crews, crews, placed=rehearsal.placed(), priorities=priorities)
    )
    return CrewPlan(
        resource_plan,
        tuple(own),
        chosen.manning,
        earliest_days=first.finish / MINUTES_PER_DAY,
        planned_for_days=aim.finish / MINUTES_PER_DAY,
        finish_days=chosen.finish / MINUTES_PER_DAY,
        window_peak=by_window.manning.peak,
        window_days=by_window.finish / MINUTES_PER_DAY,
    )


def _chosen(project: Project, search: Levelling, by_window: Levelled, aim: Aim, earliest: int) -> Levelled:
    """Return the crews by the rule the project asks for."""
    if project.labour.crew_plan == "window":
        return by_window
    if project.labour.limit is not None:
        return search.within(project.labour.limit, earliest, by_window.crews)
    return search.level(aim, by_window.crews)


def _with_dates(project: Project, resource_plan: ResourcePlan) -> ResourcePlan:
    """Return the resource plan with the dates of orders and releases that the crews' coming and going leaves."""
    if project.procurement.policy == "just_in_time":
        called = Rehearsal(project, resource_plan)
        resource_plan = replace(resource_plan, order_minutes=called.order_minutes(), placed=called.placed())
    if project.orders.policy == "released":
        resource_plan = replace(resource_plan, released=Rehearsal(project, resource_plan).released())
    return resource_plan
