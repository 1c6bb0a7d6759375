"""Long-lead items: ordered by one policy, arriving by lead time, gating site or factory."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sim.config.estimates import Name, Section, Sourced
from sim.config.quantities import Factor, WeekNumber, Weeks


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


class Procurement(Section):
    """The order-date policy and the items."""

    policy: Literal["just_in_time", "at_decision"] = Field(
        description="Order at max(t0, required on site - lead time - float), or everything at the decision"
    )
    float_weeks: WeekNumber = Field(description="Weeks by which an order is placed before it has to be")
    suppliers: dict[Name, Supplier] = Field(default={}, description="Makers whose deliveries slip together")
    items: tuple[Item, ...] = Field(description="The items")
