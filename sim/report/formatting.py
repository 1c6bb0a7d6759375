"""How days, dates, dollars, people, megawatts and percentiles are written: the same in every table, line and figure.

A number is rounded to what its 95 % interval supports: the half-width keeps one or two digits (`step_for`), and the
number is written to the same place, never finer than the step of its metric.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING

from sim.config.sections.display_units import display
from sim.metrics.registry import metric_of
from sim.plan.layout import PLACE_KINDS
from sim.world.working_time import finish_date, finish_day

if TYPE_CHECKING:
    import pandas as pd

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
MONDAY_TO_FRIDAY = frozenset(range(5))
NEVER, NOT_QUOTED = "not reached", "not quoted"
WITHHELD, NO_INTERVAL = "more than 0.1 % of the runs failed", "too few runs for an interval"
SAMPLING_ONLY = "sampling error only, not input or model error"

# --- numbers ----------------------------------------------------------------------------------------------------------


def step_for(low: float, high: float, finest: float) -> float:
    """Return the step a number may be rounded to, given its 95 % interval and the finest step worth writing.

    The half-width keeps two digits when it starts 10 to 35 and one digit above that, as the Particle Data
    Group rounds its errors; the number is then written to the same place.
    """
    half_width = (high - low) / 2
    if not math.isfinite(half_width) or half_width <= 0:
        return finest
    place = math.floor(math.log10(half_width))
    leading = half_width / 10.0**place
    return max(finest, 10.0 ** (place - 1 if leading < 3.55 else place))


def rounded(value: float, step: float) -> float:
    """Return `value` at the nearest multiple of `step`, halves upwards; infinities pass through."""
    return math.floor(value / step + 0.5) * step if math.isfinite(value) else value


def number(value: float, step: float = 1.0) -> str:
    """Return a number as text to the place of `step`, thousands with commas and a real minus sign."""
    if math.isnan(value):
        return NOT_QUOTED
    if math.isinf(value):
        return NEVER
    places = max(0, -math.floor(math.log10(step) + 1e-9))
    rounded_value = rounded(value, step)
    return f"{rounded_value + 0.0 if rounded_value else 0.0:,.{places}f}".replace("-", "\N{MINUS SIGN}")


def counted(value: float, one: str, many: str, step: float = 1.0) -> str:
    """Write a number with its noun: `1 day`, `607 days`."""
    text = number(value, step)
    return text if text in {NEVER, NOT_QUOTED} else f"{text} {one if text.lstrip(chr(0x2212)) == '1' else many}"


def days(value: float, step: float = 1.0) -> str:
    """Write a length of time in calendar days."""
    return counted(value, "day", "days", step)


def months(value: float, step: float = 0.1) -> str:
    """Write a length of time in months of 365.25/12 days."""
    return counted(value, "month", "months", step)


def people(value: float, step: float = 1.0) -> str:
    """Write a headcount."""
    return counted(value, "person", "people", step)


def hours(value: float, step: float = 1.0) -> str:
    """Write hours of work, in millions from a tenth of one up: what is compared with millions has their unit."""
    if math.isfinite(value) and abs(value) >= 1e5:
        return number(value / 1e6, max(step / 1e6, 0.001)) + " M hours"
    return counted(value, "hour", "hours", step)


def megawatts(value: float, step: float = 0.1) -> str:
    """Write MW gross, without a decimal where it is whole."""
    return number(value, 1.0 if float(value).is_integer() else step) + " MW"


def money(usd: float, step: float = 0.0) -> str:
    """Write dollars, in the currency shown, in bn, M or k, to the place of `step` (dollars) or three figures without."""
    return _dollars(usd, step, ((1e9, " bn"), (1e6, " M"), (1e3, " k"), (1.0, "")))


def money_scale(most: float) -> tuple[float, str]:
    """Return what dollars are divided by, and the unit such as `$bn`, where `most` is the largest: one on every axis."""
    rate, sign = display().rate, display().sign
    return (1e9 / rate, f"{sign}bn") if most * rate >= 1e9 else (1e6 / rate, f"{sign}M")


def money_months(usd_months: float, step: float = 0.0) -> str:
    """Write dollars held for months, as planners count idle capital: `$42.7 bn-months`."""
    return _dollars(usd_months, step, ((1e9, " bn-months"), (1e6, " M-months"), (1.0, "-months")))


def cents(usd: float, step: float = 0.01) -> str:
    """Write a small price, in the currency shown, to its hundredth."""
    return display().sign + number(usd * display().rate, step)


def megawatt_months(value: float, step: float = 1.0) -> str:
    """Write MW over months."""
    return number(value, step) + " MW-months"


def _dollars(usd: float, step: float, scales: tuple[tuple[float, str], ...]) -> str:
    """Return dollars as text in the display currency, in the largest scale (divisor, suffix) that is not above them."""
    if not math.isfinite(usd):
        return number(usd)
    rate = display().rate
    size = abs(usd) * rate
    step = 10.0 ** math.floor(math.log10(step * rate) + 0.5) if step > 0 else 0.0  # the place nearest to the step
    rounded_usd = rounded(size, step) or step if step else float(f"{size:.3g}")  # to a million is written in millions
    scale, suffix = next((s for s in scales if max(rounded_usd, size) >= s[0]), scales[-1])
    text_step = max(step or 10.0 ** (math.floor(math.log10(rounded_usd or 100)) - 2), scale / 1000)
    text = number(size / scale, text_step / scale)
    is_negative = usd < 0 and any(digit in text for digit in "123456789")  # nothing has no sign
    return ("\N{MINUS SIGN}" if is_negative else "") + display().sign + text + suffix


def percent(share: float) -> str:
    """Return a share as whole percent; a share that is not 0 or 1 is never written as 0 % or 100 %."""
    if math.isnan(share):
        return NOT_QUOTED
    if 0 < share < 0.005:
        return "under 1 %"
    if 0.995 <= share < 1:
        return "over 99 %"
    return f"{math.floor(share * 100 + 0.5)} %"


def signed(text: str) -> str:
    """Put a plus before a written number that has no minus: differences always show their sign."""
    is_positive = not text.startswith("\N{MINUS SIGN}") and any(digit in text for digit in "123456789")
    return "+" + text if is_positive else text


def interval(
    low: float, high: float, write: Callable[[float], str], open_ends: tuple[str, str] = ("or less", "or more")
) -> str:
    """Return a 95 % interval as text; a bound that is infinite, as runs are too few, is left open."""
    if low == math.inf:
        return NEVER
    open_below, open_above = not math.isfinite(low), not math.isfinite(high)
    if open_below and open_above:
        return NO_INTERVAL
    if open_below or open_above:
        return f"{write(high)} {open_ends[0]}" if open_below else f"{write(low)} {open_ends[1]}"
    return join_values(write(low), write(high), " to ")


def join_values(first: str, last: str, separator: str) -> str:
    """Write two values with one unit, where they share it: `563 / 592 days`."""
    if first == last:
        return first
    figures, _, unit = first.partition(" ")
    shared = unit and last.partition(" ")[2] == unit
    return f"{figures if shared else first}{separator}{last}"


# --- dates ------------------------------------------------------------------------------------------------------------


def day_of_month(when: date) -> str:
    """Write a civil date as `30 Aug 2028`, in English whatever the locale."""
    return f"{when.day} {MONTHS[when.month - 1]} {when.year}"


@dataclass(frozen=True)
class ProjectDates:
    """The project's civil calendar: day 0 begins at 00:00 of `start`; quoted dates fall on working days."""

    start: date
    working_weekdays: frozenset[int] = MONDAY_TO_FRIDAY
    holidays: frozenset[date] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        """Refuse a week without a working day: the next working day would never come."""
        if not self.working_weekdays:
            raise ValueError("a week needs at least one working day")

    def date_of(self, day: float) -> date:
        """Return the civil date in which project day `day` (finite, days since the start) falls, as a start."""
        return self.start + timedelta(days=math.floor(day))

    def working_day(self, day: float) -> date:
        """Return the date of a finish, or the next working day after it: what may be promised as 'on or before'."""
        day_date = finish_date(self.start, day)
        while day_date.weekday() not in self.working_weekdays or day_date in self.holidays:
            day_date += timedelta(days=1)
        return day_date

    def format(self, day: float) -> str:
        """Write the working day on or after `day`, or that it is not reached."""
        return day_of_month(self.working_day(day)) if math.isfinite(day) else number(day)

    def format_interval(self, low: float, high: float) -> str:
        """Return an interval of dates as text, with the year once where it is the same."""
        if not (math.isfinite(low) and math.isfinite(high)):
            return interval(low, high, self.format, ("or before", "or later"))
        first, last = self.working_day(low), self.working_day(high)
        if first == last:
            return day_of_month(first)
        head = day_of_month(first)
        return f"{head[:-5] if first.year == last.year else head} to {day_of_month(last)}"


# --- metrics ----------------------------------------------------------------------------------------------------------


WRITERS: dict[str, Callable[[float, float], str]] = {
    "days": days,
    "months": months,
    "MW": megawatts,
    "MW-months": megawatt_months,
    "people": people,
    "hours": hours,
    "$": money,
    "$-months": money_months,
    "$ a year": money,
    "$ a GPU-hour": cents,
}
"""How a value is written, by its unit; other units are plain numbers."""
MONEY = (money, money_months, cents)  # amounts in dollars, written in the currency shown


@dataclass(frozen=True)
class MetricFormat:
    """How a metric is shown: its label, its unit on an axis, the writer of its values, the finest step."""

    label: str
    unit: str
    write: Callable[[float, float], str]
    finest_step: float


def metric_format(name: str) -> MetricFormat:
    """Return how a metric is shown; one that has no row in the table of metrics keeps its own name and plain numbers."""
    return _metric_format(name, display().sign.strip())


@cache
def _metric_format(name: str, sign: str) -> MetricFormat:
    if (metric := metric_of(name)) is None:
        return MetricFormat(name, "", number, 0.01)
    label, unit = metric.label.replace("$", sign), metric.unit.replace("$", sign)
    return MetricFormat(label, unit, WRITERS.get(metric.unit, number), metric.step)


# --- percentiles with their intervals ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class MetricEstimate:
    """An estimate of a percentile (or mean) of a metric with its 95 % interval, and how it may be rounded."""

    metric: MetricFormat
    value: float
    low: float
    high: float
    other_step: float = 0.0
    """Rounding step of a value shown with this one, so that both are written to the same place."""

    @property
    def rounding_step(self) -> float:
        """Return the step to which the value may be rounded: three figures where there is no interval."""
        if not math.isfinite(self.high - self.low) and math.isfinite(self.value) and self.value:
            return max(self.metric.finest_step, self.other_step, 10.0 ** (math.floor(math.log10(abs(self.value))) - 2))
        return max(self.other_step, step_for(self.low, self.high, self.metric.finest_step))

    @property
    def is_coarse(self) -> bool:
        """Return whether the value is rounded more than its unit asks for."""
        return self.rounding_step > self.metric.finest_step and math.isfinite(self.value)

    def text(self) -> str:
        """Write the value with its unit; `about` where the interval does not support the finest step."""
        text = self.metric.write(self.value, self.rounding_step)
        return f"about {text}" if self.is_coarse else text

    def interval_text(self) -> str:
        """Write the 95 % interval of the value, or why it is withheld."""
        if math.isnan(self.value):
            return WITHHELD
        return interval(self.low, self.high, lambda v: self.metric.write(v, self.rounding_step))

    def date_text(self, dates: ProjectDates) -> str:
        """Write days after the decision as a date with its day number: `18 Aug 2028 (day 592)`."""
        if not math.isfinite(self.value):
            return number(self.value)
        return f"{dates.format(self.value)} ({'about ' * self.is_coarse}day {self._day(self.value)})"

    def date_interval_text(self, dates: ProjectDates) -> str:
        """Write the interval as dates with their day numbers."""
        if math.isnan(self.value):
            return WITHHELD
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            return dates.format_interval(self.low, self.high)
        return f"{dates.format_interval(self.low, self.high)} (day {interval(self.low, self.high, self._day)})"

    def _day(self, day: float) -> str:
        """Write the number of the calendar day of a finish; a multiple of the step where that is coarse."""
        return number(day, self.rounding_step) if self.is_coarse else number(finish_day(day))


def percentile_estimate(summary: pd.DataFrame, metric: str, percentile: str) -> MetricEstimate:
    """Return a percentile (`p50`, `p80`) of a metric of the summary with its interval."""
    value, low, high = (float(summary[f"{percentile}{end}"][metric]) for end in ("", "_low", "_high"))
    return MetricEstimate(metric_format(metric), value, low, high)


def p50_and_p80_estimates(summary: pd.DataFrame, metric: str) -> tuple[MetricEstimate, MetricEstimate]:
    """Return P50 and P80 of a metric as they are written side by side: to the same place, that of the less sure one."""
    p50, p80 = percentile_estimate(summary, metric, "p50"), percentile_estimate(summary, metric, "p80")
    return replace(p50, other_step=p80.rounding_step), replace(p80, other_step=p50.rounding_step)


def p50_and_p80(summary: pd.DataFrame, metric: str, between: str = " / ") -> str:
    """Write P50 and P80 of a metric with one unit: `563 / 592 days`."""
    first, last = (each.metric.write(each.value, each.rounding_step) for each in p50_and_p80_estimates(summary, metric))
    return join_values(first, last, between)


# --- names a planner reads --------------------------------------------------------------------------------------------

_NOUNS = {**PLACE_KINDS, "g": "generating unit", "s": "skid", "line": "line"}
_NUMBERED = re.compile(r"([a-z]+)(\d+)")
_ID = re.compile(r"\b[a-z]\w*(?:\.[a-z]?\w+)+")


def in_words(name: str) -> str:
    """Write the id of a unit, a pool or an activity as a planner reads it; ids stand in files.

    >>> in_words("b97.commissioning"), in_words("compute.s256"), in_words("p1.g10"), in_words("crew.riggers")
    ('Block 97: commissioning', 'Compute skid 256', 'Generating unit 10', 'Crews of riggers')
    """
    head, *parts = name.split(".")
    if head in ("crew", "hiring") and parts:
        subject = "Hiring" if head == "hiring" else f"Crew {parts[1]}" if len(parts) > 1 else "Crews"
        return f"{subject} of {parts[0].replace('_', ' ')}"
    numbered_place = _NUMBERED.fullmatch(head)
    place = f"{_NOUNS[numbered_place[1]]} {numbered_place[2]}" if numbered_place and numbered_place[1] in _NOUNS else ""
    words = [*_parts_in_words(parts if place else [head, *parts])]
    if place.startswith("phase") and any(word.startswith("generating unit") for word in words):
        place = ""
    if place:
        text = f"{place}: {' '.join(words)}" if words else place
    else:
        text = " ".join(words)
    return f"{text[:1].upper()}{text[1:]}"


def pools_in_words(text: str) -> str:
    """Write what is waited for as a planner reads it: `1 crew.riggers + 1 crane` is 1 crew of riggers + 1 crane."""

    def words(match: re.Match[str]) -> str:
        name = in_words(match[0])
        return f"crew{name.removeprefix('Crews')}" if name.startswith("Crews") else f"{name[0].lower()}{name[1:]}"

    return _ID.sub(words, text)


def activity_in_words(activity: str) -> str:
    """Write an activity as a planner reads it: `site_works.gas_line` is gas line, `L3` commissioning L3."""
    step = activity.partition(".")[2] or activity
    if step[:1] == "L" and step[1:2].isdigit():
        return f"commissioning {step}"
    return "slot" if step == "unit slot" else step.replace("_", " ")


def _parts_in_words(parts: Sequence[str]) -> Iterator[str]:
    """Yield the parts of an id in words: `s256` is skid 256; the network of a step goes without saying."""
    for index, part in enumerate(parts):
        match = _NUMBERED.fullmatch(part)
        if match and match[1] in _NOUNS:
            yield f"{_NOUNS[match[1]]} {match[2]}"
        elif not (part in ("site_works", "shell", "pad", "generation") and index + 1 < len(parts)):
            yield part.replace("_", " ")


def ids_in_words(text: str, ids: Collection[str]) -> str:
    """Write every id of a sentence that is one of `ids` as a planner reads it."""
    return _ID.sub(lambda found: in_words(found[0]) if found[0] in ids else found[0], text)
