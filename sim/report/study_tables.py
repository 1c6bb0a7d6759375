"""Sweeps, tunings and sensitivity analyses as tables for the console, with the figures that belong to them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

from sim.report.figures.sensitivity import change_text
from sim.report.formatting import (
    NEVER,
    SAMPLING_ONLY,
    MetricFormat,
    Quote,
    counted,
    metric_format,
    p50_and_p80,
    percent,
)
from sim.study.analyses.design import text_of
from sim.study.analyses.sensitivity import Found
from sim.study.analyses.sweep import Sweep
from sim.study.analyses.tuning import Tuned

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from rich.console import RenderableType


# --- tuning -----------------------------------------------------------------------------------------------------------


SHOWN = 12


def describe_tuning(tuned: Tuned) -> Group:
    """Return a tuning for the console."""
    wanted, inputs = tuned.manifest["tune"], list(tuned.manifest["inputs"])
    statistic = wanted["statistic"] if wanted["statistic"] == "mean" else wanted["statistic"].upper()
    how = "every design there is" if tuned.manifest["every_design_tried"] else "chosen by Optuna"
    label, designs = metric_format(wanted["metric"]).label, counted(len(tuned.trials), "design", "designs")
    head = f"Small {statistic} of {label}: {designs}, {how}"
    best = ", ".join(f"{name} {text_of(tuned.best[name])}" for name in inputs if not _missing(tuned.best[name]))
    outcome = "Best: " if bool(tuned.best["feasible"]) else "No design keeps every limit; the nearest: "
    parts: list[RenderableType] = [Text(head, style="bold"), Text(f"{outcome}{best or 'as configured'}"), _fresh(tuned)]
    parts += [Text("Pareto set", style="bold"), _pareto(tuned, inputs)]
    seed, runs = tuned.manifest["seed"], counted(tuned.manifest["runs"], "run", "runs")
    note = (
        f"{runs} a design on the same random numbers, seed {seed}. On fresh random numbers the best is usually a little"
        " worse than where it was chosen: that row is the one to quote."
    )
    parts.append(Text(note, style="dim"))
    return Group(*parts)


def _missing(value: Any) -> bool:
    """Whether a design leaves an input as configured."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def _fresh(tuned: Tuned) -> Table:
    """Return start and best on fresh random numbers, with what each limit asks for."""
    wanted = tuned.manifest["tune"]
    table = Table(header_style="bold", pad_edge=False, box=SIMPLE_HEAD)
    table.add_column("on fresh random numbers")
    table.add_column(metric_format(wanted["metric"]).label, justify="right")
    for limit in wanted["constraints"]:
        asked = f"at most {_value_text(limit['metric'], limit['at_most'])} in {percent(limit['probability'])}"
        table.add_column(f"{metric_format(limit['metric']).label}\n{asked}", justify="right")
    for row in tuned.fresh.to_dict("records"):
        cells = [_value_text(wanted["metric"], row["objective"])]
        for limit in wanted["constraints"]:
            reached = row[f"p{limit['probability'] * 100:g}_{limit['metric']}"]
            cells.append(f"{_value_text(limit['metric'], reached)}, kept in {percent(row['kept_' + limit['metric']])}")
        table.add_row(str(row["design"]), *cells)
    return table


def _pareto(tuned: Tuned, inputs: list[str]) -> Table:
    """Return the designs that no other beats in objective and finish."""
    wanted = tuned.manifest["tune"]
    table = Table(header_style="bold", pad_edge=False, box=SIMPLE_HEAD)
    for name in inputs:
        table.add_column(name)
    for metric in (wanted["metric"], wanted["against"]):
        table.add_column(metric_format(metric).label, justify="right")
    front = tuned.trials[tuned.trials["pareto"]].sort_values("against", kind="stable")
    for row in front.head(SHOWN).to_dict("records"):
        cells = ["as configured" if _missing(row[name]) else text_of(row[name]) for name in inputs]
        table.add_row(
            *cells, _value_text(wanted["metric"], row["objective"]), _value_text(wanted["against"], row["against"])
        )
    return table


def _value_text(metric: str, value: float) -> str:
    """A number in its metric's words."""
    if not math.isfinite(value):
        return NEVER
    quoted = Quote(metric_format(metric), value, math.nan, math.nan)
    return quoted.metric.write(value, quoted.step)


def write_tuning_figure(tuned: Tuned, directory: Path) -> list[Path]:
    """Write the designs with their Pareto set (PNG and SVG); return the paths."""
    from sim.report.figures.style import save
    from sim.report.figures.sweep import plot_pareto

    wanted = tuned.manifest["tune"]
    directory.mkdir(parents=True, exist_ok=True)
    ax = plot_pareto(
        tuned.trials, wanted["metric"], wanted["against"], statistic=wanted["statistic"],
        runs=int(tuned.manifest["runs"]), seed=int(tuned.manifest["seed"]),
    )  # fmt: skip
    return save(ax, directory, "pareto")


# --- sweep ------------------------------------------------------------------------------------------------------------


SHOWN_POINTS = 60
"""Rows on the screen; points.csv and summary.csv have them all."""


def describe_sweep(sweep: Sweep) -> Group:
    """Return a sweep as a table for the console: a row a point, P50 / P80 of the headline metrics."""
    metrics = [metric for metric in sweep.manifest["metrics"] if metric in sweep.samples[0].metrics]
    table = Table(header_style="bold", pad_edge=False, box=SIMPLE_HEAD)
    for name in sweep.inputs or ["config"]:
        table.add_column(name)
    for metric in metrics:
        table.add_column(f"{metric_format(metric).label}\nP50 / P80", justify="right")
    points = sweep.points.head(SHOWN_POINTS)
    for number, point in points.iterrows():
        cells = [text_of(point[name]) for name in sweep.inputs or ["config"]]
        table.add_row(*cells, *_numbers(sweep, int(str(number)), metrics))
    parts: list[RenderableType] = [Text(sweep.manifest["question"] or sweep.manifest["name"], style="bold"), "", table]
    parts += [Text(f"could not be run: {p['label']}: {p['note']}") for _, p in points.iterrows() if p["note"]]
    if len(sweep.points) > len(points):
        parts.append(Text(f"… and {len(sweep.points) - len(points):,} more points in points.csv"))
    runs, seed = counted(sweep.manifest["runs"], "run", "runs"), sweep.manifest["seed"]
    parts.append(
        Text(f"{runs} a point on the same random numbers, seed {seed}; numbers have {SAMPLING_ONLY}.", style="dim")
    )
    return Group(*parts)


def _numbers(sweep: Sweep, number: int, metrics: list[str]) -> list[str]:
    """Return P50 / P80 of one point."""
    import pandas as pd

    from sim.study.sample import COLUMNS, summary

    sample = sweep.samples[number]
    if sample.having("failed") == sample.size:
        return ["not run"] * len(metrics)
    found = pd.DataFrame.from_dict(summary(sample), orient="index", columns=list(COLUMNS))
    return [p50_and_p80(found, metric) for metric in metrics]


def write_sweep_figures(sweep: Sweep, directory: Path) -> list[Path]:
    """Write a figure (PNG and SVG) a metric: lines along one input, a heat map of two, a panel for each of more."""
    from sim.report.figures.style import save

    directory.mkdir(parents=True, exist_ok=True)
    return [path for name, ax in _figures(sweep) for path in save(ax, directory, name)]


def _figures(sweep: Sweep) -> Iterator[tuple[str, Axes]]:
    """Yield name and axes of each figure; none for a single point."""
    from sim.report.figures.sweep import plot_heat_map, plot_small_multiples, plot_sweep_lines

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
    table[joined] = [f"{config}\n{text_of(value)}" for config, value in zip(table["config"], table[up], strict=True)]
    return table.pivot_table(index=joined, columns=across, values=metric, sort=False)


# --- sensitivity analysis ---------------------------------------------------------------------------------------------


MEANS = {
    "morris": "µ*: mean size of the effect of moving an input over its range; σ: how much it depends on the others.",
    "sobol": "total: share of the variance that would go if the input were fixed; first: by itself.",
    "low_high": "change against the configuration as it is, on the same random numbers; changes do not add up.",
}


def describe_sensitivity(found: Found) -> Group:
    """Return an analysis as a table for the console: a row an input, the most important first."""
    wanted = found.manifest["sensitivity"]
    fmt = metric_format(wanted["metric"])
    table = Table(header_style="bold", pad_edge=False, box=SIMPLE_HEAD)
    heads, rows = _low_high(found.table, fmt) if wanted["method"] == "low_high" else _indices(found.table)
    for number, head in enumerate(["input", *heads]):
        table.add_column(head, justify="right" if number else "left")
    for row in rows:
        table.add_row(*row)
    title = f"What moves the {wanted['statistic']} of {fmt.label}" + (f", in {fmt.unit}" if fmt.unit else "")
    points, runs = counted(found.manifest["points"], "point", "points"), counted(found.manifest["runs"], "run", "runs")
    basis = f"{points} of {runs} on the same random numbers, seed {found.manifest['seed']}"
    note = f"{MEANS[wanted['method']]}\n{basis}; intervals are 95 %, {SAMPLING_ONLY}."
    return Group(Text(title, style="bold"), table, Text(note, style="dim"))


def _low_high(table: pd.DataFrame, fmt: MetricFormat) -> tuple[list[str], list[list[str]]]:
    """Return heads and rows of a low/high table."""
    rows = [[str(row["input"]), *(_end(row, end, fmt) for end in ("low", "high"))] for row in table.to_dict("records")]
    return ["low", "high"], rows


def _end(row: Mapping[Any, Any], end: str, fmt: MetricFormat) -> str:
    """Return the change at one end of an input, with its interval and the setting."""
    change, low, high = (change_text(fmt, float(row[f"{end}{bound}"])) for bound in ("", "_low", "_high"))
    return f"{change} ({low} to {high})\nat {row[f'{end}_setting']}"


def _indices(table: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Return heads and rows of a table of indices."""
    if "mu_star" in table:
        cells = [
            [f"{r['mu_star']:.3g} ± {r['mu_star_conf']:.2g}", f"{r['sigma']:.3g}"] for r in table.to_dict("records")
        ]
        return ["µ*", "σ"], [[str(name), *row] for name, row in zip(table["input"], cells, strict=True)]
    cells = [
        [f"{r['ST']:.2f} ± {r['ST_conf']:.2f}", f"{r['S1']:.2f} ± {r['S1_conf']:.2f}"] for r in table.to_dict("records")
    ]
    return ["total", "first"], [[str(name), *row] for name, row in zip(table["input"], cells, strict=True)]


def write_sensitivity_figure(found: Found, directory: Path) -> list[Path]:
    """Write the tornado or the indices (PNG and SVG); return the paths."""
    from sim.report.figures.sensitivity import plot_indices, plot_low_high
    from sim.report.figures.style import save

    wanted = found.manifest["sensitivity"]
    directory.mkdir(parents=True, exist_ok=True)
    if wanted["method"] == "low_high":
        runs, seed = int(found.manifest["runs"]), int(found.manifest["seed"])
        ax = plot_low_high(found.table, wanted["metric"], wanted["statistic"], runs=runs, seed=seed)
        return save(ax, directory, "low_high")
    return save(plot_indices(found.table, wanted["metric"], wanted["statistic"]), directory, wanted["method"])
