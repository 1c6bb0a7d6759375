"""What a project costs, earns and saves as one table, each figure with the published claim beside it."""

from __future__ import annotations

from sim.report.formatting import interval, metric_format, percent
from sim.report.result_view import ResultView

CLAIMS = {
    "capital_total_usd": "$8 bn for 250 MW",
    "capital_energise_usd": "$0.5 bn",
    "capital_shell_and_systems_usd": "$2 to 2.5 bn",
    "capital_compute_usd": "$5.5 bn",
    "idle_capital_months": "12 to 18 months the traditional way",
    "opex_usd_per_year": "$300 to 350 M a year",
    "opex_financing_usd_per_year": "about half of it",
    "opex_energy_usd_per_year": "about $160 M a year",
    "owning_saves_share": "20 to 40 % cheaper",
}
"""Published claims of the project that the hybrid strategy is modelled on (Poolside Horizon phase 1, 250 MW)."""
CLAIMED_MW = 250.0
SHOWN = (
    "capital_total_usd", "capital_energise_usd", "capital_shell_and_systems_usd", "capital_compute_usd",
    "installed_cost_usd_per_mw", "idle_capital_months", "idle_capital_usd_months", "idle_capital_peak_usd",
    "carrying_cost_usd", "interest_during_construction_usd", "cost_over_budget_usd", "liquidated_damages_usd",
    "foregone_revenue_usd", "opex_usd_per_year", "opex_financing_usd_per_year", "opex_energy_usd_per_year",
    "opex_operations_usd_per_year", "gross_margin_share", "npv_usd", "cost_per_gpu_hour_usd", "rented_gpu_hour_usd",
    "owning_saves_share", "owning_saves_share_year_3",
)  # fmt: skip
"""Capital and its split, idle capital, cost of time and damages, running cost, margin, cost per GPU-hour, saving."""
MONEY_NOTE = (
    "Claims: published by the operator of one announced project of 250 MW, with no actuals behind them (FACTS, CASES"
    " no. 8); shown for a project of that size only. Interest a year is the gearing times capital times the rate of debt"
    " that the configuration states; the claim's half of $300 to 350 M would be 2 % of its capital, below the market."
    " P50 and P80 of a sum are not the sums of its parts'."
)
SHARES = {"share"}


def money_rows(view: ResultView) -> list[tuple[str, ...]]:
    """Return label, P50, P80, interval of the P50 and published claim of every figure that the project has."""
    return [_row(view, metric, _is_claimed_size(view)) for metric in SHOWN if view.has(metric)]


def _is_claimed_size(view: ResultView) -> bool:
    """Tell whether the project has the size that the claims are about."""
    return float(view.config.get("scale", {}).get("capacity_mw", 0.0)) == CLAIMED_MW


def _row(view: ResultView, metric: str, claimed: bool) -> tuple[str, ...]:
    fmt, claim = metric_format(metric), CLAIMS.get(metric, "") if claimed else ""
    p50, p80 = view.quote(metric, "p50"), view.quote(metric, "p80")
    if fmt.unit in SHARES:
        return fmt.label, percent(p50.value), percent(p80.value), interval(p50.low, p50.high, percent), claim
    values = (quote.metric.write(quote.value, quote.step) for quote in (p50, p80))
    return fmt.label, *values, p50.interval_text(), claim
