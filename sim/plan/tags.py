"""What a tag of the risk register means on the routes of a plan: which work, which test, which date, which pool."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from fnmatch import fnmatchcase

from sim.plan.brief import Brief
from sim.plan.crew_work import SITE, crew
from sim.plan.factory import plants_of
from sim.plan.logistics import CRANE, GATE
from sim.plan.vocabulary import Again, Note, Route, Until, Work

Tag = tuple[str, str]
"""Kind and name; the name is empty where the kind stands alone."""


def tags(written: tuple[str, ...]) -> tuple[Tag, ...]:
    """Split tags as they are written into kind and name."""
    return tuple((kind, name) for kind, _, name in (tag.partition(":") for tag in written))


_WORK: Mapping[str, Callable[[Work, str], bool]] = {
    "trade": lambda work, name: name in work.people,
    "step": lambda work, name: work.calendar.startswith(SITE) and fnmatchcase(work.activity, name),
    "exposure": lambda work, name: work.calendar == f"{SITE}{name}",
    "level": lambda work, name: work.activity in {name, f"{name} fix"},
    "factory": lambda work, name: (
        work.calendar.startswith("factory") and work.activity.startswith((f"{name}.", f"{name} factory"))
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
    return {step.item.split("/")[0] for step in route if isinstance(step, Note) and step.kind == "ordered"}


def _noted(route: Route, kind: str, item: str) -> int:
    """Return where something of an item is noted for the first time, -1 if never."""
    notes = (
        at
        for at, step in enumerate(route)
        if isinstance(step, Note) and step.kind == kind and step.item.split("/")[0] == item
    )
    return next(notes, -1)


def capacity(tag: Tag, brief: Brief) -> dict[str, int]:
    """Return the pools a tag of capacity means and how many of each there are; none that the plan does not have."""
    kind, name = tag
    found: dict[str, int] = {}
    if kind == "crews":
        found = {crew(name): len(brief.agreed.stays.get(name, ()))}
    elif kind in {"cranes", "gates"}:
        pool = CRANE if kind == "cranes" else GATE
        found = {pool: brief.plan.pools[pool].initial}
    else:
        for plant in plants_of(brief, name, brief.project.by_system[name]):
            lines, bays = plant.factory.lines, plant.factory.test.bays
            mine = {"lines": (plant.stations[0], lines), "bays": (plant.bays, bays)}
            pool, there = {**mine, "trucks": (plant.trucks, plant.fleet.trucks)}[kind]
            found[pool] = there
    return {pool: there for pool, there in found.items() if pool in brief.plan.pools}
