"""Capital over time: what has been paid, what of it is in service, and the idle capital between."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from sim.metrics.event_log import DAY, MONTH
from sim.report.figures import palette, style
from sim.report.formatting import ProjectDates, money_months, money_scale
from sim.report.result_view import RunInfo, Values

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

DEFINITION = "idle = paid - in service (each item's share of MW online)"


@style.in_house_style
def plot_capital(data: pd.DataFrame, ax: Axes | None = None, *, info: RunInfo, idle: str = "", note: str = "") -> Axes:
    """Draw capital deployed and in service by day (curves table of a result, dollars), the mean of all runs.

    Means, because their gap is the mean idle capital exactly, which no pair of percentile curves is. `idle` is
    what to call the gap, dollar-months in words; without it, its area over the days given. `note` stands above.
    """
    ax = style.canvas() if ax is None else ax
    day, deployed = _mean(data, "capital_deployed_usd")
    in_service = np.interp(day, *_mean(data, "capital_in_service_usd"))
    scale, unit = money_scale(float(deployed.max(initial=0)))
    x = style.date_position(info.dates, 0) + day
    idle_text = f"Mean of all runs; idle {idle or money_months(area_between(day, deployed - in_service))}"
    ax.fill_between(x, 0, in_service / scale, color=palette.TINTS[1], lw=0, label="in service")
    ax.fill_between(x, in_service / scale, deployed / scale, color=palette.IDLE_TINT, lw=0, label="idle")
    if (data["curve"] == "capital_committed_usd").any():
        committed = np.interp(day, *_mean(data, "capital_committed_usd"))
        ax.plot(x, committed / scale, color=palette.MUTED, lw=1.6, ls=(0, (5, 3)), label="committed (under contract)")
    ax.plot(x, deployed / scale, color=palette.INK, lw=2.2, label="deployed (paid)")
    ax.plot(x, in_service / scale, color=palette.BLUE, lw=2.2)
    last = last_day_shown(day, deployed, in_service) if len(day) else 0.0
    _frame(ax, x, deployed / scale, style.date_position(info.dates, last), unit)
    _subtitle(ax, note)
    style.title(ax, "Capital deployed against capital in service")
    style.caption(ax, info.caption(idle_text, DEFINITION))
    return ax


def last_day_shown(day: Values, deployed: Values, in_service: Values) -> float:
    """Return the day that the chart ends on: 30 days after both curves have come to rest, or the last one there is.

    Some of the capital may never come into service: its gap stays as it is to the end of the calendars.
    """
    is_moving = (deployed < 0.995 * deployed.max(initial=0)) | (in_service < 0.995 * in_service.max(initial=0))
    moving = np.flatnonzero(is_moving)
    return float(min(day[-1], day[moving[-1]] + 30) if len(moving) else day[-1])


def area_between(day: Values, gap: Values) -> float:
    """Return the area under a gap in dollars by day as dollars x months of 365.25/12 days."""
    return float(np.trapezoid(gap, day)) / (365.25 / 12)


def quarterly_funding(curves: pd.DataFrame, dates: ProjectDates) -> pd.DataFrame | None:
    """Return sources and uses of money by quarter of the calendar, dollars, means of all runs.

    Columns: name, begin and end (days), uses (paid), equity and debt (drawn), revenue (net of energy and operation).
    None where the curves have no funding. Ends with the last quarter in which anything is paid or drawn.
    """
    import pandas as pd

    if not {"debt_drawn_usd", "equity_drawn_usd", "cash_flow_usd_per_month", "mw_online"} <= {*curves["curve"]}:
        return None
    day, paid = _mean(curves, "capital_deployed_usd")
    edges = _quarters(dates.start, float(day[-1]))
    cumulative_by_day = {"uses": paid} | {
        source: np.interp(day, *_mean(curves, f"{source}_drawn_usd")) for source in ("equity", "debt")
    }
    cumulative = {name: np.interp(edges, day + 1, values, left=0.0) for name, values in cumulative_by_day.items()}
    table = pd.DataFrame({name: np.diff(values) for name, values in cumulative.items()})
    flow, mw = (np.interp(day, *_mean(curves, name)) for name in ("cash_flow_usd_per_month", "mw_online"))
    earned = np.cumsum(_earned_by_day(flow, cumulative_by_day["equity"] + cumulative_by_day["debt"], mw))
    table["revenue"] = np.diff(np.interp(edges, day + 1, earned, left=0.0))
    first_dates = [dates.date_of(float(edge) + 1) for edge in edges[:-1]]
    table.insert(0, "name", [f"Q{(first_date.month + 2) // 3} {first_date.year}" for first_date in first_dates])
    table["begin"], table["end"] = edges[:-1], edges[1:]
    active_quarters = np.flatnonzero(
        table[["uses", "equity", "debt"]].abs().max(axis=1).to_numpy() > 0.002 * paid.max(initial=1.0)
    )
    return table.iloc[: (active_quarters[-1] + 1 if len(active_quarters) else 1)]


def _earned_by_day(flow: Values, paid: Values, mw: Values) -> Values:
    """Return net revenue by day: of each month its cash flow and what was paid in it, spread as MW are online.

    `flow` is the cash flow of the month in which a day lies, `paid` and `mw` are as of its end. A month ends within a day:
    what is paid on that day may be of either month, and is divided so that earnings are in proportion to MW and days.
    """
    days, months = len(flow), (len(flow) - 1) * DAY // MONTH + 1
    month = np.arange(-(-months * MONTH // DAY)) * DAY // MONTH
    # the last month ends after the last day, with the MW that are online then
    mw = np.append(mw, np.full(len(month) - days, mw[-1]))
    mw_days = (mw + np.append(0.0, mw[:-1])) / 2
    mw_days_of_month = np.bincount(month, mw_days)
    last_days = np.minimum(np.arange(1, months + 1) * MONTH // DAY, days - 1)
    flow_so_far = np.cumsum(flow[np.searchsorted(month, np.arange(months))])
    in_proportion = (flow_so_far[-1] + paid[-1]) * np.cumsum(mw_days_of_month) / (mw_days_of_month.sum() or 1.0)
    earned = np.clip(in_proportion, flow_so_far + paid[last_days - 1], flow_so_far + paid[last_days])
    earned[-1] = flow_so_far[-1] + paid[-1]
    share = np.divide(mw_days, mw_days_of_month[month], out=np.zeros(len(month)), where=mw_days > 0)
    earned_by_day: Values = (np.diff(earned, prepend=0.0)[month] * share)[:days]
    return earned_by_day


def _quarters(start: date, last: float) -> Values:
    """Return the days on which quarters begin, from the project's first day to the last one of a curve."""
    firsts = [date(start.year + k // 4, 3 * (k % 4) + 1, 1) for k in range(4 * (2 + int(last // 365) + 1))]
    days = [float((first - start).days) for first in firsts]
    return np.array([0.0, *(day for day in days if 0 < day <= last), last + 1])


def _mean(curves: pd.DataFrame, name: str) -> tuple[Values, Values]:
    """Return days and mean of a curve."""
    curve = curves[curves["curve"] == name].sort_values("day")
    return curve["day"].to_numpy(dtype=np.float64), curve["mean"].to_numpy(dtype=np.float64)


def _frame(ax: Axes, x: Values, deployed: Values, last: float, unit: str) -> None:
    """Limit the axis of dates to what happens until `last`, and name the other one."""
    ax.set_ylim(0, max(float(deployed.max(initial=0)), 1e-9) * 1.12)
    if len(x):
        ax.set_xlim(x[0], last)
    ax.set_ylabel(style.text(f"capital, {unit}"))
    style.date_axis(ax)
    ax.legend(loc="lower right")


def _subtitle(ax: Axes, words: str) -> None:
    """Write a line between title and axes."""
    ax.annotate(
        style.text(words), (0, 1), (0, 9), xycoords="axes fraction", textcoords="offset points", va="bottom",
        fontsize=12, annotation_clip=False,
    )  # fmt: skip
