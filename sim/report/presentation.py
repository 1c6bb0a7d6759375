"""How results are presented: verdict, report, HTML in notebooks (`sim.display` looks it up), and forecasts as text."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import singledispatch
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim import files
from sim.config.sections.display_units import display, in_display_units
from sim.metrics.metric import FINISH, FIRST, OF_ORDERS, date_metric
from sim.report.console import describe_comparison, describe_run, plain_text, progress
from sim.report.formatting import day_of_month, interval, percent
from sim.report.plan_check import describe_plan
from sim.report.result_view import ResultView
from sim.report.study_tables import describe_sensitivity, describe_sweep, describe_tuning
from sim.report.verdict import headline, key_results
from sim.study.analyses.drivers import Drivers
from sim.study.analyses.forecast.sheet.status_checks import place_and_text
from sim.study.analyses.forecast.sheet.status_fact_checks import StatusFinding
from sim.study.analyses.forecast.trend import DateShift, forecasts_before, shifts_since
from sim.study.analyses.probabilities import Answer
from sim.study.analyses.sensitivity import SensitivityResult
from sim.study.analyses.sweep import Sweep
from sim.study.analyses.tuning import TuningResult
from sim.study.api import Comparison
from sim.study.case import Case
from sim.study.result import Result
from sim.study.statistics.sobol_indices import factor_in_words
from sim.world.working_time import finish_date, finish_day

if TYPE_CHECKING:
    from rich.console import RenderableType

    from sim.report.figures.style import Axes

__all__ = [
    "answer_text", "describe_findings", "describe_forecast", "describe_trend", "html", "progress", "verdict",
    "write_report",
]  # fmt: skip
WIDTH = 110
DOTS_PER_INCH = 80


# --- one result -------------------------------------------------------------------------------------------------------


def verdict(result: Result) -> str:
    """Return the key results of a run as text, as `sim run` prints them."""
    return plain_text(describe_run(result), WIDTH)


def write_report(result: Result, path: str | Path) -> Path:
    """Write the report of a run as one HTML file; returns where."""
    from sim.report.html_report.run_report import page

    target = Path(path).absolute()
    files.write(target, page(result))
    return target


def answer_text(answer: Answer) -> str:
    """Return the answer to a question about a result in one sentence, its shares rounded as in the verdict."""
    probability = answer.probability
    parts = ", ".join(f"P{100 * share:.0f} {_quantity(value)}" for share, value in answer.percentiles.items())
    if not probability.n or math.isnan(probability.value):
        return f"{answer.question}: {parts}".strip()
    ends = interval(probability.low, probability.high, percent)
    text = f"P({answer.question}) = {percent(probability.value)} (95 %: {ends}, n = {probability.n})"
    return f"{text}; {parts}" if parts else text


def _quantity(value: float | date | None) -> str:
    """Return a percentile as it is read: a date, a number, or that it is never reached."""
    if value is None:
        return "not reached"
    return value.isoformat() if isinstance(value, date) else f"{value:,.6g}"


# --- notebooks --------------------------------------------------------------------------------------------------------


@singledispatch
def html(shown: object) -> str:
    """Return HTML of anything that is displayed; its one line where there is no more to show."""
    return f"<pre>{escape(repr(shown))}</pre>"


@html.register
@in_display_units
def _(result: Result) -> str:
    """Return verdict and S-curve."""
    view = ResultView.of(result)
    rows, part = [], ""
    for line in key_results(view):
        if line.part != part:
            part = line.part
            rows.append(f"<tr><th colspan=3 style='text-align:left'>{escape(part[:1].upper() + part[1:])}</th></tr>")
        cells = "".join(
            f"<td style='text-align:left'>{escape(text)}</td>" for text in (line.label, line.value, line.note)
        )
        rows.append(f"<tr>{cells}</tr>")
    title = f"<p><b>{escape(view.info.name)}</b> ({escape(view.info.runs_text)}, seed {view.info.seed})</p>"
    picture = _picture(result.plot.finish()) if view.has(FINISH) and not view.info.all_failed else ""
    return f"{title}<p>{escape(headline(view))}</p>{picture}<table>{''.join(rows)}</table>"


@html.register
def _(comparison: Comparison) -> str:
    return _preformatted(describe_comparison(comparison.results, comparison.table()))


@html.register
def _(sweep: Sweep) -> str:
    return _preformatted(describe_sweep(sweep))


@html.register
def _(tuned: TuningResult) -> str:
    return _preformatted(describe_tuning(tuned))


@html.register
def _(found: SensitivityResult) -> str:
    return _preformatted(describe_sensitivity(found))


@html.register
def _(drivers: Drivers) -> str:
    from sim.report.console import describe_drivers

    return _preformatted(describe_drivers(drivers))


@html.register
def _(case: Case) -> str:
    return _preformatted(describe_plan(case)[0])


def _preformatted(text: RenderableType) -> str:
    return f"<pre style='line-height:1.2'>{escape(plain_text(text, WIDTH))}</pre>"


def _picture(ax: Axes) -> str:
    """Return a figure as an image of its own, and forget the figure."""
    sink = io.BytesIO()
    figure: Any = ax.figure
    figure.savefig(sink, format="png", dpi=DOTS_PER_INCH, bbox_inches="tight")
    figure.clear()
    return f"<img alt='S-curve of the finish' src='data:image/png;base64,{base64.b64encode(sink.getvalue()).decode()}'>"


# --- forecast ----------------------------------------------------------------------------------------------------------


@in_display_units
def describe_forecast(
    result: Result, shifts: Sequence[DateShift], summaries: Sequence[Mapping[str, Any]], note: str = "",
    replications: int | None = None,
) -> str:  # fmt: skip
    """Return the verdict of a forecast, what shifted it and what it learnt, as lines of text.

    `note` says what is missing among what shifted it; `replications` is from how many of the runs that is, if not from all.
    """
    part = "" if replications in (None, result.sample.size) else f"the first {replications:,} runs"
    earlier = forecasts_before(summaries, result.manifest["forecast"]["data_date"])
    last = earlier[-1] if earlier else None
    return "\n".join(
        [
            *_forecast_dates(result, shifts, last, part),
            "",
            *_causes_of_shifts(result, shifts, last, part),
            *([f"note: {note}"] if note else []),
            *_learned_factors(result),
            *_earned_value_table(result),
            *_remarks(result),
        ]
    )


def _forecast_dates(
    result: Result, shifts: Sequence[DateShift], last: Mapping[str, Any] | None, part: str
) -> Iterator[str]:
    """Yield P50 and P80 of the first and the last MW: now, in the forecast before, and in the plan, from `part` of runs."""
    before = f"   before anything was known{f', {part}' if part else ''}"
    start, forecast = date.fromisoformat(result.manifest["start_date"]), result.manifest["forecast"]
    yield f"{result.manifest['name']}, data date {_civil_date(forecast['data_date'])}, {result.sample.size:,} runs"
    numbers = result.numbers
    finish = date_metric(FINISH, numbers)
    for label, metric in (("first MW", date_metric(FIRST, numbers)), ("all MW", finish)):
        if metric in numbers:
            yield _quantile_dates(label, start, numbers[metric]["p50"], numbers[metric]["p80"])
    if finish not in numbers:
        yield (
            _quantile_days("a MW", numbers[OF_ORDERS]["p50"], numbers[OF_ORDERS]["p80"])
            + "   from its order, in the mean"
        )
        if shifts:
            yield _quantile_days("  plan", shifts[0].p50, shifts[0].p80) + before
        return
    if last is not None and "p50" in last["days"].get("all", {}):
        previous = last["days"]["all"]
        p50, p80 = (numbers[finish][p] - previous[p] for p in ("p50", "p80"))
        yield (
            _quantile_dates("  before", start, previous["p50"], previous["p80"])
            + f"   as of {_civil_date(last['data_date'])}"
        )
        yield f"    moved since then by   P50 {p50:+.0f} days   P80 {p80:+.0f} days"
    if shifts:
        yield _quantile_dates("  plan", start, shifts[0].p50, shifts[0].p80) + before


def _quantile_dates(label: str, start: date, p50: float, p80: float) -> str:
    return f"  {label:9} P50 {_day(start, p50):11}   P80 {_day(start, p80):11}".rstrip()


def _quantile_days(label: str, p50: float, p80: float) -> str:
    return f"  {label:9} P50 {f'{p50:.0f} days':11}   P80 {f'{p80:.0f} days':11}".rstrip()


def _day(start: date, days: float) -> str:
    """Return the civil date of a finish on a project day as text."""
    if not math.isfinite(days):
        return "never" if days > 0 else "unknown"
    return day_of_month(finish_date(start, days))


def _civil_date(iso_date: object) -> str:
    return day_of_month(date.fromisoformat(str(iso_date)))


MIN_SHIFT = 0.05
"""Days of a shift that is shown: one that is written as zero is not."""


def _causes_of_shifts(
    result: Result, shifts: Sequence[DateShift], last: Mapping[str, Any] | None, part: str
) -> Iterator[str]:
    """Yield the plan's dates and by how much each cause shifted them, and since the last forecast those that differ.

    Where they are from a `part` of the runs, also which dates these alone have: all runs have others, by sampling error.
    """
    if not shifts:
        return
    plan, *causes = shifts
    has_finish = FINISH in result.numbers  # orders over time have lengths, no days of the project
    p50, p80 = (f"day {_number_of_day(days)}" if has_finish else f"{days:.0f}" for days in (plan.p50, plan.p80))
    yield f"from the plan (P50 {p50}, P80 {p80} on the same random numbers{f', {part}' if part else ''}), in days:"
    yield from map(_shift_line, causes)
    yield _all_together(causes)
    if part:
        start = date.fromisoformat(result.manifest["start_date"])
        reached = (sum(getattr(shift, p) for shift in shifts) for p in ("p50", "p80"))
        p50, p80 = (_day(start, days) if has_finish else f"{days:.0f} days" for days in reached)
        size = result.sample.size
        yield f"  to P50 {p50}, P80 {p80} in {part}; all {size:,} differ by sampling error (--moves {size} takes all)"
    moved = [one for one in shifts_since(shifts, last or {}) if max(abs(one.p50), abs(one.p80)) >= MIN_SHIFT]
    if last is not None and moved:
        yield f"of it since {_civil_date(last['data_date'])}:"
        yield from map(_shift_line, moved)
        yield _all_together(moved)


def _number_of_day(days: float) -> str:
    return f"{finish_day(days)}" if math.isfinite(days) else f"{days}"


def _shift_line(shift: DateShift) -> str:
    return f"  {shift.cause:32} P50 {shift.p50:+7.1f}   P80 {shift.p80:+7.1f}"


def _all_together(shifts: Sequence[DateShift]) -> str:
    return _shift_line(DateShift("all together", sum(s.p50 for s in shifts), sum(s.p80 for s in shifts)))


MAX_LEARNT = 8


def _learned_factors(result: Result) -> Iterator[str]:
    """Yield the factors that were learnt: prior, posterior, and how much of them the actuals explain."""
    forecast = result.manifest["forecast"]
    factors = forecast["learnt"]
    if not factors:
        yield "learnt from actuals: nothing yet" if forecast["learning"] else "learning is switched off"
        return
    yield f"learnt from {forecast['evidence']:,} facts, median (P10 to P90) as factor of the time or amount:"
    for factor in factors[:MAX_LEARNT]:
        prior, posterior = (_range(factor[key]) for key in ("prior", "posterior"))
        name = factor_in_words(factor["factor"])
        yield f"  {name:32} {prior} -> {posterior}   {percent(factor['explained'])} of its variance explained"
    if len(factors) > MAX_LEARNT:
        yield f"  and {len(factors) - MAX_LEARNT} more that moved less (manifest.json has them)"


def _range(quantiles: Sequence[float]) -> str:
    middle, low, high = quantiles
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


EARNED_VALUE_COLUMNS = (("PV", 14), ("EV", 14), ("AC", 14), ("SPI", 8), ("CPI", 8), ("SPI(t)", 8))
"""Columns of the table of earned value and their least widths."""


def _earned_value_table(result: Result) -> Iterator[str]:
    """Yield earned value at the data date in hours and in dollars, with its indices."""
    earned_value = result.manifest["forecast"]["earned_value"]
    rows = [["earned value", *(name for name, _ in EARNED_VALUE_COLUMNS), "earned schedule"]]
    money = "usd", 1e6 / display().rate, f"million {display().currency}"
    for unit, scale, label in (("hours", 1.0, "hours"), money):
        values = earned_value[unit]
        amounts = [_number(values[name], scale) for name in ("planned", "earned", "actual")]
        indices = [_number(values[name], 1.0, 2) for name in ("spi", "cpi", "spi_t")]
        schedule = f"day {values['earned_schedule']:.0f} on day {values['time']:.0f}"
        rows.append([f"  {label}", *amounts, *indices, schedule])
    widths = [
        max(least, *(len(row[column]) + 2 for row in rows)) for column, (_, least) in enumerate(EARNED_VALUE_COLUMNS, 1)
    ]
    for label, *cells, schedule in rows:
        numbers = "".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
        yield f"{label:14}{numbers}   {schedule}"


def _number(amount: float | None, scale: float, digits: int = 0) -> str:
    """Return an amount in a scale; a dash for what is not reported."""
    return "-" if amount is None else f"{amount / scale:,.{digits}f}"


MAX_REMARKS = 5


def _remarks(result: Result) -> Iterator[str]:
    """Yield notes about the status, how many steps were taken as done, what is out of sequence, and how that is treated."""
    forecast = result.manifest["forecast"]
    notes = forecast.get("notes", [])
    yield from (f"note: {text}" for text in notes[:MAX_REMARKS])
    if len(notes) > MAX_REMARKS:
        yield f"and {len(notes) - MAX_REMARKS} more notes about the status (sim status check)"
    odd_facts = forecast.get("not_learnt_from", [])
    told = "nothing is learnt from {}: the other facts contradict it; is it right?"
    yield from (told.format(text) for text in odd_facts[:MAX_REMARKS])
    if len(odd_facts) > MAX_REMARKS:
        yield f"and {len(odd_facts) - MAX_REMARKS} more from which nothing is learnt (manifest.json has them)"
    if forecast["implied"]:
        yield f"{forecast['implied']} steps are not reported, but what is reported needs them: taken as done"
    out_of_sequence = forecast["out_of_sequence"]
    logic = forecast["logic"].replace("_", " ")
    yield from (f"out of sequence ({logic}): {text}" for text in out_of_sequence[:MAX_REMARKS])
    if len(out_of_sequence) > MAX_REMARKS:
        yield f"and {len(out_of_sequence) - MAX_REMARKS} more out of sequence (manifest.json has them)"
    other_inputs = forecast.get("other_configuration", [])
    yield from (f"the status was written for another configuration: {text}" for text in other_inputs[:MAX_REMARKS])
    if len(other_inputs) > MAX_REMARKS:
        yield f"and {len(other_inputs) - MAX_REMARKS} more inputs (manifest.json has them)"


def describe_trend(summaries: Sequence[Mapping[str, Any]], start_date: str) -> str:
    """Return the forecasts over data dates as a table: P50 and P80 of first, half and all MW."""
    start = date.fromisoformat(start_date)
    lines = [
        "trend of forecasts",
        "data date    " + "".join(f"{f'{name} {q.upper()}':13}" for name, q in _SHOWN).rstrip(),
    ]
    for summary in summaries:
        cells = [summary["days"].get(name, {}).get(quantile) for name, quantile in _SHOWN]
        texts = ("-" if day is None else _day(start, day) for day in cells)
        lines.append("".join(f"{text:13}" for text in (_civil_date(summary["data_date"]), *texts)).rstrip())
    return "\n".join(lines)


_SHOWN = tuple((name, quantile) for name in ("first", "half", "all") for quantile in ("p50", "p80"))


def describe_findings(findings: Iterable[StatusFinding]) -> str:
    """Return what was found in a status, one line each."""
    return "\n".join(f"{one.severity}: {place_and_text(one)}" for one in findings)
