"""What sections say about each other: names that must exist, networks without cycles, shares that add up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from sim.config.steps import Step
from sim.config.supplies import supply
from sim.config.tags import broken_tags
from sim.errors import NOTHING, Finding, Refused

if TYPE_CHECKING:
    from sim.config.project import Project

Path = tuple[str | int, ...]


def broken_references(project: Project) -> Refused | None:
    """Return everything in a project that names what is not there or does not add up, or None."""
    findings = [
        *_networks(project),
        *_trades(project),
        *_prerequisites(project),
        *_items(project),
        *_groups(project),
        *_money(project),
        *supply(project),
        *_orders(project),
        *broken_tags(project, networks(project)),
    ]
    return Refused(findings) if findings else None


def networks(project: Project) -> Iterator[tuple[Path, Sequence[Step], frozenset[str]]]:
    """Yield every step network: its path, its steps, and the names further up that its steps may come after."""
    site = frozenset(f"site_works.{step.id}" for step in project.site_works.steps)
    hall = site | {f"shell.{step.id}" for step in project.shell.steps}
    block = hall | {f"pad.{step.id}" for step in project.pad.steps}
    yield ("site_works", "steps"), project.site_works.steps, frozenset()
    yield ("shell", "steps"), project.shell.steps, site
    yield ("pad", "steps"), project.pad.steps, hall
    yield ("energization", "install"), project.energization.install, frozenset()
    for name, system in project.by_system.items():
        yield ("systems", name, "site", "steps"), system.site.steps, block
        yield ("systems", name, "hook_up"), system.hook_up, frozenset()


def _networks(project: Project) -> Iterator[Finding]:
    for path, steps, above in networks(project):
        yield from _network(path, steps, above)


def _network(path: Path, steps: Sequence[Step], above: frozenset[str]) -> Iterator[Finding]:
    """Yield ids given twice, predecessors that are not there, and a cycle."""
    ids = [step.id for step in steps]
    for at, step in enumerate(steps):
        if step.id in ids[:at]:
            yield Finding((*path, at, "id"), step.id, "each id once in a network")
        for position, before in enumerate(step.after):
            if before not in ids and before not in above:
                yield _unknown((*path, at, "after", position), before, [*ids, *above], "a step here or further up")
    graph = {step.id: [before for before in step.after if before in ids] for step in steps}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as cycle:
        yield Finding(path, NOTHING, f"these steps wait for each other: {' after '.join(cycle.args[1])}")


def _unknown(path: Path, name: str, known: Iterable[str], what: str) -> Finding:
    choices = sorted(set(known))
    close = get_close_matches(name, choices, n=1)
    hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(choices) or 'none'}"
    return Finding(path, name, what, hint)


def _trades(project: Project) -> Iterator[Finding]:
    """Yield trades that steps and mechanisms name and nobody describes."""
    trades = project.labour.trades
    for path, steps, _ in networks(project):
        for at, step in enumerate(steps):
            for trade in step.crews:
                if trade not in trades:
                    yield _unknown((*path, at, "crews"), trade, trades, "a trade of labour.trades")
    named: dict[Path, str] = {
        ("commissioning", "trade"): project.commissioning.trade,
        ("logistics", "lifting_trade"): project.logistics.lifting_trade,
    }
    for place, trade in named.items():
        if trade not in trades:
            yield _unknown(place, trade, trades, "a trade of labour.trades")


def _prerequisites(project: Project) -> Iterator[Finding]:
    """Yield what systems, commissioning and power wait for but nobody makes; and systems that wait for themselves."""
    above = {path: names for path, _, names in networks(project)}
    site = above["shell", "steps"]
    places: list[tuple[Path, Sequence[str], Iterable[str]]] = [
        (("commissioning", "after"), project.commissioning.after, site),
        (("energization", "after"), project.energization.after, site),
    ]
    for at, feed in enumerate(project.energization.grid):
        places.append((("energization", "grid", at, "after"), feed.after, site))
    for name, system in project.by_system.items():
        others = set(project.by_system) - {name}
        places.append((("systems", name, "after"), system.after, above["systems", name, "site", "steps"] | others))
    for path, names, known in places:
        for at, name in enumerate(names):
            if name not in known:
                yield _unknown((*path, at), name, known, "something that is made on site before")
    systems = project.by_system
    graph = {name: [before for before in system.after if before in systems] for name, system in systems.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as cycle:
        yield Finding(("systems",), NOTHING, f"these systems wait for each other: {' after '.join(cycle.args[1])}")


def _items(project: Project) -> Iterator[Finding]:
    """Yield items that steps need and nobody orders, or not in a lot the step can wait for."""
    items = {item.id: item.per for item in project.procurement.items}
    lots = {"site_works": {"phase"}, "shell": {"phase", "hall"}, "energization": {"phase"}}
    for path, steps, _ in networks(project):
        allowed = lots.get(str(path[0]), {"phase", "hall", "block"})
        known = [item for item, per in items.items() if per in allowed]
        for at, step in enumerate(steps):
            for position, need in enumerate(step.needs):
                if need not in known:
                    what = f"an item of procurement.items ordered per {' or '.join(sorted(allowed))}"
                    yield _unknown((*path, at, "needs", position), need, known, what)


def _groups(project: Project) -> Iterator[Finding]:
    """Yield groups that do not fit into each other, and orders that do not add up."""
    if project.hall.blocks % project.turnover_blocks:
        yield Finding(
            ("turnover_blocks",), project.turnover_blocks, f"a divisor of hall.blocks ({project.hall.blocks})"
        )
    if project.energization.units.spare >= project.energization.units.count > 0:
        yield Finding(
            ("energization", "units", "spare"), project.energization.units.spare, "fewer than the units there are"
        )
    ordered = sum(order.mw for order in project.orders.given)
    if project.orders.given and abs(ordered - project.scale.capacity_mw) > 1e-6:
        message = f"orders that add up to scale.capacity_mw ({project.scale.capacity_mw:g} MW)"
        yield Finding(("orders", "given"), f"{ordered:g} MW", message)


def _money(project: Project) -> Iterator[Finding]:
    """Yield prices whose payments do not add up."""
    things = {"site_works", "shell", "pad", "generation", *project.by_system}
    things |= {item.id for item in project.procurement.items}
    for name, price in project.money.prices.items():
        total = sum(payment.share for payment in price.payments)
        path = ("money", "prices", name)
        if abs(total - 1) > 1e-9:
            yield Finding((*path, "payments"), f"{total:g}", "payment shares that add up to 1")
        for at, thing in enumerate(price.of):
            if thing not in things:
                yield _unknown((*path, "of", at), thing, things, "something the plan orders or makes")
        if not price.of and name not in things and get_close_matches(name, things):
            # what this project does not buy may have a price; what is written almost like something is a slip
            yield _unknown(path, name, things, "a price of something the plan orders or makes, or with `of`")
        shares = [stage.share for stage in price.cancelling]
        if shares != sorted(shares):
            yield Finding((*path, "cancelling"), shares, "shares that rise from stage to stage")


def _orders(project: Project) -> Iterator[Finding]:
    """Yield orders that cannot be followed: without a demand, in lots that cut a turnover, or needed too early."""
    orders = project.orders
    if orders.phase_after_units > project.energization.units.count:
        most = f"at most the units of a phase ({project.energization.units.count})"
        yield Finding(("orders", "phase_after_units"), orders.phase_after_units, most)
    if orders.given and orders.policy != "given":
        yield Finding(("orders", "policy"), orders.policy, "given, where there is a schedule of orders")
    if orders.policy != "follow_demand":
        return
    if orders.demand is None:
        yield Finding(("orders", "demand"), NOTHING, "the demand to follow")
        return
    if orders.lot_blocks % project.turnover_blocks:
        what = f"a multiple of turnover_blocks ({project.turnover_blocks})"
        yield Finding(("orders", "lot_blocks"), orders.lot_blocks, what)
    growth, path = orders.demand.growth, orders.demand.path
    first = growth.first_day.value if growth is not None else min(point.day for point in path)
    if first < orders.look_ahead_days.value:
        where = ("orders", "look_ahead_days")
        yield Finding(where, f"{orders.look_ahead_days.value:g}", f"at most the day of the first need ({first:g})")
