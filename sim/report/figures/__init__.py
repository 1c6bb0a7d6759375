"""The figures of a run and of a comparison: which of them are drawn, and under which name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from sim.metrics.metric import FINISH
from sim.report.explanations import stored_drivers
from sim.report.result_view import ResultView

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def run_figures(view: ResultView) -> dict[str, Callable[[ResultView], Axes]]:
    """Return what draws each figure; none where every run failed, since then nothing is known.

    Ramp of MW, headcount, man-hours, capital; finish, convergence and joint confidence where the project has one finish
    (a single order); of the representative run people by trade, flowline, Gantt, and the flow of skids where it has any.
    """
    return {} if view.info.all_failed else dict(_run_figures(view))


def _run_figures(view: ResultView) -> Iterator[tuple[str, Callable[[ResultView], Axes]]]:
    """Yield each figure that the view has the numbers for, by name."""
    from sim.report.figures import from_result as draw

    yield "mw_online", draw.mw_online
    yield "headcount", draw.headcount
    if len(view.hours):
        yield "man_hours", draw.man_hours
    yield "capital", draw.capital
    if view.has(FINISH):
        yield "finish", draw.finish
        if draw.has_convergence(view):
            yield "convergence", draw.convergence
        if draw.has_joint(view):
            yield "joint", draw.joint
    if len(view.events):
        yield from _figures_of_representative_run(view)
    if stored_drivers(view) is not None:
        yield "tornado", draw.tornado


def _figures_of_representative_run(view: ResultView) -> Iterator[tuple[str, Callable[[ResultView], Axes]]]:
    """Yield the figures of the representative run alone, by name."""
    from sim.report.figures import from_result as draw

    if draw.has_trades(view):
        yield "trades", draw.trades
    yield "flowline", draw.flowline
    if draw.has_skids(view):
        yield "flow", draw.skids
    if len(view.spread):
        yield "gantt", draw.gantt


def figures_of_comparison(views: Mapping[str, ResultView], differences: pd.DataFrame) -> dict[str, Callable[[], Axes]]:
    """Return by name what draws each figure of a comparison."""
    from sim.report.figures.comparison import paired_differences, plot_paired_difference, plot_strategy_cloud

    runs = {name: view.runs for name, view in views.items()}
    seed = int(next(iter(views.values())).manifest["seed"])

    def plot_difference(case: str, base: str) -> Axes:
        """Draw the differences of one case to its base, run by run."""
        differences_of_runs = paired_differences(runs[case], runs[base], FINISH)
        return plot_paired_difference(differences_of_runs, a=case, b=base, metric=FINISH, seed=seed)

    draw_functions: dict[str, Callable[[], Axes]] = {"strategy_cloud": partial(plot_strategy_cloud, runs, seed=seed)}
    for case, base in dict.fromkeys(zip(differences["case"], differences["base"], strict=True)):
        if FINISH in runs[case] and FINISH in runs[base]:
            draw_functions[f"difference_{case}_{base}"] = partial(plot_difference, case, base)
    return draw_functions
