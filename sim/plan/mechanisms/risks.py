"""Risk drivers in the plan: what they affect takes longer, fails more often, comes later, or loses capacity.

Each is drawn once a replication: whether it occurs as `risk.ID`, how large it is as `risk.ID.size`. A driver that
does not occur changes nothing, and one that is switched off changes no draw of anything else. The tags of the risk
register say what a driver affects: which work, which test, which date, which pool.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from sim.config.sections.risks import Driver, State
from sim.plan.mechanisms.crews import SITE, crew
from sim.plan.mechanisms.factory import plants_of
from sim.plan.mechanisms.logistics import CRANE, GATE
from sim.plan.plan_context import PlanContext, people_of_crew
from sim.plan.vocabulary import (
    CREW_KINDS,
    MINUTES_PER_WEEK,
    Chance,
    Free,
    Hold,
    Jump,
    Label,
    Note,
    Route,
    Span,
    UnitInfo,
    Until,
    Work,
)
from sim.plan.vocabulary import Step as PlanStep
from sim.world.distributions import Distribution, Fixed, RiskOccurrence, to_distribution
from sim.world.project_calendars import FACTORY, is_on_site
from sim.world.working_time import ALWAYS_OPEN

# --- tags -------------------------------------------------------------------------------------------------------------


Tag = tuple[str, str]
"""Kind and name; the name is empty where the kind stands alone."""


def parse_tags(texts: tuple[str, ...]) -> tuple[Tag, ...]:
    """Return tags such as `trade:electricians` as (kind, name)."""
    return tuple((kind, name) for kind, _, name in (text.partition(":") for text in texts))


_AFFECTS_WORK: Mapping[str, Callable[[Work, str], bool]] = {
    # tags are patterns that users write (step:shell.*): to match names of activities is their grammar, not a fact read out
    "trade": lambda work, name: name in work.people,
    "step": lambda work, name: is_on_site(work.calendar) and fnmatchcase(work.activity, name),
    "exposure": lambda work, name: work.calendar.partition("@")[0] == SITE + name,
    "level": lambda work, name: work.activity in {name, f"{name} fix"},
    "factory": lambda work, name: (
        work.calendar.startswith(FACTORY) and work.activity.startswith((f"{name}.", f"{name} factory"))
    ),
    "road": lambda work, name: work.activity in {f"{name} drive", f"{name} return"},
    "permits": lambda work, _: work.activity == "permits and design",
}


def affects_work(tag: Tag, work: Work) -> bool:
    """Return whether a tag means this work."""
    kind, name = tag
    return kind in _AFFECTS_WORK and _AFFECTS_WORK[kind](work, name)


def affects_test(tag: Tag, decision: Jump) -> bool:
    """Return whether a tag means this test: of a commissioning level, or the acceptance test of a factory."""
    kind, name = tag
    return kind == "test" and decision.decision in {f"{name} passes", f"{name} factory test passes"}


def delayed_steps(tag: Tag, route: Route) -> Iterator[int]:
    """Yield the positions of a route's steps that a tag of an item, or of the camp, delays: lead time, slot, opening.

    A lead time and the slot that comes after it both slip, so that the delivery slips by just as much.
    """
    kind, name = tag
    if kind == "camp":
        for position, step in enumerate(route):
            if isinstance(step, Until) and step.event == "camp opens":
                yield position
    elif kind == "item":
        ordered_at, delivered_at = _first_note(route, "ordered", name), _first_note(route, "delivered", name)
        positions_between = range(ordered_at + 1, delivered_at) if ordered_at >= 0 else range(0)
        lead_time = -1
        for position in positions_between:
            step = route[position]
            if isinstance(step, Work) and step.calendar == ALWAYS_OPEN:
                lead_time = position
        if lead_time >= 0:
            yield lead_time
        yield from (
            position for position in positions_between if isinstance(route[position], Until) and position > lead_time
        )


def can_be_late(tag: Tag, ordered: Collection[str]) -> bool:
    """Return whether a tag delays some step of a route in which these items are ordered; `delayed_steps` says which."""
    kind, name = tag
    return kind == "camp" or (kind == "item" and name in ordered)


def ordered_in(route: Route) -> set[str]:
    """Return the items that are ordered in a route."""
    return {step.part for step in route if isinstance(step, Note) and step.kind == "ordered"}


def _first_note(route: Route, kind: str, item: str) -> int:
    """Return the position of the first note of a kind about an item in a route, -1 if there is none."""
    for position, step in enumerate(route):
        if isinstance(step, Note) and step.kind == kind and step.part == item:
            return position
    return -1


def capacity(tag: Tag, context: PlanContext) -> dict[str, int]:
    """Return by name the pools that a tag of capacity means, with their counts; none that the plan does not have."""
    kind, name = tag
    counts: dict[str, int] = {}
    if kind == "crews":
        counts = {crew(name): len(context.resource_plan.mobilisations.get(name, ()))}
    elif kind in {"cranes", "gates"}:
        pool = CRANE if kind == "cranes" else GATE
        counts = {pool: context.plan.pools[pool].initial}
    else:
        for plant in plants_of(context, name, context.project.by_system[name]):
            pool, count = {
                "lines": (plant.stations[0], plant.factory.lines),
                "bays": (plant.bays, plant.factory.test.bays),
                "trucks": (plant.trucks, plant.fleet.trucks),
            }[kind]
            counts[pool] = count
    return {pool: count for pool, count in counts.items() if pool in context.plan.pools}


# --- risks ------------------------------------------------------------------------------------------------------------


FIRST = -1_000_000
"""Priority of lost capacity: an outage does not wait behind the work that needs the pool."""
LENGTHENS = ("factor", "added_days", "slip_days")
WorkKey = tuple[str, str, tuple[str, ...]]
"""Activity, calendar and trades of work: all that tags look at."""


@dataclass(frozen=True)
class DriverFactors:
    """A risk driver with the names of its two factors, whether it occurs and its size, and the tags of what it affects."""

    config: Driver
    occurs: str
    size: str
    tags: tuple[Tag, ...]


def apply_risks(context: PlanContext) -> None:
    """Write every driver that is in force into the plan; comes last, when everything it can affect is written."""
    drivers = [_driver_factors(context, driver, state) for driver, state in context.project.risks.active()]
    lengthening = [driver for driver in drivers if driver.config.effect in LENGTHENS]
    affecting: dict[WorkKey, tuple[DriverFactors, ...]] = {}
    for unit, route in context.plan.units.items() if lengthening else ():
        # a driver that affects crews takes them out of their pool (`_lose_capacity`); their routes have no work
        if context.plan.info(unit).kind not in CREW_KINDS:
            context.plan.units[unit] = _lengthened(context, lengthening, route, affecting)
    for driver in drivers:
        if driver.config.effect == "lost_weeks":
            _lose_capacity(context, driver)


def factor_shapes(driver: Driver, state: State) -> dict[str, Distribution]:
    """Return the distributions of a driver's two factors, whether it occurs and its size, by name."""
    occurs = f"risk.{driver.id}"
    return {
        occurs: RiskOccurrence.with_probability(state.probability.value),
        f"{occurs}.size": to_distribution(state.size),
    }


def _driver_factors(context: PlanContext, driver: Driver, state: State) -> DriverFactors:
    """Add the factors of a driver to the plan: whether it occurs, and the size that counts only if it does."""
    (occurrence, occurs), (size_name, size) = factor_shapes(driver, state).items()
    context.plan.factor(occurrence, occurs, group="risk")
    context.plan.factor(size_name, size, only_with=occurrence, group="risk")
    return DriverFactors(driver, occurrence, size_name, parse_tags(driver.on))


def _lengthened(
    context: PlanContext,
    drivers: list[DriverFactors],
    route: Route,
    affecting: dict[WorkKey, tuple[DriverFactors, ...]],
) -> Route:
    """Return a route with the factors and delays of drivers in its work, tests and dates.

    `affecting` caches the drivers by what their tags look at: thousands of skids share some thirty kinds of work.
    """
    new_route = list(route)
    for position, step in enumerate(route):
        if isinstance(step, Work):
            key = step.activity, step.calendar, tuple(step.people)
            if key not in affecting:
                affecting[key] = tuple(
                    driver for driver in drivers if any(affects_work(tag, step) for tag in driver.tags)
                )
            new_route[position] = _with_drivers(context, step, affecting[key])
        elif isinstance(step, Jump) and step.chance is not None:
            factors = [driver.size for driver in drivers if any(affects_test(tag, step) for tag in driver.tags)]
            chance = replace(step.chance, factors=(*step.chance.factors, *factors))
            new_route[position] = replace(step, chance=chance)
    ordered_items = ordered_in(route)
    for driver in drivers:
        tags = [tag for tag in driver.tags if can_be_late(tag, ordered_items)]
        for position in dict.fromkeys(position for tag in tags for position in delayed_steps(tag, route)):
            new_route[position] = _with_drivers(context, new_route[position], (driver,))
    return new_route


def _with_drivers(context: PlanContext, step: PlanStep, drivers: Iterable[DriverFactors]) -> PlanStep:
    """Return a step of work, or a date, whose span has the factors and delays of some drivers."""
    for driver in drivers:
        if isinstance(step, Work):
            step = replace(step, span=_longer_span(context, step.span, driver, step.calendar))
        elif isinstance(step, Until) and driver.config.effect != "factor":
            step = replace(step, date=_longer_span(context, step.date, driver, ALWAYS_OPEN))
    return step


def _longer_span(context: PlanContext, span: Span, driver: DriverFactors, calendar: str) -> Span:
    """Return a span with a driver's factor, or with its delay in days of a calendar."""
    if driver.config.effect == "factor":
        return replace(span, losses=(*span.losses, driver.size))
    day = context.day_minutes_on(calendar)
    added = Span(Fixed(1), day, losses=(driver.occurs, driver.size))
    # added days are days of that calendar: eight days of a crew are not eight days of a truck
    delay = context.plan.delay(f"risk.{driver.config.id}.days of {day}", added)
    return replace(span, delays=(*span.delays, delay))


def _lose_capacity(context: PlanContext, factors: DriverFactors) -> None:
    """Write an outage for each of the driver's share of its pools: a unit that takes one away for a while."""
    driver = factors.config
    assert driver.from_week is not None  # the config allows nothing else
    begins = context.plan.delay(f"risk.{driver.id}.begins", Span(to_distribution(driver.from_week), MINUTES_PER_WEEK))
    for tag in factors.tags:
        for pool, count in capacity(tag, context).items():
            # at least one, or the driver could not affect a small project
            for number in range(max(1, round(count * driver.share.value)) if count else 0):
                info = UnitInfo("outage", "risk", part=driver.id, number=number + 1)
                route = _outage(context, factors, begins, pool)
                context.plan.unit(f"risk.{driver.id}.{pool}.{number + 1}", route, info)


def _outage(context: PlanContext, factors: DriverFactors, begins: str, pool: str) -> list[PlanStep]:
    """Return the route of an outage: if the risk driver occurs, a pool has one less for some weeks from a drawn date on.

    `begins` is the name of the delay that draws the date. Where the pool is a trade's crews, the crew's people leave the
    site for that time.
    """
    name = f"risk.{factors.config.id}"
    trade = context.plan.pools[pool].trade
    people = people_of_crew(context.project, trade) if trade else 0
    return [
        Until(f"{name} begins", Span(Fixed(0), delays=(begins,))),
        Jump("over", f"{name} stays away", Chance(1.0, (factors.occurs,), otherwise=True)),
        Hold({pool: 1}, priority=FIRST),
        *([Note("people", trade, -people)] if trade else []),
        Work(name, Span(Fixed(1), MINUTES_PER_WEEK, losses=(factors.size,)), ALWAYS_OPEN),
        *([Note("people", trade, people)] if trade else []),
        Free({pool: 1}),
        Label("over"),
    ]
