"""What a GPU-hour costs whoever owns every layer, and whoever rents from owners of whom each adds a margin."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

from sim.config.project import Project
from sim.metrics.business import HOURS_A_YEAR, running_cost


@dataclass(frozen=True)
class Layers:
    """Cost a year of each layer, in dollars, and the GPU-hours sold in it."""

    land: float
    energy: float
    building: float
    operation: float
    compute: float
    gpu_hours: float

    @property
    def owned(self) -> float:
        """Return what all layers cost together."""
        return self.land + self.energy + self.building + self.operation + self.compute


def layers(project: Project, mw: float, land: float, energise: float, building: float, compute: float) -> Layers:
    """Return the layers of a project with so many MW and so much capital (dollars) in each.

    Capital is spread over its life by the capital recovery factor at the cost of capital.
    """
    money, ownership = project.money, project.money.ownership
    rate = money.cost_of_capital.value / 100
    fixed = recovery(rate, ownership.infrastructure_years.value)
    run = running_cost(money.business, mw)
    gpus = mw / project.block.mw_gross.value * project.block.mw_it.value * ownership.gpus_per_mw_it.value
    return Layers(
        land * rate,
        run["energy"] + energise * fixed,
        building * fixed,
        run["operations"],
        compute * recovery(rate, ownership.compute_years.value),
        gpus * HOURS_A_YEAR * ownership.utilisation.value,
    )


def recovery(rate: float, years: float) -> float:
    """Return the yearly payment that returns a dollar with interest over so many years."""
    return float(rate / (1 - (1 + rate) ** -years)) if rate else 1 / years


def rented(cost: Layers, project: Project, year: float = 0.0) -> float:
    """Return what the same costs a year where each layer adds its margin to its cost and to all it buys.

    The landlord builds on rented land; the operator rents the building and buys power; the computers' owner pays
    the operator. The margin on compute falls by a share a year; the others stay.
    """
    margins = project.money.ownership.margins
    falls = 1 - project.money.ownership.compute_margin_falls.value / 100
    land = cost.land * (1 + margins.land.value)
    energy = cost.energy * (1 + margins.energy.value)
    building = (cost.building + land) * (1 + margins.building.value)
    operation = (cost.operation + building + energy) * (1 + margins.operation.value)
    return float((cost.compute + operation) * (1 + margins.compute.value * falls**year))


def per_gpu_hour(cost: Layers, project: Project) -> dict[str, float]:
    """Return the cost of a GPU-hour owned and rented, and what owning saves: today and in three years.

    Where nothing was built there is no such number.
    """
    today, later, hours = rented(cost, project), rented(cost, project, 3.0), cost.gpu_hours or nan
    return {
        "cost_per_gpu_hour_usd": cost.owned / hours,
        "rented_gpu_hour_usd": today / hours,
        "owning_saves_share": 1 - cost.owned / today if today else 0.0,
        "owning_saves_share_year_3": 1 - cost.owned / later if later else 0.0,
    }


def gross_margin(project: Project, mw: float, infrastructure: float, compute: float) -> float:
    """Return (revenue − energy − operation − straight-line depreciation) / revenue of a full year."""
    business, ownership = project.money.business, project.money.ownership
    revenue = business.usd_per_mw_it_year.value * mw / project.block.mw_gross.value * project.block.mw_it.value
    wear = infrastructure / ownership.infrastructure_years.value + compute / ownership.compute_years.value
    return (revenue - sum(running_cost(business, mw).values()) - wear) / revenue if revenue else 0.0
