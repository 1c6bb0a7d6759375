"""The one table of metrics: every column of `runs.parquet` with its label, unit, direction and definition.

Console, report, figures, Excel, the comparison of strategies and docs/reference/metrics.md all read it. To add a
metric, write the function that computes it and add one row here; `tests/metrics/test_registry.py` refuses a run with a
column that has no row.

Conventions: dollars are nominal; a month is 365.25/12 days; MW are gross; days are calendar days counted
from t0, the day the first order is approved. A block that is never online has an infinite lead time; its money is
counted up to the evaluation horizon.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sim.metrics.critical_chain import DrivingChain
from sim.metrics.delivery import demand_balance, demand_metrics, lead_times, mean_days_late, order_lead_times
from sim.metrics.measure import measure
from sim.metrics.metric import (
    DIRECTION_NAMES,
    FINISH,
    FINISH_DAY,
    FIRST,
    FIRST_DAY,
    LESS,
    MORE,
    NEITHER,
    OF_ORDERS,
    Metric,
)
from sim.metrics.milestones import milestone_metrics, milestone_row
from sim.metrics.money.accounts import authorised_idle_days, money_metrics
from sim.metrics.money.capital import capital_metrics
from sim.metrics.money.finance import (
    damages,
    foregone,
    gpu_hour_parts,
    gross_margin,
    interest,
    net_present_value,
    obsolescence,
    peak_funding,
    per_gpu_hour,
    revenue_to,
    running_cost,
)
from sim.metrics.workforce import headcount, hours, offsite_hours, payroll
from sim.plan.vocabulary import DELAY_CAUSES

if TYPE_CHECKING:
    import pandas as pd


# In the order in which metrics are compared and documented.
_TABLE = (
    # --- dates
    Metric(
        FIRST, "first MW online", "days", LESS, 1.0,
        "First block online minus t0.", lead_times, is_date=True, of_orders=True,
    ),
    Metric(
        FINISH, "all MW online", "days", LESS, 1.0,
        "Last ordered block online minus the first decision; where orders are given by a schedule, in one or in phases.",
        lead_times, is_date=True,
    ),
    Metric(
        FIRST_DAY, "first MW online, from the start date", "days", LESS, 1.0,
        "First block online, from 00:00 of the start date; where the first order may be on a later day.",
        lead_times, is_date=True, of_orders=True,
    ),
    Metric(
        FINISH_DAY, "all MW online, from the start date", "days", LESS, 1.0,
        "Last ordered block online, from 00:00 of the start date; where the first order of a schedule is on a later day.",
        lead_times, is_date=True,
    ),
    Metric(
        OF_ORDERS, "lead time, mean over MW", "days", LESS, 1.0,
        "Mean over MW of the day online minus t0 of the order.", lead_times, of_orders=True,
    ),
    Metric(
        "lead_time_from_need_days", "late against need, mean over MW", "days", LESS, 1.0,
        "Mean over demanded MW, matched first in first out with MW online, of max(0, online minus need); without a"
        " demand path the need is the order.", mean_days_late,
    ),
    Metric(
        "lead_time_per_order_days", "lead time of an order, mean over orders", "days", LESS, 1.0,
        "Mean over the orders of a run of the days from an order to the last of its MW online; with several orders.",
        order_lead_times, of_orders=True,
    ),
    Metric(
        "lead_time_per_order_days_p50", "lead time of an order, middle order", "days", LESS, 1.0,
        "Median over the orders of a run of the days from an order to the last of its MW; with several orders.",
        order_lead_times, of_orders=True,
    ),
    Metric(
        "lead_time_per_order_days_p90", "lead time of an order, nine in ten orders", "days", LESS, 1.0,
        "P90 over the orders of a run of the days from an order to the last of its MW; with several orders.",
        order_lead_times, of_orders=True,
    ),
    Metric(
        "unmet_demand_mw_months", "demand not met", "MW-months", LESS, 1.0,
        "MW needed and not online, integrated over time to the horizon; with a demand path.", demand_balance,
    ),
    Metric(
        "idle_capacity_mw_months", "capacity not needed yet", "MW-months", LESS, 1.0,
        "MW online and not needed, integrated over time to the horizon; with a demand path.", demand_balance,
    ),
    Metric(
        "mw_online_day_365", "MW online after 365 days", "MW", MORE, 0.1,
        "MW online 365 days after t0.", lead_times,
    ),
    Metric(
        "mw_online_day_540", "MW online after 540 days", "MW", MORE, 0.1,
        "MW online 540 days after t0.", lead_times,
    ),
    Metric(
        "mw_ordered", "MW ordered", "MW", NEITHER, 0.1,
        "MW ordered up to the end of the run, cancelled ones included; with several orders.", demand_metrics,
    ),
    Metric(
        "mw_cancelled", "MW cancelled", "MW", NEITHER, 0.1,
        "MW ordered and cancelled; with several orders.", demand_metrics,
    ),
    # --- people
    Metric(
        "peak_workforce_onsite", "peak workforce on site", "people", LESS, 1.0,
        "Highest daily headcount on site: all shifts, direct, foremen, indirect and commissioning people; not"
        " drivers, visitors or people off rotation.", headcount,
    ),
    Metric(
        "peak_payroll", "peak payroll", "people", NEITHER, 1.0,
        "People employed for the peak on site: those on site, those off rotation and spare ones for absences.", payroll,
    ),
    Metric(
        "hours_earned", "hours earned on site", "hours", NEITHER, 1000.0,
        "Work content that was done, at the reference conditions at which it was estimated.", hours,
    ),
    Metric(
        "hours_worked", "hours worked on site", "hours", NEITHER, 1000.0,
        "Hours earned with losses of productivity, learning and rework.", hours,
    ),
    Metric(
        "hours_paid", "hours paid on site", "hours", LESS, 1000.0,
        "Headcount times paid hours, waiting and indirect people included.", hours,
    ),
    Metric(
        "offsite_hours_paid", "hours paid in factories", "hours", LESS, 1000.0,
        "Staff of each factory times its paid hours, from its first skid on the line to its last delivery.",
        offsite_hours,
    ),
    # --- capital
    Metric(
        "capital_total_usd", "capital in total", "$", LESS, 1e6,
        "All that is ever paid, cancelled items, spares, freight, labour and camp included; without interest, running"
        " cost and undrawn contingency.", capital_metrics,
    ),
    Metric(
        "idle_capital_peak_usd", "idle capital at its peak", "$", LESS, 1e6,
        "Most that is paid and not yet in service at any moment; an item is in service by the share of the MW it was"
        " built to serve that is online.", capital_metrics,
    ),
    Metric(
        "idle_capital_usd_months", "idle capital, deployed, in $-months", "$-months", LESS, 1e6,
        "Paid less in service, summed over items and integrated from t0 to the horizon.", capital_metrics,
    ),
    Metric(
        "idle_capital_months", "idle capital, deployed", "months", LESS, 0.1,
        "`idle_capital_usd_months` divided by `capital_total_usd`: how long a dollar waits once paid.",
        capital_metrics,
    ),
    Metric(
        "idle_capital_months_infrastructure", "idle infrastructure, deployed", "months", LESS, 0.1,
        "As `idle_capital_months`, of everything but compute over its own capital.", capital_metrics,
    ),
    Metric(
        "idle_capital_months_compute", "idle compute, deployed", "months", LESS, 0.1,
        "As `idle_capital_months`, of compute over its own capital.", capital_metrics,
    ),
    Metric(
        "committed_idle_months", "idle capital, committed", "months", LESS, 0.1,
        "Contract value from its purchase order less the share online, integrated over time, over total capital.",
        capital_metrics,
    ),
    Metric(
        "authorised_idle_months", "idle capital, authorised", "months", LESS, 0.1,
        "Mean over capital of the time from a lot's authorisation to the mean of its MW online.", authorised_idle_days,
    ),
    Metric(
        "stranded_capital_usd", "capital idle at the horizon", "$", LESS, 1e6,
        "Paid and not in service at the evaluation horizon.", capital_metrics,
    ),
    Metric(
        "exposure_at_first_mw_usd", "exposure when the first MW is online", "$", LESS, 1e6,
        "The larger of what is paid and what cancelling would cost, on the day the first MW is online.",
        money_metrics,
    ),
    Metric(
        "censored", "online after the horizon", "flag", NEITHER, 0.01,
        "1 where an ordered block is online after the evaluation horizon or never, else 0.", money_metrics,
    ),
    Metric(
        "capital_energise_usd", "capital to energise", "$", NEITHER, 1e6,
        "Part of `capital_total_usd`: generation, grid connection and site power.", money_metrics,
    ),
    Metric(
        "capital_shell_and_systems_usd", "capital in shell and systems", "$", NEITHER, 1e6,
        "Part of `capital_total_usd`: shell, electrical and mechanical systems, site works, land and people.",
        money_metrics,
    ),
    Metric(
        "capital_compute_usd", "capital in compute", "$", NEITHER, 1e6,
        "Part of `capital_total_usd`: compute.", money_metrics,
    ),
    Metric(
        "risk_mitigation_usd", "cost of risk mitigation", "$", NEITHER, 1e5,
        "What the chosen measures against risks cost, the same in every run.", measure,
    ),
    # --- cost of time
    Metric(
        "carrying_cost_usd", "carrying cost", "$", LESS, 1e5,
        "Cost of capital a month times `idle_capital_usd_months` (simple interest).", capital_metrics,
    ),
    Metric(
        "interest_during_construction_usd", "interest during construction", "$", LESS, 1e5,
        "Interest on debt drawn by the gearing, compounded monthly, until the blocks it paid for are online.",
        interest,
    ),
    Metric(
        "financing_fees_usd", "lenders' fees", "$", LESS, 1e5,
        "Fees as a share of the debt drawn; not part of `capital_total_usd`.", money_metrics,
    ),
    Metric(
        "capital_with_financing_usd", "capital with interest and fees", "$", LESS, 1e6,
        "`capital_total_usd`, `interest_during_construction_usd` and `financing_fees_usd` together.", money_metrics,
    ),
    Metric(
        "obsolescence_cost_usd", "obsolescence of waiting compute", "$", LESS, 1e5,
        "Value that compute loses from the transfer of title to the day it is online, a share a month.",
        obsolescence,
    ),
    Metric(
        "foregone_revenue_usd", "revenue foregone after the target", "$", LESS, 1e5,
        "Revenue of each block from t0 plus the target lead time until it is online.", foregone,
    ),
    Metric(
        "revenue_to_day_730_usd", "revenue to day 730", "$", MORE, 1e5,
        "Gross revenue up to 730 days after t0.", revenue_to,
    ),
    Metric(
        "peak_net_funding_usd", "funding needed at the peak", "$", LESS, 1e6,
        "Highest cumulative outlay less net revenue.", peak_funding,
    ),
    Metric(
        "npv_usd", "net present value at the horizon", "$", MORE, 1e6,
        "Net revenue less payments to the horizon plus book value there, discounted to the project's first day.",
        net_present_value,
    ),
    Metric(
        "budget_usd", "budget with contingency", "$", NEITHER, 1e6,
        "Capital of the planned run plus contingency on all but compute.", money_metrics,
    ),
    Metric(
        "contingency_drawn_usd", "drawn of the contingency", "$", NEITHER, 1e5,
        "Capital beyond the planned run's, at most the contingency.", money_metrics,
    ),
    Metric(
        "cost_over_budget_usd", "cost over budget", "$", LESS, 1e5,
        "`capital_total_usd` less `budget_usd`; negative where some of the budget is left.", money_metrics,
    ),
    Metric(
        "liquidated_damages_usd", "liquidated damages", "$", LESS, 1e5,
        "Agreed dollars per MW and day after the promised day, up to the cap; where damages are agreed.", damages,
    ),
    Metric(
        "long_stop_missed", "long-stop date missed", "flag", NEITHER, 0.01,
        "1 where fewer MW than agreed are online by the long-stop date, else 0; where damages are agreed.", damages,
    ),
    Metric(
        "milestone_damages_usd", "damages for late milestones", "$", LESS, 1e4,
        "Sum of the damages for all milestones of the contract; not part of any other sum.", milestone_metrics,
    ),
    Metric(
        "installed_cost_usd_per_mw", "installed cost per MW", "$", LESS, 1e4,
        "`capital_total_usd` divided by the MW ordered.", capital_metrics,
    ),
    # --- in operation
    Metric(
        "opex_usd_per_year", "running cost and interest a year", "$ a year", LESS, 1e5,
        "Interest, energy and operation of a full year.", money_metrics,
    ),
    Metric(
        "opex_financing_usd_per_year", "interest a year", "$ a year", NEITHER, 1e5,
        "Gearing times total capital times the rate of debt.", money_metrics,
    ),
    Metric(
        "opex_energy_usd_per_year", "energy a year", "$ a year", NEITHER, 1e5,
        "Energy of a full year at the stated load and price.", running_cost,
    ),
    Metric(
        "opex_operations_usd_per_year", "operation a year", "$ a year", NEITHER, 1e5,
        "Operation and maintenance of a full year.", running_cost,
    ),
    Metric(
        "cost_per_gpu_hour_usd", "GPU-hour, every layer owned", "$ a GPU-hour", LESS, 0.01,
        "Cost of a year, capital spread over its life, divided by the GPU-hours of a year.", per_gpu_hour,
        of_orders=True,
    ),
    *(
        Metric(
            f"gpu_hour_{part}_usd", f"GPU-hour: {label}", "$ a GPU-hour", NEITHER, 0.01,
            f"Part of `cost_per_gpu_hour_usd`: {definition}.", gpu_hour_parts, of_orders=True,
        )
        for part, label, definition in (
            ("chips", "chips", "capital in compute, spread evenly over its life"),
            ("shell", "shell and systems", "capital in shell and systems without land, spread evenly over its life"),
            ("power", "power plant", "capital to energise, spread evenly over its life"),
            ("energy", "energy", "`opex_energy_usd_per_year`"),
            ("operations", "operation", "`opex_operations_usd_per_year`"),
            ("financing", "financing", "return on capital and land beyond the other parts, at the cost of capital"),
        )
    ),
    Metric(
        "cost_per_million_tokens_usd", "a million output tokens, every layer owned", "$", LESS, 0.01,
        "`cost_per_gpu_hour_usd` over the tokens of a GPU-hour, where their throughput is stated.", gpu_hour_parts,
        of_orders=True,
    ),
    Metric(
        "rented_gpu_hour_usd", "GPU-hour, rented through every layer", "$ a GPU-hour", NEITHER, 0.01,
        "As `cost_per_gpu_hour_usd`, where landlord, operator and owner of the computers each add their margin.",
        per_gpu_hour, of_orders=True,
    ),
    Metric(
        "owning_saves_share", "saved by owning every layer", "share", NEITHER, 0.01,
        "1 less the cost owned over the cost rented.", per_gpu_hour,
    ),
    Metric(
        "owning_saves_share_year_3", "saved by owning every layer, after three years", "share", NEITHER, 0.01,
        "As `owning_saves_share`, with the margin on compute of three years later.", per_gpu_hour,
    ),
    Metric(
        "gross_margin_share", "gross margin", "share", MORE, 0.01,
        "Revenue less energy, operation and straight-line depreciation, over revenue, of a full year.",
        gross_margin,
    ),
    # --- why the date
    *(
        Metric(
            f"chain_{cause}_days", f"on the driving chain: {label}", "days", NEITHER, 0.1,
            f"Days of the driving chain, from the decision to the last MW, that are due to: {label}.", DrivingChain.days,
        )
        for cause, label in DELAY_CAUSES.items()
    ),
)  # fmt: skip

METRICS: dict[str, Metric] = {metric.name: metric for metric in _TABLE}
"""Every metric by name."""

DIRECTIONS = {metric.name: metric.direction for metric in METRICS.values() if metric.direction}
"""The metrics that are compared between strategies: −1 where less is better, +1 where more is."""


def metric_of(name: str) -> Metric | None:
    """Return the row of a metric: of the table, or of one milestone of a contract; None where there is none."""
    row = milestone_row(name) if name not in METRICS else None
    return Metric(name, *row, milestone_metrics, is_date=row[1] == "days") if row else METRICS.get(name)


def directions_of(names: Iterable[str]) -> dict[str, int]:
    """Return the direction by metric, LESS or MORE, in the order of the table, milestones last; others are left out."""
    metric_names = list(names)
    milestone_directions = {
        name: metric.direction for name in metric_names if name not in METRICS and (metric := metric_of(name))
    }
    return {name: direction for name, direction in DIRECTIONS.items() if name in metric_names} | milestone_directions


def metrics_table() -> pd.DataFrame:
    """Return every metric as a table, without simulating: a row a column of `runs.parquet`.

    Columns: label, unit, better ("less", "more" or ""), step (finest rounding in text, in the unit), definition.

    >>> import sim
    >>> sim.metrics_table().loc["lead_time_full_days", "label"]
    'all MW online'
    """
    import pandas as pd

    rows = [(m.name, m.label, m.unit, DIRECTION_NAMES[m.direction], m.step, m.definition) for m in METRICS.values()]
    return pd.DataFrame(rows, columns=["metric", "label", "unit", "better", "step", "definition"]).set_index("metric")
