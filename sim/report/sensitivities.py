"""A sensitivity analysis on the console and as a figure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

from sim.report.figures.low_high import written
from sim.report.words import SAMPLING_ONLY, Measure, counted, measure
from sim.study.sensitivity import Found

if TYPE_CHECKING:
    import pandas as pd

MEANS = {
    "morris": "µ*: mean size of the effect of moving an input over its range; σ: how much it depends on the others.",
    "sobol": "total: share of the variance that would go if the input were fixed; first: by itself.",
    "low_high": "change against the configuration as it is, on the same luck; changes do not add up.",
}


def told(found: Found) -> Group:
    """Return an analysis as a table for the console: a row an input, the most important first."""
    wanted = found.manifest["sensitivity"]
    says = measure(wanted["metric"])
    table = Table(header_style="bold", pad_edge=False, box=SIMPLE_HEAD)
    heads, rows = _low_high(found.table, says) if wanted["method"] == "low_high" else _indices(found.table)
    for number, head in enumerate(["input", *heads]):
        table.add_column(head, justify="right" if number else "left")
    for row in rows:
        table.add_row(*row)
    title = f"What moves the {wanted['statistic']} of {says.name}" + (f", in {says.unit}" if says.unit else "")
    points, runs = counted(found.manifest["points"], "point", "points"), counted(found.manifest["runs"], "run", "runs")
    basis = f"{points} of {runs} on the same luck, seed {found.manifest['seed']}; intervals are 95 %, {SAMPLING_ONLY}."
    return Group(Text(title, style="bold"), table, Text(f"{MEANS[wanted['method']]}\n{basis}", style="dim"))


def _low_high(table: pd.DataFrame, says: Measure) -> tuple[list[str], list[list[str]]]:
    """Return heads and rows of a low/high table."""
    rows = [[str(row["input"]), *(_end(row, end, says) for end in ("low", "high"))] for row in table.to_dict("records")]
    return ["low", "high"], rows


def _end(row: Mapping[Any, Any], end: str, says: Measure) -> str:
    """Return the change at one end of an input, with its interval and the setting."""
    change, low, high = (written(says, float(row[f"{end}{bound}"])) for bound in ("", "_low", "_high"))
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


def write_figure(found: Found, directory: Path) -> list[Path]:
    """Write the tornado or the indices (PNG and SVG); return the paths."""
    from sim.report.figures.indices import plot_indices
    from sim.report.figures.low_high import plot_low_high
    from sim.report.style import save

    wanted = found.manifest["sensitivity"]
    directory.mkdir(parents=True, exist_ok=True)
    if wanted["method"] == "low_high":
        runs, seed = int(found.manifest["runs"]), int(found.manifest["seed"])
        ax = plot_low_high(found.table, wanted["metric"], wanted["statistic"], runs=runs, seed=seed)
        return save(ax, directory, "low_high")
    return save(plot_indices(found.table, wanted["metric"], wanted["statistic"]), directory, wanted["method"])
