"""A tuning on the console and as a figure: the best design, whether it holds on fresh luck, and the Pareto set."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

from sim.report.quoting import Quote
from sim.report.words import NEVER, counted, measure, percent
from sim.study.design import said
from sim.study.tuning import Tuned

if TYPE_CHECKING:
    from rich.console import RenderableType

SHOWN = 12


def told(tuned: Tuned) -> Group:
    """Return a tuning for the console."""
    wanted, inputs = tuned.manifest["tune"], list(tuned.manifest["inputs"])
    statistic = wanted["statistic"] if wanted["statistic"] == "mean" else wanted["statistic"].upper()
    how = "every design there is" if tuned.manifest["every_design_tried"] else "chosen by Optuna"
    head = f"Small {statistic} of {measure(wanted['metric']).name}: {counted(len(tuned.trials), 'design', 'designs')}, {how}"
    best = ", ".join(f"{name} {said(tuned.best[name])}" for name in inputs if not _missing(tuned.best[name]))
    verdict = "Best: " if bool(tuned.best["feasible"]) else "No design keeps every limit; the nearest: "
    parts: list[RenderableType] = [Text(head, style="bold"), Text(f"{verdict}{best or 'as configured'}"), _fresh(tuned)]
    parts += [Text("Pareto set", style="bold"), _pareto(tuned, inputs)]
    seed, runs = tuned.manifest["seed"], counted(tuned.manifest["runs"], "run", "runs")
    parts.append(Text(f"{runs} a design on the same luck, seed {seed}. On fresh luck the best is usually a little worse "
                      "than where it was chosen: that row is the one to quote.", style="dim"))  # fmt: skip
    return Group(*parts)


def _missing(value: Any) -> bool:
    """Whether a design leaves an input as configured."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def _fresh(tuned: Tuned) -> Table:
    """Return start and best on fresh luck, with what each limit asks for."""
    wanted = tuned.manifest["tune"]
    table = Table(header_style="bold", pad_edge=False, box=SIMPLE_HEAD)
    table.add_column("on fresh luck")
    table.add_column(measure(wanted["metric"]).name, justify="right")
    for limit in wanted["constraints"]:
        asked = f"at most {_written(limit['metric'], limit['at_most'])} in {percent(limit['probability'])}"
        table.add_column(f"{measure(limit['metric']).name}\n{asked}", justify="right")
    for row in tuned.fresh.to_dict("records"):
        cells = [_written(wanted["metric"], row["objective"])]
        for limit in wanted["constraints"]:
            reached = row[f"p{limit['probability'] * 100:g}_{limit['metric']}"]
            cells.append(f"{_written(limit['metric'], reached)}, kept in {percent(row['kept_' + limit['metric']])}")
        table.add_row(str(row["design"]), *cells)
    return table


def _pareto(tuned: Tuned, inputs: list[str]) -> Table:
    """Return the designs that no other beats in objective and finish."""
    wanted = tuned.manifest["tune"]
    table = Table(header_style="bold", pad_edge=False, box=SIMPLE_HEAD)
    for name in inputs:
        table.add_column(name)
    for metric in (wanted["metric"], wanted["against"]):
        table.add_column(measure(metric).name, justify="right")
    front = tuned.trials[tuned.trials["pareto"]].sort_values("against", kind="stable")
    for row in front.head(SHOWN).to_dict("records"):
        cells = ["as configured" if _missing(row[name]) else said(row[name]) for name in inputs]
        table.add_row(*cells, _written(wanted["metric"], row["objective"]), _written(wanted["against"], row["against"]))
    return table


def _written(metric: str, value: float) -> str:
    """A number in its metric's words."""
    if not math.isfinite(value):
        return NEVER
    quoted = Quote(measure(metric), value, math.nan, math.nan)
    return quoted.measure.write(value, quoted.step)


def write_figure(tuned: Tuned, directory: Path) -> list[Path]:
    """Write the designs with their Pareto set (PNG and SVG); return the paths."""
    from sim.report.figures.pareto import plot_pareto
    from sim.report.style import save

    wanted = tuned.manifest["tune"]
    directory.mkdir(parents=True, exist_ok=True)
    ax = plot_pareto(
        tuned.trials, wanted["metric"], wanted["against"], statistic=wanted["statistic"],
        runs=int(tuned.manifest["runs"]), seed=int(tuned.manifest["seed"]),
    )  # fmt: skip
    return save(ax, directory, "pareto")
