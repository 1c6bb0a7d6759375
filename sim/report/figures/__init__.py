"""The figures of a run and of a comparison: one file each, and here which of them are written where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sim.report import reading
from sim.report.reading import Result
from sim.report.words import measure, months

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

FIRST, FINISH, PEAK = "lead_time_first_mw_days", "lead_time_full_days", "peak_workforce_onsite"


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
    ramp = (result.manifest.get("limits") or {}).get("mw_online")
    yield "mw_online", plot_mw_online(
        result.curves, about=about, committed=ramp, first=_p50(summary, FIRST), full=_p50(summary, FINISH)
    )
    peaks, limit = reading.values(result, PEAK), reading.limit(result, PEAK)
    yield "headcount", plot_headcount(result.curves, about=about, peaks=peaks, limit=limit, quoted=_quoted(summary, PEAK))
    yield "capital", plot_capital(result.curves, about=about, idle=_idle(summary))
    finish = reading.values(result, FINISH)
    if len(finish):
        yield "finish", plot_finish(
            finish, about=about, quoted=_quoted(summary, FINISH),
            planned=reading.planned(result, FINISH), target=reading.limit(result, FINISH),
        )  # fmt: skip


def _p50(summary: pd.DataFrame, metric: str) -> float | None:
    return float(summary.loc[metric, "p50"]) if metric in summary.index else None  # type: ignore[arg-type]


def _quoted(summary: pd.DataFrame, metric: str) -> dict[str, float] | None:
    """Return the summary's own percentiles, so that figure and verdict quote the same dates."""
    if metric not in summary.index:
        return None
    return {p: float(summary.loc[metric, p]) for p in ("p10", "p50", "p80", "p90")}  # type: ignore[arg-type]


def _idle(summary: pd.DataFrame) -> str | None:
    """Return what is written into the gap: $M-months, then months by both definitions side by side."""
    lines = []
    if "idle_capital_usd_months" in summary.index:
        mean = float(summary.loc["idle_capital_usd_months", "mean"])  # type: ignore[arg-type]
        lines.append(f"idle capital {measure('idle_capital_usd_months').write(mean, 0.0)}, mean")
    for metric, word in (("idle_capital_months", "deployed"), ("authorised_idle_months", "authorised")):
        if metric in summary.index:
            p50, p80 = (float(summary.loc[metric, p]) for p in ("p50", "p80"))  # type: ignore[arg-type]
            lines.append(f"{word}: P50 {months(p50)}, P80 {months(p80)}")
    return "\n".join(lines) or None


def write_comparison(results: Mapping[str, Result], differences: pd.DataFrame, directory: Path) -> list[Path]:
    """Write the figures of a comparison into `directory`, which is made; return their paths.

    The strategy cloud, and for each pair (`a`, `b`) named in `differences` the histogram of the paired
    difference of the finish: `difference_A_B`.
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
    for a, b in differences[["a", "b"]].drop_duplicates().itertuples(index=False):
        apart = reading.paired(runs[str(a)], runs[str(b)], FINISH)
        name = f"difference_{a}_{b}".replace(" ", "_").replace("/", "_")
        yield name, plot_paired_difference(apart, a=str(a), b=str(b), metric=FINISH, seed=seed)
