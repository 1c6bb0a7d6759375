"""A first order after the start date: lead times stay lengths, and every date that is told counts from the start date."""

from __future__ import annotations

import re
from datetime import date, timedelta
from functools import cache
from io import BytesIO

import numpy as np
import pytest
from openpyxl import load_workbook

import sim
from sim.metrics.metric import FINISH, FINISH_DAY, FIRST, FIRST_DAY, date_metric, finish_metric
from sim.report.exchange.export import prepare_export
from sim.report.exchange.workbook import workbook
from sim.report.figures import figures_of_comparison
from sim.report.formatting import day_of_month
from sim.report.html_report.compare_report import pay_and_get
from sim.report.html_report.one_page import tiles
from sim.report.html_report.run_charts import run_charts
from sim.report.html_report.run_report import percentiles, ramp_rows
from sim.report.presentation import describe_forecast
from sim.report.result_view import ResultView
from sim.report.verdict import headline, key_results, verdict_sentences
from sim.study.analyses.forecast.status import Status
from sim.study.analyses.forecast.trend import Attribution, forecast_summary
from sim.study.api import compare_results
from sim.study.result import Result
from tests.tiny_project import TINY, tiny

START = date(2026, 1, 5)
ORDERED = 10
LATER = f"orders={{given: [{{day: {ORDERED}, mw: 5}}]}}"
FOLLOWING = (
    "orders={policy: follow_demand, look_ahead_days: 40, demand: {path: [{day: 60, mw: 2.5}, {day: 100, mw: 5}]}}"
)
RELEASED = "orders={policy: released, released_days_ahead: 25}"
FIRST_MW, ALL_MW, TARGET = 27, 30, 30
"""Days after the order at which the tiny project has its blocks online, and its target: known by hand."""


@cache
def result(*overrides: str) -> Result:
    return sim.run(tiny("money.horizon_days=200", *overrides), runs=4, seed=1, workers=1)


def finish_on(day: int) -> str:
    """The date of a finish at the midnight that ends so many days."""
    return day_of_month(START + timedelta(days=day - 1))


# --- the metrics ------------------------------------------------------------------------------------------------------


def test_what_is_ordered_on_the_start_date_has_no_metrics_of_its_own_for_dates() -> None:
    assert not {FIRST_DAY, FINISH_DAY} & {*result().sample.metrics}
    assert result().manifest["limits"] == {FINISH: TARGET, "peak_workforce_onsite": 450}
    assert date_metric(FINISH, result().sample.metrics) == FINISH


def test_a_later_order_moves_the_dates_and_not_the_lead_times() -> None:
    runs, planned = result(LATER).sample.runs, result(LATER).manifest["planned"]
    assert (set(runs[FIRST]), set(runs[FINISH])) == ({FIRST_MW}, {ALL_MW})
    assert (set(runs[FIRST_DAY]), set(runs[FINISH_DAY])) == ({FIRST_MW + ORDERED}, {ALL_MW + ORDERED})
    assert (planned[FIRST_DAY], planned[FINISH_DAY]) == (FIRST_MW + ORDERED, ALL_MW + ORDERED)
    # the target is a lead time, too
    assert result(LATER).manifest["limits"][FINISH_DAY] == TARGET + ORDERED


def test_orders_that_follow_demand_have_a_date_of_the_first_mw_and_none_of_all() -> None:
    runs = result(FOLLOWING).sample.runs
    assert set(runs[FIRST_DAY] - runs[FIRST]) == {20}  # needed on day 60, in sight 40 days before
    assert set(runs[FIRST_DAY]) == {min(result(FOLLOWING).manifest["planned_blocks"].values())}
    assert finish_metric(result(FOLLOWING).sample.metrics) == "lead_time_mw_weighted_days"
    assert FINISH_DAY not in runs


# --- what is told of them ---------------------------------------------------------------------------------------------


def test_every_date_of_a_report_is_that_of_the_curve() -> None:
    view = ResultView.of(result(LATER))
    curve = result(LATER).curve("mw_online")["p50"]
    first, last, target = (finish_on(ORDERED + days) for days in (FIRST_MW, ALL_MW, TARGET))
    assert finish_on(int(np.argmax(curve > 0)) + 1) == first
    assert finish_on(int(np.argmax(curve == 5)) + 1) == last
    lines = {(line.part, line.label): line.value for line in key_results(view)}
    assert lines["first MW online", "P50"] == f"{first} (day {ORDERED + FIRST_MW})"
    for label in ("P50", "expected plan", "most likely plan"):
        assert lines["all MW online", label] == f"{last} (day {ORDERED + ALL_MW})"
    assert lines["all MW online", "target"] == f"{target} (day {ORDERED + TARGET})"
    assert last in headline(view)
    assert last in verdict_sentences(view)[0]
    assert {tile.label: tile.value for tile in tiles(view)} == {
        **{tile.label: tile.value for tile in tiles(view)},
        "all MW online, P80": last, "expected plan": last, "target": target, "first MW online, P80": first,
    }  # fmt: skip
    assert [(row.p50, row.planned, row.kept[:5]) for row in ramp_rows(view)] == [
        (first, first, "100 %"), (last, last, "100 %"),
    ]  # fmt: skip
    assert {text for _, _, text in percentiles(view)} == {f"{last} (day {ORDERED + ALL_MW})"}
    assert [(mark.name, mark.p50, mark.planned) for mark in view.dates_reached if "MW online" in mark.name] == [
        ("first MW online", ORDERED + FIRST_MW, ORDERED + FIRST_MW),
        ("all MW online", ORDERED + ALL_MW, ORDERED + ALL_MW),
    ]
    assert f"day {ORDERED + ALL_MW} (P50)" in result(LATER).headline()


def test_every_chart_has_the_dates_of_the_curve() -> None:
    charts = run_charts(ResultView.of(result(LATER)))
    first, last = (finish_on(ORDERED + days) for days in (FIRST_MW, ALL_MW))
    assert charts["mw_online"].title == f"First MW online {first}, all 5 MW {last} (P50)"
    marks = {mark.label: mark.at for mark in charts["mw_online"].marks}
    assert marks[f"first MW, P80 {first}"] == ORDERED + FIRST_MW
    assert marks[f"all MW, P80 {last}"] == ORDERED + ALL_MW
    assert {mark.at for mark in charts["finish"].marks} == {ORDERED + ALL_MW}
    assert finish_on(ORDERED + FIRST_MW) in result(LATER).plot.mw_online().get_title(loc="left")


def test_a_question_is_answered_with_the_date() -> None:
    for days, questions in ((FIRST_MW, (FIRST, FIRST_DAY, "mw >= 2.5")), (ALL_MW, ("finish", FINISH, "mw >= 5"))):
        day = START + timedelta(days=ORDERED + days - 1)
        for question in questions:
            assert set(result(LATER).ask(question).percentiles.values()) == {day}
            by = [result(LATER).ask(f"{question} by {day + timedelta(days=later)}") for later in (-1, 0)]
            assert [answer.probability.value for answer in by] == [0, 1]


def test_compared_projects_have_their_own_dates() -> None:
    views = ResultView.of_each({"at once": result(), "later": result(LATER)})
    rows = {row[0]: row[1:] for row in pay_and_get(views)}
    assert rows["all MW online, P50"] == (finish_on(ALL_MW), finish_on(ORDERED + ALL_MW))
    assert rows["first MW online, P80"] == (finish_on(FIRST_MW), finish_on(ORDERED + FIRST_MW))


def test_a_forecast_tells_the_dates_of_the_first_and_the_last_mw() -> None:
    config = sim.load(TINY, [LATER])
    at = Status("status.csv", START + timedelta(days=14), 15 * 1440, ())
    found = sim.forecast(config, at, runs=4, workers=1)
    shifts = Attribution(config, at, runs=4, seed=1).shifts(found.sample)
    text = describe_forecast(found, shifts, [])
    assert re.search(rf"first MW +P50 {finish_on(ORDERED + FIRST_MW)}", text)
    assert re.search(rf"all MW +P50 {finish_on(ORDERED + ALL_MW)}", text)
    assert re.search(rf"plan +P50 {finish_on(ORDERED + ALL_MW)}", text)
    assert forecast_summary(found)["days"]["all"]["p80"] == ORDERED + ALL_MW


# --- orders over time -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("orders", [FOLLOWING, RELEASED], ids=["follow_demand", "released"])
def test_a_forecast_of_orders_over_time_says_how_long_a_mw_takes(orders: str) -> None:
    config = sim.load(TINY, [orders, "money.horizon_days=200"])
    at = Status("status.csv", START + timedelta(days=14), 15 * 1440, ())
    found = sim.forecast(config, at, runs=4, workers=1)
    attribution = Attribution(config, at, runs=4, seed=1)
    shifts = attribution.shifts(found.sample)
    assert shifts == attribution.shifts()  # those of the forecast itself, and simulated again
    mean_days = found.numbers["lead_time_mw_weighted_days"]["p50"]
    assert sum(shift.p50 for shift in shifts) == pytest.approx(mean_days)
    text = describe_forecast(found, shifts, [])
    assert f"a MW      P50 {mean_days:.0f} days" in text
    assert "all MW" not in text


def test_the_workbook_has_a_date_where_there_is_one_and_days_elsewhere() -> None:
    said = []
    for orders in (LATER, FOLLOWING):
        sheets = load_workbook(BytesIO(workbook(prepare_export(result(orders), 2)))).worksheets
        said.append(str(sheets[0]["A2"].value))
    assert said[0].startswith(f"All MW online on or before {finish_on(ORDERED + ALL_MW)} (day {ORDERED + ALL_MW})")
    assert said[1].startswith("A MW is online at most 22 days after its order")


def test_projects_with_orders_over_time_are_compared_in_a_figure() -> None:
    results = {"one": result(FOLLOWING), "other": result(RELEASED)}
    comparison = compare_results(results)
    drawn = dict(figures_of_comparison(ResultView.of_each(results), comparison.table()))
    assert drawn["strategy_cloud"]().get_xlabel() == "lead time, mean over MW, days after the order"
    assert sim.plot.paired_difference(comparison, "other").get_xlabel().startswith("lead time, mean over MW: other")
