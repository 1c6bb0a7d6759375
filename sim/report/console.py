"""The answer on the console: of one run in a dozen lines, of several strategies side by side and pair by pair.

The console: a progress bar with the time left, and text as wide as the window.

What was verified, as a table on the console.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from sim.report import result_view as reading
from sim.report.formatting import (
    NEVER,
    NOT_QUOTED,
    SAMPLING_ONLY,
    MetricFormat,
    Quote,
    counted,
    hours,
    interval,
    metric_format,
    number,
    percent,
    quote,
    signed,
)
from sim.report.result_view import ResultView, Share, Values
from sim.report.verdict import FINISH, PEAK, answer, findings
from sim.study.analyses.validation import Checked, count
from sim.study.compare import NO_DIFFERENCE, TOO_FEW

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console, Group, RenderableType

    from sim.study.runner import Progress


# --- verdict ----------------------------------------------------------------------------------------------------------


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


def verdict(result: ResultView) -> Group:
    """Return the short verdict on a run, ready for the console."""
    table = Table.grid(padding=(0, 2))
    for style in ("none", "bold", "dim"):
        table.add_column(style=style)
    part = ""
    for finding in findings(result):
        if finding.part != part:
            part = finding.part
            table.add_row(Text(part[:1].upper() + part[1:], style="bold"))
        table.add_row(f"  {finding.label}", Text(finding.answer), Text(finding.note))
    rests = f"{basis(result)}\nA date is the working day on or after the moment it stands for."
    short: list[RenderableType] = [Text(answer(result)), ""] if answer(result) else []
    return Group(Text(reading.about(result).name, style="bold"), "", *short, table, "", Text(rests, style="dim"))


def plain(what: RenderableType, width: int = 110) -> str:
    """Return a renderable as plain text of at most `width` characters a line."""
    screen = Console(width=width, no_color=True, highlight=False, force_terminal=False)
    with screen.capture() as caught:
        screen.print(what)
    return "\n".join(line.rstrip() for line in caught.get().splitlines())


def basis(result: ResultView) -> str:
    """Say what the numbers rest on and what their intervals leave out."""
    about = reading.about(result)
    runs = counted(about.runs, "run", "runs")
    how = f", {about.sampling}" if about.sampling else ""
    return f"{runs}, seed {about.seed}{how}. Intervals are 95 %: {SAMPLING_ONLY}."


# --- several strategies -------------------------------------------------------------------------------


def comparison(results: Mapping[str, ResultView], differences: pd.DataFrame) -> Group:
    """Return strategies side by side, then each pair's differences on the same luck.

    `differences` is the table of `sim.study.compare`: a row a metric and pair (case - base).
    """
    side, pairs = tables(results, differences)
    parts: list[RenderableType] = [side, ""]
    for pair in pairs:
        parts += [pair, ""]
    notes = [basis(next(iter(results.values()))), *remarks(results, differences)]
    return Group(*parts, Text("\n".join(notes), style="dim"))


def tables(results: Mapping[str, ResultView], differences: pd.DataFrame) -> tuple[Table, list[Table]]:
    """Return the table of strategies side by side, and one for each pair's differences."""
    pairs = []
    for case, base in dict.fromkeys(zip(differences["case"], differences["base"], strict=True)):
        rows = differences[(differences["case"] == case) & (differences["base"] == base)]
        pairs.append(_differences(case, base, rows, _compared(results)))
    return _side_by_side(results), pairs


def remarks(results: Mapping[str, ResultView], differences: pd.DataFrame) -> list[str]:
    """Return what must be said about the differences of all pairs."""
    notes = ["The intervals of all pairs hold together at 95 %."] * (len(results) > 2)
    return notes + [f"{TOO_FEW}."] * any(TOO_FEW in str(remark) for remark in differences["remark"])


def _side_by_side(results: Mapping[str, ResultView]) -> Table:
    """Return P50 and P80 of each metric with their intervals, a column a strategy; risks as shares of runs below."""
    table = _table("with 95 % interval", "", *results)
    summaries = {name: result.summary() for name, result in results.items()}
    for metric in _compared(results):
        if any(metric in summary.index for summary in summaries.values()):
            quotes = [
                [quote(s, metric, p) if metric in s.index else None for p in P50_AND_P80] for s in summaries.values()
            ]
            unit, cells = _quoted(quotes)
            table.add_row(f"{metric_format(metric).label}{unit}", "P50\nP80", *cells)
    table.add_section()
    for label, cells in _risks(results):
        if any(cells):
            table.add_row(label, "", *cells)
    return table


def _quoted(quotes: list[list[Quote | None]]) -> tuple[str, list[str]]:
    """Write percentiles with their intervals, a line each; and the unit by itself where all have the same."""
    known = [q for column in quotes for q in column if q]
    if known and known[0].metric.write is hours and any(q.value >= MILLION for q in known):
        quotes = [[q and replace(q, metric=replace(q.metric, write=_in_millions)) for q in column] for column in quotes]
    said = [[(q.metric.write(q.value, q.step), q.between()) if q else None for q in column] for column in quotes]
    values = [pair[0] for column in said for pair in column if pair and pair[0] not in {NEVER, NOT_QUOTED}]
    units = {value.partition(" ")[2] for value in values}
    unit = units.pop() if len(units) == 1 else ""
    cells = ["\n".join(_with_interval(*pair, unit) if pair else "" for pair in column) for column in said]
    return f", {unit}" if unit else "", cells


def _in_millions(value: float, step: float) -> str:
    """Write hours in millions, however few: side by side, all have one unit."""
    return number(value / MILLION, step / MILLION) + " M hours"


def _with_interval(value: str, between: str, unit: str) -> str:
    """Write a number and its interval in brackets, both without a unit that stands elsewhere."""
    if value in {NEVER, NOT_QUOTED}:
        return value
    return f"{value.removesuffix(f' {unit}')} ({between.removesuffix(f' {unit}')})"


def _compared(results: Mapping[str, ResultView]) -> list[str]:
    """Return the metrics to show; with one order, lateness against need is its lead time over again."""
    one_order = all(FINISH in result.runs for result in results.values())
    return [metric for metric in COMPARED if not (one_order and metric == "lead_time_from_need_days")]


def _table(first: str, *columns: str) -> Table:
    """Return an empty table whose first column names what the rows are about."""
    table = Table(header_style="bold", title_justify="left", title_style="bold", pad_edge=False, box=SIMPLE_HEAD)
    table.add_column(first)
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _risks(results: Mapping[str, ResultView]) -> list[tuple[str, list[str]]]:
    """Return the rows that say how often a limit is kept, and how many runs never finish."""
    finish = _shares(results, FINISH, reading.share_at_most)
    peak = _shares(results, PEAK, reading.share_below)
    counts = [reading.about(result) for result in results.values()]
    lost = any(about.stalled + about.failed for about in counts)
    return [
        (f"P(all MW online by {_limits(results, FINISH, 'day ')})", finish),
        (f"P(peak under {_limits(results, PEAK, '')})", peak),
        ("stalled / failed runs", [f"{a.stalled:,} / {a.failed:,}" if lost else "" for a in counts]),
    ]


def _shares(results: Mapping[str, ResultView], metric: str, share: Callable[[Values, float], Share]) -> list[str]:
    """Write in what share of its runs each strategy keeps its own limit."""
    limits = [reading.limit(result, metric) for result in results.values()]
    return [
        "" if limit is None else share(reading.values(result, metric), limit).say()
        for result, limit in zip(results.values(), limits, strict=True)
    ]


def _limits(results: Mapping[str, ResultView], metric: str, word: str) -> str:
    """Write the limit all strategies share, or that each has its own."""
    limits = {reading.limit(result, metric) for result in results.values()} - {None}
    return "its own limit" if len(limits) != 1 else word + number(float(limits.pop() or 0))


# --- pair by pair -------------------------------------------------------------------------------------


def _differences(case: str, base: str, rows: pd.DataFrame, metrics: list[str]) -> Table:
    """Return one pair's differences: in the mean and at P80 with their intervals, and P(case better)."""
    table = _table("difference on the same luck", "mean", "at P80", f"P({case} better)")
    table.title = f"{case} \N{MINUS SIGN} {base}"
    found = {str(row["metric"]): row for row in rows.to_dict("records")}
    for metric in metrics:
        if metric in found:
            table.add_row(*_cells(metric_format(metric), found[metric]))
    return table


def _cells(fmt: MetricFormat, row: Mapping[Any, Any]) -> tuple[str, str, str, str]:
    """Return a difference as four cells: what, in the mean, at P80, and how often the case is better."""
    small = f"\n{NO_DIFFERENCE}" if NO_DIFFERENCE in str(row["remark"]) else ""
    mean, p80 = (_change(Quote(fmt, *(float(row[f"{of}{end}"]) for end in ENDS))) for of in ("mean", "p80"))
    share = percent(float(row["p_better"]))
    bounds = interval(float(row["p_better_low"]), float(row["p_better_high"]), percent)
    equal = f"\nequal in {percent(float(row['p_equal']))}" if row["p_equal"] >= 0.005 else ""
    return fmt.label + small, mean, p80, f"{share}\n({bounds}){equal}"


def _change(quote: Quote) -> str:
    """Write a difference with its sign and its interval."""

    def write(value: float) -> str:
        return signed(quote.metric.write(value, quote.step))

    if math.isnan(quote.value):
        return NO_MEAN
    return f"{write(quote.value)}\n({interval(quote.low, quote.high, write)})"


# --- progress ---------------------------------------------------------------------------------------------------------


PLAIN_WIDTH = 110


def console(*, stderr: bool = False) -> Console:
    """Return the console; a fixed width where the output is a file or a pipe."""
    from rich.console import Console

    found = Console(stderr=stderr, highlight=False, soft_wrap=False)
    return found if found.is_terminal else Console(stderr=stderr, highlight=False, width=PLAIN_WIDTH)


@contextmanager
def progress(name: str) -> Iterator[Progress | None]:
    """Yield the callback that moves a bar on stderr, or None where nobody watches."""
    screen = console(stderr=True)
    if not screen.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[left]}"))
    with Bar(*columns, console=screen, transient=True) as bar:
        task = bar.add_task(name, total=None, left="sizing crews")

        def tell(done: int, total: int, seconds: float | None) -> None:
            """Move the bar."""
            left = "" if seconds is None else f"{seconds // 60:.0f}:{seconds % 60:02.0f} left"
            bar.update(task, completed=done, total=total, left=left)

        yield tell


# --- verified ---------------------------------------------------------------------------------------------------------


STYLES = {"holds": "green", "fails": "bold red", "inconclusive": "yellow"}


def verified(title: str, rows: Sequence[Checked]) -> Group:
    """Return the rows as a table, with how many hold below it."""
    from rich.console import Group
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("", "what", "expected", "observed"):
        table.add_column(column, overflow="fold")
    for row in rows:
        outcome = f"[{STYLES[row.outcome]}]{row.outcome}[/]"
        table.add_row(outcome, row.name, row.expected, row.observed)
        if row.remark:
            table.add_row("", f"  {row.remark}", "", "")
    return Group(table, "", tally(rows))


def tally(rows: Sequence[Checked]) -> str:
    """Say how many hold, fail and cannot be told."""
    said = [f"{count(rows, 'holds')} of {len(rows)} hold"]
    if failing := count(rows, "fails"):
        said.append(f"{failing} fail")
    if open_ := count(rows, "inconclusive"):
        said.append(f"{open_} inconclusive at this number of runs")
    return ", ".join(said)
