"""The quantitative claims of the interview that started this project, each with what of ours it is compared with.

A claim is a range of one quantity: "under 450" has no lower end. Which levers could make it true is stated here, as
inputs of the configuration; how far each must go is found by `measure.py`, inside the range that the input itself
states. Nothing here is a result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Columns = Mapping[str, Floats]
Runs = Mapping[str, Columns]
"""By configuration its columns, a value a replication; all on the same random numbers."""

DAYS_PER_MONTH = 365.25 / 12
MILLION, BILLION = 1e6, 1e9
BLOCK_MW = 2.5


@dataclass(frozen=True)
class Lever:
    """An input that could make a claim true: its path, and the end of its stated range to move it to, or a value."""

    path: str
    to: Literal["low", "high"] | float
    config: str = "hybrid"


@dataclass(frozen=True)
class Claim:
    """What was said, what of ours it is compared with, and the range in which ours must lie for it to hold."""

    name: str
    said: str
    definition: str
    of: Callable[[Runs], Floats]
    low: float = -inf
    high: float = inf
    unit: str = ""
    configs: tuple[str, ...] = ("hybrid",)
    levers: tuple[Lever, ...] = ()

    def holds(self, value: float) -> bool:
        """Tell whether a value lies in the claimed range."""
        return self.low <= value <= self.high


def column(name: str, config: str = "hybrid", per: float = 1.0) -> Callable[[Runs], Floats]:
    """Return one metric of a configuration in another unit."""
    return lambda runs: runs[config][name] / per


def ratio(name: str, over: str) -> Callable[[Runs], Floats]:
    """Return one metric of the hybrid over another."""
    return lambda runs: runs["hybrid"][name] / runs["hybrid"][over]


def days_a_step(runs: Runs) -> Floats:
    """Return the mean days between two steps of 2.5 MW, from the first to the last."""
    hybrid = runs["hybrid"]
    steps = hybrid["mw_ordered"] / BLOCK_MW - 1
    return np.asarray((hybrid["lead_time_full_days"] - hybrid["lead_time_first_mw_days"]) / steps)


def usd_a_gw(runs: Runs) -> Floats:
    """Return billions of dollars for a GW of IT load."""
    return np.asarray(runs["hybrid"]["capital_total_usd"] / BILLION / (runs["hybrid"]["mw_ordered"] * 0.8 / 1000))


def margin_falls(runs: Runs) -> Floats:
    """Return how much less owning saves three years later: positive where margins elsewhere have shrunk."""
    return np.asarray(runs["hybrid"]["owning_saves_share"] - runs["hybrid"]["owning_saves_share_year_3"])


def earlier(runs: Runs) -> Floats:
    """Return by how many months the hybrid is complete before the stick-built project, on the same random numbers."""
    later = runs["stick_built"]["lead_time_full_days"] - runs["hybrid"]["lead_time_full_days"]
    return np.asarray(later / DAYS_PER_MONTH)


def scatter(runs: Runs) -> Floats:
    """Return how far each run's full date is from the median, hybrid less stick-built, in months."""
    full = [runs[config]["lead_time_full_days"] for config in BOTH]
    hybrid, stick_built = (np.abs(days - np.median(days)) for days in full)
    return np.asarray((hybrid - stick_built) / DAYS_PER_MONTH)


DEBT = (Lever("money.finance.debt_rate", "low"), Lever("money.finance.gearing", "low"))
ENERGY = Lever("money.business.energy_usd_per_mwh", "high")
SAVING = (
    Lever("money.ownership.margins.compute", "high"),
    Lever("money.ownership.margins.building", "high"),
    Lever("money.ownership.margins.operation", "high"),
    Lever("money.ownership.margins.compute", "low"),
)
BOTH = ("hybrid", "stick_built")

CLAIMS = (
    Claim(
        "lead time the traditional way", "12-18 months from decision to capacity", "All 250 MW online, stick-built",
        column("lead_time_full_days", "stick_built", DAYS_PER_MONTH), 12, 18, "months", ("stick_built",),
        (Lever("scale.target_days", 456.0, "stick_built"), Lever("scale.preparation_days", "low", "stick_built")),
    ),
    Claim(
        "idle capital the traditional way", "capital idle for 12-18 months",
        "Months from authorising capital to its MW online, weighted by dollars, stick-built",
        column("authorised_idle_months", "stick_built"), 12, 18, "months", ("stick_built",),
        (Lever("scale.target_days", 456.0, "stick_built"), Lever("scale.preparation_days", "low", "stick_built")),
    ),
    Claim(
        "people, hybrid", "under 450 people on site", "Peak of people on site, hybrid",
        column("peak_workforce_onsite"), high=450, unit="people", levers=(Lever("labour.limit", 450.0),),
    ),
    Claim(
        "people, traditional", "2,000+ people for 250 MW", "Peak of people on site, stick-built",
        column("peak_workforce_onsite", "stick_built"), low=2000, unit="people", configs=("stick_built",),
        levers=(Lever("scale.target_days", 365.0, "stick_built"),),
    ),
    Claim(
        "a skid on a flatbed", "2.5 MW travel on flatbed trucks", "Share of skids that are legal loads without a permit",
        column("legal_loads"), low=1, unit="share",
    ),
    Claim(
        "2.5 MW more next month, once it runs", "another 2.5 MW every month", "Mean days between two steps of 2.5 MW",
        days_a_step, high=31, unit="days",
    ),
    Claim(
        "2.5 MW more next month, ordered now", "order 2.5 MW more and have it next month",
        "Months from the order of a block to its MW online, ordered one at a time as demand grows",
        column("lead_time_per_order_days", "incremental_hybrid", DAYS_PER_MONTH), high=1, unit="months",
        configs=("incremental_hybrid",), levers=(Lever("orders.look_ahead_days", 600.0, "incremental_hybrid"),),
    ),
    Claim(
        "capital to energise", "$0.5B energising", "Generation, grid and site power, within a tenth",
        column("capital_energise_usd", per=BILLION), 0.45, 0.55, "$bn",
        levers=(Lever("money.prices.generation.usd_per_mw", "low"), Lever("money.prices.generation.usd_per_mw", "high")),
    ),
    Claim(
        "capital in shell and systems", "$2-2.5B shell", "Shell, electrical and mechanical systems, site, land, people",
        column("capital_shell_and_systems_usd", per=BILLION), 2.0, 2.5, "$bn",
        levers=(
            Lever("money.prices.electrical.usd_per_mw", "low"), Lever("money.prices.electrical.usd_per_mw", "high"),
            Lever("money.prices.shell.usd_per_sqft", "low"), Lever("money.prices.shell.usd_per_sqft", "high"),
        ),
    ),
    Claim(
        "capital in compute", "$5.5B compute", "Compute, within a tenth",
        column("capital_compute_usd", per=BILLION), 4.95, 6.05, "$bn",
    ),
    Claim(
        "capital in total", "about $8B for 250 MW", "All capital without interest, within a tenth",
        column("capital_total_usd", per=BILLION), 7.2, 8.8, "$bn",
    ),
    Claim(
        "capital of a GW", "$40-50B a GW", "Capital in total by GW of IT load",
        usd_a_gw, 40, 50, "$bn/GW",
        levers=(Lever("money.prices.compute.usd_per_mw", "high"), Lever("money.prices.electrical.usd_per_mw", "high")),
    ),
    Claim(
        "opex", "$300-350M a year", "Interest on debt, energy and operation of a full year",
        column("opex_usd_per_year", per=MILLION), 300, 350, "$M", levers=(*DEBT, Lever("money.finance.gearing", 0.3)),
    ),
    Claim(
        "half of opex is financing", "about half financing, half energy and operations",
        "Share of interest in the running cost of a year", ratio("opex_financing_usd_per_year", "opex_usd_per_year"),
        0.45, 0.55, "share", levers=(*DEBT, ENERGY, Lever("money.finance.gearing", 0.3)),
    ),
    Claim(
        "energy", "$160M a year", "Energy of a full year, within a tenth",
        column("opex_energy_usd_per_year", per=MILLION), 144, 176, "$M",
    ),
    Claim(
        "energy at double the price is still minor", "double elsewhere, and still minor",
        "What doubling the energy price adds to the cost of a GPU-hour, at most a tenth",
        ratio("gpu_hour_energy_usd", "cost_per_gpu_hour_usd"), high=0.10, unit="share",
    ),
    *(
        Claim(
            f"tokens {saved} % cheaper", f"tokens {saved} % cheaper by owning the stack",
            "1 less the cost of a GPU-hour owned over that rented through five owners", column("owning_saves_share"),
            low=saved / 100, unit="share", levers=SAVING[:3],
        )
        for saved in (20, 30, 40)
    ),
    Claim(
        "margin", "margin nearer 40 % than 80 %", "Gross margin of a full year, below 60 %",
        column("gross_margin_share"), high=0.6, unit="share",
        levers=(Lever("money.business.usd_per_mw_it_year", "low"),),
    ),
    Claim(
        "margins compress", "margins compress everywhere",
        "Saving by owning today less that of three years later, as rents of chips fall", margin_falls, low=0, unit="share",
    ),
    Claim(
        "speed", "faster than the traditional way", "Months by which the hybrid is complete before stick-built, paired",
        earlier, low=0, unit="months", configs=BOTH,
    ),
    Claim(
        "less risk", "de-risked by factories",
        "Distance of a run's full date from the median, hybrid less stick-built, paired",
        scatter, high=0, unit="months", configs=BOTH,
    ),
)  # fmt: skip
