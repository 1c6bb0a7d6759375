"""What money costs and what megawatts earn: gearing and interest, revenue and running cost, margins, damages."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sim.config.estimates import Bounds, Figure, Section, Sourced, Unit
from sim.config.quantities import Days, Megawatts, PercentPerYear, Ratio, Share

PerMonthPercent = Annotated[Figure, Unit("%/month"), Bounds(0, 100)]
Yearly = Annotated[Figure, Unit("$/MW/year"), Bounds(0, 1_000_000_000)]
PerMegawattHour = Annotated[Figure, Unit("$/MWh"), Bounds(0, 10_000)]
PerMegawattDay = Annotated[Figure, Unit("$/MW/day"), Bounds(0, 10_000_000)]
Years = Annotated[Figure, Unit("years"), Bounds(0.5, 60)]
Gpus = Annotated[Figure, Unit("GPUs/MW-IT"), Bounds(1, 100_000)]
NONE, WHOLE = Figure(value=0), Figure(value=1)


class Finance(Sourced):
    """Debt and equity of the project."""

    gearing: Share = Field(default=NONE, description="Debt as a share of all capital")
    debt_rate: PercentPerYear = Field(default=NONE, description="Interest on debt, compounded monthly")
    draw: Literal["pro_rata", "equity_first"] = Field(
        default="pro_rata", description="Debt with every payment by the gearing, or once the equity is spent"
    )


class Business(Sourced):
    """Revenue and running cost of MW that are online and needed."""

    usd_per_mw_it_year: Yearly = Field(default=NONE, description="Revenue of a MW-IT in a year")
    minimum_cluster_blocks: Annotated[int, Unit("blocks"), Bounds(1, 1_000)] = Field(
        default=1, description="Compute earns only in whole clusters of so many blocks; the last may be smaller"
    )
    energy_usd_per_mwh: PerMegawattHour = Field(default=NONE, description="Energy, all-in")
    energy_price_factor: Ratio = Field(default=WHOLE, description="Energy price of the site over the stated one")
    load: Share = Field(default=WHOLE, description="Mean draw over gross MW")
    operations_usd_per_mw_year: Yearly = Field(default=NONE, description="People, maintenance, insurance; per gross MW")
    obsolescence: PerMonthPercent = Field(default=NONE, description="Value that compute loses in a month")
    title: Literal["ordered", "delivered"] = Field(default="delivered", description="When compute becomes the owner's")


class Margins(Section):
    """What each layer adds to all it costs and buys when somebody else owns it."""

    land: Ratio = Field(default=NONE, description="Margin of the landlord over his cost")
    energy: Ratio = Field(default=NONE, description="Margin of the power producer")
    building: Ratio = Field(default=NONE, description="Margin of the building's landlord")
    operation: Ratio = Field(default=NONE, description="Margin of the data center's operator")
    compute: Ratio = Field(default=NONE, description="Margin of the owner of the computers, today")


class Ownership(Sourced):
    """What a GPU-hour costs who owns every layer, and who rents from a stack of owners."""

    gpus_per_mw_it: Gpus = Field(default=WHOLE, description="GPUs in a MW-IT")
    utilisation: Share = Field(default=WHOLE, description="Share of GPU-hours that are used or sold")
    compute_years: Years = Field(default=Figure(value=5), description="Economic life of compute")
    infrastructure_years: Years = Field(default=Figure(value=20), description="Economic life of everything else")
    margins: Margins = Field(default=Margins(), description="Margins by layer, each on what it buys from below")
    compute_margin_falls: PercentPerYear = Field(
        default=NONE, description="By how much the compute margin falls a year"
    )


class Damages(Sourced):
    """What late MW cost the one who promised them, and when the other may walk away."""

    usd_per_mw_day: PerMegawattDay = Field(description="For every MW and day after the promised date")
    promised_days: Days = Field(description="Promised days from an order to its MW")
    cap_usd: Annotated[Figure, Unit("$"), Bounds(0, 100_000_000_000)] = Field(description="At most so much in all")
    long_stop_days: Days = Field(description="Days from an order after which it may be terminated")
    minimum_mw: Megawatts = Field(default=NONE, description="MW that must be online by the long-stop date; 0 is all")
