"""The report of a project under way: data date, actual and remaining, forecasts over data dates, earned value, levers."""

from __future__ import annotations

import math
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

import sim
from sim.report.figures.from_result import gantt
from sim.report.figures.gantt import data_day
from sim.report.formatting import day_of_month
from sim.report.html_report.gantt_document import gantt_document
from sim.report.html_report.run_charts import run_charts
from sim.report.html_report.run_report import page
from sim.report.presentation import describe_forecast, describe_trend
from sim.report.result_view import ResultView
from sim.study.analyses.forecast.status import Fact
from sim.study.analyses.forecast.trend import (
    DateShift,
    forecast_summary,
    save_forecast,
    saved_forecasts,
    shifts_since,
    with_trend,
)
from sim.study.result import Result
from sim.study.statistics.intervals import sampled_quantile
from sim.study.statistics.sobol_indices import factor_in_words
from tests.study.analyses.forecast.test_forecast import CONFIG, START, status


@cache
def forecast(share: float) -> Result:
    at = status(share)
    facts = (
        Fact(2, "hours", "spent", date=at.minute, count=5000.0),
        Fact(3, "money", "paid", date=at.minute, value=9e7),
    )
    return sim.forecast(CONFIG, status(share, *facts), runs=8, workers=1, levers=True)


def told(tmp_path: Path) -> Result:
    """Return the second of two forecasts, with the trend as the command gives it to the report."""
    save_forecast(forecast(0.5), tmp_path / "out")
    return with_trend(forecast(0.7), saved_forecasts(tmp_path / "out"))


def test_the_trend_has_every_data_date_and_what_each_forecast_told(tmp_path: Path) -> None:
    result = told(tmp_path)
    charts = run_charts(ResultView.of(result))
    (line,) = (one for one in charts["trend"].series if one.name == "all MW, P80" and one.kind == "line")
    assert line.x.tolist() == [status(share).minute / 1440 - 1 for share in (0.5, 0.7)]
    assert line.y.tolist() == [forecast_summary(forecast(share))["days"]["all"]["p80"] for share in (0.5, 0.7)]
    # a forecast of the same data date again takes the place of the one before
    save_forecast(forecast(0.7), tmp_path / "out")
    again = with_trend(forecast(0.7), saved_forecasts(tmp_path / "out"))
    assert len(again.manifest["forecast"]["trend"]) == 2
    # forecast dates are dates: on the axis, and in the numbers of the chart
    assert charts["trend"].y.start == result.manifest["start_date"]
    rows = charts["trend"].csv(ResultView.of(result).dates).decode().splitlines()
    day = math.ceil(forecast_summary(forecast(0.5))["days"]["first"]["p50"])
    assert f",{START + timedelta(days=day - 1)}," in rows[1]


def test_the_milestone_trend_has_a_line_for_every_milestone_of_the_contract(tmp_path: Path) -> None:
    result = told(tmp_path)
    for one in result.manifest["forecast"]["trend"]:
        one["days"]["dry in"] = {"p50": 200.0, "p80": 210.0}
    chart = run_charts(ResultView.of(result))["milestone_trend"]
    assert [one.y.tolist() for one in chart.series if one.name == "dry in, P50" and one.kind == "line"] == [
        [200.0, 200.0]
    ]
    assert len(chart.table()[1]) == 2


def test_the_gantt_is_solid_until_the_data_date_and_hatched_behind_it() -> None:
    view = ResultView.of(forecast(0.7))
    day = data_day(view.manifest)
    assert day == status(0.7).minute // 1440
    document = gantt_document(view)
    assert document is not None
    assert document["today"] == day
    axes = gantt(view)
    done = [bar for bar in axes.patches if bar.get_gid() == "actual"]
    left = [bar for bar in axes.patches if bar.get_gid() == "remaining"]
    (line,) = [one for one in axes.get_lines() if one.get_gid() == "data date"]
    at = float(np.asarray(line.get_xdata())[0])
    assert done
    assert left
    assert all(not bar.get_hatch() and bar.get_x() + bar.get_width() <= at + 1e-6 for bar in done)  # type: ignore[attr-defined]
    assert all(bar.get_hatch() and bar.get_x() >= at - 1e-6 for bar in left)  # type: ignore[attr-defined]
    plt.close(axes.get_figure())  # type: ignore[arg-type]


def test_a_plan_that_has_not_begun_has_neither_data_date_nor_hatching() -> None:
    view = ResultView.of(sim.run(CONFIG, runs=4, workers=1))
    assert data_day(view.manifest) is None
    axes = gantt(view)
    assert not [bar for bar in axes.patches if bar.get_hatch()]
    assert "Forecast from the data date" not in page(view).decode()
    plt.close(axes.get_figure())  # type: ignore[arg-type]


def test_the_page_has_earned_value_beside_the_forecast_and_what_to_do_next(tmp_path: Path) -> None:
    result = told(tmp_path)
    shown = page(result).decode()
    hours = result.manifest["forecast"]["earned_value"]["hours"]
    assert "Earned value" in shown
    assert f"{hours['earned']:,.0f}" in shown
    assert f"{hours['cpi']:.2f}" in shown
    assert "What would help: levers" in shown
    assert 'data-chart="trend"' in shown
    assert {line.name for line in run_charts(ResultView.of(result))["capital"].series} >= {"actual"}


def test_levers_go_on_from_the_data_date_and_leave_orders_that_were_placed() -> None:
    result = forecast(0.7)
    levers = result.more["levers"]
    assert len(levers["id"])
    assert not any(str(one).startswith(("procurement.", "risks.")) for one in levers["id"])
    # on the same random numbers no lever brings back what is already past
    finish = float(np.median(result.runs["lead_time_full_days"]))
    assert np.all(np.asarray(levers["lead_time_full_days_mean"], float) < finish - status(0.7).minute / 1440)


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        ("pace.everyone", "pace of the whole project"),
        ("pace.electrical", "pace of the electrical factory"),
        ("loss.civil", "labour losses, civil"),
        ("supplier.electrical_gear", "delay of suppliers, electrical gear"),
        ("risk.permits.size", "risk permits, size"),
        ("in calendar.crane", "in calendar crane"),
    ],
)
def test_common_factors_are_written_in_a_planners_words(factor: str, words: str) -> None:
    assert factor_in_words(factor) == words


def test_every_axis_of_dates_reaches_back_to_the_data_date() -> None:
    """Also where nothing is online for long after it; its line would stand beside the chart otherwise."""
    result = forecast(0.3)
    day = (date.fromisoformat(result.manifest["forecast"]["data_date"]) - START).days + 1
    charts = run_charts(ResultView.of(result))
    dated = {name: chart.x.range for name, chart in charts.items() if chart.x.start and chart.x.range}
    assert {name: low for name, (low, _) in dated.items() if low > day} == {}
    assert "mw_online" in dated
    (line,) = (series for series in charts["headcount"].series if series.width == 2.5)
    assert line.name == "until the data date, as planned"


def test_what_moved_the_date_since_the_last_forecast_is_the_difference_of_two_attributions(tmp_path: Path) -> None:
    result, last = forecast(0.7), forecast(0.5)
    names = "plan", "actual progress", "changed promises", "learnt from actuals"
    before = [DateShift(name, *days) for name, days in zip(names, [(700, 720), (4, 5), (0, 0), (-1, -2)], strict=True)]
    now = [DateShift(name, *days) for name, days in zip(names, [(700, 720), (4, 7), (10, 9), (2, 1)], strict=True)]
    save_forecast(last, tmp_path / "out", before)
    summaries = saved_forecasts(tmp_path / "out")
    since = {shift.cause: (shift.p50, shift.p80) for shift in shifts_since(now, summaries[-1])}
    assert since == {"actual progress": (0, 2), "changed promises": (10, 9), "learnt from actuals": (3, 3)}
    text = describe_forecast(result, now, summaries)
    assert "of it since" in text
    assert (
        text.index("+16.0") < text.index("of it since") < text.index("+13.0")
    )  # P50 of all together: from the plan, since
    # what moved is said to be from some of the runs, and which dates these have, where it is
    of_some = describe_forecast(result, now, summaries, replications=3)
    assert "from the plan (P50 day 700, P80 day 720 on the same random numbers, the first 3 runs), in days:" in of_some
    to = [day_of_month(START + timedelta(days=days - 1)) for days in (716, 737)]
    assert f"  to P50 {to[0]}, P80 {to[1]} in the first 3 runs; all {result.sample.size} differ by sampling" in of_some
    assert "before anything was known, the first 3 runs" in of_some
    assert text == describe_forecast(result, now, summaries, replications=result.sample.size)
    # other dates of the plan: another seed or number of replications, so that a difference would be noise
    other = [DateShift("plan", 701, 720), *now[1:]]
    assert shifts_since(other, summaries[-1]) == []
    assert "of it since" not in describe_forecast(result, other, summaries)


def test_half_of_the_mw_is_dated_to_the_day_on_which_it_is_reached() -> None:
    """The ramp has whole days, counted from 0; a date is that of a finish, to which midnight belongs."""
    result = forecast(0.7)
    levels = [float(name) for name in result.sample.ramp if name != "replication"]
    half = min(levels, key=lambda level: abs(level - max(levels) / 2))
    median = sampled_quantile(result.sample.ramp[f"{half:g}"], 0.5, result.sample.sampling).value
    summary = forecast_summary(result)
    assert summary["days"]["half"]["p50"] == median + 1
    assert day_of_month(START + timedelta(days=int(median))) in describe_trend([summary], START.isoformat())
