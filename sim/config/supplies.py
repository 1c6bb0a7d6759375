"""What the sections of supply say about each other: suppliers that exist, shares and quantities that are enough."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING

from sim.errors import Finding

if TYPE_CHECKING:
    from sim.config.project import Project

Path = tuple[str | int, ...]


def supply(project: Project) -> Iterator[Finding]:
    """Yield everything in the supply of a project that names what is not there or is not enough."""
    yield from _suppliers(project)
    yield from _partners(project)
    yield from _allocations(project)
    yield from _gate_slots(project)
    yield from _power(project)


def _suppliers(project: Project) -> Iterator[Finding]:
    """Yield suppliers that are named and not described."""
    known = project.procurement.suppliers
    named: dict[Path, str | None] = {("energization", "units", "supplier"): project.energization.units.supplier}
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
    """Yield partners that are given twice or make more than everything together."""
    for name, system in project.by_system.items():
        partners, path = system.factory.partners, ("systems", name, "factory", "partners")
        total = sum(partner.share for partner in partners)
        if total > 1 + 1e-9:
            yield Finding(path, f"{total:g}", "shares that add up to 1 or, with a first factory, to less")
        ids = [partner.id for partner in partners]
        for at, partner in enumerate(ids):
            if partner in ids[:at]:
                yield Finding((*path, at, "id"), partner, "each id once among the partners")


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
    per_phase = -(-project.blocks // project.scale.phases) * project.block.mw_gross.value
    if (given.grid or not given.units.count) and firm < per_phase - 1e-6:
        yield Finding(("energization", "grid"), f"{firm:g} MW firm", f"power for one phase ({per_phase:g} MW)")
