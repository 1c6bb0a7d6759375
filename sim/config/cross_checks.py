"""Checks between sections: names that must exist, networks without cycles, shares and quantities that add up.

`load.checked` runs `broken_references` on every validated project and reports all findings at once.

Risk drivers name what they affect by tags, `kind:name`, which are checked against the rest of the configuration:

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
from sim.errors import NOTHING, Mistake, Refused, did_you_mean

# --- suppliers, partners, allocations, gate slots ---------------------------------------------------------------------


KeyPath = tuple[str | int, ...]
CALENDARS = "one of calendars.named"


def _supply(project: Project) -> Iterator[Mistake]:
    """Yield the findings about suppliers, partners, allocations and gate slots."""
    yield from _suppliers(project)
    yield from _partners(project)
    yield from _allocations(project)
    yield from _gate_slots(project)


def _suppliers(project: Project) -> Iterator[Mistake]:
    """Yield suppliers that are named and missing from `procurement.suppliers`."""
    known_suppliers = project.procurement.suppliers
    suppliers: dict[KeyPath, str | None] = {("energization", "units", "supplier"): project.energization.units.supplier}
    for index, item in enumerate(project.procurement.items):
        suppliers["procurement", "items", index, "supplier"] = item.supplier
    for name, system in project.by_system.items():
        suppliers["systems", name, "factory", "supplier"] = system.factory.supplier
        suppliers["systems", name, "site", "supplier"] = system.site.supplier
    for path, supplier in suppliers.items():
        if supplier is not None and supplier not in known_suppliers:
            matches = get_close_matches(supplier, known_suppliers, n=1)
            hint = f"did you mean {matches[0]}?" if matches else f"known: {', '.join(known_suppliers) or 'none'}"
            yield Mistake(path, supplier, "a supplier of procurement.suppliers", hint)


def _partners(project: Project) -> Iterator[Mistake]:
    """Yield systems whose partners have shares of more than 1 together."""
    for name, system in project.by_system.items():
        partners, path = system.factory.partners, ("systems", name, "factory", "partners")
        total = sum(partner.share for partner in partners)
        if total > 1 + 1e-9:
            yield Mistake(path, f"{total:g}", "shares that add up to 1 or, with a first factory, to less")


def _allocations(project: Project) -> Iterator[Mistake]:
    """Yield systems whose allocations are less than all blocks need."""
    for name, system in project.by_system.items():
        total = sum(allocation.mw.value for allocation in system.allocations)
        if system.allocations and total < project.blocks * project.block.mw_gross.value - 1e-6:
            message = f"allocations for all that is built ({project.blocks * project.block.mw_gross.value:g} MW)"
            yield Mistake(("systems", name, "allocations"), f"{total:g} MW", message)


def _gate_slots(project: Project) -> Iterator[Mistake]:
    """Yield gate slots of a day that are fewer than the loads of a block, which come together."""
    slots = project.logistics.gate_slots_per_day
    for name, system in project.by_system.items():
        if slots is not None and system.scope == "site" and system.site.loads_per_block > slots:
            message = f"at least the loads of a block's {name} material ({system.site.loads_per_block})"
            yield Mistake(("logistics", "gate_slots_per_day"), slots, message)


# --- tags of risk drivers ---------------------------------------------------------------------------------------------


COMMISSIONING_LEVELS = ("L2", "L3", "L4", "L5", "flush")
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


def _broken_tags(project: Project, networks: Iterable[tuple[KeyPath, Sequence[Step], object]]) -> Iterator[Mistake]:
    """Yield every tag of the risk register that does not fit its effect, or names nothing the project could have."""
    names = tag_names(project, networks)
    for driver_index, driver in enumerate(project.risks.drivers):
        for tag_index, tag in enumerate(driver.on):
            path = ("risks", "drivers", driver_index, "on", tag_index)
            kind, _, name = tag.partition(":")
            if kind not in KINDS[driver.effect]:
                kinds = ", ".join(KINDS[driver.effect])
                yield Mistake(path, tag, f"a tag that {driver.effect} can have: {kinds}", did_you_mean(kind, names))
            elif not _tag_exists(kind, name, names[kind]):
                yield Mistake(path, tag, f"{kind} with a name that is known", did_you_mean(name, names[kind]))


def tag_names(
    project: Project, networks: Iterable[tuple[KeyPath, Sequence[Step], object]]
) -> dict[str, Collection[str]]:
    """Return by kind of tag the names it can have; none for a kind that needs no name.

    A network is listed as `network.`, in addition to its steps.
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
        "level": COMMISSIONING_LEVELS,
        "item": items,
        "test": (*COMMISSIONING_LEVELS, *systems),
    }


def network_name(path: KeyPath) -> str:
    """Return the name of a step network, with which its activities begin: site_works, shell, electrical, generation."""
    return {"energization": GENERATION, "systems": str(path[1])}.get(str(path[0]), str(path[0]))


def _tag_exists(kind: str, name: str, names: Collection[str]) -> bool:
    """Return whether a tag of a kind can have a name; of a pattern only the network must exist."""
    if kind != "step":
        return name in names if names else not name
    network = name.partition(".")[0]
    if name in names or ("*" in name and any(fnmatchcase(step.partition(".")[0], network) for step in names)):
        return True
    # a network that is empty here may have steps in another project with the same register
    return [step for step in names if step.startswith(f"{network}.")] == [f"{network}."]


# --- references between sections --------------------------------------------------------------------------------------


def broken_references(project: Project) -> Refused | None:
    """Return all findings about a project: names that do not exist, numbers that do not add up; None without any."""
    findings = [
        *(finding for network in networks(project) for finding in _broken_network(*network, project.calendars.named)),
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
    """Yield (path, steps, names of steps in other networks that may come before them) of every step network."""
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
    path: KeyPath, steps: Sequence[Step], other_steps: frozenset[str], named_calendars: Collection[str]
) -> Iterator[Mistake]:
    """Yield predecessors and calendars of a step network that do not exist, links it cannot have, and a cycle."""
    ids = [step.id for step in steps]
    for index, step in enumerate(steps):
        if step.calendar not in {None, *named_calendars}:
            yield _unknown_name((*path, index, "calendar"), str(step.calendar), named_calendars, CALENDARS)
        for link_index, link in enumerate(step.after):
            link_path = (*path, index, "after", link_index)
            if link.lag_calendar not in {None, *named_calendars}:
                calendar = str(link.lag_calendar)
                yield _unknown_name((*link_path, "lag_calendar"), calendar, named_calendars, CALENDARS)
            if link.id not in ids and link.id not in other_steps:
                yield _unknown_name(link_path, link.id, [*ids, *other_steps], "a step here or further up")
            elif allowed := _allowed_instead(link, step, path, ids):
                yield Mistake(link_path, link.id, allowed)
    try:
        TopologicalSorter(_event_graph(steps)).prepare()
    except CycleError as error:
        cycle = list(dict.fromkeys(name for name, _ in error.args[1]))
        yield Mistake(path, NOTHING, f"these steps wait for each other: {' after '.join([*cycle, cycle[0]])}")


def _allowed_instead(link: Predecessor, step: Step, path: KeyPath, ids: Sequence[str]) -> str:
    """Return what is allowed in place of a link that its network cannot have; empty if it can."""
    if not link.plain and path[-1] in ("hook_up", "install"):
        return "a plain id: these steps follow one after the other"
    if link.of_start and link.id not in ids:
        return "a link to the finish (FS, FF) without lead, since it leaves its network"
    if sum(other.id == link.id and other.type == link.type for other in step.after) > 1 and not link.plain:
        return f"one link of type {link.type} to it"
    return ""


def _event_graph(steps: Sequence[Step]) -> dict[tuple[str, str], set[tuple[str, str]]]:
    """Return by event (step, "S" for its start or "F" for its finish) the events that come before it."""
    ids = {step.id for step in steps}
    graph: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for step in steps:
        graph.setdefault((step.id, "F"), set()).add((step.id, "S"))
        for link in step.after:
            if link.id in ids:
                predecessor_event, own_event = link.type
                graph.setdefault((step.id, own_event), set()).add((link.id, predecessor_event))
    return graph


def _unknown_name(path: KeyPath, name: str, known_names: Iterable[str], allowed: str) -> Mistake:
    """Return the finding about a name that is none of the known ones, with a hint at the most similar."""
    choices = sorted(set(known_names))
    matches = get_close_matches(name, choices, n=1)
    hint = f"did you mean {matches[0]}?" if matches else f"known: {', '.join(choices) or 'none'}"
    return Mistake(path, name, allowed, hint)


def _trades(project: Project) -> Iterator[Mistake]:
    """Yield trades that are named and missing from `labour.trades`, and a repairing trade that has installed nothing."""
    trades = project.labour.trades
    for path, steps, _ in networks(project):
        for index, step in enumerate(steps):
            for trade in step.crews:
                if trade not in trades:
                    yield _unknown_name((*path, index, "crews"), trade, trades, "a trade of labour.trades")
    flush, fix = project.commissioning.flush, project.commissioning.fix_trade
    trade_of_path: dict[KeyPath, str] = {
        ("commissioning", "trade"): project.commissioning.trade,
        **({("commissioning", "fix_trade"): fix} if fix is not None else {}),
        **({("commissioning", "flush", "trade"): flush.trade} if flush is not None else {}),
        ("logistics", "lifting_trade"): project.logistics.lifting_trade,
    }
    for path, trade in trade_of_path.items():
        if trade not in trades:
            yield _unknown_name(path, trade, trades, "a trade of labour.trades")
    installing = {trade for steps in _used_networks(project) for step in steps for trade in step.crews}
    if fix is not None and fix in trades and fix not in {*installing, project.commissioning.trade}:
        allowed = f"a trade that has installed something here: {', '.join(sorted(installing)) or 'none has'}"
        yield Mistake(("commissioning", "fix_trade"), fix, allowed)


def _used_networks(project: Project) -> Iterator[Sequence[Step]]:
    """Yield the step networks that are performed: of a system, the one for its scope."""
    yield from (project.site_works.steps, project.shell.steps, project.pad.steps, project.energization.install)
    for system in project.by_system.values():
        yield system.site.steps if system.scope == "site" else system.hook_up


def _prerequisites(project: Project) -> Iterator[Mistake]:
    """Yield prerequisites of systems, commissioning and power that are no steps or systems, and a cycle of systems."""
    steps_before = {path: names for path, _, names in networks(project)}
    site, hall = steps_before["shell", "steps"], steps_before["pad", "steps"]
    prerequisites: list[tuple[KeyPath, Sequence[str], Iterable[str]]] = [
        (("commissioning", "after"), project.commissioning.after, hall),
        *([(("commissioning", "flush", "after"), flush.after, hall)] if (flush := project.commissioning.flush) else []),
        (("energization", "after"), project.energization.after, site),
    ]
    for index, feed in enumerate(project.energization.grid):
        prerequisites.append((("energization", "grid", index, "after"), feed.after, site))
    for name, system in project.by_system.items():
        known_names = steps_before["systems", name, "site", "steps"] | (set(project.by_system) - {name})
        prerequisites.append((("systems", name, "after"), system.after, known_names))
    for path, names, allowed_names in prerequisites:
        for index, name in enumerate(names):
            if name not in allowed_names:
                yield _unknown_name((*path, index), name, allowed_names, "something that is made on site before")
    systems = project.by_system
    graph = {name: [other for other in system.after if other in systems] for name, system in systems.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        yield Mistake(("systems",), NOTHING, f"these systems wait for each other: {' after '.join(error.args[1])}")


def _items(project: Project) -> Iterator[Mistake]:
    """Yield items that steps need and that are not bought, or not for a place that the step can wait for."""
    items = {item.id: item.per for item in project.procurement.items}
    places = {"site_works": {"phase"}, "shell": {"phase", "hall"}, "energization": {"phase"}}
    for path, steps, _ in networks(project):
        allowed = places.get(str(path[0]), {"phase", "hall", "block"})
        items_allowed = [item for item, per in items.items() if per in allowed]
        for index, step in enumerate(steps):
            for need_index, need in enumerate(step.needs):
                if need not in items_allowed:
                    description = f"an item of procurement.items ordered per {' or '.join(sorted(allowed))}"
                    yield _unknown_name((*path, index, "needs", need_index), need, items_allowed, description)


def _groups(project: Project) -> Iterator[Mistake]:
    """Yield turnovers that do not fit into halls, too many spare units, and orders that do not add up to the capacity."""
    blocks_per_hall, blocks_per_turnover = project.hall.blocks, project.turnover_blocks
    if blocks_per_hall % blocks_per_turnover and blocks_per_turnover % blocks_per_hall:
        message = f"a divisor of hall.blocks ({blocks_per_hall}), or for a building of several halls a multiple of it"
        yield Mistake(("turnover_blocks",), blocks_per_turnover, message)
    if project.energization.units.spare >= project.energization.units.count > 0:
        yield Mistake(
            ("energization", "units", "spare"), project.energization.units.spare, "fewer than the units there are"
        )
    mw_ordered = sum(order.mw for order in project.orders.given)
    if project.orders.given and abs(mw_ordered - project.scale.capacity_mw) > 1e-6:
        message = f"orders that add up to scale.capacity_mw ({project.scale.capacity_mw:g} MW)"
        yield Mistake(("orders", "given"), f"{mw_ordered:g} MW", message)


def _money(project: Project) -> Iterator[Mistake]:
    """Yield prices whose payments do not add up, that are of nothing the plan buys, or whose cancelling shares fall."""
    bought = {"site_works", "shell", "pad", "generation", *project.by_system}
    bought |= {item.id for item in project.procurement.items}
    for name, price in project.money.prices.items():
        total = sum(payment.share for payment in price.payments)
        path = ("money", "prices", name)
        if abs(total - 1) > 1e-9:
            yield Mistake((*path, "payments"), f"{total:g}", "payment shares that add up to 1")
        for index, item in enumerate(price.of):
            if item not in bought:
                yield _unknown_name((*path, "of", index), item, bought, "something the plan orders or makes")
        if not price.of and name not in bought and get_close_matches(name, bought):
            # something that this project does not buy may have a price; a name that is almost one it buys is a slip
            yield _unknown_name(path, name, bought, "a price of something the plan orders or makes, or with `of`")
        shares = [stage.share for stage in price.cancelling]
        if shares != sorted(shares):
            yield Mistake((*path, "cancelling"), shares, "shares that rise from stage to stage")


def _orders(project: Project) -> Iterator[Mistake]:
    """Yield orders that cannot be followed: without a demand, in lots that cut a turnover, or needed too early."""
    orders = project.orders
    if orders.phase_after_units > project.energization.units.count:
        limit_text = f"at most the units of a phase ({project.energization.units.count})"
        yield Mistake(("orders", "phase_after_units"), orders.phase_after_units, limit_text)
    if orders.phase_after_units and project.energization.shared:
        yield Mistake(
            ("orders", "phase_after_units"),
            orders.phase_after_units,
            "0: energization.shared has one plant for all phases",
        )
    if orders.given and orders.policy != "given":
        yield Mistake(("orders", "policy"), orders.policy, "given, where there is a schedule of orders")
    if orders.policy != "follow_demand":
        return
    if orders.demand is None:
        yield Mistake(("orders", "demand"), NOTHING, "the demand to follow")
        return
    if orders.lot_blocks % project.turnover_blocks:
        allowed = f"a multiple of turnover_blocks ({project.turnover_blocks})"
        yield Mistake(("orders", "lot_blocks"), orders.lot_blocks, allowed)
    growth, path = orders.demand.growth, orders.demand.path
    first_day = growth.first_day.value if growth is not None else min(point.day for point in path)
    if first_day < orders.look_ahead_days.value:
        allowed = f"at most the day of the first need ({first_day:g})"
        yield Mistake(("orders", "look_ahead_days"), f"{orders.look_ahead_days.value:g}", allowed)
