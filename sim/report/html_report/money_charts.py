"""Money in a project's report: date and budget, capital, sources and uses, and a table beside what is claimed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sim.metrics.metric import FINISH
from sim.report.figures import delivery
from sim.report.figures.capital import DEFINITION, last_day_shown, quarterly_funding
from sim.report.figures.from_result import BUDGET, COST, idle_note
from sim.report.formatting import interval, metric_format, money, money_scale, number, p50_and_p80_estimates, percent
from sim.report.html_report.chart_spec import (
    DASHED,
    DOTTED,
    Chart,
    Mark,
    Series,
    curve_of,
    date_axis,
    in_one_line,
    money_axis,
)
from sim.report.result_view import ResultView, Values

Flags = NDArray[np.bool_]


def joint(view: ResultView) -> Chart:
    """Return finish against cost, a dot a run, with the share of runs in each quadrant of target and budget."""
    finish, cost = view.values(view.dated(FINISH)), view.values(COST)
    target, budget = view.limit(view.dated(FINISH)) or 0.0, view.planned(BUDGET) or 0.0
    scale, unit = money_scale(float(np.nanmax(cost)))
    in_time, within_budget, finished = finish <= target, cost <= budget, np.isfinite(finish)
    dots = _quadrants(finish, cost / scale, in_time, within_budget)
    lines = _frontiers(finish, cost, scale)
    days = np.append(finish[finished], target)
    width = max(float(np.ptp(days)), 14.0)
    dollars = np.append(cost[finished], budget) / scale
    share_kept = percent(float((in_time & within_budget).mean()))
    margin = max(float(np.ptp(dollars)) * 0.12, 0.01)
    return Chart(
        f"Date and budget both kept in {share_kept} of runs",
        in_one_line(
            view.info.caption(
                f"Each dot a run; target {view.dates.format(target)}, budget {money(budget)}; in the corners: share of runs"
            )
        ),
        f"Joint confidence of date and budget: both kept in {share_kept} of runs.",
        date_axis(view.dates, min(days) - 0.22 * width, max(days) + 0.06 * width),
        money_axis("capital in total", unit, (min(dollars) - margin, max(dollars) + margin)),
        None,
        (*dots, *lines),
        (
            Mark("x", target, "target", dash=DASHED),
            Mark("y", budget / scale, key=f"budget {money(budget)}"),
            *_corners(in_time, within_budget),
        ),
    )


def _quadrants(finish: Values, cost: Values, in_time: Flags, within_budget: Flags) -> Iterator[Series]:
    """Yield the runs as dots: those that keep both, one or none; `cost` is in the chart's unit."""
    groups = (
        ("both kept", in_time & within_budget, "kept"),
        ("one of them missed", in_time != within_budget, "half"),
        ("both missed", ~in_time & ~within_budget, "missed"),
    )
    for name, group, colour in groups:
        dots = group & np.isfinite(finish)
        if dots.any():
            yield Series(name, "points", colour, finish[dots], cost[dots])


def _frontiers(finish: Values, cost: Values, scale: float) -> Iterator[Series]:
    """Yield the dates and budgets that a share of the runs keep together."""
    for share, dash in ((0.5, DOTTED), (0.7, DASHED), (0.8, "")):
        days, dollars = delivery.frontier(finish, cost, share)
        if len(days):
            name = f"{100 * share:.0f} % of runs keep both"
            yield Series(name, "line", "p50", days, dollars / scale, step=True, dash=dash, width=1.4)


def _corners(early: Flags, thrifty: Flags) -> Iterator[Mark]:
    """Yield the share of the runs in each corner."""
    for right, by_date in ((False, early), (True, ~early)):
        for top, by_cost in ((False, thrifty), (True, ~thrifty)):
            yield Mark("corner", label=percent(float((by_date & by_cost).mean())), right=right, top=top)


# --- money ------------------------------------------------------------------------------------------------------------


def capital(view: ResultView) -> Chart:
    """Return capital by day, the mean of all runs: in service, idle, deployed, committed."""
    paid, service = curve_of(view.curves, "capital_deployed_usd"), curve_of(view.curves, "capital_in_service_usd")
    scale, unit = money_scale(float(paid["mean"].max()))
    x = paid["day"].to_numpy(dtype=np.float64)
    deployed, in_service = paid["mean"].to_numpy() / scale, np.interp(x, service["day"], service["mean"]) / scale
    series = [
        Series("in service", "area", "in-service", x, in_service),
        Series("idle: paid, not in service", "area", "idle", x, deployed, in_service),
        Series("deployed (paid)", "line", "deployed", x, deployed),
    ]
    if (view.curves["curve"] == "capital_committed_usd").any():
        committed = curve_of(view.curves, "capital_committed_usd")
        series.append(
            Series(
                "committed (under contract)",
                "line",
                "committed",
                committed["day"],
                committed["mean"] / scale,
                dash=DASHED,
                width=1.6,
            )
        )
    return Chart(
        "Capital deployed against capital in service",
        in_one_line(view.info.caption(idle_note(view), DEFINITION)),
        f"Capital over time, mean of all runs. {idle_note(view)}.",
        date_axis(view.dates, 0, last_day_shown(x, deployed, in_service)),
        money_axis("capital", unit),
        None,
        tuple(series),
    )


def funding(view: ResultView) -> Chart | None:
    """Return sources and uses of money by quarter, the mean of all runs; None where the result has no such curves."""
    table = quarterly_funding(view.curves, view.dates)
    if table is None:
        return None
    scale, unit = money_scale(float(table["uses"].abs().max()))
    edges = [*table["begin"], float(table["end"].iloc[-1])]
    equity, debt = table["equity"] / scale, table["debt"] / scale
    columns = (
        "quarter",
        f"uses: paid, {unit}",
        f"sources: debt, {unit}",
        f"sources: equity, {unit}",
        f"net revenue, {unit}",
    )
    rows = [
        (row["name"], *(number(row[column] / scale, 0.01) for column in ("uses", "debt", "equity", "revenue")))
        for row in table.to_dict("records")
    ]
    revenue_steps = [*(table["revenue"] / scale), float(table["revenue"].iloc[-1] / scale)]
    return Chart(
        "Sources and uses of money, by quarter",
        in_one_line(
            view.info.caption(
                f"Mean of all runs, {unit} a quarter; sources cover what is paid",
                "net revenue: revenue less energy and operation",
            )
        ),
        "Sources and uses of money by quarter, in the table below.",
        date_axis(view.dates, edges[0], edges[-1]),
        money_axis("a quarter of a year", unit),
        None,
        (
            Series("equity drawn", "columns", "equity", edges, equity),
            Series("debt drawn", "columns", "debt", edges, equity + debt, equity),
            Series("net revenue", "line", "revenue", edges, revenue_steps, step=True),
        ),
        head=columns,
        table_rows=rows,
    )


# --- what it costs, earns and saves ---------------------------------------------------------------------------------


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
    """Return whether the project has the size that the claims are about."""
    return float(view.config.get("scale", {}).get("capacity_mw", 0.0)) == CLAIMED_MW


def _row(view: ResultView, metric: str, claimed: bool) -> tuple[str, ...]:
    fmt, claim = metric_format(metric), CLAIMS.get(metric, "") if claimed else ""
    p50, p80 = p50_and_p80_estimates(view.summary, metric)
    if fmt.unit in SHARES:
        return fmt.label, percent(p50.value), percent(p80.value), interval(p50.low, p50.high, percent), claim
    values = (estimate.metric.write(estimate.value, estimate.rounding_step) for estimate in (p50, p80))
    return fmt.label, *values, p50.interval_text(), claim
