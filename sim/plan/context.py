"""What every mechanism writes with: the project, its layout, the resource plan, and the plan so far.

The resource plan is settled before a plan is written, by `sim.study.crew_planning`: crews, their mobilisations and the
dates of orders. Durations in working days are turned into minutes with the length of a calendar's working day.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeVar

from sim.config.project import Project
from sim.config.sections.estimates import Estimate
from sim.config.sections.labour import Trade
from sim.plan.copies import Copy
from sim.plan.layout import Layout, Place, sections
from sim.plan.vocabulary import MINUTES_PER_DAY, OWN_SEQUENCE, Plan, Span, UnitInfo, Until, days
from sim.world.distributions import to_distribution
from sim.world.project_calendars import ON_SITE, factory_calendars, named_in
from sim.world.working_time import Calendar

Other = TypeVar("Other")

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
    `progress` is what the call waits for where crews follow progress. `returns` are later stays of the same crew. Where a
    manning curve is typed in, the crew leaves at a minute, `until_minute`, and not when hours are done.
    """

    called: int
    until_hours: int
    because: str = ""
    progress: Progress | None = None
    returns: tuple[Mobilisation, ...] = ()
    until_minute: int | None = None


@dataclass(frozen=True)
class Review:
    """A review of a trade's progress: its minute, and hours done that decide.

    The n-th measure begins where fewer than `enough[n]` are done, and ends where `caught_up` are.
    """

    minute: int
    enough: tuple[int, ...]
    caught_up: int


@dataclass(frozen=True)
class TradeReviews:
    """The reviews of a trade, and what they may add: crews' worth of overtime, then crews, then a second shift worth so many.

    `after` is the trade that works before it: while that one is behind by as much itself, nothing is added here.
    """

    reviews: tuple[Review, ...]
    overtime: int
    crews: int
    after: str = ""
    shift: int = 0


@dataclass(frozen=True)
class ResourcePlan:
    """What is settled before the plan is written: crews per trade, their mobilisations, and the date of every order.

    While a project is rehearsed, trades that are not in `mobilisations` are all there from the beginning: `crews` of
    them, or without limit where a trade has no number yet. `order_minutes` is by unit; a unit that is not in it
    orders when its place is decided. `released` is the day of release by place, where that is not its order's;
    `placed` the planned minute of orders that have no date. `priorities` are by unit those of its holds of crews, in
    order: who must finish first goes first. `reviews` are by trade, where the site reacts to a slip.
    """

    crews: Mapping[str, int] = field(default_factory=dict)
    mobilisations: Mapping[str, tuple[Mobilisation, ...]] = field(default_factory=dict)
    order_minutes: Mapping[str, int] = field(default_factory=dict)
    released: Mapping[str, int] = field(default_factory=dict)
    placed: Mapping[str, int] = field(default_factory=dict)
    priorities: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    reviews: Mapping[str, TradeReviews] = field(default_factory=dict)


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

    def day_minutes_on(self, calendar: str) -> float:
        """Return the productive minutes of a day on a calendar of the site or of a factory; on others all of them."""
        if named := named_in(calendar):
            return self.project.calendars.named[named].day_minutes
        if calendar in ON_SITE:
            return self.site_day_minutes
        return self.factory_day_minutes if calendar in self._factory_calendars else MINUTES_PER_DAY

    def never_closes(self, calendar: str) -> bool:
        """Return whether a calendar is open around the clock from the first day to the last, weather aside."""
        return len(self.plan.calendars[calendar].starts) == 1

    @cached_property
    def _factory_calendars(self) -> frozenset[str]:
        return factory_calendars(self.project)

    def ordered(self, unit: str, place: Place) -> Until:
        """Return the step that waits for a unit's order date: agreed, but never before its place is decided."""
        decided, earliest = place.order_day * MINUTES_PER_DAY, self.resource_plan.order_minutes
        for own in self.plan.copies.names_now(unit) if earliest else ():
            date = days(max(decided, earliest.get(own, 0)) / MINUTES_PER_DAY)
            self.plan.own_spans.setdefault(own, {})["order"] = date
        return Until("order", days(decided / MINUTES_PER_DAY), cause="order_date")

    def each(self, places: Sequence[Place]) -> Iterator[Place]:
        """Yield one of all places that are alike; what is written meanwhile is in the plan for all of them."""
        for _, place, _ in self.each_unit([(place.name, place, None) for place in places]):
            yield place

    def each_unit(self, units: Sequence[tuple[str, Place, Other]]) -> Iterator[tuple[str, Place, Other]]:
        """Yield one of all units (name, place, what else they may differ by) that are alike, as `each` does."""
        for numbers in self._alike(units):
            unit, place, other = units[numbers[0]]
            if len(numbers) == 1:
                yield units[numbers[0]]
                continue
            names = [[*self._names(units[number][1]), units[number][0]] for number in numbers]
            copies = [
                Copy(dict(zip(names[0], own, strict=True)), units[number][1].sequence, number + 1)
                for number, own in zip(numbers, names, strict=True)
            ]
            with self.plan.copies.repeated(copies):
                yield unit, replace(place, sequence=OWN_SEQUENCE), other

    def _alike(self, units: Sequence[tuple[str, Place, object]]) -> list[list[int]]:
        """Return numbers of units by what their routes may depend on, besides names and the order of the work."""
        alike: dict[object, list[int]] = {}
        for number, (unit, place, other) in enumerate(units):
            # where every lot of blocks has an order of its own, places are alike only by chance
            own = unit if self.project.orders.policy == "follow_demand" else ""
            alike.setdefault((own, other, self._like(place)), []).append(number)
        return list(alike.values())

    def _like(self, place: Place) -> tuple[object, ...]:
        """Return what is the same of places that are alike."""
        around = [one for one in (self._places.get(name) for name in self._names(place)) if one is not None]
        sizes = tuple((one.built_mw, len(one.blocks), one.order_day) for one in (place, *around))
        return place.phase, sizes, self.section_of(place)

    def _names(self, place: Place) -> list[str]:
        """Return the names by which routes of a place may speak of it: its own, its hall's, its turnover's, its blocks'."""
        turnover = self._turnover_of.get(place.blocks[0]) if len(place.blocks) == 1 else None
        return [place.name, place.hall, *([turnover] if turnover else []), *place.blocks]

    def section_of(self, place: Place) -> str:
        """Return what the section of its hall is called in which a block stands; empty where its hall is built at once."""
        return self._section_of.get(place.name, "")

    @cached_property
    def _section_of(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for hall in self.layout.halls if self.project.shell.section_sqft is not None else ():
            names = [name for name, blocks in sections(self.project, hall) for _ in range(blocks)]
            found.update(zip(hall.blocks, names, strict=False))
        return found

    def turnover_of(self, block: Place) -> str:
        """Return the turnover with which a block is handed over."""
        return self._turnover_of[block.name]

    @cached_property
    def _turnover_of(self) -> dict[str, str]:
        return {block: turnover.name for turnover in self.layout.turnovers for block in turnover.blocks}

    @cached_property
    def _places(self) -> dict[str, Place]:
        return {place.name: place for place in (*self.layout.halls, *self.layout.turnovers)}

    def decided(self, place: Place) -> Until:
        """Return the step that waits for the decision to have a place."""
        return Until("decision", days(place.order_day), cause="order_date")


def working_days(estimate: Estimate, minutes_per_day: float) -> Span:
    """Return a span of working days on a calendar with so many productive minutes a day."""
    return Span(to_distribution(estimate), minutes_per_day)


# --- working days -----------------------------------------------------------------------------------------------------


def always_open(calendar: Calendar) -> bool:
    """Tell whether a calendar never closes: what takes time on it is waiting, not work."""
    return calendar.worked(calendar.horizon) == calendar.horizon


def sent_home_idle(info: UnitInfo) -> bool:
    """Tell whether a unit is a crew's way home for lack of work, and back."""
    return info.kind == "crew" and info.step == "leave"


def day_minutes(calendar: Calendar) -> float:
    """Return the open minutes of a calendar's mean working day: all that are open, by the days on which any are."""
    if always_open(calendar):
        return MINUTES_PER_DAY
    first, last = calendar.starts // MINUTES_PER_DAY, (calendar.ends - 1) // MINUTES_PER_DAY
    days = int((last - first + 1).sum()) - int((first[1:] == last[:-1]).sum())
    return float((calendar.ends - calendar.starts).sum()) / max(1, days)
