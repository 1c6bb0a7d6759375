"""Prices, payment and finance: what each part costs and when it is paid, what cancelling costs, what MW earn.

Finance states gearing and interest, revenue and running cost, margins of the layers of owners, and damages for delay.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sim.config.sections.estimates import (
    Bounds,
    Days,
    Estimate,
    Factor,
    Figure,
    Megawatts,
    Name,
    PercentPerYear,
    Ratio,
    Section,
    Share,
    Sourced,
    Unit,
)

# --- finance ----------------------------------------------------------------------------------------------------------


PerMonthPercent = Annotated[Figure, Unit("%/month"), Bounds(0, 100)]
Yearly = Annotated[Figure, Unit("$/MW/year"), Bounds(0, 1_000_000_000)]
PerMegawattHour = Annotated[Figure, Unit("$/MWh"), Bounds(0, 10_000)]
PerMegawattDay = Annotated[Figure, Unit("$/MW/day"), Bounds(0, 10_000_000)]
Years = Annotated[Figure, Unit("years"), Bounds(0.5, 60)]
Gpus = Annotated[Figure, Unit("GPUs/MW-IT"), Bounds(1, 100_000)]
TokensPerSecond = Annotated[Figure, Unit("tokens/s"), Bounds(0, 1_000_000)]
ZERO, WHOLE = Figure(value=0), Figure(value=1)


class Finance(Sourced):
    """Debt and equity of the project."""

    gearing: Share = Field(default=ZERO, description="Debt as a share of all capital")
    debt_rate: PercentPerYear = Field(default=ZERO, description="Interest on debt, compounded monthly")
    fee: Share = Field(default=ZERO, description="Lenders' fees as a share of the debt: origination, commitment")
    draw: Literal["pro_rata", "equity_first"] = Field(
        default="pro_rata", description="Debt with every payment by the gearing, or once the equity is spent"
    )


class Business(Sourced):
    """Revenue and running cost of MW that are online and needed."""

    usd_per_mw_it_year: Yearly = Field(default=ZERO, description="Revenue of a MW-IT in a year")
    minimum_cluster_blocks: Annotated[int, Unit("blocks"), Bounds(1, 1_000)] = Field(
        default=1, description="Compute earns only in whole clusters of so many blocks; the last may be smaller"
    )
    energy_usd_per_mwh: PerMegawattHour = Field(default=ZERO, description="Energy, all-in")
    energy_price_factor: Ratio = Field(default=WHOLE, description="Energy price of the site over the stated one")
    load: Share = Field(default=WHOLE, description="Mean draw over gross MW")
    operations_usd_per_mw_year: Yearly = Field(default=ZERO, description="People, maintenance, insurance; per gross MW")
    obsolescence: PerMonthPercent = Field(default=ZERO, description="Value that compute loses in a month")
    title: Literal["ordered", "delivered"] = Field(default="delivered", description="When compute becomes the owner's")


class Margins(Section):
    """What each layer adds to all it costs and buys when another company owns it."""

    land: Ratio = Field(default=ZERO, description="Margin of the landlord over his cost")
    energy: Ratio = Field(default=ZERO, description="Margin of the power producer")
    building: Ratio = Field(default=ZERO, description="Margin of the building's landlord")
    operation: Ratio = Field(default=ZERO, description="Margin of the data center's operator")
    compute: Ratio = Field(default=ZERO, description="Margin of the owner of the computers, today")


class Ownership(Sourced):
    """What a GPU-hour costs who owns every layer, and who rents from a stack of owners."""

    gpus_per_mw_it: Gpus = Field(default=WHOLE, description="GPUs in a MW-IT")
    utilisation: Annotated[Figure, Unit("share"), Bounds(0.01, 1)] = Field(
        default=WHOLE, description="Share of GPU-hours that are used or sold"
    )
    tokens_per_gpu_second: TokensPerSecond = Field(
        default=ZERO, description="Output tokens that a GPU serves in a second it is used; 0: no cost of tokens"
    )
    compute_years: Years = Field(default=Figure(value=5), description="Economic life of compute")
    infrastructure_years: Years = Field(default=Figure(value=20), description="Economic life of everything else")
    margins: Margins = Field(default=Margins(), description="Margins by layer, each on what it buys from below")
    compute_margin_falls: PercentPerYear = Field(
        default=ZERO, description="By how much the compute margin falls a year"
    )


class Damages(Sourced):
    """What late MW cost the one who promised them, and when the other may walk away."""

    usd_per_mw_day: PerMegawattDay = Field(description="For every MW and day after the promised date")
    promised_days: Days = Field(description="Promised days from an order to its MW")
    cap_usd: Annotated[Figure, Unit("$"), Bounds(0, 100_000_000_000)] = Field(description="At most so much in all")
    long_stop_days: Days = Field(description="Days from an order after which it may be terminated")
    minimum_mw: Megawatts = Field(default=ZERO, description="MW that must be online by the long-stop date; 0 is all")


# --- prices and payment -----------------------------------------------------------------------------------------------


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
ZERO = Figure(value=0)


class Payment(Section):
    """A share of an item's price, due when something happens to it."""

    on: Milestone = Field(description="What makes it due; online is acceptance, block by block")
    share: Annotated[float, Unit("share"), Bounds(0, 1)] = Field(description="Share of the price")
    lag_days: Days = Field(default=ZERO, description="Calendar days from what makes it due to the payment")


class Retention(Sourced):
    """A share of every payment that is kept back until the work has proved itself."""

    share: Share = Field(description="Share of every payment that is kept back")
    until: Milestone = Field(default="online", description="What releases it")
    lag_days: Days = Field(default=ZERO, description="Calendar days from there to its payment")


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
    escalation: PercentPerYear = Field(default=ZERO, description="Price drift from t0 to the order, which fixes it")
    sales_tax: Share = Field(default=ZERO, description="Sales and use tax on top of the stated price")
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
        keys = [name for name in PRICED_BY if getattr(self, name) is not None]
        if len(keys) != 1:
            raise ValueError(f"give exactly one of {', '.join(PRICED_BY)} (here: {', '.join(keys) or 'none'})")
        return self

    @property
    def unit_cost(self) -> Estimate:
        """Return the unit cost in whichever unit it is given."""
        return next(found for name in PRICED_BY if (found := getattr(self, name)) is not None)


class Contractor(Sourced):
    """How the contractor is paid for what he buys and for the people he brings."""

    fee: Share = Field(default=ZERO, description="Fee on everything he bills")
    bills: bool = Field(
        default=False, description="He bills by the month; otherwise everything is paid as it falls due"
    )
    pays_after: Days = Field(
        default=ZERO, description="Calendar days from the end of the month to the payment of its bill"
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
    contingency: Contingency = Field(default=Contingency(share=ZERO), description="What is approved beyond the plan")
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
