"""What planners complained of when they looked at a report, a comparison and the pictures: each holds from now on."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import sim
from sim.cli import main
from sim.metrics.metric import FINISH
from sim.report.console import _risk_rows, describe_run, plain_text
from sim.report.exchange.workbook import _scale
from sim.report.figures import palette, run_figures
from sim.report.figures.capital import last_day_shown
from sim.report.figures.drawing import NONE, FigureDrawing
from sim.report.html_report.compare_report import page as comparison_page
from sim.report.html_report.compare_report import pay_and_get
from sim.report.html_report.comparison_charts import comparison_charts
from sim.report.html_report.gantt_document import gantt_document
from sim.report.html_report.run_charts import run_charts
from sim.report.html_report.run_report import page, write_run
from sim.report.html_report.typical_run_charts import flowline
from sim.report.result_view import ResultView
from sim.study.api import compare_results
from sim.study.result import Result
from sim.study.sample import Sample
from tests.tiny_project import TINY, tiny

CHECKS = (Path(__file__).parent / "page_checks.js").read_text(encoding="utf-8")
SMALL = ["scale.capacity_mw=10", "energization.units.count=2", "energization.units.spare=1", "energization.units.mw=15"]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    """A hybrid of 25 MW with its drivers, its levers and its report."""
    place = tmp_path_factory.mktemp("looked") / "hybrid"
    config = sim.load("configs/hybrid.yaml", SMALL)
    found = sim.drivers(config, runs=6, workers=1)
    with_levers = sim.run(config, runs=6, workers=1, levers=True)
    result = Result(
        with_levers.manifest, with_levers.sample, with_levers.log, with_levers.driving, found.result.switched,
        with_levers.more,
    )  # fmt: skip
    result.save(place, lambda directory: write_run(result, directory, FigureDrawing(NONE)))
    return result, place


def opened(browser: Any, path: Path, query: str = "", width: int = 1280) -> Any:
    shown = browser.new_page(viewport={"width": width, "height": 900})
    shown.goto(path.as_uri() + query)
    shown.wait_for_selector("html[data-drawn]", state="attached", timeout=60_000)
    return shown


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


def test_1_paper_is_twelve_pages_and_no_word_of_a_source_stands_alone_in_its_line(
    browser: Any, measured: tuple[Result, Path]
) -> None:
    shown = opened(browser, measured[1] / "report.html")
    assert len(re.findall(rb"/Type\s*/Page\b", shown.pdf(format="A4"))) <= 12
    shown.close()
    shown = opened(browser, measured[1] / "report.html", "?print=all", 794)
    shown.emulate_media(media="print")
    widths = shown.evaluate(
        "[...document.querySelectorAll('.assumptions td:nth-child(5)')].map((cell) => cell.getBoundingClientRect().width)"
    )
    assert min(width for width in widths if width) > 120  # a source keeps its room, whatever the key
    shown.close()


def test_2_the_gantt_has_milestones_a_target_the_plan_and_names_that_mean_something(
    measured: tuple[Result, Path],
) -> None:
    plan = gantt_document(ResultView.of(measured[0]))
    assert plan is not None
    names = [row["name"] for row in plan["rows"] if row["level"] < 2]
    assert {"first MW online", "all MW online", "site works done"} <= {*names}
    assert plan["target"] == measured[0].manifest["target_days"]
    assert all(row["plan"] for row in plan["rows"] if not row.get("milestone"))
    grey, red = palette.CRITICALITY[0], palette.CRITICALITY[-1]
    assert palette.contrast(grey, palette.CAUSES["order_date"]) > 1.15  # not one grey for both
    assert palette.contrast(grey, red) > 3


def test_3_the_tornado_is_sorted_and_its_value_stands_clear_of_every_mark(
    browser: Any, measured: tuple[Result, Path]
) -> None:
    chart = run_charts(ResultView.of(measured[0]))["which_risk"]
    days = [row["value"] for row in chart.rows]
    assert days == sorted(days, reverse=True)
    assert all(row["low"] <= row["value"] <= row["high"] for row in chart.rows)
    shown = opened(browser, measured[1] / "report.html")
    overlap = f"() => {{ {CHECKS}; return checks.covered('#chart_which_risk'); }}"
    assert shown.evaluate(overlap) == []
    shown.close()


def test_4_both_answers_to_which_risk_stand_in_one_chart_with_a_word_on_why_they_differ(
    measured: tuple[Result, Path],
) -> None:
    text = plain(page(measured[0]).decode())
    assert "Two questions, two answers" in text
    assert "how much of the spread of the date goes with this cause" in text
    assert "savings do not add up" in text


def test_5_legends_have_the_colour_they_name_and_every_axis_its_unit(
    browser: Any, measured: tuple[Result, Path]
) -> None:
    shown = opened(browser, measured[1] / "report.html")
    keys = shown.evaluate(
        "[...document.querySelectorAll('.legend rect')].map((one) => [one.getAttribute('fill'), getComputedStyle(one).fill])"
    )
    tones = shown.evaluate(
        "[...document.querySelectorAll('.chart .fill')].map((one) => [one.getAttribute('fill'), getComputedStyle(one).fill])"
    )
    both = dict(map(tuple, tones))
    assert all(both.get(tone, drawn) == drawn for tone, drawn in map(tuple, keys))
    for name in ("mw_online", "headcount", "capital", "man_hours", "flowline"):
        labels = shown.evaluate(
            f"[...document.querySelectorAll('#chart_{name} svg text')].map((one) => one.textContent)"
        )
        assert any(re.search(r"MW|people|\$|man-hours|block", label) for label in labels), name
    shown.close()
    text = plain(page(measured[0]).decode())
    assert not any(odd in text for odd in ("hours until then", "50% both", "M-months)"))


@pytest.mark.parametrize("width", [390, 820])
def test_6_a_phone_and_a_tablet_cut_no_word_and_show_a_turnover_in_three_lines(
    browser: Any, measured: tuple[Result, Path], width: int
) -> None:
    shown = opened(browser, measured[1] / "report.html", width=width)
    for check in ("cut", "overlaps", "wider", "crossed", "contrast"):
        assert shown.evaluate(f"() => {{ {CHECKS}; return checks.{check}(); }}") == [], check
    tall = shown.evaluate(
        "Math.max(...[...document.querySelectorAll('#ramp table.lines tbody tr')].map((r) => r.clientHeight))"
    )
    assert tall <= 85
    shown.close()


def test_7_a_comparison_has_dates_labels_and_the_p80(
    browser: Any, axe: Callable[[Any], list[str]], tmp_path: Path
) -> None:
    results = {
        name: sim.run(
            tiny(f"name={name}", f"label={label}", f"commissioning.l5.days={days}", "scale.target_days=150"),
            runs=6,
            workers=1,
        )
        for name, label, days in (("quick", "Quick", 1), ("slow", "Slow and sure", 3))
    }
    views = ResultView.of_each(results)
    (tmp_path / "report.html").write_bytes(comparison_page(views, compare_results(results).table()))
    text = plain((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "Slow and sure against Quick: all MW online +4 days" in text
    assert "Line: P50; dashed: P80 of each date; band: P10 to P90" in text
    charts = comparison_charts(views, compare_results(results).table())
    dates = views["slow"].dates
    assert [mark.label for mark in charts["mw_online"].marks] == [f"target {dates.format(150)}"]
    assert dates.format(views["slow"].estimate("lead_time_full_days", "p80").value) in text
    for width in (1280, 820, 390):
        shown = opened(browser, tmp_path / "report.html", width=width)
        for check in ("cut", "overlaps", "wider", "contrast"):
            assert shown.evaluate(f"() => {{ {CHECKS}; return checks.{check}(); }}") == [], (check, width)
        assert axe(shown) == []
        shown.close()


def test_a_unit_in_the_label_of_a_project_leaves_no_chart_of_a_comparison_empty(browser: Any, tmp_path: Path) -> None:
    """Was: a blank of `2.5 MW` that does not break, in a chart's name, stopped the script of the page."""
    results = {name: sim.run(tiny(f"name={name}", f"label=Hall of {mw} MW"), runs=3, workers=1)
               for name, mw in (("small", 2.5), ("large", 5))}  # fmt: skip
    views, differences = ResultView.of_each(results), compare_results(results).table()
    (tmp_path / "report.html").write_bytes(comparison_page(views, differences))
    shown = opened(browser, tmp_path / "report.html")
    empty = shown.evaluate("[...document.querySelectorAll('.chart')].filter((one) => !one.querySelector('svg')).length")
    assert (empty, shown.locator(".chart > svg").count()) == (0, len(comparison_charts(views, differences)))
    assert shown.get_attribute("[id^=chart_difference]", "id") == "chart_difference_large_small"
    shown.close()


def test_a_comparison_dates_the_strategies_that_have_one_finish_beside_one_that_has_none() -> None:
    result = sim.run(tiny(), runs=3, workers=1)
    view = ResultView.of(result)
    without = ResultView.of(replace(result, sample=_without_finish(result.sample)))
    rows = {row[0]: row[1:] for row in pay_and_get({"one": view, "other": without})}
    risks = dict(_risk_rows({"one": view, "other": without}))
    assert next(cells for label, cells in risks.items() if label.startswith("P(all MW online by"))[1] == ""
    assert rows["all MW online, P50"] == (view.dates.format(view.estimate(FINISH, "p50").value), "")


def _without_finish(sample: Sample) -> Sample:
    return replace(sample, runs={name: values for name, values in sample.runs.items() if name != FINISH})


def test_8_the_money_of_the_whole_idea_stands_in_the_report_with_the_digits_of_summary_json(
    measured: tuple[Result, Path],
) -> None:
    result, place = measured
    text = plain((place / "report.html").read_text(encoding="utf-8"))
    summary = json.loads((place / "summary.json").read_text())
    for words in (
        "running cost and interest a year", "energy a year", "operation a year", "interest a year", "gross margin",
        "saved by owning every layer", "GPU-hour, every layer owned", "capital to energise", "capital in compute",
    ):  # fmt: skip
        assert words in text, words
    view = ResultView.of(result)
    for metric in ("opex_usd_per_year", "capital_total_usd", "cost_per_gpu_hour_usd"):
        quote = view.estimate(metric, "p50")
        assert quote.value == pytest.approx(summary[metric]["p50"])
        assert quote.metric.write(quote.value, quote.rounding_step) in text


def test_html_console_and_json_say_the_same_digits(measured: tuple[Result, Path]) -> None:
    result, place = measured
    view, text = ResultView.of(result), plain((place / "report.html").read_text(encoding="utf-8"))
    shown = " ".join(plain_text(describe_run(result), 110).split())
    summary = json.loads((place / "summary.json").read_text())
    for metric in ("lead_time_full_days", "lead_time_first_mw_days"):
        for p in ("p50", "p80"):
            written = view.dates.format(summary[metric][p])
            assert written in text
            assert written in shown


def test_what_binds_and_its_lever_are_in_the_verdict_and_late_orders_have_a_price(
    measured: tuple[Result, Path],
) -> None:
    text = plain(page(measured[0]).decode())
    assert re.search(
        r"What binds: [a-z ()]+, in (under |over )?\d+ % of the runs \(\d+ of \d+ days in the mean\)", text
    )
    assert re.search(
        r"Ordering at the decision would hold \$[\d.]+ ?(k|M|bn)? (more|less) idle capital at its peak", text
    ) or ("Ordered just in time: " not in text)
    assert "as sim run --set would run it" in text


HALF_STALLED = ["scale.preparation_days={low: 10, mode: 10, high: 60}", "scale.horizon_days=40"]


def test_a_run_half_of_which_never_finishes_has_a_report() -> None:
    """Its P80 is never reached; the Gantt chart says so and has no whisker that ends there."""
    result = sim.run(sim.load(TINY, HALF_STALLED), runs=20, workers=1)
    assert 4 < (result.sample.runs["status"] == "stalled").sum() < 20
    document = gantt_document(ResultView.of(result))
    assert document is not None
    json.dumps(document, allow_nan=False)
    (last,) = (row for row in document["rows"] if row["name"] == "all MW online")
    assert last["p80"] is None
    assert b"all MW online" in page(result)


def test_where_the_typical_run_stalls_its_report_says_so_and_still_why_the_others_took_as_long() -> None:
    """Was: nothing below `Why this date`, a middle finish of a run without one, and axes of a chart without numbers."""
    result = sim.run(sim.load(TINY, HALF_STALLED), runs=12, workers=1, seed=6)
    status = result.sample.runs["status"]
    finished = int((status == "ok").sum())
    assert 0 < finished < 6
    assert status[result.manifest["representative"]] == "stalled"
    text, charts = plain(page(result).decode()), run_charts(ResultView.of(result))
    assert "One typical run (stalled, as at P50) of" in text
    assert "What the last MW waited for, over all finished runs" in text
    assert charts["why"].rows[0]["name"].startswith(f"{finished} runs that finished: ")
    assert "finish between P45 and P55" not in text
    assert "convergence" not in {*charts, *run_figures(ResultView.of(result))}
    assert "it is not reached" in text


def test_a_run_in_which_nothing_begins_has_a_report(measured: tuple[Result, Path]) -> None:
    """The typical run of a project that stalls at once comes to no stage, no hall and no block."""
    result, _ = measured
    log = {name: column[:0] for name, column in result.log.items()}
    assert flowline(ResultView.of(replace(result, log=log))) is None


def test_a_million_tokens_costs_cents_in_the_workbook_too() -> None:
    assert _scale("cost_per_million_tokens_usd") == (1.0, "$")
    assert _scale("capital_total_usd") == (1e6, "$M")


def test_what_stalled_at_the_end_of_the_calendars_names_the_key_and_no_total_for_all(tmp_path: Path) -> None:
    """Was: no word of scale.horizon_days, and `all that is ever paid` of runs that were cut off."""
    options = [option for text in HALF_STALLED for option in ("--set", text)]
    done = CliRunner().invoke(
        main,
        ["run", str(TINY), *options, "--runs", "20", "--workers", "1", "--out", str(tmp_path / "out")],
    )
    assert done.exit_code == 3
    text = re.sub(r"\s+", " ", done.output)
    assert "counted as never online; the calendars end on day 40 (scale.horizon_days)" in text
    assert re.search(r"of 20 replications stalled; the first, \d+: .*raise scale\.horizon_days", text)
    assert "all that is ever paid" not in text
    assert "too little where runs did not finish" in text


# --- axes that end too early or too late ------------------------------------------------------------------------------


def test_an_axis_ends_when_the_last_percentile_that_is_drawn_has_come_to_rest(made_up: Callable[..., Result]) -> None:
    """Was: when P5 and P95 had, though the P50 rose on, where some of the runs are to have fewer MW."""
    result = made_up(n=40)
    day = result.sample.curves["day"]
    curves = {**result.sample.curves, "p5": np.where(day > 400, 0.0, result.sample.curves["p5"])}
    view = ResultView.of(replace(result, sample=replace(result.sample, curves=curves)))
    chart = run_charts(view)["mw_online"]
    p50 = next(series for series in chart.series if series.name == "P50")
    assert chart.x.range is not None
    assert chart.x.range[1] > p50.x[np.argmax(p50.y)]


def test_capital_that_is_never_in_service_does_not_stretch_its_chart_to_the_end_of_the_calendars() -> None:
    day = np.arange(3000.0)
    deployed = np.minimum(day, 600.0)
    assert last_day_shown(day, deployed, np.clip(day - 100, 0.0, 550.0)) == 677  # 548 days of 550 are 0.995 of it
    assert last_day_shown(day, deployed, np.zeros(3000)) == 626
    assert last_day_shown(day, np.zeros(3000), np.zeros(3000)) == 2999


# --- dates of finishes at midnight, and what is searched ---------------------------------------------------------------


def test_a_finish_at_midnight_is_told_on_the_day_that_ends_under_the_pointer_too(
    browser: Any, measured: tuple[Result, Path]
) -> None:
    """Was: a day later than in figures/gantt.csv, as of everything that a status reports as finished."""
    shown = opened(browser, measured[1] / "report.html")
    row = {"name": "grading", "level": 0, "begin": 10, "end": 20, "p80": 20, "plan": [10, 21], "critical": 0}
    shown.evaluate(
        """(row) => gantt.start(document.getElementById('gantt'),
        { start: '2026-01-01', range: [0, 40], target: null, today: null, shades: ['#000000', '#888888', '#ffffff'],
          rows: [row, { ...row, name: 'done', plan: [20, 20], milestone: true }], works: {} })""",
        row,
    )
    row_text, milestone_text = shown.evaluate(
        "[...document.querySelectorAll('#gantt title')].map((one) => one.textContent)"
    )
    shown.close()
    assert row_text.startswith("grading: P50 from 11 Jan 2026 to 20 Jan 2026, P80 of its end 20 Jan 2026, critical")
    assert row_text.endswith("; expected plan 11 Jan 2026 to 21 Jan 2026")
    assert milestone_text == "done: P50 20 Jan 2026, P80 of its end 20 Jan 2026; expected plan 20 Jan 2026"


def test_a_number_with_its_unit_is_found_in_the_appendix(browser: Any, measured: tuple[Result, Path]) -> None:
    shown = opened(browser, measured[1] / "report.html")
    shown.fill("#search", "250 MW")
    rows = "[...document.querySelectorAll('#assumptions tbody tr')].filter((row) => !row.hidden)"
    found = shown.evaluate(f"{rows}.map((row) => row.textContent)")
    shown.close()
    assert found
    assert all("250 mw" in plain(text).lower() for text in found)


def test_a_date_that_is_never_reached_breaks_the_line_of_a_trend(browser: Any, measured: tuple[Result, Path]) -> None:
    """Was: the line fell to the day of the decision, out of the chart."""
    shown = opened(browser, measured[1] / "report.html")
    series = {"name": "all", "colour": "p50", "x": [0, 1, 2, 3], "y": [5, None, 6, 7]}
    paths = shown.evaluate(
        """(series) => { const holder = document.createElement('div');
        lineChart.draw(holder, { alt: '', x: { range: [0, 3] }, y: {}, marks: [],
          series: [{ ...series, kind: 'line' }, { ...series, kind: 'points' }] }, true, 400, 200, () => null);
        return [...holder.querySelectorAll('g path')].map((one) => one.getAttribute('d').replace(/[^MLa]/g, '')); }""",
        series,
    )
    shown.close()
    assert paths == ["MML", "MaaMaaMaa"]


def test_the_words_of_three_lines_close_to_the_edge_stand_clear_of_the_lines(
    browser: Any, measured: tuple[Result, Path]
) -> None:
    """Was: on the first page of a forecast the data date's line went through the target."""
    shown = opened(browser, measured[1] / "report.html")
    crossed = shown.evaluate(
        f"""() => {{ {CHECKS}
        const words = [['data date 28 Feb 2027', 8], ['target 6 Jul 2027: 0 %', 110],
          ['expected plan 16 Oct 2027: 0 %', 192]];
        const holder = document.querySelector('[data-chart=finish][data-small]');
        lineChart.draw(holder, {{ alt: '', x: {{ range: [0, 420] }}, y: {{}}, series: [],
          marks: words.map(([label, at]) => ({{ axis: 'x', at, label, colour: 'ink' }})) }}, true, 470, 250, () => null);
        return [...checks.crossed(), ...checks.overlaps()]; }}"""
    )
    shown.close()
    assert crossed == []
