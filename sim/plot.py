"""Every figure as a function: of a result, a comparison, a sweep or a tuning, on axes of your own or on new ones.

Each function returns the matplotlib axes it has drawn on. Without `ax` it makes a new figure, `ax.figure`, that can be
shown in a notebook or saved with `ax.figure.savefig("finish.png")`. matplotlib is loaded when the first figure is drawn.

>>> result = sim.run("configs/hybrid.yaml", runs=200)
>>> ax = sim.plot.finish(result)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.arguments import checked_arguments, refused, require_known
from sim.config.sections.display_units import display_of, in_display_units, shown_as

if TYPE_CHECKING:
    from sim.report.figures.style import Axes
    from sim.study.analyses.drivers import Drivers
    from sim.study.analyses.sensitivity import SensitivityResult
    from sim.study.analyses.sweep import Sweep
    from sim.study.analyses.tuning import TuningResult
    from sim.study.api import Comparison
    from sim.study.result import Result

__all__ = [
    "capital", "convergence", "finish", "flowline", "gantt", "headcount", "heat_map", "joint", "man_hours", "mw_online",
    "paired_difference", "pareto", "sensitivity", "skids", "small_multiples", "strategy_cloud", "sweep_lines", "tornado",
    "trades",
]  # fmt: skip


def __dir__() -> list[str]:
    """Return the figures and nothing else."""
    return __all__


def _draw(name: str, result: Result, ax: Axes | None) -> Axes:
    """Draw a figure of one result, in the units that its project asks for."""
    from sim.report.figures import from_result
    from sim.report.result_view import ResultView

    with shown_as(display_of(result)):
        axes: Axes = getattr(from_result, name)(ResultView.of(result), ax)
    return axes


# --- one project ------------------------------------------------------------------------------------------------------


@checked_arguments
def mw_online(result: Result, ax: Axes | None = None) -> Axes:
    """Draw the MW online by day: bands over the runs, P50, the P80 of every date, and the planned ramp.

    >>> ax = sim.plot.mw_online(result)
    """
    return _draw("mw_online", result, ax)


@checked_arguments
def finish(result: Result, ax: Axes | None = None) -> Axes:
    """Draw when all MW are online: histogram and S-curve, with P10, P50, P80, P90, the planned and the target date.

    Raises SimError where the project has several orders, and so no one finish.

    >>> ax = sim.plot.finish(result)
    """
    return _draw("finish", result, ax)


@checked_arguments
def convergence(result: Result, ax: Axes | None = None) -> Axes:
    """Draw the P80 of the finish over the number of runs, with its 95 % interval.

    >>> ax = sim.plot.convergence(result)
    """
    return _draw("convergence", result, ax)


@checked_arguments
def joint(result: Result, ax: Axes | None = None) -> Axes:
    """Draw finish against cost, a dot a run, with the dates and costs that are both kept in 50, 70 and 80 % of runs.

    Raises SimError where the project has no target date or no planned budget.

    >>> ax = sim.plot.joint(result)
    """
    return _draw("joint", result, ax)


@checked_arguments
def headcount(result: Result, ax: Axes | None = None) -> Axes:
    """Draw people on site by week against the limit, and beside it the distribution of each run's peak.

    >>> ax = sim.plot.headcount(result)
    """
    return _draw("headcount", result, ax)


@checked_arguments
def trades(result: Result, ax: Axes | None = None) -> Axes:
    """Draw people on site by trade and week, stacked, in the representative run.

    >>> ax = sim.plot.trades(result)
    """
    return _draw("trades", result, ax)


@checked_arguments
def man_hours(result: Result, ax: Axes | None = None) -> Axes:
    """Draw man-hours planned, earned and paid, added up over time.

    >>> ax = sim.plot.man_hours(result)
    """
    return _draw("man_hours", result, ax)


@checked_arguments
def capital(result: Result, ax: Axes | None = None) -> Axes:
    """Draw capital paid against capital in service by day, the mean of all runs; the gap is idle.

    >>> ax = sim.plot.capital(result)
    """
    return _draw("capital", result, ax)


@checked_arguments
def flowline(result: Result, ax: Axes | None = None) -> Axes:
    """Draw the line of balance of the representative run: each block's stages over time, blocks one above the other.

    >>> ax = sim.plot.flowline(result)
    """
    return _draw("flowline", result, ax)


@checked_arguments
def skids(result: Result, ax: Axes | None = None) -> Axes:
    """Draw the cumulative flow of skids in the representative run: in the factory, on the road, in the yard, set, online.

    Raises SimError where nothing is built in a factory.

    >>> ax = sim.plot.skids(result)
    """
    return _draw("skids", result, ax)


@checked_arguments
def gantt(result: Result, ax: Axes | None = None) -> Axes:
    """Draw the Gantt of the representative run, with the driving chain, waits, and how often each bar is critical.

    >>> ax = sim.plot.gantt(result)
    """
    return _draw("gantt", result, ax)


@checked_arguments
def tornado(drivers: Drivers | Result, ax: Axes | None = None) -> Axes:
    """Draw what is saved when each cause is switched off alone, the largest at P80 on top.

    `drivers` is what `sim.drivers` returns, or a result that was stored with them.

    >>> ax = sim.plot.tornado(sim.drivers("configs/hybrid.yaml", runs=200))
    """
    from sim.study.analyses.drivers import Drivers

    return _draw("tornado", drivers.result if isinstance(drivers, Drivers) else drivers, ax)


# --- several strategies -----------------------------------------------------------------------------------------------


@checked_arguments
def strategy_cloud(comparison: Comparison, ax: Axes | None = None) -> Axes:
    """Draw every run of several strategies as a dot: lead time by idle capital, as large as the peak of people.

    >>> found = sim.compare(["configs/hybrid.yaml", "configs/modular.yaml"], runs=200)
    >>> ax = sim.plot.strategy_cloud(found)
    """
    from sim.report.figures.comparison import plot_strategy_cloud

    results = comparison.results
    return plot_strategy_cloud({name: result.runs for name, result in results.items()}, ax, seed=_seed(comparison))


@checked_arguments
@in_display_units
def paired_difference(
    comparison: Comparison, case: str, metric: str = "lead_time_full_days", ax: Axes | None = None
) -> Axes:
    """Draw the differences of a metric run by run, `case` less the first of the comparison, with P(case better).

    >>> found = sim.compare(["configs/hybrid.yaml", "configs/modular.yaml"], runs=200)
    >>> ax = sim.plot.paired_difference(found, "modular")
    """
    from sim.metrics.metric import FINISH, MORE, finish_metric
    from sim.metrics.registry import DIRECTIONS
    from sim.report.figures.comparison import paired_differences, plot_paired_difference

    base = next(iter(comparison.results))
    if case not in comparison.results or case == base:
        other_cases = ", ".join(name for name in comparison.results if name != base)
        raise refused("case", case, f"a case beside the base {base!r}: {other_cases}")
    if metric == FINISH:
        # where orders come over time there is no such date: the lead time, in the mean over MW
        metric = finish_metric({*comparison.results[base].sample.metrics} & {*comparison.results[case].sample.metrics})
    differences = paired_differences(comparison.results[case].runs, comparison.results[base].runs, metric)
    more_is_better = DIRECTIONS.get(metric) == MORE
    return plot_paired_difference(
        differences, ax, a=case, b=base, metric=metric, more_is_better=more_is_better, seed=_seed(comparison)
    )


def _seed(comparison: Comparison) -> int:
    return int(next(iter(comparison.results.values())).manifest["seed"])


# --- studies ----------------------------------------------------------------------------------------------------------


@checked_arguments
@in_display_units
def sweep_lines(sweep: Sweep, metric: str, by: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw one metric over the input `by` (the only one if None): P50 with its 95 % interval and P80.

    >>> swept = sim.sweep("configs/hybrid.yaml", {"logistics.cranes": [2, 3, 4]}, runs=200)
    >>> ax = sim.plot.sweep_lines(swept, "lead_time_full_days")
    """
    from sim.report.figures.sweep import plot_sweep_lines

    by = sweep.inputs[-1] if by is None else by
    require_known("input", by, sweep.inputs)
    return plot_sweep_lines(sweep.summary([metric]), metric, by, ax, seed=int(sweep.manifest["seed"]))


@checked_arguments
@in_display_units
def heat_map(sweep: Sweep, metric: str, row: str, column: str, statistic: str = "p80", ax: Axes | None = None) -> Axes:
    """Draw one number of a metric over two inputs of a sweep, which name the rows and the columns.

    >>> inputs = {"logistics.cranes": [2, 3], "logistics.fleets.*.trucks": [4, 8]}
    >>> swept = sim.sweep("configs/hybrid.yaml", inputs, runs=200)
    >>> ax = sim.plot.heat_map(swept, "lead_time_full_days", "cranes", "trucks")
    """
    from sim.report.figures.sweep import plot_heat_map

    for name in (row, column):
        require_known("input", name, sweep.inputs)
    table = sweep.table(metric, statistic)
    table["as_good"] = [float(is_as_good) for is_as_good in sweep.as_good_as_best(metric, statistic)]
    names = [name for name in (metric, f"{statistic}_low", f"{statistic}_high", "as_good") if name in table]
    grids = [table.pivot_table(index=row, columns=column, values=name, sort=False, dropna=False) for name in names]
    intervals = (grids[1], grids[2]) if len(grids) == 4 else None
    return plot_heat_map(
        grids[0], metric, ax, statistic=statistic, intervals=intervals, as_good=grids[-1] == 1, **_sample(sweep)
    )


@checked_arguments
@in_display_units
def small_multiples(sweep: Sweep, metric: str, statistic: str = "p80", ax: Axes | None = None) -> Axes:
    """Draw one number of a metric over every input of a sweep, a panel an input.

    >>> inputs = {"logistics.cranes": [2, 3], "logistics.fleets.*.trucks": [4, 8]}
    >>> swept = sim.sweep("configs/hybrid.yaml", inputs, runs=200)
    >>> ax = sim.plot.small_multiples(swept, "lead_time_full_days")
    """
    from sim.report.figures.sweep import plot_small_multiples

    inputs = [name for name in sweep.inputs if name != "config"]
    table = sweep.table(metric, statistic)
    return plot_small_multiples(table, metric, inputs, ax, statistic=statistic, **_sample(sweep))


@checked_arguments
@in_display_units
def sensitivity(analysis: SensitivityResult, ax: Axes | None = None) -> Axes:
    """Draw which inputs matter: changes at their low and high ends, or Morris's or Sobol's indices.

    >>> inputs = {"logistics.cranes": (2, 4), "logistics.fleets.*.trucks": (4, 8)}
    >>> found = sim.sensitivity("configs/hybrid.yaml", inputs, runs=200)
    >>> ax = sim.plot.sensitivity(found)
    """
    from sim.report.figures.sensitivity import plot_indices, plot_low_high

    settings = analysis.manifest["sensitivity"]
    if settings["method"] == "low_high":
        return plot_low_high(analysis.table, settings["metric"], settings["statistic"], ax, **_sample(analysis))
    return plot_indices(analysis.table, settings["metric"], settings["statistic"], ax)


@checked_arguments
@in_display_units
def pareto(tuning: TuningResult, ax: Axes | None = None) -> Axes:
    """Draw the candidates a tuning has tried: objective against finish, the Pareto set, the start and the best.

    >>> tuned = sim.tune("configs/hybrid.yaml", {"logistics.cranes": (2, 4)}, runs=60)
    >>> ax = sim.plot.pareto(tuned)
    """
    from sim.report.figures.sweep import plot_pareto

    settings = tuning.manifest["tune"]
    return plot_pareto(
        tuning.trials, settings["metric"], settings["against"], ax, statistic=settings["statistic"], **_sample(tuning)
    )


def _sample(study: Any) -> dict[str, int]:
    """Return runs and seed of a study, for its caption."""
    return {"runs": int(study.manifest["runs"]), "seed": int(study.manifest["seed"])}
