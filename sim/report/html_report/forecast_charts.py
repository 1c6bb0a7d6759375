"""What a report shows of a project under way: the data date and what is actual, forecasts over data dates, earned value."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from sim.config.sections.display_units import display
from sim.report.figures.gantt import data_day
from sim.report.formatting import day_of_month, money_scale, percent
from sim.report.html_report.chart_spec import DASHED, Chart, ChartAxis, Mark, Series, curve_of, date_axis
from sim.report.result_view import ResultView, Values
from sim.study.statistics.sobol_indices import factor_in_words

ACTUAL = ("mw_online", "headcount")
"""Charts of one curve by day that have an actual line."""
CAPITAL = "capital_deployed_usd"


def at_data_date(view: ResultView, charts: Mapping[str, Chart]) -> dict[str, Chart]:
    """Return charts with the data date where they have dates; as they are where the project begins at its first day."""
    day = data_day(view.manifest)
    if day is None:
        return dict(charts)
    marked = {name: _with_actual(view, name, chart, day) if chart.x.start else chart for name, chart in charts.items()}
    return marked | trend_charts(view)


def _with_actual(view: ResultView, name: str, chart: Chart, day: int) -> Chart:
    """Return a chart with a mark at the data date, and its actual values until then."""
    mark = Mark("x", float(day), f"data date {day_of_month(view.dates.date_of(day - 1))}", "ink", DASHED)
    series = chart.series
    if (actual := _actual_curve(view, name)) is not None:
        days, values = actual
        series = (
            *series,
            Series(_actual_label(view, name), "line", "ink", days[days < day], values[days < day], width=2.5),
        )
    if name == "mw_online":
        series = (*series, *_last_forecast(view))
    return replace(chart, x=_reaching(chart.x, day), series=series, marks=(*chart.marks, mark))


def _reaching(axis: ChartAxis, day: int) -> ChartAxis:
    """Return an axis of dates that reaches back to a day."""
    if axis.range is None or axis.range[0] < day:
        return axis
    low, high = axis.range
    return replace(axis, range=(day - 0.02 * (high - low), high))


def _actual_label(view: ResultView, name: str) -> str:
    """Return what the line until the data date is called: of people and money nothing may be reported."""
    kind = {"headcount": "people", "capital": "money"}.get(name)
    kinds = view.manifest["forecast"].get("kinds")
    return "actual" if kind is None or kinds is None or kind in kinds else "until the data date, as planned"


def _actual_curve(view: ResultView, name: str) -> tuple[Values, Values] | None:
    """Return (days, values) of the curve whose part before the data date is actual; None for other charts."""
    if name == "skids":
        return view.hours["day"].to_numpy(), view.hours["skids_p50"].to_numpy()
    if name not in (*ACTUAL, "capital"):
        return None
    curve = curve_of(view.curves, CAPITAL if name == "capital" else name)
    scale = money_scale(float(curve["mean"].max()))[0] if name == "capital" else 1.0
    return curve["day"].to_numpy(), curve["p50"].to_numpy() / scale


def _last_forecast(view: ResultView) -> Iterator[Series]:
    """Yield P50 and P80 of first, half and all MW as the previous forecast had them."""
    previous = view.manifest["forecast"].get("trend", [])[:-1]
    if not previous or not view.planned_ramp:
        return
    first_mw, full_mw = view.planned_ramp[0][1], view.planned_ramp[-1][1]
    for quantile, colour in (("p50", "p50"), ("p80", "p80")):
        days = [_number(previous[-1]["days"].get(name, {}).get(quantile)) for name in FIRST_HALF_ALL]
        label = f"forecast of {day_of_month(date.fromisoformat(previous[-1]['data_date']))}, {quantile.upper()}"
        yield Series(label, "line", colour, days, [first_mw, full_mw / 2, full_mw], dash=DASHED, width=1.2)


# --- forecasts over data dates ------------------------------------------------------------------------------------------


FIRST_HALF_ALL = ("first", "half", "all")


def trend_charts(view: ResultView) -> dict[str, Chart]:
    """Return the trend of the first, half and all MW over data dates, and the milestone trend chart where there are any.

    One forecast has no trend.
    """
    forecasts = view.manifest["forecast"].get("trend", [])
    if len(forecasts) <= 1:
        return {}
    names = [name for name in forecasts[-1]["days"] if name not in FIRST_HALF_ALL]
    charts = {
        "trend": _trend(view, forecasts, FIRST_HALF_ALL, "Forecasts over data dates: first, half and all MW", " MW")
    }
    if names:
        charts["milestone_trend"] = _trend(view, forecasts, names, "Milestone trend chart", "")
    return charts


def _trend(
    view: ResultView, forecasts: Sequence[Mapping[str, Any]], names: Sequence[str], title: str, unit: str
) -> Chart:
    """Return a chart of forecast days over data dates: a line is level where a forecast holds."""
    start = date.fromisoformat(view.manifest["start_date"])
    dates = [(date.fromisoformat(forecast["data_date"]) - start).days for forecast in forecasts]
    series: list[Series] = []
    for number, name in enumerate(names):
        for quantile, dash in (("p50", ""), ("p80", DASHED)):
            days = [_number(forecast["days"].get(name, {}).get(quantile)) for forecast in forecasts]
            label, colour = f"{name}{unit}, {quantile.upper()}", f"strategy-{number % 6}"
            series.append(Series(label, "line", colour, dates, days, dash=dash))
            series.append(Series(label, "points", colour, dates, days, width=3.0, unlisted=True))
    finite_days = [day for line in series for day in line.y.tolist() if math.isfinite(day)]
    low, high = min([dates[0], *finite_days]), max([dates[-1], *finite_days])
    margin = 0.05 * (high - low)
    return Chart(
        title,
        f"Solid: P50, dashed: P80, as forecast at {len(forecasts)} data dates. A level line holds; one that rises slips."
        " On the thin line a date is reached.",
        f"{title}: {len(forecasts)} data dates, from {forecasts[0]['data_date']} to {forecasts[-1]['data_date']}.",
        date_axis(view.dates, dates[0] - 7, max(dates[-1] + 30, dates[0] + 60)),
        replace(date_axis(view.dates, low - margin, high + margin), label="forecast date"),
        series=(*series, Series("reached", "line", "muted", [low, high], [low, high], width=1.0)),
        head=("data date", *(f"{name}{unit}, {q}" for name in names for q in ("P50", "P80"))),
        table_rows=[
            [
                forecast["data_date"],
                *(_date(view, forecast["days"].get(name, {}).get(q)) for name in names for q in ("p50", "p80"))
            ]
            for forecast in forecasts
        ],
    )  # fmt: skip


def _number(day: Any) -> float:
    return float("nan") if day is None else float(day)


def _date(view: ResultView, day: Any) -> str:
    return "never" if day is None or not math.isfinite(float(day)) else view.dates.format(float(day))


# --- tables -------------------------------------------------------------------------------------------------------------


EARNED_HEAD = ("", "PV", "EV", "AC", "SPI", "CPI", "SPI(t)", "earned schedule", "EAC")
LEARNT_HEAD = ("factor", "before: median (P10 to P90)", "after", "of its variance explained")


def forecast_tables(view: ResultView) -> dict[str, Any]:
    """Return the tables of a project under way: earned value, and what was learnt; empty where it is none."""
    forecast = view.manifest.get("forecast")
    if forecast is None:
        return {"under_way": None}
    earned_value = forecast["earned_value"]
    return {
        "under_way": {
            "data_date": day_of_month(date.fromisoformat(forecast["data_date"])),
            "earned_head": EARNED_HEAD,
            "earned": [
                _earned_value_row("hours", earned_value["hours"], 1.0, "{:,.0f}"),
                _earned_value_row(
                    f"million {display().currency}", earned_value["usd"], 1e6 / display().rate, "{:,.1f}"
                ),
            ],
            "learnt_head": LEARNT_HEAD,
            "learnt": [
                [
                    factor_in_words(factor["factor"]),
                    _range_text(factor["prior"]),
                    _range_text(factor["posterior"]),
                    percent(factor["explained"]),
                ]
                for factor in forecast["learnt"]
            ],
            "remarks": [
                *(f"Note: {text}." for text in forecast.get("notes", [])),
                *(
                    f"Nothing is learnt from {text}: the other facts contradict it."
                    for text in forecast.get("not_learnt_from", [])
                ),
                *(f"Out of sequence: {text}." for text in forecast["out_of_sequence"]),
                *(
                    f"The status was written for another configuration: {text}."
                    for text in forecast.get("other_configuration", [])
                ),
            ],
        }
    }


def _earned_value_row(unit: str, values: Mapping[str, Any], scale: float, number_format: str) -> list[str]:
    """Return a row of earned value as text; unknown numbers are empty."""

    def written(name: str, number_format: str, scale: float = 1.0) -> str:
        return "" if values[name] is None else number_format.format(values[name] / scale)

    amounts = [written(name, number_format, scale) for name in ("planned", "earned", "actual")]
    indices = [written(name, "{:.2f}") for name in ("spi", "cpi", "spi_t")]
    schedule = f"day {values['earned_schedule']:.0f} on day {values['time']:.0f}"
    return [unit, *amounts, *indices, schedule, written("estimate_at_completion", number_format, scale)]


def _range_text(quantiles: Sequence[float]) -> str:
    middle, low, high = quantiles
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"
