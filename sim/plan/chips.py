"""Newer generations of chips: from a drawn date on, whatever compute is not ordered yet is of the newer one."""

from __future__ import annotations

from sim.plan.brief import Brief
from sim.plan.vocabulary import MINUTES_PER_DAY, Note, Span, Until
from sim.world.shapes import shape

ORDERABLE = "orderable"


def release_chips(brief: Brief) -> None:
    """Write the date from which each newer generation may be ordered."""
    for generation in brief.project.orders.generations:
        date = Until("chips orderable", Span(shape(generation.day), MINUTES_PER_DAY))
        brief.plan.unit(f"chips.{generation.id}", [date, Note(ORDERABLE, generation.id)])
