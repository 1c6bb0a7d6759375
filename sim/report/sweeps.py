"""A sweep on the console and as figures: what was varied, and what became of the metrics that were asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

from sim.report.quoting import both
from sim.report.words import SAMPLING_ONLY, counted, measure
from sim.study.design import said
from sim.study.sweep import Sweep

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from rich.console import RenderableType

SHOWN_POINTS = 60
"""Rows on the screen; points.csv and summary.csv have them all."""


def told(sweep: Sweep) -> Group:
    """Return a sweep as a table for the console: a row a point, P50 / P80 of the headline metrics."""
    metrics = [metric for metric in sweep.manifest["metrics"] if metric in sweep.samples[0].metrics]
    table = Table(header_style="bold", pad_edge=False, box=SIMPLE_HEAD)
    for name in sweep.inputs or ["config"]:
        table.add_column(name)
    for metric in metrics:
        table.add_column(f"{measure(metric).name}\nP50 / P80", justify="right")
    points = sweep.points.head(SHOWN_POINTS)
    for number, point in points.iterrows():
        cells = [said(point[name]) for name in sweep.inputs or ["config"]]
        table.add_row(*cells, *_numbers(sweep, int(str(number)), metrics))
    parts: list[RenderableType] = [Text(sweep.manifest["question"] or sweep.manifest["name"], style="bold"), "", table]
    parts += [Text(f"could not be run: {p['label']}: {p['note']}") for _, p in points.iterrows() if p["note"]]
    if len(sweep.points) > len(points):
        parts.append(Text(f"… and {len(sweep.points) - len(points):,} more points in points.csv"))
    runs, seed = counted(sweep.manifest["runs"], "run", "runs"), sweep.manifest["seed"]
    parts.append(Text(f"{runs} a point on the same luck, seed {seed}; numbers have {SAMPLING_ONLY}.", style="dim"))
    return Group(*parts)


def _numbers(sweep: Sweep, number: int, metrics: list[str]) -> list[str]:
    """Return P50 / P80 of one point."""
    import pandas as pd

    from sim.study.summary import COLUMNS, summary

    sample = sweep.samples[number]
    if sample.having("failed") == sample.size:
        return ["not run"] * len(metrics)
    found = pd.DataFrame.from_dict(summary(sample), orient="index", columns=list(COLUMNS))
    return [both(found, metric) for metric in metrics]


def write_figures(sweep: Sweep, directory: Path) -> list[Path]:
    """Write a figure (PNG and SVG) a metric: lines along one input, a heat map of two, a panel for each of more."""
    from sim.report.style import save

    directory.mkdir(parents=True, exist_ok=True)
    return [path for name, ax in _figures(sweep) for path in save(ax, directory, name)]


def _figures(sweep: Sweep) -> Iterator[tuple[str, Axes]]:
    """Yield name and axes of each figure; none for a single point."""
    from sim.report.figures.heat_map import plot_heat_map
    from sim.report.figures.small_multiples import plot_small_multiples
    from sim.report.figures.sweep_lines import plot_sweep_lines

    varied = [name for name in sweep.inputs if sweep.points[name].nunique() > 1]
    seed, runs = int(sweep.manifest["seed"]), int(sweep.manifest["runs"])
    by = [name for name in varied if name != "config"]
    for metric in sweep.manifest["metrics"]:
        if metric not in sweep.samples[0].metrics or not sweep.summary([metric])["n"].any():
            continue
        if len(by) == 1 or varied == ["config"]:
            yield metric, plot_sweep_lines(sweep.summary([metric]), metric, (by or varied)[0], seed=seed)
        elif len(by) == 2:
            yield metric, plot_heat_map(_grid(sweep, metric, by, varied), metric, runs=runs, seed=seed)
        elif by:
            yield metric, plot_small_multiples(sweep.table(metric), metric, by, runs=runs, seed=seed)


def _grid(sweep: Sweep, metric: str, by: list[str], varied: list[str]) -> pd.DataFrame:
    """Return P80 as a two-way table of two inputs; several configurations stand one above the other."""
    across, up = by
    if "config" not in varied:
        return sweep.grid(metric, up, across)
    table = sweep.table(metric)
    joined = f"configuration and {up}"
    table[joined] = [f"{config}\n{said(value)}" for config, value in zip(table["config"], table[up], strict=True)]
    return table.pivot_table(index=joined, columns=across, values=metric, sort=False)
