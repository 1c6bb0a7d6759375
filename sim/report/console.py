"""What the commands print: the key results of a run, strategies side by side, and progress.

Every function returns something that rich can print; `plain_text` turns it into text.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from html import escape
from importlib import import_module
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from sim.config.sections.display_units import in_display_units
from sim.display import in_notebook, progress_shown
from sim.metrics.metric import FINISH, FIRST
from sim.report.explanations import OVERLAP, drivers_header, drivers_rows, negligible_causes
from sim.report.formatting import (
    NEVER,
    NOT_QUOTED,
    SAMPLING_ONLY,
    MetricEstimate,
    MetricFormat,
    hours,
    interval,
    metric_format,
    number,
    percent,
    signed,
)
from sim.report.result_view import PEAK, ResultView, RunData, Share
from sim.report.study_tables import LEVER_HEAD, LEVERS_METHOD, lever_cells, lever_rows
from sim.report.verdict import KeyResult, binding_sentence, headline, results_by_controls, results_of_runs
from sim.study.compare import CONTROLLED, NO_DIFFERENCE, TOO_FEW

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import RenderableType

    from sim.study.analyses.drivers import Drivers
    from sim.study.runner import ReportProgress


# --- one run ----------------------------------------------------------------------------------------------------------


# What is compared on the screen; differences.csv has every metric.
COMPARED = (
    "lead_time_first_mw_days", "lead_time_full_days", "lead_time_mw_weighted_days", "lead_time_from_need_days",
    "peak_workforce_onsite", "hours_paid", "idle_capital_months", "committed_idle_months", "authorised_idle_months",
    "idle_capital_peak_usd", "capital_total_usd",
)  # fmt: skip
ENDS = ("", "_low", "_high")
NO_MEAN = "none: runs stalled"
P50_AND_P80 = ("p50", "p80")
MILLION = 1e6


@in_display_units
def describe_run(result: RunData) -> Group:
    """Return the key results of a run for the console."""
    view = ResultView.of(result)
    note = f"{sample_note(view)}\nA date is the working day on or after the moment it stands for."
    first = headline(view)
    top: list[RenderableType] = [Text(first), ""] if first else []
    parts = [*top, _lines(results_of_runs(view)), "", Text(note, style="dim"), describe_by_controls(view)]
    return Group(Text(view.info.name, style="bold"), "", *parts)


@in_display_units
def describe_by_controls(result: RunData | ResultView) -> Group:
    """Return what control variates say of a run, which stands below its key results; nothing where there are none."""
    lines = results_by_controls(ResultView.of(result))
    return Group("", _lines(lines)) if lines else Group()


def _lines(key_results: Sequence[KeyResult]) -> Table:
    """Return key results as rows below the parts that they stand in."""
    table, part = Table.grid(padding=(0, 2)), ""
    for style in ("none", "bold", "dim"):
        table.add_column(style=style)
    for line in key_results:
        if line.part != part:
            part = line.part
            table.add_row(Text(part[:1].upper() + part[1:], style="bold"))
        table.add_row(f"  {line.label}", Text(line.value), Text(line.note))
    return table


def plain_text(renderable: RenderableType, width: int = 110) -> str:
    """Return a renderable as plain text of at most `width` characters a line."""
    screen = Console(width=width, no_color=True, highlight=False, force_terminal=False, markup=False, emoji=False)
    with screen.capture() as caught:
        screen.print(renderable)
    return "\n".join(line.rstrip() for line in caught.get().splitlines())


def sample_note(view: ResultView) -> str:
    """Return from which runs the numbers come and what their intervals leave out."""
    info = view.info
    how = f", {info.sampling}" if info.sampling else ""
    return f"{info.runs_text}, seed {info.seed}{how}. Intervals are 95 %: {SAMPLING_ONLY}."


# --- several strategies -----------------------------------------------------------------------------------------------


@in_display_units
def describe_comparison(results: Mapping[str, RunData], differences: pd.DataFrame) -> Group:
    """Return strategies side by side, then each pair's differences on the same random numbers.

    `differences` is the table of `sim.study.compare`: a row a metric and pair (case - base).
    """
    views = ResultView.of_each(results)
    side, pairs = comparison_tables(views, differences)
    parts: list[RenderableType] = [side, ""]
    for pair in pairs:
        parts += [pair, ""]
    notes = [sample_note(next(iter(views.values()))), *comparison_notes(views, differences)]
    return Group(*parts, Text("\n".join(notes), style="dim"))


def comparison_tables(views: Mapping[str, ResultView], differences: pd.DataFrame) -> tuple[Table, list[Table]]:
    """Return the table of strategies side by side, and one for each pair's differences."""
    pairs = []
    for case, base in dict.fromkeys(zip(differences["case"], differences["base"], strict=True)):
        rows = differences[(differences["case"] == case) & (differences["base"] == base)]
        pairs.append(_differences(case, base, rows, _compared(views)))
    return _side_by_side(views), pairs


def comparison_notes(views: Mapping[str, ResultView], differences: pd.DataFrame) -> list[str]:
    """Return the notes that hold for the differences of all pairs."""
    runs = {name: view.info.runs for name, view in views.items()}
    notes = ["The intervals of all pairs hold together at 95 %."] * (len(views) > 2)
    if len(set(runs.values())) > 1:
        each = ", ".join(f"{name} {count:,}" for name, count in runs.items())
        notes.append(f"Runs: {each}. Side by side each has all its own; differences are of the runs that both have.")
    if any(CONTROLLED in str(remark) for remark in differences["remark"]):
        notes.append(
            "Means are by control variates where these narrow them: what is due to common factors is taken away."
        )
    return notes + [f"{TOO_FEW}."] * any(TOO_FEW in str(remark) for remark in differences["remark"])


def _side_by_side(views: Mapping[str, ResultView]) -> Table:
    """Return P50 and P80 of each metric with their intervals, a column a strategy; risks as shares of runs below."""
    table = _table("with 95 % interval", "", *views)
    for metric in _compared(views):
        if any(view.has(metric) for view in views.values()):
            estimates = [
                [view.estimate(metric, p) if view.has(metric) else None for p in P50_AND_P80] for view in views.values()
            ]
            if metric in (FIRST, FINISH):
                table.add_row(
                    metric_format(metric).label, "P50\nP80", *(_dates(view, metric) for view in views.values())
                )
            unit, cells = _estimate_cells(estimates)
            table.add_row(f"{metric_format(metric).label}{unit}", "P50\nP80", *cells)
    table.add_section()
    for label, cells in _risk_rows(views):
        if any(cells):
            table.add_row(label, "", *cells)
    return table


def _dates(view: ResultView, metric: str) -> str:
    """Write P50 and P80 of the end of a lead time as dates, a line each."""
    day = view.dated(metric)
    return "\n".join(view.dates.format(view.estimate(day, p).value) for p in P50_AND_P80) if view.has(day) else ""


def _estimate_cells(estimates: list[list[MetricEstimate | None]]) -> tuple[str, list[str]]:
    """Return (unit, cells): percentiles with their intervals, a line each; the unit apart where all have the same."""
    present = [q for column in estimates for q in column if q]
    if present and present[0].metric.write is hours and any(q.value >= MILLION for q in present):
        estimates = [
            [each and replace(each, metric=replace(each.metric, write=_in_millions)) for each in column]
            for column in estimates
        ]
    texts = [
        [(q.metric.write(q.value, q.rounding_step), q.interval_text()) if q else None for q in column]
        for column in estimates
    ]
    values = [pair[0] for column in texts for pair in column if pair and pair[0] not in {NEVER, NOT_QUOTED}]
    units = {value.partition(" ")[2] for value in values}
    unit = units.pop() if len(units) == 1 else ""
    cells = ["\n".join(_with_interval(*pair, unit) if pair else "" for pair in column) for column in texts]
    return f", {unit}" if unit else "", cells


def _in_millions(value: float, step: float) -> str:
    """Write hours in millions, however few: side by side, all have one unit."""
    return number(value / MILLION, step / MILLION) + " M hours"


def _with_interval(value: str, bounds: str, unit: str) -> str:
    """Write a number and its interval in brackets, both without a unit that stands elsewhere."""
    if value in {NEVER, NOT_QUOTED}:
        return value
    return f"{value.removesuffix(f' {unit}')} ({bounds.removesuffix(f' {unit}')})"


def _compared(views: Mapping[str, ResultView]) -> list[str]:
    """Return the metrics to show; with one order, lateness against need is its lead time over again."""
    one_order = all(FINISH in view.runs for view in views.values())
    return [metric for metric in COMPARED if not (one_order and metric == "lead_time_from_need_days")]


def _table(first: str, *columns: str) -> Table:
    """Return an empty table whose first column names what the rows are about."""
    table = Table(header_style="bold", title_justify="left", title_style="bold", pad_edge=False, box=SIMPLE_HEAD)
    table.add_column(first)
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _risk_rows(views: Mapping[str, ResultView]) -> list[tuple[str, list[str]]]:
    """Return rows (label, a cell for each strategy): how often a limit is kept, and how many runs never finish."""
    finish_shares = _shares(views, FINISH, ResultView.share_at_most)
    peak_shares = _shares(views, PEAK, ResultView.share_below)
    infos = [view.info for view in views.values()]
    any_unfinished = any(info.stalled + info.failed for info in infos)
    return [
        (f"P(all MW online by {_limits(views, FINISH)})", finish_shares),
        (f"P(peak under {_limits(views, PEAK)})", peak_shares),
        ("stalled / failed runs", [f"{info.stalled:,} / {info.failed:,}" if any_unfinished else "" for info in infos]),
    ]


def _shares(
    views: Mapping[str, ResultView], metric: str, share: Callable[[ResultView, str, float], Share]
) -> list[str]:
    """Write in what share of its runs each strategy keeps its own limit."""
    limits = [(view, view.dated(metric), view.limit(view.dated(metric))) for view in views.values()]
    return [
        "" if limit is None or not view.has(name) else share(view, name, limit).text() for view, name, limit in limits
    ]


def _limits(views: Mapping[str, ResultView], metric: str) -> str:
    """Write the limit all strategies share, a lead time as a date; or that each has its own."""
    limits = [(view, limit) for view in views.values() if (limit := view.limit(view.dated(metric))) is not None]
    texts = {view.dates.format(limit) if metric == FINISH else number(limit) for view, limit in limits}
    return texts.pop() if len(texts) == 1 else "its own limit"


@in_display_units
def describe_levers(result: RunData) -> Group:
    """Return what binds and what each lever buys, as a sentence and a table."""
    view = ResultView.of(result)
    table = _table(*LEVER_HEAD[:-1])
    for cells in lever_cells(view):
        table.add_row(*cells[:-1])
    runs = max((row.runs for row in lever_rows(view)), default=0)
    return Group(Text(binding_sentence(view), style="bold"), table, Text(LEVERS_METHOD.format(runs), style="dim"))


@in_display_units
def describe_drivers(drivers: Drivers) -> Group:
    """Return the drivers as a table for the console."""
    info = ResultView.of(drivers.result).info
    table = Table(header_style="bold", pad_edge=False, box=SIMPLE_HEAD)
    for column, name in enumerate(drivers_header(drivers)):
        table.add_column(name, justify="left" if column < 2 else "right", min_width=None if column else 18)
    for cells in drivers_rows(drivers):
        table.add_row(*cells)
    title = f"{info.name}: saved when switched off ({info.runs:,} runs, seed {info.seed})"
    notes = "\n".join(filter(None, (negligible_causes(drivers), OVERLAP)))
    return Group(Text(title, style="bold"), table, Text(notes, style="dim"))


# --- pair by pair -----------------------------------------------------------------------------------------------------


def _differences(case: str, base: str, rows: pd.DataFrame, metrics: list[str]) -> Table:
    """Return one pair's differences as a table: mean and P80 with their intervals, and P(case better)."""
    table = _table("difference, run by run", "mean", "at P80", f"P({case} better)")
    table.title = f"{case} \N{MINUS SIGN} {base}"
    row_of_metric = {str(row["metric"]): row for row in rows.to_dict("records")}
    for metric in metrics:
        if metric in row_of_metric:
            table.add_row(*_difference_cells(metric_format(metric), row_of_metric[metric]))
    return table


def _difference_cells(fmt: MetricFormat, row: Mapping[Any, Any]) -> tuple[str, str, str, str]:
    """Return a difference as four cells: the metric, the mean, P80, and how often the case is better."""
    no_difference = f"\n{NO_DIFFERENCE}" if NO_DIFFERENCE in str(row["remark"]) else ""
    mean, p80 = (
        _difference_text(MetricEstimate(fmt, *(float(row[f"{statistic}{end}"]) for end in ENDS)))
        for statistic in ("mean", "p80")
    )
    share = percent(float(row["p_better"]))
    bounds = interval(float(row["p_better_low"]), float(row["p_better_high"]), percent)
    ties = f"\nequal in {percent(float(row['p_equal']))}" if row["p_equal"] >= 0.005 else ""
    return fmt.label + no_difference, mean, p80, f"{share}\n({bounds}){ties}"


def _difference_text(estimate: MetricEstimate) -> str:
    """Return a difference as text, with its sign and its interval."""

    def write(value: float) -> str:
        return signed(estimate.metric.write(value, estimate.rounding_step))

    if math.isnan(estimate.value):
        return NO_MEAN
    return f"{write(estimate.value)}\n({interval(estimate.low, estimate.high, write)})"


# --- progress ---------------------------------------------------------------------------------------------------------


PLAIN_WIDTH = 110


def console(*, stderr: bool = False) -> Console:
    """Return the console; a fixed width where the output is a file or a pipe."""
    # labels may have brackets and colons, so no text is read as markup: styles are set with Text
    terminal = Console(stderr=stderr, highlight=False, soft_wrap=False, markup=False, emoji=False)
    if terminal.is_terminal:
        return terminal
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False, width=PLAIN_WIDTH)


@contextmanager
def progress(name: str) -> Iterator[ReportProgress | None]:
    """Yield the callback that moves a bar in a notebook's cell or on stderr; None where stderr is no terminal."""
    if in_notebook():
        with progress_shown(name), _bar_in_cell(name) as move:
            yield move
        return
    screen = console(stderr=True)
    if not screen.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    name_column, left_column = (
        TextColumn(text, markup=False) for text in ("{task.description}", "{task.fields[left]}")
    )
    columns = (name_column, BarColumn(), MofNCompleteColumn(), left_column)
    with progress_shown(name), Bar(*columns, console=screen, transient=True) as bar:
        task = bar.add_task(name, total=None, left="planning crews")

        def update(done: int, total: int, seconds: float | None) -> None:
            """Move the bar."""
            bar.update(task, completed=done, total=total, left=_time_left(seconds))

        yield update


def _time_left(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds // 60:.0f}:{seconds % 60:02.0f} left"


@contextmanager
def _bar_in_cell(name: str) -> Iterator[ReportProgress]:
    """Yield the callback that moves a bar in the output of the cell that runs; it goes when all is done."""
    ipython = import_module("IPython.display")  # installed with every notebook kernel; not needed elsewhere
    handle = ipython.display(ipython.HTML(""), display_id=True)

    def update(done: int, total: int, seconds: float | None) -> None:
        """Move the bar."""
        label = f"{escape(name)}: {done:,} of {total:,} {_time_left(seconds)}"
        handle.update(ipython.HTML(f"<progress value='{done}' max='{total}'></progress> {label}"))

    try:
        yield update
    finally:
        handle.update(ipython.HTML(""))
