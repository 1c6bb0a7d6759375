"""Demand, orders and procurement: how many MW are needed when, which of them are ordered when, and long-lead items.

Demand is a given path or one drawn anew in every replication, the same for all strategies. Long-lead items are ordered
by one policy, arrive by their lead time and gate the site or the factory.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sim.config.sections.estimates import (
    BlocksPerWeek,
    Bounds,
    CalendarDays,
    Days,
    Estimate,
    Factor,
    Figure,
    Lot,
    Megawatts,
    Name,
    Probability,
    Ratio,
    Section,
    Sourced,
    Unit,
    WeekNumber,
    Weeks,
)

# --- demand -----------------------------------------------------------------------------------------------------------


DaysPerMegawatt = Annotated[Estimate, Unit("days/MW"), Bounds(0, 3_650)]


class Point(Section):
    """So many MW are needed in all from a day on."""

    day: Annotated[int, Unit("days"), Bounds(0, 14_600)] = Field(description="Days after t0")
    mw: Annotated[float, Unit("MW"), Bounds(0, 20_000)] = Field(description="Gross MW needed in all from that day on")


class Scenario(Sourced):
    """A future with a probability: how much slower or faster demand grows in it."""

    id: Name = Field(description="Name of the scenario")
    weight: Annotated[float, Unit("weight"), Bounds(0, 1_000)] = Field(description="Its probability, on any scale")
    days_factor: Annotated[float, Unit("×"), Bounds(0.01, 100)] = Field(
        description="Days per MW in it over those stated: 0.5 is twice as fast"
    )


class Growth(Sourced):
    """Demand that grows from a first need, at a pace that is drawn once and wavers on the way."""

    first_day: Days = Field(description="Day after t0 on which the first MW are needed")
    first_mw: Megawatts = Field(description="MW needed on that day")
    days_per_mw: DaysPerMegawatt = Field(description="Days in which one more MW is needed; 3.04 is 10 MW a month")
    wave: Factor = Field(default=Estimate(value=1), description="How the pace of one wave differs from the trend")
    wave_mw: Megawatts = Field(default=Figure(value=25), description="MW for which one wave lasts")


class Ending(Sourced):
    """Demand that may break off: nothing more is needed from then on, and nothing that was not needed yet."""

    probability: Probability = Field(description="Probability that it does")
    day: CalendarDays = Field(description="When, if it does: days after t0")


class Demand(Section):
    """The MW that are needed over time: one of `path` and `growth`."""

    path: tuple[Point, ...] = Field(default=(), description="A given path, up to the capacity")
    growth: Growth | None = Field(default=None, description="A path drawn in every replication")
    scenarios: tuple[Scenario, ...] = Field(default=(), description="Futures of the growth, one of which comes true")
    ending: Ending | None = Field(default=None, description="Demand may break off")

    @model_validator(mode="after")
    def _one_path(self) -> Demand:
        if bool(self.path) == (self.growth is not None):
            raise ValueError("give either a path or a growth")
        if self.scenarios and (self.growth is None or not sum(scenario.weight for scenario in self.scenarios)):
            raise ValueError("scenarios need a growth that they change, and weights above 0")
        return self


# --- orders -----------------------------------------------------------------------------------------------------------


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


# --- procurement ------------------------------------------------------------------------------------------------------


class Supplier(Sourced):
    """Who makes several items: when it is late, all that comes from it is late together."""

    slip: Factor = Field(description="Lead times over the stated ones: drawn once per replication for all it makes")


class Item(Sourced):
    """Something with a lead time that steps name under `needs`."""

    id: Name = Field(description="Name of the item")
    per: Literal["phase", "hall", "block"] = Field(description="The lot in which it is ordered")
    lead_weeks: Weeks = Field(description="From order to delivery on site, with the allocation held")
    slot_week: WeekNumber | None = Field(
        default=None, description="Week after the decision before which the held slot delivers nothing"
    )
    slot_weeks_between: WeekNumber | None = Field(
        default=None, description="Weeks from one lot's held slot to the next one's; left out, all lots share one"
    )
    supplier: Name | None = Field(default=None, description="Who makes it, of `suppliers`")
    lot: Lot | None = Field(
        default=None, description="What has one drawn lead time; left out, each phase, hall or block by itself"
    )
    lot_delivered_per_week: BlocksPerWeek | None = Field(
        default=None, description="Blocks of a lot for which it comes in a week; left out, it comes at once"
    )


class Procurement(Section):
    """The order-date policy and the items."""

    policy: Literal["just_in_time", "at_decision"] = Field(
        description="Order at max(t0, required on site - lead time - float), or everything at the decision"
    )
    float_weeks: WeekNumber = Field(description="Weeks by which an order is placed before it has to be")
    suppliers: dict[Name, Supplier] = Field(default={}, description="Makers whose deliveries slip together")
    items: tuple[Item, ...] = Field(description="The items")
