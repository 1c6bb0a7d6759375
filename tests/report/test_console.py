from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from sim.metrics.registry import DIRECTIONS
from sim.report.console import describe_comparison, describe_run, plain_text
from sim.report.formatting import MetricEstimate, metric_format
from sim.report.html_report.run_report import percentiles
from sim.report.result_view import ResultView
from sim.report.verdict import KeyResult, headline, key_results
from sim.study.compare import TOO_FEW, compare, table
from sim.study.result import Result

MakeUp = Callable[..., Result]
FINISH = "lead_time_full_days"


def of(result: Result, part: str, label: str) -> KeyResult:
    found = [f for f in key_results(ResultView.of(result)) if (f.part, f.label) == (part, label)]
    assert len(found) == 1, [(f.part, f.label) for f in key_results(ResultView.of(result))]
    return found[0]


def numbers(text: str) -> list[float]:
    return [float(n.replace(",", "")) for n in re.findall(r"\d[\d,]*\.?\d*", text)]


@pytest.mark.parametrize(("label", "p"), [("P50", "p50"), ("P80, on or before", "p80")])
def test_dates_are_the_summarys(hybrid: Result, label: str, p: str) -> None:
    row = hybrid.summary().loc[FINISH]
    found = of(hybrid, "all MW online", label)
    assert f"(day {math.ceil(row[p])})" in found.value
    assert f"(day {math.ceil(row[f'{p}_low'])} to {math.ceil(row[f'{p}_high'])})" in found.note


@pytest.mark.parametrize(
    ("start", "day", "said"),
    [("2027-03-01", 402.25, "6 Apr 2028 (day 403)"), ("2027-12-24", 545.25, "21 Jun 2029 (day 546)")],
)
def test_the_day_beside_a_date_counts_the_start_date_as_day_1(
    made_up: MakeUp, start: str, day: float, said: str
) -> None:
    made = made_up(limits={FINISH: day})
    runs = dict(made.sample.runs) | {FINISH: np.full(made.sample.size, day)}
    result = replace(made, sample=replace(made.sample, runs=runs))
    result.manifest.update(start_date=start, planned={FINISH: day}, most_likely={FINISH: day})
    for label in ("expected plan", "most likely plan", "target"):
        assert of(result, "all MW online", label).value == said
    view = ResultView.of(result)
    assert {text for _, _, text in percentiles(view)} == {said}
    estimate = MetricEstimate(metric_format(FINISH), day, day, day)
    assert estimate.date_text(view.dates) == said
    assert estimate.date_interval_text(view.dates).endswith(said[-9:])


def test_the_plan_comes_first_with_its_confidence_and_the_contingency(hybrid: Result) -> None:
    planned = hybrid.manifest["planned"][FINISH]
    first = key_results(ResultView.of(hybrid))[0]
    kept = np.mean(hybrid.runs[FINISH] <= planned)
    assert (first.part, first.label) == ("all MW online", "expected plan")
    assert first.value == f"10 Jul 2028 (day {math.ceil(planned)})"  # day 551.6 after 4 Jan 2027 is a Saturday
    assert first.note.startswith("kept in 35 % (")
    assert kept == 0.345
    p80 = hybrid.summary().loc[FINISH, "p80"]
    assert of(hybrid, "all MW online", "contingency").value == f"{p80 - planned:.0f} days"


def test_the_first_sentence_is_the_date_to_promise_and_how_sure_the_plan_is(hybrid: Result) -> None:
    sentence = headline(ResultView.of(hybrid))
    late, plan = of(hybrid, "all MW online", "P80, on or before"), key_results(ResultView.of(hybrid))[0]
    assert sentence.startswith(f"80 % of the runs have all MW online on or before {late.value.split(' (')[0]}: ")
    assert f"The expected plan's date, {plan.value.split(' (')[0]}, has a confidence of 35 % (" in sentence
    assert "The target date" in sentence
    assert sentence.split(":")[0] in plain_text(describe_run(hybrid)).replace("\n", " ")


def test_capital_that_never_comes_into_service_is_told_where_it_is_more_than_a_few_invoices(hybrid: Result) -> None:
    total = hybrid.runs["capital_total_usd"].to_numpy()
    labels = {}
    for share in (0.01, 0.3):
        runs = {**hybrid.sample.runs, "stranded_capital_usd": share * total}
        result = replace(hybrid, sample=replace(hybrid.sample, runs=runs))
        labels[share] = [found.label for found in key_results(ResultView.of(result))]
    assert "never in service" not in labels[0.01]
    assert "never in service" in labels[0.3]


def test_people_and_capital_are_the_summarys(hybrid: Result) -> None:
    summary = hybrid.summary()
    people = summary.loc["peak_workforce_onsite"]
    assert of(hybrid, "peak workforce on site", "P50 / P80").value == f"{people.p50:.0f} / {people.p80:.0f} people"
    under = np.mean(hybrid.runs["peak_workforce_onsite"] < 450)
    assert of(hybrid, "peak workforce on site", "under 450").value == f"in {under:.0%} of runs".replace("%", " %")
    for metric, label in (("idle_capital_months", "deployed"), ("authorised_idle_months", "authorised")):
        found, row = of(hybrid, "idle capital, P50 / P80", label), summary.loc[metric]
        assert numbers(found.value) == pytest.approx([row.p50, row.p80], abs=0.05)
    total = summary.loc["capital_total_usd"]
    found = of(hybrid, "capital in total", "P50 / P80")
    assert numbers(found.value) == pytest.approx([total.p50 / 1e9, total.p80 / 1e9], abs=1e-3)


def test_the_text_ends_with_what_the_intervals_are_not(hybrid: Result) -> None:
    text = plain_text(describe_run(hybrid))
    assert text.startswith("hybrid\n")
    assert "1,000 runs, seed 1. Intervals are 95 %: sampling error only, not input or model error." in text
    assert max(map(len, text.splitlines())) <= 110
    for line in key_results(ResultView.of(hybrid)):
        assert line.value in text


def test_stalls_are_said_first_and_never_averaged(made_up: MakeUp) -> None:
    result = made_up(200, stalled=60)
    first = key_results(ResultView.of(result))[0]
    assert first.value == "not reached in 30 % of runs"
    late = of(result, "all MW online", "P80, on or before")
    assert (late.value, late.note) == ("not reached", "not reached")
    assert "day" in of(result, "all MW online", "P50").value
    assert not [f for f in key_results(ResultView.of(result)) if f.label == "contingency"]
    assert "inf" not in plain_text(describe_run(result)).replace("infrastructure", "")


def test_an_upper_end_that_stalls_is_open(made_up: MakeUp) -> None:
    assert of(made_up(60, stalled=9), "all MW online", "P80, on or before").note.endswith("or later")


def test_failed_runs_withhold_the_p80(made_up: MakeUp) -> None:
    result = made_up(200, failed=3)
    assert key_results(ResultView.of(result))[0].value == "3 of 200 runs"
    late = of(result, "all MW online", "P80, on or before")
    assert (late.value, late.note) == ("not quoted", "more than 0.1 % of the runs failed")


def test_where_every_run_failed_nothing_else_is_said(made_up: MakeUp) -> None:
    assert [f.value for f in key_results(ResultView.of(made_up(20, failed=20)))] == ["20 of 20 runs"]


def test_one_run_has_no_interval(made_up: MakeUp) -> None:
    assert of(made_up(1), "all MW online", "P50").note == "too few runs for an interval"


def test_one_block_is_first_and_last(made_up: MakeUp) -> None:
    assert "first MW online" not in {f.part for f in key_results(ResultView.of(made_up(50, blocks=1)))}


def test_without_limits_nothing_is_compared_with_them(made_up: MakeUp) -> None:
    labels = {f.label for f in key_results(ResultView.of(made_up(50, limits={})))}
    assert "target" not in labels
    assert not [label for label in labels if label.startswith("under")]


def test_orders_over_time_have_no_one_finish(made_up: MakeUp) -> None:
    result = made_up(50)
    del result.sample.runs[FINISH]
    assert {f.part for f in key_results(ResultView.of(result))} >= {"orders over time", "first MW online"}


# --- several strategies -------------------------------------------------------------------------------


def compared(results: dict[str, Result]) -> str:
    differences = table(compare({name: r.sample for name, r in results.items()}, DIRECTIONS))
    return plain_text(describe_comparison(results, differences))


def test_strategies_side_by_side_and_pair_by_pair(made_up: MakeUp) -> None:
    results = {
        "stick": made_up(200, name="stick", first=520, last=640, peak=2000),
        "hybrid": made_up(200),
        "modular": made_up(200, name="modular", last=720, limits={}),
    }
    text = compared(results)
    for result in results.values():
        row = result.summary().loc[FINISH]
        for p in ("p50", "p80"):
            assert f"{row[p]:.0f} ({row[f'{p}_low']:.0f} to {row[f'{p}_high']:.0f})" in text
    assert "all MW online, days" in text
    assert "0 % (0 to 2 %)" in text  # 2,000 people are never under 450
    mean = (results["hybrid"].runs[FINISH] - results["stick"].runs[FINISH]).mean()
    assert "hybrid \N{MINUS SIGN} stick\n" in text
    assert f"\N{MINUS SIGN}{-mean:.0f} days" in text
    assert text.count("P(hybrid better)") == text.count("P(modular better)") == 1
    assert text.count(TOO_FEW) == 1
    assert "all pairs hold together at 95 %" in text
    assert max(map(len, text.splitlines())) <= 110


def test_no_mean_difference_is_printed_where_runs_stalled(made_up: MakeUp) -> None:
    text = compared({"base": made_up(100, name="base"), "case": made_up(100, stalled=5)})
    assert "none: runs stalled" in text
    assert "stalled / failed runs" in text


def test_no_difference_is_called_that(made_up: MakeUp) -> None:
    text = compared({"one": made_up(100), "other": made_up(100)})
    assert "no practical difference" in text
    assert "equal in 100 %" in text
