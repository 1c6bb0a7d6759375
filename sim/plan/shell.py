"""Site-wide works of a phase, the shell of a hall, and the pad of a block that stands outside."""

from __future__ import annotations

from sim.plan.brief import Brief
from sim.plan.layout import Place
from sim.plan.networks import Instance, write_network
from sim.plan.vocabulary import MINUTES_PER_DAY, Note, Signal, Span, Wait, Work
from sim.world.shapes import shape


def prepare(brief: Brief, phase: Place) -> None:
    """Write the permits and the design of a phase: nothing starts on site before."""
    permitted = brief.plan.gate(f"{phase.name}.permitted")
    preparation = Span(shape(brief.project.scale.preparation_days), MINUTES_PER_DAY)
    brief.plan.unit(
        f"{phase.name}.preparation",
        [
            brief.decided(phase),
            Note("ordered", f"site_works/{phase.name}"),
            Work("permits and design", preparation, "always"),
            Note("started", f"site_works/{phase.name}"),
            Signal(permitted),
        ],
    )


def site_works(brief: Brief, phase: Place) -> None:
    """Write the works that serve a whole phase."""
    instance = Instance(phase, "site_works", f"site_works/{phase.name}", mw=phase.built_mw, roots=(_start(phase),))
    write_network(brief, brief.project.site_works.steps, instance)


def erect_hall(brief: Brief, hall: Place) -> None:
    """Write the shell of one hall, from its decision to dry-in."""
    steps = brief.project.shell.steps
    if not steps:
        return
    item = f"shell/{hall.name}"
    begun = brief.plan.gate(f"{hall.name}.decided")
    brief.plan.unit(f"{hall.name}.decision", [brief.decided(hall), Note("ordered", item), Signal(begun)])
    sqft = hall.built_mw * brief.project.hall.sqft_per_mw.value
    roots = (_start(hall), Wait(begun))
    write_network(brief, steps, Instance(hall, "shell", item, sqft, hall.built_mw, roots))


def lay_pad(brief: Brief, block: Place) -> None:
    """Write the foundation of one block that has no hall around it."""
    if brief.project.pad.steps:
        begun = brief.plan.gate(f"{block.name}.decided")
        item = f"pad/{block.name}"
        brief.plan.unit(f"{block.name}.decision", [brief.decided(block), Note("ordered", item), Signal(begun)])
        roots = (_start(block), Wait(begun))
        write_network(brief, brief.project.pad.steps, Instance(block, "pad", item, mw=block.built_mw, roots=roots))


def _start(place: Place) -> Wait:
    return Wait(f"{place.phase}.permitted")
