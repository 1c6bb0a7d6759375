"""Which way is better, metric by metric, in the order in which they are compared."""

from __future__ import annotations

DIRECTIONS = {
    "lead_time_first_mw_days": -1,
    "lead_time_full_days": -1,
    "lead_time_mw_weighted_days": -1,
    "lead_time_from_need_days": -1,
    "mw_online_day_365": +1,
    "mw_online_day_540": +1,
    "peak_workforce_onsite": -1,
    "hours_paid": -1,
    "offsite_hours_paid": -1,
    "capital_total_usd": -1,
    "idle_capital_peak_usd": -1,
    "idle_capital_usd_months": -1,
    "idle_capital_months": -1,
    "idle_capital_months_infrastructure": -1,
    "idle_capital_months_compute": -1,
    "authorised_idle_months": -1,
    "carrying_cost_usd": -1,
    "installed_cost_usd_per_mw": -1,
}
