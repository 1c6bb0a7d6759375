"""Checks between sections: names that must exist, networks without cycles, shares and quantities that add up.

`load.checked` runs `broken_references` on every validated project and reports all findings at once.

Risk drivers name what they hit by tags, `kind:name`, which are checked against the rest of the configuration:

Work and dates:
  trade:NAME      every piece of work a trade takes part in
  step:PATTERN    steps of the networks as `network.id`; * stands for anything, and may stand for nothing: step:shell.*
  exposure:NAME   everything on site under one exposure
  level:L2        a commissioning level and its repairs, L2 to L5, or level:flush
  factory:SYSTEM  line, test and rework of a factory
  road:SYSTEM     the trips of its trucks
  item:NAME       deliveries: a procured item, a system's parts or material, or `generation` for power units
  permits, camp   permits and design before the site starts; the opening of the camp
Chances:
  test:NAME       the chance that a test fails: test:L3, test:flush, or test:SYSTEM for a factory's acceptance test
Capacity:
  crews:TRADE, lines:SYSTEM, bays:SYSTEM, trucks:SYSTEM, cranes, gates
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from graphlib import CycleError, TopologicalSorter

from sim.config.contradictions import contradictions
from sim.config.project import Project
from sim.config.repetitions import repetitions
from sim.config.sections.risks import Effect
from sim.config.sections.systems import EXPOSURES, SYSTEMS, Predecessor, Step
from sim.errors import NOTHING, Finding, Refused, did_you_mean

# --- suppliers, partners, allocations, power --------------------------------------------------------------------------


KeyPath = tuple[str | int, ...]
CALENDARS = "one of calendars.named"


def _supply(project: Project) -> Iterator[Finding]:
    """Yield everything in the supply of a project that names what is not there or is not enough."""
    yield from _suppliers(project)
    yield from _partners(project)
    yield from _allocations(project)
    yield from _gate_slots(project)
    yield from _power(project)


def _suppliers(project: Project) -> Iterator[Finding]:
    """Yield suppliers that are named and not described."""
    known = project.procurement.suppliers
    named: dict[KeyPath, str | None] = {("energization", "units", "supplier"): project.energization.units.supplier}
    for at, item in enumerate(project.procurement.items):
        named["procurement", "items", at, "supplier"] = item.supplier
    for name, system in project.by_system.items():
        named["systems", name, "factory", "supplier"] = system.factory.supplier
        named["systems", name, "site", "supplier"] = system.site.supplier
    for path, supplier in named.items():
        if supplier is not None and supplier not in known:
            near = get_close_matches(supplier, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known) or 'none'}"
            yield Finding(path, supplier, "a supplier of procurement.suppliers", hint)


def _partners(project: Project) -> Iterator[Finding]:
    """Yield partners that make more than everything together."""
    for name, system in project.by_system.items():
        partners, path = system.factory.partners, ("systems", name, "factory", "partners")
        total = sum(partner.share for partner in partners)
        if total > 1 + 1e-9:
            yield Finding(path, f"{total:g}", "shares that add up to 1 or, with a first factory, to less")


def _allocations(project: Project) -> Iterator[Finding]:
    for name, system in project.by_system.items():
        total = sum(allocation.mw.value for allocation in system.allocations)
        if system.allocations and total < project.blocks * project.block.mw_gross.value - 1e-6:
            message = f"allocations for all that is built ({project.blocks * project.block.mw_gross.value:g} MW)"
            yield Finding(("systems", name, "allocations"), f"{total:g} MW", message)


def _gate_slots(project: Project) -> Iterator[Finding]:
    slots = project.logistics.gate_slots_per_day
    for name, system in project.by_system.items():
        if slots is not None and system.scope == "site" and system.site.loads_per_block > slots:
            message = f"at least the loads of a block's {name} material ({system.site.loads_per_block})"
            yield Finding(("logistics", "gate_slots_per_day"), slots, message)


def _power(project: Project) -> Iterator[Finding]:
    """Yield power that is not even there when everything runs."""
    given = project.energization
    firm = max(0, given.units.count - given.units.spare) * given.units.mw.value
    firm += sum(feed.mw.value for feed in given.grid)
    served, blocks = ("all phases", project.blocks) if given.shared else ("one phase", project.blocks_per_phase)
    needed = blocks * project.block.mw_gross.value
    if (given.grid or given.shared or not given.units.count) and firm < needed - 1e-6:
        yield Finding(("energization", "grid"), f"{firm:g} MW firm", f"power for {served} ({needed:g} MW)")


# --- tags of risk drivers ---------------------------------------------------------------------------------------------


LEVELS = ("L2", "L3", "L4", "L5", "flush")
GENERATION = "generation"
WORK = ("trade", "step", "exposure", "level", "factory", "road", "permits")
CAPACITY = ("crews", "lines", "bays", "trucks", "cranes", "gates")
KINDS: Mapping[Effect, tuple[str, ...]] = {
    "factor": (*WORK, "item", "test"),
    "added_days": (*WORK, "camp"),
    "slip_days": ("item", "camp"),
    "lost_weeks": CAPACITY,
}
"""Which tags an effect can have."""


def _broken_tags(project: Project, networks: Iterable[tuple[KeyPath, Sequence[Step], object]]) -> Iterator[Finding]:
    """Yield every tag of the register that does not fit its effect or names nothing the project could have."""
    known = tag_names(project, networks)
    for at, driver in enumerate(project.risks.drivers):
        for position, tag in enumerate(driver.on):
            path = ("risks", "drivers", at, "on", position)
            kind, _, name = tag.partition(":")
            if kind not in KINDS[driver.effect]:
                words = ", ".join(KINDS[driver.effect])
                yield Finding(path, tag, f"a tag that {driver.effect} can have: {words}", did_you_mean(kind, known))
            elif not _tag_exists(kind, name, known[kind]):
                yield Finding(path, tag, f"{kind} with a name that is known", did_you_mean(name, known[kind]))


def tag_names(
    project: Project, networks: Iterable[tuple[KeyPath, Sequence[Step], object]]
) -> dict[str, Collection[str]]:
    """Return by kind of tag the names it can have; a kind that stands alone has none.

    Beside its steps, a network is listed as `network.`.
    """
    trades, systems = tuple(project.labour.trades), SYSTEMS
    items = (*(item.id for item in project.procurement.items), *systems, GENERATION)
    steps = [
        f"{network_name(path)}.{step}" for path, steps, _ in networks for step in (*(step.id for step in steps), "")
    ]
    return {
        **dict.fromkeys(("trade", "crews"), trades),
        **dict.fromkeys(("factory", "road", "lines", "bays", "trucks"), systems),
        **dict.fromkeys(("permits", "camp", "cranes", "gates"), ()),
        "step": steps,
        "exposure": EXPOSURES,
        "level": LEVELS,
        "item": items,
        "test": (*LEVELS, *systems),
    }


def network_name(path: KeyPath) -> str:
    """Return what the activities of a network of steps begin with: site_works, shell, electrical, generation."""
    return {"energization": GENERATION, "systems": str(path[1])}.get(str(path[0]), str(path[0]))


def _tag_exists(kind: str, name: str, known: Collection[str]) -> bool:
    """Whether a tag of this kind can have this name; a pattern must only name a network that there can be."""
    if kind != "step":
        return name in known if known else not name
    head = name.partition(".")[0]
    if name in known or ("*" in name and any(fnmatchcase(step.partition(".")[0], head) for step in known)):
        return True
    # a network that is empty here may have steps in another project with the same register
    whose = f"{name.partition('.')[0]}."
    return [step for step in known if step.startswith(whose)] == [whose]


# --- references between sections --------------------------------------------------------------------------------------


def broken_references(project: Project) -> Refused | None:
    """Return everything in a project that names what is not there or does not add up, or None."""
    findings = [
        *(one for network in networks(project) for one in _broken_network(*network, project.calendars.named)),
        *_trades(project),
        *_prerequisites(project),
        *_items(project),
        *_groups(project),
        *_money(project),
        *_supply(project),
        *_orders(project),
        *_broken_tags(project, networks(project)),
        *contradictions(project),
        *repetitions(project),
    ]
    return Refused(findings) if findings else None


def networks(project: Project) -> Iterator[tuple[KeyPath, Sequence[Step], frozenset[str]]]:
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


def _broken_network(
    path: KeyPath, steps: Sequence[Step], above: frozenset[str], named: Collection[str]
) -> Iterator[Finding]:
    """Yield predecessors and calendars that are not there, and a cycle."""
    ids = [step.id for step in steps]
    for at, step in enumerate(steps):
        if step.calendar not in {None, *named}:
            yield _unknown_name((*path, at, "calendar"), str(step.calendar), named, CALENDARS)
        for position, link in enumerate(step.after):
            place = (*path, at, "after", position)
            if link.lag_calendar not in {None, *named}:
                yield _unknown_name((*place, "lag_calendar"), str(link.lag_calendar), named, CALENDARS)
            if link.id not in ids and link.id not in above:
                yield _unknown_name(place, link.id, [*ids, *above], "a step here or further up")
            elif message := _unusable(link, step, path, ids):
                yield Finding(place, link.id, message)
    try:
        TopologicalSorter(_events(steps)).prepare()
    except CycleError as cycle:
        circle = list(dict.fromkeys(name for name, _ in cycle.args[1]))
        yield Finding(path, NOTHING, f"these steps wait for each other: {' after '.join([*circle, circle[0]])}")


def _unusable(link: Predecessor, step: Step, path: KeyPath, ids: Sequence[str]) -> str:
    """Return why a link cannot be used where it stands; nothing if it can."""
    if not link.plain and path[-1] in ("hook_up", "install"):
        return "a plain id: these steps follow one after the other"
    if link.of_start and link.id not in ids:
        return "a link to the finish (FS, FF) without lead, since it leaves its network"
    if sum(other.id == link.id and other.type == link.type for other in step.after) > 1 and not link.plain:
        return f"one link of type {link.type} to it"
    return ""


def _events(steps: Sequence[Step]) -> dict[tuple[str, str], set[tuple[str, str]]]:
    """Return by event, the start or finish of a step, the events that it waits for."""
    ids = {step.id for step in steps}
    waits: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for step in steps:
        waits.setdefault((step.id, "F"), set()).add((step.id, "S"))
        for link in step.after:
            if link.id in ids:
                before, own = link.type
                waits.setdefault((step.id, own), set()).add((link.id, before))
    return waits


def _unknown_name(path: KeyPath, name: str, known: Iterable[str], what: str) -> Finding:
    choices = sorted(set(known))
    close = get_close_matches(name, choices, n=1)
    hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(choices) or 'none'}"
    return Finding(path, name, what, hint)


def _trades(project: Project) -> Iterator[Finding]:
    """Yield trades that steps and mechanisms name and `labour.trades` lacks."""
    trades = project.labour.trades
    for path, steps, _ in networks(project):
        for at, step in enumerate(steps):
            for trade in step.crews:
                if trade not in trades:
                    yield _unknown_name((*path, at, "crews"), trade, trades, "a trade of labour.trades")
    flush, fix = project.commissioning.flush, project.commissioning.fix_trade
    named: dict[KeyPath, str] = {
        ("commissioning", "trade"): project.commissioning.trade,
        **({("commissioning", "fix_trade"): fix} if fix is not None else {}),
        **({("commissioning", "flush", "trade"): flush.trade} if flush is not None else {}),
        ("logistics", "lifting_trade"): project.logistics.lifting_trade,
    }
    for place, trade in named.items():
        if trade not in trades:
            yield _unknown_name(place, trade, trades, "a trade of labour.trades")
    installing = {trade for steps in _used_networks(project) for step in steps for trade in step.crews}
    if fix is not None and fix in trades and fix not in {*installing, project.commissioning.trade}:
        what = f"a trade that has installed something here: {', '.join(sorted(installing)) or 'none has'}"
        yield Finding(("commissioning", "fix_trade"), fix, what)


def _used_networks(project: Project) -> Iterator[Sequence[Step]]:
    """Yield the networks whose steps are done: of a system, those of its scope."""
    yield from (project.site_works.steps, project.shell.steps, project.pad.steps, project.energization.install)
    for system in project.by_system.values():
        yield system.site.steps if system.scope == "site" else system.hook_up


def _prerequisites(project: Project) -> Iterator[Finding]:
    """Yield prerequisites of systems, commissioning and power that no step makes, and systems that wait for themselves."""
    above = {path: names for path, _, names in networks(project)}
    site, hall = above["shell", "steps"], above["pad", "steps"]
    places: list[tuple[KeyPath, Sequence[str], Iterable[str]]] = [
        (("commissioning", "after"), project.commissioning.after, hall),
        *([(("commissioning", "flush", "after"), flush.after, hall)] if (flush := project.commissioning.flush) else []),
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
                yield _unknown_name((*path, at), name, known, "something that is made on site before")
    systems = project.by_system
    graph = {name: [before for before in system.after if before in systems] for name, system in systems.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as cycle:
        yield Finding(("systems",), NOTHING, f"these systems wait for each other: {' after '.join(cycle.args[1])}")


def _items(project: Project) -> Iterator[Finding]:
    """Yield items that steps need and that are not ordered, or not in a lot the step can wait for."""
    items = {item.id: item.per for item in project.procurement.items}
    lots = {"site_works": {"phase"}, "shell": {"phase", "hall"}, "energization": {"phase"}}
    for path, steps, _ in networks(project):
        allowed = lots.get(str(path[0]), {"phase", "hall", "block"})
        known = [item for item, per in items.items() if per in allowed]
        for at, step in enumerate(steps):
            for position, need in enumerate(step.needs):
                if need not in known:
                    what = f"an item of procurement.items ordered per {' or '.join(sorted(allowed))}"
                    yield _unknown_name((*path, at, "needs", position), need, known, what)


def _groups(project: Project) -> Iterator[Finding]:
    """Yield groups that do not fit into each other, and orders that do not add up."""
    hall, turnover = project.hall.blocks, project.turnover_blocks
    if hall % turnover and turnover % hall:
        message = f"a divisor of hall.blocks ({hall}), or for a building of several halls a multiple of it"
        yield Finding(("turnover_blocks",), turnover, message)
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
                yield _unknown_name((*path, "of", at), thing, things, "something the plan orders or makes")
        if not price.of and name not in things and get_close_matches(name, things):
            # what this project does not buy may have a price; what is written almost like something is a slip
            yield _unknown_name(path, name, things, "a price of something the plan orders or makes, or with `of`")
        shares = [stage.share for stage in price.cancelling]
        if shares != sorted(shares):
            yield Finding((*path, "cancelling"), shares, "shares that rise from stage to stage")


def _orders(project: Project) -> Iterator[Finding]:
    """Yield orders that cannot be followed: without a demand, in lots that cut a turnover, or needed too early."""
    orders = project.orders
    if orders.phase_after_units > project.energization.units.count:
        most = f"at most the units of a phase ({project.energization.units.count})"
        yield Finding(("orders", "phase_after_units"), orders.phase_after_units, most)
    if orders.phase_after_units and project.energization.shared:
        yield Finding(
            ("orders", "phase_after_units"),
            orders.phase_after_units,
            "0: energization.shared has one plant for all phases",
        )
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
