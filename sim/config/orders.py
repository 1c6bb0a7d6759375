"""Who decides how much, and when."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from sim.config.estimates import Bounds, Section, Unit


class Order(Section):
    """A decision to have some MW; its day is the start of its lead time."""

    day: Annotated[int, Unit("days"), Bounds(0, 7_300)] = Field(description="Days after t0 at which it is approved")
    mw: Annotated[float, Unit("MW"), Bounds(0.1, 20_000)] = Field(description="Gross MW ordered")


class Orders(Section):
    """One order or many; together they are the capacity."""

    given: tuple[Order, ...] = Field(default=(), description="A schedule; empty means everything at the decision")
