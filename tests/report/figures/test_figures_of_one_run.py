"""What is drawn of one run, of both limits at once, and of drivers: the picture says what the numbers say."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.patches import Rectangle
from matplotlib.text import Annotation

import sim
from sim.metrics.money.finance import running_cost
from sim.report.explanations import RiskRow
from sim.report.figures import style
from sim.report.figures.capital import quarterly_funding
from sim.report.figures.delivery import frontier, plot_joint
from sim.report.figures.drawing import draw_figures
from sim.report.figures.flowline import plot_flow, plot_flowline
from sim.report.figures.gantt import CHAIN, plot_gantt, range_rows
from sim.report.figures.sensitivity import NO_EFFECTS, plot_which_risk
from sim.report.figures.workforce import INDIRECT, by_week, plot_trades
from sim.report.formatting import percent
from sim.report.html_report.gantt_document import gantt_document
from sim.report.representative_run import SKID_STATES, hall_releases, headcount_by_trade, online_days, skid_flow, stages
from sim.report.result_view import ResultView
from sim.study.api import run
from sim.study.result import Result
from tests.report.conftest import info_of
from tests.tiny_project import tiny

H = 1 / 24


@pytest.fixture(scope="module")
def by_hand() -> Result:
    return sim.run(tiny(), runs=2, seed=1, workers=1)


def test_stages_and_releases_are_read_off_the_log(by_hand: Result) -> None:
    spans = {(block, stage): (begin, end) for block, stage, begin, end in stages(by_hand.events)}
    assert spans[1, "electrical"] == pytest.approx((384 * H, 414 * H))
    assert spans[2, "mechanical"] == pytest.approx((404 * H, 422 * H))
    assert spans[2, "commissioning"] == pytest.approx((445 * H, 720 * H))  # until online
    assert hall_releases(by_hand.events) == [("h1", pytest.approx(384 * H))]
    assert online_days(by_hand.events) == {1: pytest.approx(27), 2: pytest.approx(30)}


def test_skids_flow_in_order_and_none_is_lost(by_hand: Result) -> None:
    flow = skid_flow(by_hand.events)
    assert list(flow) == list(SKID_STATES)
    assert {state: len(days) for state, days in flow.items()} == dict.fromkeys(SKID_STATES, 2)
    np.testing.assert_allclose(flow["tested"], [288 * H, 384 * H])
    np.testing.assert_allclose(flow["set"], [390 * H, 396 * H])
    for before, after in zip(flow.values(), [*flow.values()][1:], strict=False):
        assert (before <= after).all()
    ax = plot_flow(flow, info=info_of(by_hand))
    assert [text.get_text() for text in ax.get_legend().get_texts()][-1] == "online"  # type: ignore[union-attr]


def test_people_by_trade_add_up_to_the_headcount_of_the_metrics() -> None:
    result = sim.run(tiny(), runs=1, seed=1, workers=1)
    ratio, days = ResultView.of(result).indirect_ratio, 40
    direct = np.sum(list(headcount_by_trade(result.events, days).values()), axis=0)
    daily = result.curve("headcount")["p50"].to_numpy()[:days]
    np.testing.assert_array_equal(direct + np.ceil(direct * ratio), daily)
    layers = by_week(headcount_by_trade(result.events, days), ratio)
    assert list(layers)[-1] == INDIRECT
    assert np.sum(list(layers.values()), axis=0).max() == result.runs["peak_workforce_onsite"][0]


def test_the_gantt_shows_plan_p50_and_p80_of_every_row(by_hand: Result) -> None:
    view = ResultView.of(by_hand)
    shown = {row.name: row for row in range_rows(view.spread)}
    grading = shown["grading"]
    assert (grading.begin, grading.end, grading.p80, grading.planned) == (10, 12, 12, (10, 12))  # nothing is drawn
    ax = plot_gantt(view.spread, info=view.info, chain=view.chain, milestones=view.dates_reached, target=40.0)
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names[0] == CHAIN
    assert "all MW online" in names
    start = style.date_position(view.info.dates, 0)
    at = names.index("grading")
    boxes = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    bar = next(p for p in boxes if p.get_gid() == "p50" and abs(p.get_y() + p.get_height() / 2 - at - 0.08) < 1e-9)
    assert (bar.get_x() - start, bar.get_width()) == (pytest.approx(10), pytest.approx(2))
    assert sum(patch.get_gid() == "plan" for patch in ax.patches) == len([n for n in names if n in shown])


def test_a_row_of_the_page_opens_to_real_work_and_what_it_waited_for(by_hand: Result) -> None:
    found = gantt_document(ResultView.of(by_hand))
    assert found is not None
    units = [unit for row in found["works"].values() for unit in row]
    works = {(what, name): (begin, end) for name, done, _ in units for begin, end, _, what in done}
    assert works["site_works.grading", "p1.site_works.grading"] == (10, 12)
    waits = [wait for _, _, waited in units for wait in waited]
    crew = [(begin, end) for begin, end, cause, _ in waits if cause == "crew"]
    assert any(end == pytest.approx(648 * H, abs=1e-3) for _, end in crew)  # power is there at 576, the one crew at 648


def test_the_flowline_has_a_stroke_for_every_block_and_stage(by_hand: Result) -> None:
    ax = plot_flowline(by_hand.events, info=info_of(by_hand), hall_blocks=2)
    drawn = {line.get_label(): np.asarray(line.get_xdata()) for line in ax.get_lines()}
    assert len(drawn["electrical"]) == 2 * 3
    day0 = style.date_position(info_of(by_hand).dates, 0)
    assert drawn["hall dry-in"][0] - day0 == pytest.approx(16)
    np.testing.assert_allclose(drawn["online"] - day0, [27, 30])


def test_joint_confidence_counts_runs_that_keep_both(hybrid: Result) -> None:
    rng = np.random.default_rng(4)
    finish, cost = rng.normal(500, 20, 400), rng.normal(8e9, 2e8, 400)
    ax = plot_joint((finish, cost), info=info_of(hybrid), target=510, budget=8.1e9)
    share = float(np.mean((finish <= 510) & (cost <= 8.1e9)))
    assert f"kept in {percent(share)} of runs" in ax.get_title(loc="left")
    for level in (0.5, 0.8):
        for day, dollars in zip(*frontier(finish, cost, level), strict=True):
            assert np.mean((finish <= day) & (cost <= dollars)) >= level
    assert len(frontier(finish, np.where(np.arange(400) < 300, np.inf, cost), 0.5)[0]) == 0


def test_which_risk_matters_is_sorted_by_days_with_values_clear_of_bars() -> None:
    rows = [
        RiskRow("large", "uncertainty", 10.0, 8.0, 12.0, 0.05), RiskRow("event", "risk", 5.0, 1.0, 9.0, 0.4),
        RiskRow("small", "uncertainty", 2.0, -1.0, 3.0, None),
    ]  # fmt: skip
    ax = plot_which_risk(rows)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["large", "event", "small"]
    values = {text.get_text(): text for text in ax.texts if text.get_text() in {"+10", "+5", "+2"}}
    assert len(values) == 3
    places = [text.xy[0] for text in values.values() if isinstance(text, Annotation)]
    assert places == [1, 1, 1]  # at the right edge, whatever bars and dots do
    assert any("do not add up" in text.get_text() for text in ax.texts)
    figure = ax.get_figure(root=True)
    assert figure is not None
    (upper,) = (other for other in figure.axes if other is not ax)
    (dots,) = upper.get_lines()
    assert list(np.asarray(dots.get_xdata())) == [0.05, 0.4]
    zero = [axis.transData.transform((0, 0))[0] for axis in (ax, upper)]
    assert zero[0] == pytest.approx(zero[1], abs=0.5)


def test_which_risk_matters_is_drawn_where_runs_never_finish() -> None:
    """Was: `Axis limits cannot be NaN or Inf` after everything had been run, or a picture without a word."""
    never = RiskRow("permits", "uncertainty", np.inf, np.inf, np.inf, None)
    ax = plot_which_risk([never, RiskRow("event", "risk", 5.0, 1.0, np.inf, None)])
    assert np.isfinite(ax.get_xlim()).all()
    assert [text.get_text() for text in ax.texts][:2] == ["not reached", "+5"]
    assert NO_EFFECTS in {text.get_text() for text in plot_which_risk([]).texts}


def test_a_whole_result_has_the_figures_of_its_run_too(by_hand: Result) -> None:
    names = ("trades", "flowline", "flow", "gantt", "joint")
    assert {f"{name}.svg" for name in names} <= {*draw_figures(by_hand)}
    assert "convergence.svg" not in draw_figures(by_hand)  # so few runs have no interval at all


def test_trades_without_people_are_an_empty_picture(hybrid: Result) -> None:
    assert plot_trades({}, info=info_of(hybrid)).get_title(loc="left").startswith("People on site by trade")


@pytest.mark.parametrize("start", ["2026-03-12", "2026-03-01", "2026-01-05", "2025-12-20"])
def test_net_revenue_of_a_quarter_has_no_payments_in_it(start: str) -> None:
    project = tiny(f"scale.start_date={start}")
    result = run(project, runs=2, seed=1, workers=1)
    table = quarterly_funding(result.curves, ResultView.of(result).dates)
    assert table is not None
    business, block = project.money.business, project.block
    net = business.usd_per_mw_it_year.value * block.mw_it.value
    usd_per_day = (net - sum(running_cost(business, block.mw_gross.value).values())) / 365.25
    online = np.array(list(result.manifest["planned_blocks"].values()))
    for quarter in table.to_dict("records"):
        days = np.maximum(0, quarter["end"] - online) - np.maximum(0, quarter["begin"] - online)
        # by the day: a block counts for half of the one on which it is online
        assert quarter["revenue"] == pytest.approx(usd_per_day * days.sum(), abs=2 * usd_per_day)
    if start == "2026-03-12":
        assert table["revenue"].iloc[0] == 0
        assert table["revenue"].iloc[1] > 0
