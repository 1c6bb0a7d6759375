"""The figures of a run and of a comparison: one file each, and here which of them are written where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sim.report import reading
from sim.report.reading import Result
from sim.report.words import number

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

FIRST, FINISH, PEAK = "lead_time_first_mw_days", "lead_time_full_days", "peak_workforce_onsite"
IDLE = "idle_capital_usd_months"


def write_all(result: Result, directory: Path) -> list[Path]:
    """Write the four figures of a run (PNG and SVG) into `directory`, which is made; return their paths.

    Ramp of MW, headcount, capital, and the finish where the project has one (a single order).
    """
    from sim.report.style import save

    directory.mkdir(parents=True, exist_ok=True)
    return [path for name, ax in _of_a_run(result) for path in save(ax, directory, name)]


def _of_a_run(result: Result) -> Iterator[tuple[str, Axes]]:
    from sim.report.figures.capital import plot_capital
    from sim.report.figures.finish import plot_finish
    from sim.report.figures.headcount import plot_headcount
    from sim.report.figures.mw_online import plot_mw_online

    about, summary = reading.about(result), result.summary()
    yield "mw_online", plot_mw_online(
        result.curves, about=about, ramp=reading.planned_ramp(result), ramp_name="planned",
        first=_at(summary, FIRST, "p50"), full=_at(summary, FINISH, "p50"),
    )  # fmt: skip
    peaks, limit = reading.values(result, PEAK), reading.limit(result, PEAK)
    yield "headcount", plot_headcount(
        result.curves, about=about, peaks=peaks, limit=limit, quoted=_quoted(summary, PEAK)
    )
    yield "capital", plot_capital(
        result.curves, about=about, idle=_at(summary, IDLE, "mean"), note=_idle_months(summary)
    )
    finish = reading.values(result, FINISH)
    if len(finish):
        yield "finish", plot_finish(
            finish, about=about, quoted=_quoted(summary, FINISH),
            planned=reading.planned(result, FINISH), target=reading.limit(result, FINISH),
        )  # fmt: skip


def _at(summary: pd.DataFrame, metric: str, column: str) -> float | None:
    return float(summary[column][metric]) if metric in summary.index else None


def _quoted(summary: pd.DataFrame, metric: str) -> dict[str, float] | None:
    """Return the summary's own percentiles, so that figure and verdict quote the same dates."""
    if metric not in summary.index:
        return None
    return {p: float(summary[p][metric]) for p in ("p10", "p50", "p80", "p90")}


def _idle_months(summary: pd.DataFrame) -> str:
    """Return the months capital is idle by both definitions, side by side."""
    words = []
    for metric, basis in (("idle_capital_months", "Deployed"), ("authorised_idle_months", "authorised")):
        if metric in summary.index:
            p50, p80 = (number(float(summary[p][metric]), 0.1) for p in ("p50", "p80"))
            words.append(f"{basis} idle P50 {p50}, P80 {p80} months")
    return "; ".join(words)


def write_comparison(results: Mapping[str, Result], differences: pd.DataFrame, directory: Path) -> list[Path]:
    """Write the figures of a comparison into `directory`, which is made; return their paths.

    The strategy cloud, and for each pair (`case`, `base`) in `differences` the histogram of the paired
    difference of the finish: `difference_CASE_BASE`.
    """
    from sim.report.style import save

    directory.mkdir(parents=True, exist_ok=True)
    return [path for name, ax in _of_a_comparison(results, differences) for path in save(ax, directory, name)]


def _of_a_comparison(results: Mapping[str, Result], differences: pd.DataFrame) -> Iterator[tuple[str, Axes]]:
    from sim.report.figures.paired_difference import plot_paired_difference
    from sim.report.figures.strategy_cloud import plot_strategy_cloud

    runs = {name: result.runs for name, result in results.items()}
    seed = int(next(iter(results.values())).manifest["seed"])
    yield "strategy_cloud", plot_strategy_cloud(runs, seed=seed)
    for case, base in dict.fromkeys(zip(differences["case"], differences["base"], strict=True)):
        if FINISH in runs[case] and FINISH in runs[base]:
            apart = reading.paired(runs[case], runs[base], FINISH)
            yield f"difference_{case}_{base}", plot_paired_difference(apart, a=case, b=base, metric=FINISH, seed=seed)
