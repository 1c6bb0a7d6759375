"""What every mechanism writes with: the project, its layout, the resource plan, and the plan so far.

The resource plan is settled before a plan is written, by `sim.study.crew_planning`: crews, their mobilisations and the
dates of orders. Durations in working days are turned into minutes with the length of a calendar's working day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from sim.config.project import Project
from sim.config.sections.estimates import Estimate
from sim.config.sections.labour import Trade
from sim.plan.layout import Layout, Place
from sim.plan.vocabulary import MINUTES_PER_DAY, Plan, Span, Until, days
from sim.world.distributions import to_distribution
from sim.world.project_calendars import ON_SITE, factory_calendars
from sim.world.working_time import Calendar

# --- plan context ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Progress:
    """How far the work has got when a crew is called: a trade's hours done, and so many minutes later."""

    trade: str
    hours: int
    minutes: int


@dataclass(frozen=True)
class Mobilisation:
    """One crew of a trade on site: the minute at which it is called, and its trade's hours done at which it may leave.

    `because` is the unit whose work first needs so many crews; where orders have no dates, the call counts from its.
    `progress` is what the call waits for where crews follow progress. `returns` are later stays of the same crew.
    """

    called: int
    until_hours: int
    because: str = ""
    progress: Progress | None = None
    returns: tuple[Mobilisation, ...] = ()


@dataclass(frozen=True)
class ResourcePlan:
    """What is settled before the plan is written: crews per trade, their mobilisations, and the date of every order.

    While a project is rehearsed, trades that are not in `mobilisations` are all there from the beginning: `crews` of
    them, or without limit where a trade has no number yet. `order_minutes` is by unit; a unit that is not in it
    orders when its place is decided. `released` is the day of release by place, where that is not its order's;
    `placed` the planned minute of orders that have no date. `priorities` are by unit those of its holds of crews, in
    order: who must finish first goes first.
    """

    crews: Mapping[str, int] = field(default_factory=dict)
    mobilisations: Mapping[str, tuple[Mobilisation, ...]] = field(default_factory=dict)
    order_minutes: Mapping[str, int] = field(default_factory=dict)
    released: Mapping[str, int] = field(default_factory=dict)
    placed: Mapping[str, int] = field(default_factory=dict)
    priorities: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class PlanContext:
    """What every mechanism writes with: the project, its layout, the resource plan, and the plan so far."""

    project: Project
    layout: Layout
    resource_plan: ResourcePlan
    plan: Plan
    site_day_minutes: int
    factory_day_minutes: int

    def trade(self, name: str) -> Trade:
        """Return a trade by name."""
        return self.project.labour.trades[name]

    def people(self, crews: Mapping[str, int]) -> dict[str, int]:
        """Return direct people by trade for so many crews."""
        return {trade: count * self.trade(trade).team for trade, count in crews.items()}

    def day_minutes_on(self, calendar: str) -> int:
        """Return the productive minutes of a day on a calendar of the site or of a factory; on others all of them."""
        if calendar in ON_SITE:
            return self.site_day_minutes
        return self.factory_day_minutes if calendar in self._factory_calendars else MINUTES_PER_DAY

    @cached_property
    def _factory_calendars(self) -> frozenset[str]:
        return factory_calendars(self.project)

    def ordered(self, unit: str, place: Place) -> Until:
        """Return the step that waits for a unit's order date: agreed, but never before its place is decided."""
        decided = place.order_day * MINUTES_PER_DAY
        earliest = self.resource_plan.order_minutes.get(unit, 0)
        return Until("order", days(max(decided, earliest) / MINUTES_PER_DAY), cause="order_date")

    def decided(self, place: Place) -> Until:
        """Return the step that waits for the decision to have a place."""
        return Until("decision", days(place.order_day), cause="order_date")


def working_days(estimate: Estimate, minutes_per_day: int) -> Span:
    """Return a span of working days on a calendar with so many productive minutes a day."""
    return Span(to_distribution(estimate), minutes_per_day)


# --- working days -----------------------------------------------------------------------------------------------------


def always_open(calendar: Calendar) -> bool:
    """Tell whether a calendar never closes: what takes time on it is waiting, not work."""
    return calendar.worked(calendar.horizon) == calendar.horizon


def day_minutes(calendar: Calendar) -> float:
    """Return the open minutes of a calendar's mean working day: all that are open, by the days on which any are."""
    if always_open(calendar):
        return MINUTES_PER_DAY
    first, last = calendar.starts // MINUTES_PER_DAY, (calendar.ends - 1) // MINUTES_PER_DAY
    days = int((last - first + 1).sum()) - int((first[1:] == last[:-1]).sum())
    return float((calendar.ends - calendar.starts).sum()) / max(1, days)
