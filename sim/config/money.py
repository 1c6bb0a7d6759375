"""Prices and payment: what each part costs and when it is paid."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sim.config.estimates import Bounds, Estimate, Name, Section, Sourced, Unit
from sim.config.quantities import PercentPerYear

Milestone = Literal["ordered", "started", "delivered", "installed", "complete", "online"]
UnitPrice = Annotated[Estimate, Unit("$"), Bounds(0, 10_000_000_000)]


class Payment(Section):
    """A share of an item's price, due when something happens to it."""

    on: Milestone = Field(description="What makes it due")
    share: Annotated[float, Unit("share"), Bounds(0, 1)] = Field(description="Share of the price")


class Price(Sourced):
    """What one instance of a capital item costs."""

    usd_per_mw: UnitPrice = Field(description="Price per gross MW the instance was built to serve")
    payments: tuple[Payment, ...] = Field(min_length=1, description="When it is paid; the shares add up to 1")
    kind: Literal["infrastructure", "compute"] = Field(
        default="infrastructure", description="Which capital it belongs to"
    )


class Money(Section):
    """Prices of all capital items; labour is paid as it is worked."""

    prices: dict[Name, Price] = Field(description="By capital item: site_works, shell, electrical, …")
    horizon_days: Annotated[int, Unit("days"), Bounds(30, 14_600)] = Field(
        description="Evaluation horizon of the idle-capital integral, the same for all strategies"
    )
    cost_of_capital: PercentPerYear = Field(description="Blended cost of capital, for the carrying cost")
