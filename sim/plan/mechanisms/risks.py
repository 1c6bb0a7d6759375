"""Risk drivers meet the plan: what they hit takes longer, fails more often, slips, or has less to work with.

Each is drawn once a replication: whether it occurs as `risk.ID`, how bad it is as `risk.ID.size`. A driver that
does not occur changes nothing, and one that is switched off changes no draw of anything else. The tags of the risk
register say what a driver hits: which work, which test, which date, which pool.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from sim.config.sections.risks import Driver, State
from sim.plan.context import PlanContext
from sim.plan.mechanisms.crews import SITE, crew, on_site
from sim.plan.mechanisms.factory import plants_of
from sim.plan.mechanisms.logistics import CRANE, GATE
from sim.plan.vocabulary import (
    CREW_KINDS,
    MINUTES_PER_WEEK,
    Again,
    Chance,
    Free,
    Hold,
    Label,
    Note,
    Route,
    Span,
    UnitInfo,
    Until,
    Work,
)
from sim.plan.vocabulary import Step as PlanStep
from sim.world.distributions import Fixed, RiskOccurrence, to_distribution
from sim.world.project_calendars import FACTORY, is_on_site

# --- tags -------------------------------------------------------------------------------------------------------------


Tag = tuple[str, str]
"""Kind and name; the name is empty where the kind stands alone."""


def tags(written: tuple[str, ...]) -> tuple[Tag, ...]:
    """Split tags as they are written into kind and name."""
    return tuple((kind, name) for kind, _, name in (tag.partition(":") for tag in written))


_WORK: Mapping[str, Callable[[Work, str], bool]] = {
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


def hits_work(tag: Tag, work: Work) -> bool:
    """Tell whether a tag means this work."""
    kind, name = tag
    return kind in _WORK and _WORK[kind](work, name)


def hits_test(tag: Tag, decision: Again) -> bool:
    """Tell whether a tag means this test: of a commissioning level, or the acceptance test of a factory."""
    kind, name = tag
    return kind == "test" and decision.decision in {f"{name} passes", f"{name} factory test passes"}


def dated(tag: Tag, route: Route) -> Iterator[int]:
    """Yield the places of a route at which an item, or the camp, becomes late: its lead time, its slot, its opening.

    A lead time and the slot that comes after it both slip, so that the delivery slips by just as much.
    """
    kind, name = tag
    if kind == "camp":
        yield from (at for at, step in enumerate(route) if isinstance(step, Until) and step.event == "camp opens")
    elif kind == "item":
        ordered, delivered = (_noted(route, word, name) for word in ("ordered", "delivered"))
        within = range(ordered + 1, delivered) if ordered >= 0 else range(0)
        leads = [at for at in within if isinstance(step := route[at], Work) and step.calendar == "always"]
        yield from leads[-1:]
        yield from (at for at in within if isinstance(route[at], Until) and at > max(leads, default=-1))


def can_be_late(tag: Tag, ordered: Collection[str]) -> bool:
    """Tell whether a tag means a date of a route in which these items are ordered; `dated` says which."""
    kind, name = tag
    return kind == "camp" or (kind == "item" and name in ordered)


def ordered_in(route: Route) -> set[str]:
    """Return the items that are ordered in a route."""
    return {step.part for step in route if isinstance(step, Note) and step.kind == "ordered"}


def _noted(route: Route, kind: str, item: str) -> int:
    """Return where something of an item is noted for the first time, -1 if never."""
    notes = (at for at, step in enumerate(route) if isinstance(step, Note) and step.kind == kind and step.part == item)
    return next(notes, -1)


def capacity(tag: Tag, context: PlanContext) -> dict[str, int]:
    """Return the pools a tag of capacity means and how many of each there are; none that the plan does not have."""
    kind, name = tag
    found: dict[str, int] = {}
    if kind == "crews":
        found = {crew(name): len(context.resource_plan.mobilisations.get(name, ()))}
    elif kind in {"cranes", "gates"}:
        pool = CRANE if kind == "cranes" else GATE
        found = {pool: context.plan.pools[pool].initial}
    else:
        for plant in plants_of(context, name, context.project.by_system[name]):
            lines, bays = plant.factory.lines, plant.factory.test.bays
            mine = {"lines": (plant.stations[0], lines), "bays": (plant.bays, bays)}
            pool, there = {**mine, "trucks": (plant.trucks, plant.fleet.trucks)}[kind]
            found[pool] = there
    return {pool: there for pool, there in found.items() if pool in context.plan.pools}


# --- risks ------------------------------------------------------------------------------------------------------------


FIRST = -1_000_000
"""Priority of lost capacity: what is taken away does not wait behind the work that needs it."""
LENGTHENS = ("factor", "added_days", "slip_days")


@dataclass(frozen=True)
class Blow:
    """A driver in the plan: its names among the factors, and the tags of what it hits."""

    driver: Driver
    occurs: str
    size: str
    tags: tuple[Tag, ...]


def apply_risks(context: PlanContext) -> None:
    """Write every driver that is in force into the plan; comes last, when everything it can hit is written."""
    blows = [_blow(context, driver, state) for driver, state in context.project.risks.active()]
    longer = [blow for blow in blows if blow.driver.effect in LENGTHENS]
    known: dict[tuple[str, str, tuple[str, ...]], tuple[Blow, ...]] = {}
    for unit, route in context.plan.units.items() if longer else ():
        # what hits crews takes them out of their pool (`_lose_capacity`); their routes are calls and stays, not work
        if context.plan.info(unit).kind not in CREW_KINDS:
            context.plan.units[unit] = _lengthened(context, longer, route, known)
    for blow in blows:
        if blow.driver.effect == "lost_weeks":
            _lose_capacity(context, blow)


def _blow(context: PlanContext, driver: Driver, state: State) -> Blow:
    """Add what is drawn of a driver: whether it occurs, and the size that counts only if it does."""
    occurs = context.plan.factor(
        f"risk.{driver.id}", RiskOccurrence.with_probability(state.probability.value), group="risk"
    )
    size = context.plan.factor(f"risk.{driver.id}.size", to_distribution(state.size), only_with=occurs, group="risk")
    return Blow(driver, occurs, size, tags(driver.on))


def _lengthened(
    context: PlanContext,
    blows: list[Blow],
    route: Route,
    known: dict[tuple[str, str, tuple[str, ...]], tuple[Blow, ...]],
) -> Route:
    """Return a route with what hits its work, tests and dates; `known` remembers what hits which work."""
    found = list(route)
    for at, step in enumerate(route):
        if isinstance(step, Work):
            like = step.activity, step.calendar, tuple(step.people)
            if like not in known:
                known[like] = tuple(b for b in blows if any(hits_work(tag, step) for tag in b.tags))
            # by what it is, not by the step: thousands of skids share some thirty kinds of work
            found[at] = _hit(context, step, known[like])
        elif isinstance(step, Again) and step.chance is not None:
            factors = [blow.size for blow in blows if any(hits_test(tag, step) for tag in blow.tags)]
            chance = replace(step.chance, factors=(*step.chance.factors, *factors))
            found[at] = replace(step, chance=chance)
    ordered = ordered_in(route)
    for blow in blows:
        late = [tag for tag in blow.tags if can_be_late(tag, ordered)]
        for at in dict.fromkeys(at for tag in late for at in dated(tag, route)):
            found[at] = _hit(context, found[at], (blow,))
    return found


def _hit(context: PlanContext, step: PlanStep, blows: Iterable[Blow]) -> PlanStep:
    """Return work, or a date, with the factors and delays of what hits it."""
    for blow in blows:
        if isinstance(step, Work):
            step = replace(step, span=_longer(context, step.span, blow, step.calendar))
        elif isinstance(step, Until) and blow.driver.effect != "factor":
            step = replace(step, date=_longer(context, step.date, blow, "always"))
    return step


def _longer(context: PlanContext, span: Span, blow: Blow, calendar: str) -> Span:
    if blow.driver.effect == "factor":
        return replace(span, losses=(*span.losses, blow.size))
    day = context.day_minutes_on(calendar)
    added = Span(Fixed(1), day, losses=(blow.occurs, blow.size))
    # added days are days of that calendar: eight days of a crew are not eight days of a truck
    delay = context.plan.delay(f"risk.{blow.driver.id}.days of {day}", added)
    return replace(span, delays=(*span.delays, delay))


def _lose_capacity(context: PlanContext, blow: Blow) -> None:
    """Write units that each take one away for a while, if the driver occurs; from the same date on."""
    driver = blow.driver
    assert driver.from_week is not None  # the config allows nothing else
    begins = context.plan.delay(f"risk.{driver.id}.begins", Span(to_distribution(driver.from_week), MINUTES_PER_WEEK))
    for tag in blow.tags:
        for pool, there in capacity(tag, context).items():
            # at least one, or a small project could not be hit
            for number in range(max(1, round(there * driver.share.value)) if there else 0):
                outage = UnitInfo("outage", "risk", part=driver.id, number=number + 1)
                context.plan.unit(
                    f"risk.{driver.id}.{pool}.{number + 1}", _absence(context, blow, begins, pool), outage
                )


def _absence(context: PlanContext, blow: Blow, begins: str, pool: str) -> list[PlanStep]:
    """Return: from a date on one of a pool is away, if the driver occurs; people who are away are not on site."""
    name = f"risk.{blow.driver.id}"
    trade = context.plan.pools[pool].trade
    people = on_site(context.project, trade) if trade else 0
    return [
        Until(f"{name} begins", Span(Fixed(0), delays=(begins,))),
        Again("over", f"{name} stays away", Chance(1.0, (blow.occurs,), otherwise=True)),
        Hold({pool: 1}, priority=FIRST),
        # who is away is not on site
        *([Note("people", trade, -people)] if trade else []),
        Work(name, Span(Fixed(1), MINUTES_PER_WEEK, losses=(blow.size,)), "always"),
        *([Note("people", trade, people)] if trade else []),
        Free({pool: 1}),
        Label("over"),
    ]
