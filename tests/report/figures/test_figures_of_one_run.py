"""What is drawn of one run, of both limits at once, and of drivers: the picture says what the numbers say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sim
from sim.report.figures import style, write_all
from sim.report.figures.delivery import frontier, plot_joint
from sim.report.figures.flowline import plot_flow, plot_flowline
from sim.report.figures.gantt import plot_gantt, rows
from sim.report.figures.sensitivity import plot_tornado
from sim.report.figures.workforce import INDIRECT, by_week, plot_trades
from sim.report.formatting import percent
from sim.report.representative_run import SKID_STATES, hall_releases, headcount_by_trade, online_days, skid_flow, stages
from sim.report.result_view import ResultView
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


def test_the_gantt_shows_real_bars_and_what_was_waited_for(by_hand: Result) -> None:
    shown = {row.name: row for row in rows(by_hand.events)}
    assert [(bar.begin, bar.end) for bar in shown["grading"].bars] == [(10, 12)]
    last = shown["block 2"]
    tests = [bar for bar in last.bars if bar.cause == "commissioning"]
    assert tests[0].begin == pytest.approx(445 * H)
    waiting = next(gap for gap in last.gaps if gap.begin == pytest.approx(469 * H))
    assert (waiting.end, waiting.cause) == (pytest.approx(648 * H), "crew")  # power at 576, the one crew at 648
    ax = plot_gantt(by_hand.events, info=info_of(by_hand), chain=by_hand.chain)
    assert ax.get_yticklabels()[0].get_text() == "driving chain"
    hatched = {patch.get_gid() for patch in ax.patches if patch.get_hatch()}
    assert "crew" in hatched


def test_the_flowline_has_a_stroke_for_every_block_and_stage(by_hand: Result) -> None:
    ax = plot_flowline(by_hand.events, info=info_of(by_hand), hall_blocks=2)
    drawn = {line.get_label(): np.asarray(line.get_xdata()) for line in ax.get_lines()}
    assert len(drawn["electrical"]) == 2 * 3
    day0 = style.date_position(info_of(by_hand).dates, 0)
    assert drawn["hall released"][0] - day0 == pytest.approx(16)
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


def test_the_tornado_is_sorted_by_days_at_p80_and_splits_by_kind() -> None:
    drivers = pd.DataFrame({
        "name": ["small", "large", "event"], "kind": ["uncertainty", "uncertainty", "risk"],
        "lead_time_full_days_p50": [1.0, 8.0, 0.0], "lead_time_full_days_p80": [2.0, 10.0, 5.0],
    })  # fmt: skip
    ax = plot_tornado(drivers)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["large", "event", "small"]
    assert {text.get_text() for text in ax.texts} >= {"+10 days", "+5 days", "+2 days"}
    assert any("do not add up" in text.get_text() for text in ax.texts)


def test_a_whole_result_has_the_figures_of_its_run_too(by_hand: Result, tmp_path: Path) -> None:
    names = {path.stem for path in write_all(by_hand, tmp_path)}
    assert {"trades", "flowline", "flow", "gantt", "joint", "convergence"} <= names


def test_trades_without_people_are_an_empty_picture(hybrid: Result) -> None:
    assert plot_trades({}, info=info_of(hybrid)).get_title(loc="left").startswith("People on site by trade")
