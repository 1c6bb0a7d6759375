"""Every figure of a run, drawn from the view of a result; `sim.plot` and the reports call these.

Each function takes a view and the axes to draw on, a new figure's where none are given, and returns the axes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.errors import SimError
from sim.metrics.metric import FINISH, FIRST
from sim.report.explanations import mean_by_controls, risk_rows, stored_drivers
from sim.report.figures import palette, style
from sim.report.figures.capital import plot_capital
from sim.report.figures.delivery import plot_convergence, plot_finish, plot_joint, plot_mw_online, running_percentile
from sim.report.figures.flowline import plot_flow, plot_flowline
from sim.report.figures.gantt import data_day, plot_gantt
from sim.report.figures.sensitivity import plot_which_risk
from sim.report.figures.workforce import plot_headcount, plot_man_hours, plot_trades
from sim.report.formatting import day_of_month, interval, metric_format, money_months, p50_and_p80, step_for
from sim.report.representative_run import headcount_by_trade, online_days, skid_flow
from sim.report.result_view import PEAK, ResultView
from sim.study.statistics.intervals import mean_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

IDLE, COST, BUDGET = "idle_capital_usd_months", "capital_total_usd", "budget_usd"
NO_FINISH = "this project has several orders, and no one date on which all MW are online"


# --- delivery ---------------------------------------------------------------------------------------------------------


def mw_online(view: ResultView, ax: Axes | None = None) -> Axes:
    """Draw how MW come online over time, over all runs, beside the ramp of the expected plan."""
    drawn = plot_mw_online(
        view.curves,
        ax,
        info=view.info,
        ramp=view.planned_ramp,
        ramp_name="expected plan",
        first=view.middle_day(FIRST),
        full=view.middle_day(FINISH),
    )
    return _with_data_date(view, drawn)


def finish(view: ResultView, ax: Axes | None = None) -> Axes:
    """Draw the S-curve with the planned and the target date."""
    _require(view.has(FINISH), NO_FINISH)
    day = view.dated(FINISH)
    planned, target, percentiles = view.planned(day), view.limit(day), view.percentiles(day)
    return plot_finish(view.values(day), ax, info=view.info, percentiles=percentiles, planned=planned, target=target)


def has_convergence(view: ResultView) -> bool:
    """Return whether there is a P80 of the finish with an interval for any number of runs."""
    return view.has(FINISH) and len(running_percentile(view.values(FINISH), 0.8)[0]) > 0


def convergence(view: ResultView, ax: Axes | None = None) -> Axes:
    """Draw how the P80 of the finish settled."""
    _require(view.has(FINISH), NO_FINISH)
    return plot_convergence(view.values(FINISH), ax, info=view.info)


def has_joint(view: ResultView) -> bool:
    """Return whether a run has a target date and a budget, each with a value in every run."""
    is_limited = view.limit(FINISH) is not None and view.planned(BUDGET) is not None
    return is_limited and len(view.values(FINISH)) == len(view.values(COST))


def joint(view: ResultView, ax: Axes | None = None) -> Axes:
    """Draw the date together with the budget."""
    finish = view.dated(FINISH)
    target, budget = view.limit(finish), view.planned(BUDGET)
    if target is None or budget is None or not has_joint(view):
        raise SimError("joint confidence needs a target date and a planned budget")
    return plot_joint((view.values(finish), view.values(COST)), ax, info=view.info, target=target, budget=budget)


# --- people and capital -----------------------------------------------------------------------------------------------


def headcount(view: ResultView, ax: Axes | None = None) -> Axes:
    """Draw the headcount against its limit."""
    peaks, limit = view.values(PEAK), view.limit(PEAK)
    drawn = plot_headcount(
        view.curves, ax, info=view.info, peaks=peaks, limit=limit, percentiles=view.percentiles(PEAK)
    )
    return _with_data_date(view, drawn)


def man_hours(view: ResultView, ax: Axes | None = None) -> Axes:
    """Draw man-hours over time."""
    _require(len(view.hours) > 0, "this result has no table of man-hours over time")
    return _with_data_date(view, plot_man_hours(view.hours, ax, info=view.info, runs=hours_runs(view)))


def hours_runs(view: ResultView) -> int:
    """Return of how many runs the man-hours over time are."""
    return int(view.spread["runs"].max()) if len(view.spread) else view.info.runs


def trades(view: ResultView, ax: Axes | None = None) -> Axes:
    """Draw people by trade in the representative run."""
    people = _people_by_trade(view)
    drawn = plot_trades(people, ax, info=view.info, indirect=view.indirect_ratio, limit=view.limit(PEAK))
    return _with_data_date(view, drawn)


def has_trades(view: ResultView) -> bool:
    """Return whether people come and leave in the log of the representative run."""
    return bool(_people_by_trade(view))


def _people_by_trade(view: ResultView) -> dict[str, np.ndarray]:
    return headcount_by_trade(view.events, int(view.events["minute"].max()) // 1440 + 8)


def capital(view: ResultView, ax: Axes | None = None) -> Axes:
    """Draw capital deployed against in service, with the idle capital of the metrics."""
    drawn = plot_capital(view.curves, ax, info=view.info, idle=mean_idle(view), note=idle_months(view))
    return _with_data_date(view, drawn)


def mean_idle(view: ResultView) -> str:
    """Write the mean idle capital in dollar-months, with its interval where runs are independent."""
    values = view.values(IDLE)
    if not len(values) or not np.isfinite(values).all():
        return ""
    estimate = mean_by_controls(view, IDLE) or mean_interval(values)
    step = step_for(estimate.low, estimate.high, metric_format(IDLE).finest_step)
    mean = money_months(estimate.value, step)
    if view.info.sampling:
        return mean
    bounds = interval(estimate.low, estimate.high, lambda value: money_months(value, step))
    return f"{mean} ({bounds})"


def idle_note(view: ResultView) -> str:
    """Write idle capital by every definition, with its mean in dollar-months."""
    mean = mean_idle(view)
    return "; ".join(filter(None, (idle_months(view), f"mean of all runs {mean}" if mean else "")))


def idle_months(view: ResultView) -> str:
    """Write the months capital is idle by both definitions, side by side."""
    bases = (("idle_capital_months", "deployed"), ("authorised_idle_months", "authorised"))
    words = [f"{basis} {p50_and_p80(view.summary, metric)}" for metric, basis in bases if view.has(metric)]
    return "P50 / P80 idle: " + "; ".join(words) if words else ""


# --- the representative run -------------------------------------------------------------------------------------------


def flowline(view: ResultView, ax: Axes | None = None) -> Axes:
    """Draw the blocks of the representative run as a line of balance."""
    return _with_data_date(view, plot_flowline(view.events, ax, info=view.info, hall_blocks=view.hall_blocks))


def has_skids(view: ResultView) -> bool:
    """Return whether the representative run has factory-built skids, and blocks that came online."""
    return bool((view.events["unit_kind"] == "skid").any()) and len(online_days(view.events)) > 0


def skids(view: ResultView, ax: Axes | None = None) -> Axes:
    """Draw the cumulative flow of skids."""
    _require(has_skids(view), "this project has no factory-built skids")
    return _with_data_date(view, plot_flow(skid_flow(view.events), ax, info=view.info))


def gantt(view: ResultView, ax: Axes | None = None) -> Axes:
    """Draw the roll-up of the schedule over the runs, with milestones and the typical driving chain."""
    _require(len(view.spread) > 0, "this result has no ranges of its schedule: no run came to its end")
    return plot_gantt(
        view.spread, ax, info=view.info, chain=view.chain, milestones=view.dates_reached,
        target=view.limit(view.dated(FINISH)), data_day=data_day(view.manifest),
    )  # fmt: skip


def _with_data_date(view: ResultView, ax: Axes) -> Axes:
    """Mark the data date of a project under way on an axis of dates, which reaches back to it."""
    if (day := data_day(view.manifest)) is not None:
        at, (low, high) = style.date_position(view.info.dates, day), ax.get_xlim()
        ax.set_xlim(min(low, at - 0.02 * (high - low)), high)
        ax.axvline(at, color=palette.INK, lw=1.4, ls=(0, (2, 2)), gid="data date")
        text = f"data date {day_of_month(view.info.dates.date_of(day - 1))}"
        ax.annotate(text, (at, 1), (5, -4), xycoords=ax.get_xaxis_transform(), textcoords="offset points", va="top")
    return ax


# --- drivers ----------------------------------------------------------------------------------------------------------


def tornado(view: ResultView, ax: Axes | None = None) -> Axes:
    """Draw what each cause costs alone and its share of the variance, of a result that keeps its drivers."""
    stored = stored_drivers(view)
    if stored is None:
        raise SimError("this result has no drivers: run sim.drivers(config)")
    basis = f"n = {view.info.runs:,} runs each, seed {view.info.seed}"
    return plot_which_risk(risk_rows(view), ax, metric=stored.metric, basis=basis)


def _require(present: bool, message: str) -> None:
    if not present:
        raise SimError(message)
