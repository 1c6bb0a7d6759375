"""Studies as tables for the console and the report: sweeps, tunings, sensitivity analyses, what binds and what levers buy."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

from sim.config.sections.display_units import display, in_display_units
from sim.report.formatting import (
    MONEY,
    NEVER,
    SAMPLING_ONLY,
    MetricEstimate,
    MetricFormat,
    counted,
    interval,
    metric_format,
    number,
    p50_and_p80,
    percent,
    rounded,
    signed,
    step_for,
)
from sim.report.result_view import ResultView
from sim.study.analyses.case_series import LEVER_METRICS
from sim.study.analyses.design import text_of
from sim.study.analyses.sensitivity import SensitivityResult
from sim.study.analyses.sweep import Sweep
from sim.study.analyses.tuning import TuningResult

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import RenderableType


# --- tuning -----------------------------------------------------------------------------------------------------------


SHOWN = 12


@in_display_units
def describe_tuning(tuned: TuningResult) -> Group:
    """Return a tuning for the console."""
    goal, inputs = tuned.manifest["tune"], list(tuned.manifest["inputs"])
    statistic = goal["statistic"] if goal["statistic"] == "mean" else goal["statistic"].upper()
    search = "every design there is" if tuned.manifest["every_design_tried"] else "chosen by Optuna"
    label, designs = metric_format(goal["metric"]).label, counted(len(tuned.trials), "design", "designs")
    heading = f"Small {statistic} of {label}: {designs}, {search}"
    best = ", ".join(f"{name} {text_of(tuned.best[name])}" for name in inputs if not _is_missing(tuned.best[name]))
    feasible = bool(tuned.best["feasible"])
    outcome = "Best: " if feasible else "No design keeps every limit; the nearest: "
    parts: list[RenderableType] = [Text(heading, style="bold"), Text(f"{outcome}{best or 'as configured'}")]
    parts += [Text(line) for line in _relaxation_sentences(tuned, inputs)]
    pareto_title = "Pareto set" if feasible else "Pareto set of all designs: none keeps every limit"
    parts += [_fresh_table(tuned), Text(pareto_title, style="bold"), _pareto(tuned, inputs)]
    seed, runs = tuned.manifest["seed"], counted(tuned.manifest["runs"], "run", "runs")
    note = (
        f"{runs} a design on the same random numbers, seed {seed}. On fresh random numbers the best is usually a little"
        " worse than where it was chosen: that row is the one to quote."
    )
    parts.append(Text(note, style="dim"))
    return Group(*parts)


def _relaxation_sentences(tuned: TuningResult, inputs: list[str]) -> Iterator[str]:
    """Yield by how much to relax which limits, and which candidate keeps all of them then."""
    limits = {limit["metric"]: limit for limit in tuned.manifest["tune"]["constraints"]}
    for relaxation in tuned.relaxations():
        design = tuned.trials.to_dict("records")[relaxation.design]
        settings = ", ".join(f"{name} {text_of(design[name])}" for name in inputs if not _is_missing(design[name]))
        steps = [
            f"P{100 * limits[metric]['probability']:g} of {metric_format(metric).label} from"
            f" {_value_text(metric, limits[metric]['at_most'])} to {_value_text(metric, value)}"
            f" (by {_value_text(metric, value - limits[metric]['at_most'])})"
            for metric, value in relaxation.at_most.items()
        ]
        fresh_runs = tuned.fresh[(tuned.fresh["design"] == "best") & (relaxation.design == tuned.best.name)]
        reached = {m: fresh_runs[f"p{limits[m]['probability'] * 100:g}_{m}"].max() for m in relaxation.at_most}
        needed = " and ".join(_value_text(m, value) for m, value in reached.items() if value > relaxation.at_most[m])
        caveat = f" by the runs it was chosen by, and needs {needed} on fresh random numbers" if needed else ""
        yield f"Relax {' and '.join(steps)}: {settings or 'the project as configured'} keeps every limit then{caveat}."


def _is_missing(value: Any) -> bool:
    """Return whether a design leaves an input as configured."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def _fresh_table(tuned: TuningResult) -> Table:
    """Return start and best on fresh random numbers as a table, with what each limit requires."""
    goal = tuned.manifest["tune"]
    table = Table(header_style="bold", pad_edge=False, box=SIMPLE_HEAD)
    table.add_column("on fresh random numbers")
    table.add_column(metric_format(goal["metric"]).label, justify="right")
    for limit in goal["constraints"]:
        limit_text = f"at most {_value_text(limit['metric'], limit['at_most'])} in {percent(limit['probability'])}"
        table.add_column(f"{metric_format(limit['metric']).label}\n{limit_text}", justify="right")
    for row in tuned.fresh.to_dict("records"):
        cells = [_value_text(goal["metric"], row["objective"])]
        for limit in goal["constraints"]:
            level = row[f"p{limit['probability'] * 100:g}_{limit['metric']}"]
            cells.append(f"{_value_text(limit['metric'], level)}, kept in {percent(row['kept_' + limit['metric']])}")
        table.add_row(str(row["design"]), *cells)
    return table


def _pareto(tuned: TuningResult, inputs: list[str]) -> Table:
    """Return the start and the Pareto-optimal candidates, in objective and finish, as a table."""
    goal = tuned.manifest["tune"]
    table = Table(header_style="bold", pad_edge=False, box=SIMPLE_HEAD)
    for name in inputs:
        table.add_column(name)
    for metric, statistic in ((goal["metric"], goal["statistic"].upper()), (goal["against"], "P80")):
        table.add_column(f"{statistic} {metric_format(metric).label}", justify="right")
    # the start stands first and is left out of the set below, so that every design is read against it
    limits = [] if tuned.best["feasible"] else goal["constraints"]
    for limit in limits:
        table.add_column(f"P{100 * limit['probability']:g} {metric_format(limit['metric']).label}", justify="right")
    start = tuned.trials.head(1)
    front = tuned.trials[tuned.trials["pareto"]].sort_values("against", kind="stable")
    rows = [*start.to_dict("records"), *front[front.index != start.index[0]].head(SHOWN).to_dict("records")]
    for position, row in enumerate(rows):
        cells = ["as configured" if _is_missing(row[name]) else text_of(row[name]) for name in inputs]
        cells[0] = "start: as configured" if position == 0 else cells[0]
        values = [(goal["metric"], row["objective"]), (goal["against"], row["against"])]
        values += [(limit["metric"], row[f"p{limit['probability'] * 100:g}_{limit['metric']}"]) for limit in limits]
        table.add_row(*cells, *(_value_text(metric, value) for metric, value in values))
    return table


def _value_text(metric: str, value: float) -> str:
    """Return a number in its metric's words."""
    if not math.isfinite(value):
        return NEVER
    estimate = MetricEstimate(metric_format(metric), value, math.nan, math.nan)
    return estimate.metric.write(value, estimate.rounding_step)


# --- sweep ------------------------------------------------------------------------------------------------------------


SHOWN_POINTS = 60
"""Rows on the screen; points.csv and summary.csv have them all."""


@in_display_units
def describe_sweep(sweep: Sweep) -> Group:
    """Return a sweep as a table for the console: a row a point, P50 / P80 of the headline metrics."""
    metrics = [metric for metric in sweep.manifest["metrics"] if metric in sweep.samples[0].metrics]
    table = Table(header_style="bold", pad_edge=False, box=SIMPLE_HEAD)
    for name in sweep.inputs or ["config"]:
        table.add_column(name)
    for metric in metrics:
        table.add_column(f"{metric_format(metric).label}\nP50 / P80", justify="right")
    points = sweep.points.head(SHOWN_POINTS)
    for index, point in points.iterrows():
        cells = [text_of(point[name]) for name in sweep.inputs or ["config"]]
        table.add_row(*cells, *_numbers(sweep, int(str(index)), metrics))
    parts: list[RenderableType] = [Text(sweep.manifest["question"] or sweep.manifest["name"], style="bold"), "", table]
    parts += [Text(f"could not be run: {p['label']}: {p['note']}") for _, p in points.iterrows() if p["note"]]
    if len(sweep.points) > len(points):
        parts.append(Text(f"… and {len(sweep.points) - len(points):,} more points in points.csv"))
    parts += [Text(line) for line in _indistinguishable_points(sweep, metrics)]
    runs, seed = counted(sweep.manifest["runs"], "run", "runs"), sweep.manifest["seed"]
    parts.append(
        Text(f"{runs} a point on the same random numbers, seed {seed}; numbers have {SAMPLING_ONLY}.", style="dim")
    )
    return Group(*parts)


def _indistinguishable_points(sweep: Sweep, metrics: list[str]) -> Iterator[str]:
    """Yield for each metric which points cannot be told from the best one by their P80 with so few runs."""
    for metric in metrics:
        as_good, rows, fmt = sweep.as_good_as_best(metric), sweep.table(metric), metric_format(metric)
        if sum(as_good) < 2:
            continue
        labels = [str(label) for label, is_same in zip(sweep.labels(), as_good, strict=True) if is_same]
        points = f"any of the {len(labels)} points" if all(as_good) else f"these points: {'; '.join(labels)}"
        width = float((rows["p80_high"] - rows["p80_low"]).replace(math.inf, math.nan).mean()) / 2
        interval_note = f"; an interval of P80 is about ± {fmt.write(width, fmt.finest_step)}" if width > 0 else ""
        runs = counted(sweep.manifest["runs"], "run", "runs")
        yield f"{fmt.label}: {runs} cannot tell apart {points}{interval_note}. More runs can."


def _numbers(sweep: Sweep, number: int, metrics: list[str]) -> list[str]:
    """Return P50 / P80 of each metric at one point, as text."""
    import pandas as pd

    from sim.study.sample import COLUMNS, summary

    sample = sweep.samples[number]
    if sample.count_status("failed") == sample.size:
        return ["not run"] * len(metrics)
    statistics = pd.DataFrame.from_dict(summary(sample), orient="index", columns=list(COLUMNS))
    return [p50_and_p80(statistics, metric) for metric in metrics]


# --- sensitivity analysis ---------------------------------------------------------------------------------------------


MEANS = {
    "morris": "µ*: mean size of the effect of moving an input over its range; σ: how much it depends on the others.",
    "sobol": "total: share of the variance that would go if the input were fixed; first: by itself.",
    "low_high": "change against the configuration as it is, on the same random numbers; changes do not add up.",
}


@in_display_units
def describe_sensitivity(result: SensitivityResult) -> Group:
    """Return a sensitivity analysis as a table for the console: a row an input, the most important first."""
    analysis = result.manifest["sensitivity"]
    fmt = metric_format(analysis["metric"])
    table = Table(header_style="bold", pad_edge=False, box=SIMPLE_HEAD)
    headings, rows = _low_high(result.table, fmt) if analysis["method"] == "low_high" else _indices(result.table, fmt)
    for column, heading in enumerate(["input", *headings]):
        table.add_column(heading, justify="right" if column else "left")
    for row in rows:
        table.add_row(*row)
    title = f"What moves the {analysis['statistic']} of {fmt.label}" + (f", in {fmt.unit}" if fmt.unit else "")
    points = counted(result.manifest["points"], "point", "points")
    runs = counted(result.manifest["runs"], "run", "runs")
    basis = f"{points} of {runs} on the same random numbers, seed {result.manifest['seed']}"
    note = f"{MEANS[analysis['method']]}\n{basis}; intervals are 95 %, {SAMPLING_ONLY}."
    return Group(Text(title, style="bold"), table, Text(note, style="dim"))


def _low_high(table: pd.DataFrame, fmt: MetricFormat) -> tuple[list[str], list[list[str]]]:
    """Return heads and rows of a low/high table."""
    rows = [[str(row["input"]), *(_end(row, end, fmt) for end in ("low", "high"))] for row in table.to_dict("records")]
    return ["low", "high"], rows


def _end(row: Mapping[Any, Any], end: str, fmt: MetricFormat) -> str:
    """Return the change at one end of an input, with its interval and the setting."""
    from sim.report.figures.sensitivity import change_text

    change, low, high = (change_text(fmt, float(row[f"{end}{bound}"])) for bound in ("", "_low", "_high"))
    return f"{change} ({low} to {high})\nat {row[f'{end}_setting']}"


def _indices(table: pd.DataFrame, fmt: MetricFormat) -> tuple[list[str], list[list[str]]]:
    """Return headings and rows of a table of indices; effects on money in the display currency."""
    if "mu_star" in table:
        rate = display().rate if fmt.write in MONEY else 1.0
        cells = [
            [f"{rate * r['mu_star']:.3g} ± {rate * r['mu_star_conf']:.2g}", f"{rate * r['sigma']:.3g}"]
            for r in table.to_dict("records")
        ]
        return ["µ*", "σ"], [[str(name), *row] for name, row in zip(table["input"], cells, strict=True)]
    cells = [
        [f"{r['ST']:.2f} ± {r['ST_conf']:.2f}", f"{r['S1']:.2f} ± {r['S1_conf']:.2f}"] for r in table.to_dict("records")
    ]
    return ["total", "first"], [[str(name), *row] for name, row in zip(table["input"], cells, strict=True)]


def write_sensitivity_figure(result: SensitivityResult, directory: Path) -> list[Path]:
    """Write the tornado or the indices (PNG and SVG); return the paths."""
    from sim.report.figures.sensitivity import plot_indices, plot_low_high
    from sim.report.figures.style import save

    analysis = result.manifest["sensitivity"]
    directory.mkdir(parents=True, exist_ok=True)
    if analysis["method"] == "low_high":
        runs, seed = int(result.manifest["runs"]), int(result.manifest["seed"])
        ax = plot_low_high(result.table, analysis["metric"], analysis["statistic"], runs=runs, seed=seed)
        return save(ax, directory, "low_high")
    return save(plot_indices(result.table, analysis["metric"], analysis["statistic"]), directory, analysis["method"])


# --- what binds, and levers ---------------------------------------------------------------------------------------------


RESOURCES = {
    "factory": "the {} factory", "crew": "crews of {}", "crane": "cranes", "truck": "trucks for {} skids",
    "yard": "the yard places for {} skids", "power": "power", "parts": "parts and lead times of {}",
    "hall": "the halls (shell)", "site_works": "site works",
}  # fmt: skip
"""What can bind, by its cause, as the subject of a sentence."""


@dataclass(frozen=True)
class Binding:
    """A resource on the driving chain: cause of delay, trade or system, mean days, and share of `runs` in which it binds."""

    cause: str
    what: str
    days: float
    share: float
    runs: int

    @property
    def name(self) -> str:
        """Return it as the subject of a sentence: `the compute factory`."""
        words = RESOURCES[self.cause]
        if not self.what:
            return words.replace(" of {}", "").replace("{} ", "").replace(" for skids", "")
        return words.format(self.what.replace("_", " "))


def bindings(view: ResultView) -> list[Binding]:
    """Return the resources that held the driving chain, those with most days first; empty in results of earlier versions."""
    table = view.source.table("bindings")
    columns = [table[name].tolist() for name in ("cause", "what", "days", "share", "runs")] if len(table) else []
    all_bindings = map(Binding, *columns) if columns else ()
    return [binding for binding in all_bindings if binding.cause in RESOURCES and binding.days >= 1.0]


@dataclass(frozen=True)
class LeverRow:
    """The effect of one lever: days gained in the mean and at P80 with their intervals, and the changes of other metrics."""

    id: str
    name: str
    cause: str
    what: str
    mean: MetricEstimate
    p80: MetricEstimate
    others: tuple[str, ...]
    runs: int
    idle_months: float
    idle_peak: float

    def buys(self) -> str:
        """Return what it gains in the mean as text: `buys 9 days (5 to 13)`; `costs` where it loses."""
        verb, low, high = ("buys", self.mean.low, self.mean.high)
        if self.mean.value < 0:
            verb, low, high = "costs", -high, -low
        step = step_for(low, high, 1.0)
        count = counted(abs(self.mean.value), "day", "days", step)
        return f"{verb} {count} ({interval(low, high, lambda day: number(day, step))})"


LEVER_OTHERS = (
    ("capital_total_usd", "capital"), ("idle_capital_months", "idle capital"), ("peak_workforce_onsite", "peak on site"),
)  # fmt: skip
LEVERS_METHOD = (
    "Each lever alone, as sim run --set would run it: crews and orders planned anew, on the same random numbers, {} pairs;"
    " with 95 % intervals. Bought is days earlier; minus is later. Levers do not add up."
)


def lever_rows(view: ResultView) -> list[LeverRow]:
    """Return the levers that were measured, most days in the mean first."""
    table = view.source.table("levers")
    if not len(table):
        return []
    metric = next(name for name in LEVER_METRICS if f"{name}_mean" in table)
    return sorted((_lever_row(row, metric) for row in table.to_dict("records")), key=lambda row: -row.mean.value)


def _lever_row(row: Mapping[Any, Any], metric: str) -> LeverRow:
    """Return one lever of the table, ranked by `metric`."""
    fmt = metric_format(metric)
    ends = ("", "_low", "_high")
    mean, p80 = (MetricEstimate(fmt, *(float(row[f"{metric}_{p}{end}"]) for end in ends)) for p in ("mean", "p80"))
    other_changes = tuple(_lever_change(name, -float(row.get(f"{name}_mean", math.nan))) for name, _ in LEVER_OTHERS)
    idle_months, idle_peak = (-float(row.get(f"idle_capital_{name}_mean", math.nan)) for name in ("months", "peak_usd"))
    return LeverRow(
        str(row["id"]), str(row["name"]), str(row["cause"]), str(row["what"]), mean, p80, other_changes, int(row["runs"]),
        idle_months, idle_peak,
    )  # fmt: skip


LEVER_HEAD = (
    "lever",
    "days bought, mean",
    "95 % interval",
    "at P80",
    *(words for _, words in LEVER_OTHERS),
    "as --set",
)


def lever_cells(view: ResultView) -> list[tuple[str, ...]]:
    """Return a row a lever: what it buys, and how it changes capital, idle capital and people in the mean."""
    return [
        (row.name, signed(number(row.mean.value, row.mean.rounding_step)), interval(row.mean.low, row.mean.high, _days),
         _days(row.p80.value), *row.others, row.id)
        for row in lever_rows(view)
    ]  # fmt: skip


def _lever_change(metric: str, value: float) -> str:
    fmt = metric_format(metric)
    near = rounded(value, fmt.finest_step) if math.isfinite(value) else 0.0
    return signed(fmt.write(near, fmt.finest_step)) if near else "0"


def _days(value: float) -> str:
    return signed(number(value))
