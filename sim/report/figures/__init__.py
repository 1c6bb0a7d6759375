"""The figures of a run and of a comparison: one file each, and here which of them are written where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sim.report import result_view as reading
from sim.report.explanations import of_result
from sim.report.formatting import both, interval, metric_format, money_months, step_for
from sim.report.result_view import About, ResultView
from sim.study.analyses.switch_off import ALL
from sim.study.intervals import mean_interval

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from sim.study.analyses.drivers import Drivers

FIRST, FINISH, PEAK = "lead_time_first_mw_days", "lead_time_full_days", "peak_workforce_onsite"
IDLE, COST, BUDGET = "idle_capital_usd_months", "capital_total_usd", "budget_usd"


def write_all(result: ResultView, directory: Path) -> list[Path]:
    """Write the figures of a run (PNG and SVG) into `directory`, which is made; return their paths.

    Ramp of MW, headcount, man-hours, capital; finish, convergence and joint confidence where the project has one finish (a
    single order); of the representative run people by trade, flowline, Gantt, and the flow of skids where it has any.
    """
    from sim.report.figures.style import save

    directory.mkdir(parents=True, exist_ok=True)
    return [path for name, ax in of_a_run(result) for path in save(ax, directory, name)]


def of_a_run(result: ResultView) -> Iterator[tuple[str, Axes]]:
    """Yield name and axes of each figure; none where every run failed, since then nothing is known."""
    about = reading.about(result)
    if about.failed < about.runs:
        summary = result.summary()
        yield "mw_online", _mw_online(result, about, summary)
        yield "headcount", _headcount(result, about, summary)
        yield from _hours(result, about)
        yield "capital", _capital(result, about, summary)
        if FINISH in summary.index:
            yield "finish", _finish(result, about, summary)
            yield from _of_the_finish(result, about)
        if len(result.events):
            yield from _of_one_run(result, about)
        if (causes := of_result(result)) is not None:
            yield "tornado", _tornado(causes, about)


def _tornado(causes: Drivers, about: About) -> Axes:
    """Draw what each cause costs alone."""
    from sim.report.figures.sensitivity import plot_tornado

    table = causes.table()
    alone = table[table["kind"] != ALL]
    return plot_tornado(alone, metric=causes.metric, basis=f"n = {about.runs:,} runs each, seed {about.seed}")


def _of_the_finish(result: ResultView, about: About) -> Iterator[tuple[str, Axes]]:
    """Yield how the P80 of the finish settled, and the date together with the budget."""
    from sim.report.figures.delivery import plot_convergence, plot_joint

    yield "convergence", plot_convergence(reading.values(result, FINISH), about=about)
    target, budget = reading.limit(result, FINISH), reading.planned(result, BUDGET)
    both = reading.values(result, FINISH), reading.values(result, COST)
    if target is not None and budget is not None and len(both[0]) == len(both[1]):
        yield "joint", plot_joint(both, about=about, target=target, budget=budget)


def _of_one_run(result: ResultView, about: About) -> Iterator[tuple[str, Axes]]:
    """Yield what is drawn of the representative run."""
    from sim.report import result_view as logbook
    from sim.report.figures.flowline import hall_blocks_of, plot_flow, plot_flowline
    from sim.report.figures.gantt import plot_gantt
    from sim.report.figures.workforce import plot_trades

    events, limit = result.events, reading.limit(result, PEAK)
    people = logbook.people(events, int(events["minute"].max()) // 1440 + 8)
    if people:
        yield "trades", plot_trades(people, about=about, indirect=reading.indirect_ratio(result), limit=limit)
    yield "flowline", plot_flowline(events, about=about, hall_blocks=hall_blocks_of(result))
    if skids := logbook.flow(events):
        yield "flow", plot_flow(skids, about=about)
    yield "gantt", plot_gantt(events, about=about, chain=result.chain, spread=result.table("spread"))


def _mw_online(result: ResultView, about: About, summary: pd.DataFrame) -> Axes:
    """Draw the ramp beside that of the deterministic run."""
    from sim.report.figures.delivery import plot_mw_online

    first, full = (_at(summary, metric, "p50") for metric in (FIRST, FINISH))
    ramp = reading.planned_ramp(result)
    return plot_mw_online(result.curves, about=about, ramp=ramp, ramp_name="planned", first=first, full=full)


def _headcount(result: ResultView, about: About, summary: pd.DataFrame) -> Axes:
    """Draw the headcount against its limit."""
    from sim.report.figures.workforce import plot_headcount

    peaks, limit = reading.values(result, PEAK), reading.limit(result, PEAK)
    return plot_headcount(result.curves, about=about, peaks=peaks, limit=limit, quoted=_quoted(summary, PEAK))


def _hours(result: ResultView, about: About) -> Iterator[tuple[str, Axes]]:
    """Yield man-hours over time, where they were looked at."""
    from sim.report.figures.workforce import plot_man_hours

    if len(hours := result.table("hours")):
        yield "man_hours", plot_man_hours(hours, about=about, runs=int(result.table("spread")["runs"].max()))


def _capital(result: ResultView, about: About, summary: pd.DataFrame) -> Axes:
    """Draw capital deployed against in service, with the idle capital of the metrics."""
    from sim.report.figures.capital import plot_capital

    return plot_capital(result.curves, about=about, idle=_mean(result, about), note=_idle_months(summary))


def _mean(result: ResultView, about: About) -> str:
    """Return the mean idle capital in dollar-months, with its interval where runs are independent."""
    values = reading.values(result, IDLE)
    if not len(values) or not np.isfinite(values).all():
        return ""
    found = mean_interval(values)
    step = step_for(found.low, found.high, metric_format(IDLE).finest_step)
    mean = money_months(found.value, step)
    mean = mean if about.sampling else mean.removesuffix(" M-months")
    return mean if about.sampling else f"{mean} ({interval(found.low, found.high, lambda v: money_months(v, step))})"


def _finish(result: ResultView, about: About, summary: pd.DataFrame) -> Axes:
    """Draw the S-curve with the planned and the target date."""
    from sim.report.figures.delivery import plot_finish

    planned, target = reading.planned(result, FINISH), reading.limit(result, FINISH)
    finish, quoted = reading.values(result, FINISH), _quoted(summary, FINISH)
    return plot_finish(finish, about=about, quoted=quoted, planned=planned, target=target)


def _at(summary: pd.DataFrame, metric: str, column: str) -> float | None:
    """Return one number of the summary, None where it has no such metric."""
    return float(summary[column][metric]) if metric in summary.index else None


def _quoted(summary: pd.DataFrame, metric: str) -> dict[str, float] | None:
    """Return the summary's own percentiles, so that figure and verdict quote the same dates."""
    if metric not in summary.index:
        return None
    return {p: float(summary[p][metric]) for p in ("p10", "p50", "p80", "p90")}


def _idle_months(summary: pd.DataFrame) -> str:
    """Return the months capital is idle by both definitions, side by side."""
    bases = (("idle_capital_months", "deployed"), ("authorised_idle_months", "authorised"))
    words = [f"{basis} {both(summary, metric)}" for metric, basis in bases if metric in summary.index]
    return "P50 / P80 idle: " + "; ".join(words) if words else ""


def write_comparison(results: Mapping[str, ResultView], differences: pd.DataFrame, directory: Path) -> list[Path]:
    """Write the figures of a comparison into `directory`, which is made; return their paths.

    The strategy cloud, and for each pair (`case`, `base`) in `differences` the histogram of the paired
    difference of the finish: `difference_CASE_BASE`.
    """
    from sim.report.figures.style import save

    directory.mkdir(parents=True, exist_ok=True)
    return [path for name, ax in of_a_comparison(results, differences) for path in save(ax, directory, name)]


def of_a_comparison(results: Mapping[str, ResultView], differences: pd.DataFrame) -> Iterator[tuple[str, Axes]]:
    """Yield name and axes of each figure."""
    from sim.report.figures.comparison import plot_paired_difference, plot_strategy_cloud

    runs = {name: result.runs for name, result in results.items()}
    seed = int(next(iter(results.values())).manifest["seed"])
    yield "strategy_cloud", plot_strategy_cloud(runs, seed=seed)
    for case, base in dict.fromkeys(zip(differences["case"], differences["base"], strict=True)):
        if FINISH in runs[case] and FINISH in runs[base]:
            apart = reading.paired(runs[case], runs[base], FINISH)
            yield f"difference_{case}_{base}", plot_paired_difference(apart, a=case, b=base, metric=FINISH, seed=seed)
