"""Prices and payment: what each part costs, when it is paid, by whom, and what it costs to change one's mind."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sim.config.estimates import Bounds, Estimate, Figure, Name, Section, Sourced, Unit
from sim.config.finance import Business, Damages, Finance, Ownership
from sim.config.quantities import Days, Factor, PercentPerYear, Ratio, Share

Milestone = Literal["ordered", "started", "delivered", "set", "installed", "complete", "online"]
Part = Literal["energise", "shell_and_systems", "compute"]
UnitPrice = Annotated[Estimate, Unit("$"), Bounds(0, 10_000_000_000)]
PerMegawatt = Annotated[Estimate, Unit("$/MW"), Bounds(0, 10_000_000_000)]
PerSquareFoot = Annotated[Estimate, Unit("$/sq ft"), Bounds(0, 100_000)]
PerLoadMile = Annotated[Estimate, Unit("$/mile"), Bounds(0, 1_000)]
PerBedDay = Annotated[Estimate, Unit("$/bed-day"), Bounds(0, 10_000)]
PerMonth = Annotated[Estimate, Unit("$/month"), Bounds(0, 1_000_000_000)]
PARTS = ("energise", "shell_and_systems", "compute")
PRICED_BY = ("usd_per_mw", "usd_per_sqft", "usd_per_load_mile", "usd_each")
NONE = Figure(value=0)


class Payment(Section):
    """A share of an item's price, due when something happens to it."""

    on: Milestone = Field(description="What makes it due; online is acceptance, block by block")
    share: Annotated[float, Unit("share"), Bounds(0, 1)] = Field(description="Share of the price")
    lag_days: Days = Field(default=NONE, description="Calendar days from what makes it due to the payment")


class Retention(Sourced):
    """A share of every payment that is kept back until the work has proved itself."""

    share: Share = Field(description="Share of every payment that is kept back")
    until: Milestone = Field(default="online", description="What releases it")
    lag_days: Days = Field(default=NONE, description="Calendar days from there to its payment")


class Stage(Section):
    """What is owed if an item is cancelled from a milestone on, as a share of its price."""

    since: Milestone = Field(description="From when on")
    share: Annotated[float, Unit("share"), Bounds(0, 1)] = Field(description="Share of the price owed at least")


class Price(Sourced):
    """What a capital item costs: quantity × unit cost, drawn once a project, at prices of its order date."""

    usd_per_mw: PerMegawatt | None = Field(
        default=None, description="Price per gross MW that the instance was built to serve"
    )
    usd_per_sqft: PerSquareFoot | None = Field(default=None, description="Price per square foot of the hall")
    usd_per_load_mile: PerLoadMile | None = Field(
        default=None, description="Freight per load and mile from the factory, for a load of legal size"
    )
    usd_each: UnitPrice | None = Field(default=None, description="Price of one instance, whatever its size")
    in_factory_usd_per_mw: PerMegawatt | None = Field(
        default=None,
        description="Added where the system is made in a factory: factory labour, frame, gear the site buys apart",
    )
    oversize_factor: Ratio = Field(
        default=Figure(value=1), description="Freight of a load beyond legal size over that of a legal one"
    )
    of: tuple[Name, ...] = Field(
        default=(), description="Items of the plan whose events make it due; left out, the item of its own name"
    )
    part: Part = Field(default="shell_and_systems", description="Where it counts in the split of the capital")
    escalation: PercentPerYear = Field(default=NONE, description="Price drift from t0 to the order, which fixes it")
    paid_by: Literal["owner", "contractor"] = Field(
        default="owner", description="Owner-furnished, or bought by the contractor and billed by the month with a fee"
    )
    payments: tuple[Payment, ...] = Field(min_length=1, description="When it is paid; the shares add up to 1")
    retention: Retention | None = Field(default=None, description="What is kept back of every payment")
    cancelling: tuple[Stage, ...] = Field(
        default=(), description="What cancelling costs; left out, what has been paid, and all of it once delivered"
    )

    @model_validator(mode="after")
    def _one_price(self) -> Price:
        given = [name for name in PRICED_BY if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of {', '.join(PRICED_BY)} (here: {', '.join(given) or 'none'})")
        return self

    @property
    def unit_cost(self) -> Estimate:
        """The unit cost in whichever unit it is given."""
        return next(found for name in PRICED_BY if (found := getattr(self, name)) is not None)


class Contractor(Sourced):
    """How the contractor is paid for what he buys and for the people he brings."""

    fee: Share = Field(default=NONE, description="Fee on everything he bills")
    bills: bool = Field(
        default=False, description="He bills by the month; otherwise everything is paid as it falls due"
    )
    pays_after: Days = Field(
        default=NONE, description="Calendar days from the end of the month to the payment of its bill"
    )


class Labour(Sourced):
    """What a paid hour costs, over the rates of labour.trades."""

    factor: Factor = Field(description="Cost of all paid hours over the stated rates, drawn once a project")


class Camp(Sourced):
    """A bed for everyone who stays."""

    usd_per_bed_day: PerBedDay = Field(description="Turnkey camp, food included")
    housed: Share = Field(description="Share of the people on site who live in the camp")


class GeneralConditions(Sourced):
    """What runs with time as long as the site is open: offices, cranes' hire, temporary services, insurance."""

    usd_per_month: PerMonth = Field(description="From the first work on site to the last block online")


class Contingency(Sourced):
    """Money approved beyond the planned cost; only what is drawn from it is capital."""

    share: Share = Field(description="Share of the planned cost without compute")


class Money(Section):
    """Prices of all capital items, and what money itself costs and earns."""

    prices: dict[Name, Price] = Field(description="By capital item: land, shell, electrical, …")
    contractor: Contractor = Field(default=Contractor(), description="How the contractor is paid")
    labour: Labour = Field(default=Labour(factor=Estimate(value=1)), description="Site labour: hours × loaded rate")
    camp: Camp | None = Field(default=None, description="Beds × days")
    general_conditions: GeneralConditions | None = Field(default=None, description="What runs with time")
    contingency: Contingency = Field(default=Contingency(share=NONE), description="What is approved beyond the plan")
    horizon_days: Annotated[int, Unit("days"), Bounds(30, 14_600)] = Field(
        description="Evaluation horizon of the idle-capital integral, the same for all strategies"
    )
    cost_of_capital: PercentPerYear = Field(description="Blended cost of capital, for the carrying cost")
    finance: Finance = Field(default=Finance(), description="Debt and equity")
    business: Business = Field(default=Business(), description="What a MW earns, and what running it costs")
    ownership: Ownership = Field(
        default=Ownership(), description="Owning every layer against renting each with its margin"
    )
    damages: Damages | None = Field(
        default=None, description="Liquidated damages and a long-stop date; none if left out"
    )
