"""Who decides how much, and when."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sim.config.demand import Demand
from sim.config.estimates import Bounds, Figure, Name, Section, Sourced, Unit
from sim.config.quantities import CalendarDays, Days, Ratio

Blocks = Annotated[int, Unit("blocks"), Bounds(1, 1_000)]


class Order(Section):
    """A decision to have some MW; its day is the start of its lead time."""

    day: Annotated[int, Unit("days"), Bounds(0, 7_300)] = Field(description="Days after t0 at which it is approved")
    mw: Annotated[float, Unit("MW"), Bounds(0.1, 20_000)] = Field(description="Gross MW ordered")


class Cancelling(Sourced):
    """An order that is no longer needed may be cancelled until a stated stage; what that costs is money.prices'."""

    within_days: Days = Field(description="Days after its order until which a block may be cancelled")


class Generation(Sourced):
    """A newer generation of chips: what is not ordered yet when it comes can take it."""

    id: Name = Field(description="Name of the generation")
    day: CalendarDays = Field(description="Days after t0 from which it may be ordered")
    price_factor: Ratio = Field(description="Price of a block's compute over the first generation's")
    revenue_factor: Ratio = Field(description="Revenue of a MW-IT over the first generation's")


class Orders(Section):
    """One order or many, by one policy."""

    policy: Literal["given", "released", "follow_demand"] = Field(
        default="given",
        description="By the given schedule (everything at the decision if there is none); each lot a fixed time before "
        "its planned date; or as demand comes in sight",
    )
    given: tuple[Order, ...] = Field(default=(), description="A schedule; empty means everything at the decision")
    lot_blocks: Blocks = Field(default=1, description="Blocks that are ordered at once")
    released_days_ahead: Days = Field(
        default=Figure(value=273), description="released: days from a lot's release to its planned date online"
    )
    look_ahead_days: Days = Field(
        default=Figure(value=0), description="follow_demand: days before it is needed that a MW is ordered"
    )
    until_day: Annotated[int, Unit("days"), Bounds(1, 14_600)] | None = Field(
        default=None, description="follow_demand: day after which nothing is ordered any more; left out, never"
    )
    demand: Demand | None = Field(default=None, description="The MW that are needed over time")
    cancelling: Cancelling | None = Field(default=None, description="When demand breaks off; none if left out")
    generations: tuple[Generation, ...] = Field(default=(), description="Newer chips, in the order in which they come")
    phase_after_units: Annotated[int, Unit("units"), Bounds(0, 1_000)] = Field(
        default=0, description="Generating units of the phase before that must run before a phase is ordered; 0: none"
    )
