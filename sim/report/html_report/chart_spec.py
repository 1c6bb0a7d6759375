"""What a chart of a report consists of: series, marks and axes, as data.

The page draws it as SVG in the browser (templates/line_chart.js, bar_charts.js); the table for screen readers and the
CSV beside the figures are made of the same numbers. Days are days after the decision; colours are names of
`palette.MEANINGS`.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from sim.config.sections.display_units import display
from sim.report.formatting import ProjectDates
from sim.world.working_time import finish_date

if TYPE_CHECKING:
    import pandas as pd

Numbers = Any
"""Any sequence of numbers that numpy can convert; it is stored as an array."""
Rows = Sequence[Sequence[Any]]
POINTS = frozenset({"x", "y", "y0"})
"""Fields of a series that hold numbers along an axis."""
SIGNIFICANT_FIGURES = 5
"""Significant figures of a number that is drawn: finer than a pixel."""


@dataclass(frozen=True)
class ChartAxis:
    """An axis: its label, how its values are written, and its range; along dates, the day from which days are counted.

    One of `whole` numbers counts things, and has no ticks between them.
    """

    label: str = ""
    prefix: str = ""
    suffix: str = ""
    digits: int = 0
    range: tuple[float, float] | None = None
    start: str = ""
    whole: bool = False


@dataclass(frozen=True)
class Series:
    """Numbers along an axis: `y` over `x`, from `y0` (or 0) up where it is filled; columns have one more `x` than `y`."""

    name: str
    kind: Literal["line", "band", "area", "columns", "points", "segments"]
    colour: str
    x: Numbers
    y: Numbers
    y0: Numbers | None = None
    step: bool = False
    dash: str = ""
    width: float = 0.0
    axis: int = 1
    unlisted: bool = False
    group: str = ""
    """Series of one group are one entry of the legend, and are shown or hidden together."""

    def __post_init__(self) -> None:
        """Keep the numbers as arrays, whatever they came as."""
        for name in POINTS:
            if getattr(self, name) is not None:
                object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=np.float64))


@dataclass(frozen=True)
class Mark:
    """A line, diamond or word at one place: a limit, a percentile with its date, a milestone, a share in a corner."""

    axis: Literal["x", "y", "curve", "point", "corner"]
    at: float = 0.0
    label: str = ""
    colour: str = "ink"
    dash: str = ""
    level: float = 0.0
    """Where it stands on the y axis, of marks on curves and of points."""
    key: str = ""
    """Its label in the legend; empty where it is labelled in place."""
    strong: bool = False
    right: bool = False
    top: bool = False
    optional: bool = False
    """Whether it is left out where its label has no space."""


@dataclass(frozen=True)
class Chart:
    """One chart with its words: a title, a caption that states units, n and seed, and what it shows in a sentence."""

    title: str
    caption: str
    alt: str
    x: ChartAxis = ChartAxis()
    y: ChartAxis = ChartAxis()
    y2: ChartAxis | None = None
    series: tuple[Series, ...] = ()
    marks: tuple[Mark, ...] = ()
    kind: Literal["lines", "bars", "strips"] = "lines"
    rows: tuple[dict[str, Any], ...] = ()
    """Of bars: name, value, low, high, dot, colour, text; of strips: name and pieces (begin, end, colour, text)."""
    keys: tuple[tuple[str, str], ...] = ()
    dots: dict[str, Any] | None = None
    head: tuple[str, ...] = field(default=(), compare=False)
    table_rows: Rows = ()
    """The table beside the chart; empty: its series at a few places."""

    def document(self) -> dict[str, Any]:
        """Return the chart as the page reads it, without title and caption."""
        fields_ = {
            "kind": self.kind,
            "alt": self.alt,
            "x": _document(self.x),
            "y": _document(self.y),
            "y2": _document(self.y2) if self.y2 else None,
            "series": [_series(series) for series in self.series],
            "marks": [_document(mark) for mark in self.marks],
            "rows": json_value(self.rows),
            "keys": self.keys,
            "dots": self.dots,
        }
        return {name: value for name, value in fields_.items() if value not in (None, [], ())} | {
            "series": fields_["series"],
            "marks": fields_["marks"],
        }

    def table(self, dates: ProjectDates | None = None, max_rows: int = 13) -> tuple[tuple[str, ...], list[list[str]]]:
        """Return header and rows of a table of the chart's numbers for readers who cannot see it.

        It has `max_rows` positions along the x axis, and a column a series; of columns a row each, from edge to edge.
        """
        if self.table_rows or self.head:
            return self.head, [[str(cell) for cell in row] for row in self.table_rows]
        series_shown = [
            series for series in self.series if series.kind in {"line", "band", "area", "columns"} and len(series.y)
        ]
        if not series_shown or self.x.range is None:
            return (), []
        if columns := [series for series in series_shown if series.kind == "columns"]:
            return self._table_of_columns(columns, series_shown, dates)
        positions = np.linspace(*self.x.range, max_rows)
        rows = [
            [
                _place(self.x, dates, x),
                *(_cell(series, x, self.y2 if series.axis == 2 and self.y2 else self.y) for series in series_shown),
            ]
            for x in positions.tolist()
        ]
        return ("date" if self.x.start else self.x.label, *(series.name for series in series_shown)), rows

    def _table_of_columns(
        self, columns: Sequence[Series], shown: Sequence[Series], dates: ProjectDates | None
    ) -> tuple[tuple[str, ...], list[list[str]]]:
        """Return header and a row a column of a histogram: its edges, its height, and other series as they are at its end.

        An edge belongs to the column that begins there, except the last: a day in two of them would be counted twice.
        """
        edges, filled = columns[0].x, np.flatnonzero(np.any([series.y for series in columns], axis=0))
        rows = []
        for column in range(*(int(filled[0]), int(filled[-1]) + 1) if len(filled) else (0, 0)):
            begin, end = edges[column : column + 2].tolist()
            until = _place(self.x, dates, end)
            if self.x.start and dates is not None:
                until = finish_date(dates.start, end).isoformat()
            # just before the end for the others, whose steps at it belong to the next column
            at = end if column == len(edges) - 2 else math.nextafter(end, begin)
            cells = (
                _cell(
                    series,
                    begin if series.kind == "columns" else at,
                    self.y2 if series.axis == 2 and self.y2 else self.y,
                )
                for series in shown
            )
            rows.append([_place(self.x, dates, begin), until, *cells])
        what = "" if self.x.start else f"{self.x.label}, "
        return (f"{what}from", f"{what}to", *(series.name for series in shown)), rows

    def csv(self, dates: ProjectDates) -> bytes:
        """Return every number behind the chart: a row a point of a series, or a row a bar."""
        into = io.StringIO()
        writer = csv.writer(into, lineterminator="\n")
        writer.writerows(self._csv_rows(dates))
        return into.getvalue().encode()

    def _csv_rows(self, dates: ProjectDates) -> Iterator[list[Any]]:
        """Yield the head and then all rows."""
        if self.kind == "bars":
            yield ["name", "value", "low", "high", "share_of_variance"]
            yield from ([row["name"], row["value"], row["low"], row["high"], row.get("dot")] for row in self.rows)
        elif self.kind == "strips":
            yield ["name", "begin_day", "end_day", "what"]
            yield from (
                [row["name"], piece["begin"], piece["end"], piece["text"]]
                for row in self.rows
                for piece in row["pieces"]
            )
        else:
            yield ["series", "day" if self.x.start else "x", *["date"] * bool(self.x.start), "value", "from"]
            date_of_day: dict[float, str] = {}  # many series have the same days
            finish_of = partial(finish_date, dates.start)
            for series in self.series:
                xs, ys = _exact(series.x), _exact(series.y)
                lows: Iterable[Any] = repeat("") if series.y0 is None else _exact(series.y0)
                columns = [
                    repeat(series.name),
                    xs,
                    *[_dates(series.x, dates, date_of_day)] * bool(self.x.start),
                    [iso_date(y, finish_of) for y in ys] if self.y.start else ys,
                    lows,
                ]
                yield from map(list, zip(*columns, strict=False))  # columns have one more x


def _dates(days: NDArray[np.float64], dates: ProjectDates, date_of_day: dict[float, str]) -> list[str]:
    """Return the ISO dates of days since the start of the project, added to those known; "" for one that is infinite."""
    for day in (day_list := days.tolist()):
        if day not in date_of_day:
            date_of_day[day] = iso_date(day, dates.date_of)
    return [date_of_day[day] for day in day_list]


def iso_date(day: float, date_of: Callable[[float], date]) -> str:
    """Return a day as an ISO date, "" for one that is never reached; starts and finishes have other dates at midnight."""
    return date_of(day).isoformat() if math.isfinite(day) else ""


def _exact(values: NDArray[np.float64]) -> list[float]:
    """Return numbers rounded to ten significant digits."""
    return [float(f"{value:.10g}") for value in values.tolist()]


def _place(axis: ChartAxis, dates: ProjectDates | None, x: float) -> str:
    """Return a position on an axis as text: a date where the axis has dates, else a number."""
    if axis.start and dates is not None:
        return dates.date_of(x).isoformat()
    return f"{x:,.{axis.digits}f}"


def _cell(series: Series, x: float, axis: ChartAxis) -> str:
    """Return the value of a series at `x` as text: from-to of a band, the height of an area."""
    index = int(np.searchsorted(np.asarray(series.x, dtype=np.float64), x, side="right")) - 1
    if index < 0 or index >= len(series.y):
        return ""

    def write(value: float) -> str:
        return f"{axis.prefix}{value:,.{axis.digits}f}{axis.suffix}"

    high, low = float(series.y[index]), None if series.y0 is None else float(series.y0[index])
    if low is None:
        return write(high)
    return f"{write(low)} to {write(high)}" if series.kind == "band" else write(high - low)


def _document(part: Any) -> dict[str, Any]:
    """Return what differs from the default."""
    values = {one.name: (getattr(part, one.name), one.default) for one in fields(part) if one.name not in POINTS}
    return {name: json_value(value) for name, (value, default) in values.items() if value != default}


def json_value(value: Any) -> Any:
    """Return a value as JSON can hold it, numbers with as many figures as can be seen."""
    if isinstance(value, dict):
        return {key: json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(item) for item in value]
    if isinstance(value, float | np.floating):
        return None if not math.isfinite(value) else _significant(float(value))
    return value


def _significant(value: float) -> float | int:
    near = float(f"{value:.{SIGNIFICANT_FIGURES + 2}g}")
    return int(near) if near.is_integer() else near


def _series(series: Series) -> dict[str, Any]:
    """Return a series as a document, without the points at which a stepped line does not change."""
    x, y = np.asarray(series.x, dtype=np.float64), np.asarray(series.y, dtype=np.float64)
    y0 = None if series.y0 is None else np.asarray(series.y0, dtype=np.float64)
    if series.kind in {"line", "band", "area"} and series.step and len(x) > 2:
        rows = y[:, None] if y0 is None else np.stack([y, y0], axis=1)
        changes = np.concatenate([[True], np.any(rows[1:] != rows[:-1], axis=1)])
        changes[-1] = True
        x, y, y0 = x[changes], y[changes], None if y0 is None else y0[changes]
    document = _document(series)
    document |= {"x": _rounded(x), "y": _rounded(y), "name": series.name, "kind": series.kind, "colour": series.colour}
    return document if y0 is None else document | {"y0": _rounded(y0)}


def _rounded(values: NDArray[np.float64]) -> list[float | int | None]:
    """Return numbers to a ten-thousandth of the largest, so that the page is small and the drawing the same."""
    max_abs = float(np.nanmax(np.abs(values[np.isfinite(values)]), initial=0.0))
    places = max(0, SIGNIFICANT_FIGURES - 1 - math.floor(math.log10(max_abs))) if max_abs else 0
    rounded = [None if not math.isfinite(v) else round(v, places) for v in values.tolist()]
    if max_abs >= 10**SIGNIFICANT_FIGURES:  # below it rounding to places leaves no more figures than that
        return [None if v is None else _significant(v) for v in rounded]
    return [int(v) if v is not None and v.is_integer() else v for v in rounded]


# --- what the charts of a result share --------------------------------------------------------------------------------


DASHED, DOTTED = "7 4", "2 3"


def date_axis(dates: ProjectDates, low: float, high: float) -> ChartAxis:
    """Return the axis of dates between two days."""
    return ChartAxis(range=(low, max(high, low + 1.0)), start=dates.start.isoformat())


def money_axis(label: str, unit: str, bounds: tuple[float, float] | None = None) -> ChartAxis:
    """Return an axis of amounts in a unit as `money_scale` returns it, such as `$bn`."""
    sign = display().sign
    return ChartAxis(f"{label}, {unit}", prefix=sign, suffix=f" {unit.removeprefix(sign)}", digits=2, range=bounds)


def in_one_line(caption: str) -> str:
    """Return a caption of two lines as one."""
    return caption.replace("\n", ". ")


def curve_of(curves: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return one curve of a result in order of time."""
    return curves[curves["curve"] == name].sort_values("day")


def moving_days(curve: pd.DataFrame, columns: Sequence[str], around: float = 14.0) -> tuple[float, float]:
    """Return the days from just before a curve begins to move until just after it has come to rest."""
    days = curve["day"].to_numpy(dtype=np.float64)
    moving = np.flatnonzero(np.diff(curve[[*columns]].to_numpy(dtype=np.float64), axis=0).any(axis=1))
    if not len(moving):
        return float(days[0]), float(days[-1])
    return float(max(days[moving[0]] - around, days[0])), float(min(days[moving[-1] + 1] + around, days[-1]))
