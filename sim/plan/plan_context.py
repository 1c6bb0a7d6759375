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
from sim.plan.identical_units import Copy
from sim.plan.layout import Layout, Place, sections
from sim.plan.vocabulary import MINUTES_PER_DAY, OWN_SEQUENCE, Plan, Span, UnitInfo, Until, days
from sim.world.distributions import to_distribution
from sim.world.project_calendars import day_minutes_on
from sim.world.working_time import Calendar

Variant = TypeVar("Variant")

# --- plan context ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CalledAfter:
    """The progress at which a crew is called: so many minutes after a trade has done so many person-hours."""

    trade: str
    hours: int
    minutes: int


@dataclass(frozen=True)
class Mobilisation:
    """A stay of one crew on site: the minute at which it is called, and its trade's hours done at which it may leave.

    `because` is the unit whose work first needs so many crews; where orders have no dates, the call counts from its order.
    `progress` is what the call waits for where crews follow progress. `returns` are later stays of the same crew. Where a
    manning curve is entered, the crew leaves at a minute, `until_minute`, and not when hours are done.
    """

    called: int
    until_hours: int
    because: str = ""
    progress: CalledAfter | None = None
    returns: tuple[Mobilisation, ...] = ()
    until_minute: int | None = None


@dataclass(frozen=True)
class Review:
    """A review of a trade's progress: its minute, and the person-hours done by which measures begin and end.

    The n-th measure begins where fewer than `enough_hours[n]` are done, and ends where `caught_up_hours` are.
    """

    minute: int
    enough_hours: tuple[int, ...]
    caught_up_hours: int


@dataclass(frozen=True)
class TradeReviews:
    """The progress reviews of a trade, and how many measures they may take: overtime, then extra crews, then second shifts.

    Each measure is worth one crew. `after` is the trade that works before it: while that one is behind by as much itself,
    nothing is added here.
    """

    reviews: tuple[Review, ...]
    overtime: int
    extra_crews: int
    after: str = ""
    second_shifts: int = 0


@dataclass(frozen=True)
class ResourcePlan:
    """What is settled before the plan is written: crews per trade, their mobilisations, and the date of every order.

    While a project is rehearsed, the crews of trades that are not in `mobilisations` are on site from the start: as
    many as `crews` says, or without limit where it has no number. `order_minutes` is by unit; a unit that is not in it
    orders when its place is decided. `release_days` are by hall and block, where that is not its order's day;
    `placement_minutes` by order that has no date, as planned. `priorities` are by unit those of its holds of crews, in
    order: the unit that must finish first goes first. `reviews` are by trade, where the site reacts to a slip.
    """

    crews: Mapping[str, int] = field(default_factory=dict)
    mobilisations: Mapping[str, tuple[Mobilisation, ...]] = field(default_factory=dict)
    order_minutes: Mapping[str, int] = field(default_factory=dict)
    release_days: Mapping[str, int] = field(default_factory=dict)
    placement_minutes: Mapping[str, int] = field(default_factory=dict)
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
        """Return the direct people by trade in so many crews."""
        return {trade: count * self.trade(trade).team for trade, count in crews.items()}

    def day_minutes_on(self, calendar: str) -> float:
        """Return the productive minutes of a day on a calendar of the site or of a factory; on others all of them."""
        minutes = {"site": self.site_day_minutes, "factory": self.factory_day_minutes}
        return day_minutes_on(self.project, calendar, minutes)

    def never_closes(self, calendar: str) -> bool:
        """Return whether a calendar is open around the clock from the first day to the last, weather aside."""
        return self.plan.calendars[calendar].never_closes

    def ordered(self, unit: str, place: Place) -> Until:
        """Return the step that waits for a unit's order date: as the resource plan has it, but not before its place's."""
        place_ordered, order_minutes = place.order_day * MINUTES_PER_DAY, self.resource_plan.order_minutes
        for name in self.plan.copies.names_now(unit) if order_minutes else ():
            date = days(max(place_ordered, order_minutes.get(name, 0)) / MINUTES_PER_DAY)
            self.plan.own_spans.setdefault(name, {})["order"] = date
        return Until("order", days(place_ordered / MINUTES_PER_DAY), cause="order_date")

    def each(self, places: Sequence[Place]) -> Iterator[Place]:
        """Yield one place of each group that is alike; what the caller then adds to the plan is added for all of them."""
        for _, place, _ in self.each_unit([(place.name, place, None) for place in places]):
            yield place

    def each_unit(self, units: Sequence[tuple[str, Place, Variant]]) -> Iterator[tuple[str, Place, Variant]]:
        """Yield one unit of each group that is alike, as `each` does; `units` are (name, place, what else may differ)."""
        for group in self._groups_alike(units):
            unit, place, variant = units[group[0]]
            if len(group) == 1:
                yield units[group[0]]
                continue
            names = [[*self._names(units[number][1]), units[number][0]] for number in group]
            copies = [
                Copy(dict(zip(names[0], copy_names, strict=True)), units[number][1].sequence, number + 1)
                for number, copy_names in zip(group, names, strict=True)
            ]
            with self.plan.copies.adding_all(copies):
                yield unit, replace(place, sequence=OWN_SEQUENCE), variant

    def _groups_alike(self, units: Sequence[tuple[str, Place, object]]) -> list[list[int]]:
        """Return the positions of units in groups whose routes are the same, but for names and the order of the work."""
        groups: dict[object, list[int]] = {}
        for number, (unit, place, variant) in enumerate(units):
            # where every lot of blocks has an order of its own, places are alike only by chance
            own_name = unit if self.project.orders.policy == "follow_demand" else ""
            groups.setdefault((own_name, variant, self._route_key(place)), []).append(number)
        return list(groups.values())

    def _route_key(self, place: Place) -> tuple[object, ...]:
        """Return all on which the routes of a place may depend, but for names and the order of the work."""
        hall_and_turnover = [self._places[name] for name in self._names(place) if name in self._places]
        sizes = tuple((around.built_mw, len(around.blocks), around.order_day) for around in (place, *hall_and_turnover))
        return place.phase, sizes, self.section_of(place)

    def _names(self, place: Place) -> list[str]:
        """Return the names that may occur in routes of a place: its own, its hall's, its turnover's, its blocks'."""
        turnover = self._turnover_of.get(place.blocks[0]) if len(place.blocks) == 1 else None
        return [place.name, place.hall, *([turnover] if turnover else []), *place.blocks]

    def section_of(self, place: Place) -> str:
        """Return the name of the section of its hall in which a block stands; empty where the hall is built at once."""
        return self._section_of.get(place.name, "")

    @cached_property
    def _section_of(self) -> dict[str, str]:
        section_of: dict[str, str] = {}
        for hall in self.layout.halls if self.project.shell.section_sqft is not None else ():
            names = [name for name, blocks in sections(self.project, hall) for _ in range(blocks)]
            section_of.update(zip(hall.blocks, names, strict=False))
        return section_of

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
        """Return the step that waits for the day on which it is decided to build a place."""
        return Until("decision", days(place.order_day), cause="order_date")


# --- crews ------------------------------------------------------------------------------------------------------------


def people_of_crew(project: Project, trade: str) -> int:
    """Return the direct people of one crew of a trade on site: a team in every shift."""
    return project.labour.trades[trade].team * len(project.pattern.shifts)


def people_of_second_shift(project: Project, trade: str) -> int:
    """Return the direct people of a second shift that is worth one crew."""
    policy = project.labour.acceleration
    assert policy is not None  # there would be no reviews
    people = people_of_crew(project, trade)
    return people if policy.shift is None else policy.shift.people(people)


def is_idle_leave(info: UnitInfo) -> bool:
    """Return whether a unit is the idle leave of a crew: it is sent home for lack of work, and called back."""
    return info.kind == "crew" and info.step == "leave"


# --- working days -----------------------------------------------------------------------------------------------------


def working_days(estimate: Estimate, minutes_per_day: float) -> Span:
    """Return a span of working days on a calendar with so many productive minutes a day."""
    return Span(to_distribution(estimate), minutes_per_day)


def mean_day_minutes(calendar: Calendar) -> float:
    """Return the mean open minutes of the days on which a calendar is open at all."""
    if calendar.never_closes:
        return MINUTES_PER_DAY
    first_day, last_day = calendar.starts // MINUTES_PER_DAY, (calendar.ends - 1) // MINUTES_PER_DAY
    # an interval that begins on the day on which the one before ends adds no day
    open_days = int((last_day - first_day + 1).sum()) - int((first_day[1:] == last_day[:-1]).sum())
    return float((calendar.ends - calendar.starts).sum()) / max(1, open_days)
