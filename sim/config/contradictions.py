"""Keys that contradict each other: they state one thing differently, or promise what the project cannot reach.

Other contradictions are refused within a section (units of an amount and of a price, lag and lead, path and growth) or
where sections are checked against each other (orders and capacity, a schedule and a policy).
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, fsum

from sim.config.project import Project
from sim.config.sections.contract import unreachable_or_duplicate
from sim.config.sections.systems import SYSTEMS
from sim.errors import NOTHING, Mistake

TAKEN = (*SYSTEMS, "generation", "site_works", "shell", "pad")
"""Names that parts of every project have."""

WEATHER_SOURCES = {"file": "file", "table": "lost_days"}
"""The key of `weather` that each kind reads."""


def contradictions(project: Project) -> Iterator[Mistake]:
    """Yield every pair of keys of a project that contradict each other."""
    yield from _working_week(project)
    yield from _standby(project)
    yield from _weather_source(project)
    yield from _item_names(project)
    yield from _phase_orders(project)
    yield from _milestones(project)
    yield from _existing(project)
    yield from _buildings(project)
    yield from _power(project)


def _existing(project: Project) -> Iterator[Mistake]:
    """Yield patterns of steps that exist already and that match no step."""
    for index, pattern in enumerate(project.existing):
        if not project.existing_steps(pattern):
            allowed = "a step of site_works, shell or pad, such as shell.* or site_works.roads"
            yield Mistake(("existing", index), pattern, allowed)


def _buildings(project: Project) -> Iterator[Mistake]:
    """Yield buildings that are not whole blocks, do not add up to the capacity, or stand in several phases."""
    scale, block, path = project.scale, project.block.mw_gross.value, ("scale", "buildings")
    if not scale.buildings:
        return
    for index, building in enumerate(scale.buildings):
        if abs(building.mw / block - round(building.mw / block)) > 1e-6:
            yield Mistake((*path, index, "mw"), building.mw, f"a multiple of block.mw_gross ({block:g} MW)")
    total = fsum(building.mw for building in scale.buildings)
    if abs(total - scale.capacity_mw) > 1e-6:
        yield Mistake(path, f"{total:g} MW", f"buildings that add up to scale.capacity_mw ({scale.capacity_mw:g} MW)")
    if scale.phases > 1:
        yield Mistake(
            path, f"{len(scale.buildings)} buildings", "one phase where buildings are stated (scale.phases: 1)"
        )


def _working_week(project: Project) -> Iterator[Mistake]:
    """Yield keys of the site calendar that differ from labour.pattern, or that are missing where there is no pattern."""
    site_calendar, labour, path = project.calendars.site, project.labour, ("calendars", "site")
    if labour.pattern is None:
        missing = [key for key in ("days", "shifts") if getattr(site_calendar, key) is None]
        for key in missing:
            yield Mistake((*path, key), NOTHING, "is missing: labour.pattern is null, so the week is stated here")
        return
    pattern = labour.patterns[labour.pattern]
    for key in ("days", "shifts", "breaks"):
        value = getattr(site_calendar, key)
        if value is not None and value != getattr(pattern, key):
            message = (
                f"the same {key} as labour.pattern {labour.pattern} ({{other_position}}), which would override them"
            )
            hint = "name the pattern that is meant, or write `pattern: null` under labour to work by calendars.site"
            yield Mistake((*path, key), value, message, hint, ("labour", "pattern"))
            return


def _standby(project: Project) -> Iterator[Mistake]:
    """Yield standby pay where no crew is ever sent home."""
    labour = project.labour
    if labour.standby is not None and not labour.idle_leave:
        message = "none, as labour.idle_leave ({other_position}) sends nobody home who could stand by"
        yield Mistake(("labour", "standby", "share"), labour.standby.share.value, message, "", ("labour", "idle_leave"))


def _weather_source(project: Project) -> Iterator[Mistake]:
    """Yield a weather file or table that its kind does not read; `none` switches off any."""
    weather = project.weather
    if weather.kind == "none":
        return
    for kind, key in WEATHER_SOURCES.items():
        if kind != weather.kind and getattr(weather, key) is not None:
            message = f"null, as weather.kind {weather.kind} ({{other_position}}) does not read it"
            hint = f"write `kind: {kind}` under weather if it is meant"
            yield Mistake(("weather", key), getattr(weather, key), message, hint, ("weather", "kind"))


def _phase_orders(project: Project) -> Iterator[Mistake]:
    """Yield an interval between phases where a schedule or the demand says when each of them is ordered."""
    scale, orders = project.scale, project.orders
    deciding_key = ("orders", "given") if orders.given else ("orders", "policy")
    if scale.phases > 1 and scale.phase_interval_days.value and (orders.given or orders.policy == "follow_demand"):
        message = f"0, as {'.'.join(deciding_key)} ({{other_position}}) says when each phase is ordered"
        yield Mistake(("scale", "phase_interval_days"), scale.phase_interval_days.value, message, "", deciding_key)


def _item_names(project: Project) -> Iterator[Mistake]:
    """Yield items with the name of a system or the power plant, whose deliveries and prices have that name."""
    for index, item in enumerate(project.procurement.items):
        if item.id in TAKEN:
            allowed = f"a name of its own: {item.id} is ordered and priced as a part of the project already"
            yield Mistake(("procurement", "items", index, "id"), item.id, allowed)


def _milestones(project: Project) -> Iterator[Mistake]:
    """Yield milestones that no run of the project could reach."""
    per_phase = -(-project.blocks // project.scale.phases)
    phases = [min(per_phase, project.blocks - first) for first in range(0, project.blocks, per_phase)]
    halls = sum(-(-blocks // project.hall.blocks) for blocks in phases)
    built_mw = project.blocks * project.block.mw_gross.value
    yield from unreachable_or_duplicate(project.milestones, built_mw, halls, project.scale.start_date)


def _power(project: Project) -> Iterator[Mistake]:
    """Yield firm power, with all of it installed, that is less than the blocks of a plant keep, which would wait for ever.

    Where orders follow demand, units that serve a phase alone may be fewer: the last blocks need not be ordered.
    """
    power, orders = project.energization, project.orders
    running = max(0, power.units.count - power.units.spare)
    firm_mw = running * power.units.mw.value + fsum(feed.mw.value for feed in power.grid)
    served, blocks = ("all phases", project.blocks) if power.shared else ("one phase", project.blocks_per_phase)
    if project.scale.phases == 1:
        served = "all blocks"
    mw_needed = blocks * project.block.mw_gross.value
    stated_anyway = power.grid or power.shared or not power.units.count
    if firm_mw >= mw_needed - 1e-6 or (orders.policy == "follow_demand" and not stated_anyway):
        return
    needed = f"power for {served} ({mw_needed:g} MW)"
    if not power.units.count:
        yield Mistake(("energization", "grid"), f"{firm_mw:g} MW firm", needed)
        return
    units_mw = f"{running} × {power.units.mw.value:g} MW{' and the grid' if power.grid else ''} = {firm_mw:g} MW"
    spare = f", {power.units.spare} of {power.units.count} in reserve" if power.units.spare else ""
    count = power.units.count + ceil((mw_needed - firm_mw) / max(power.units.mw.value, 1e-9) - 1e-9)
    hint = f"count: {count} is enough for {blocks} × {project.block.mw_gross.value:g} MW; or less scale.capacity_mw"
    yield Mistake(("energization", "units", "count"), f"{units_mw} firm{spare}", needed, hint)
