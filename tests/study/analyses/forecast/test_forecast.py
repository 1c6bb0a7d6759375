"""Status in, forecast out: what goes as planned keeps the plan's dates, what is late moves the end, mistakes are named."""

from __future__ import annotations

import json
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import sim
from sim.config.overrides import continued, with_settings
from sim.errors import CheckFailed, ConfigError
from sim.report.html_report.run_charts import run_charts
from sim.report.result_view import ResultView
from sim.study.analyses.baseline import require_actuals, save
from sim.study.analyses.forecast.earned_value import earned_value
from sim.study.analyses.forecast.forecast_case import forecast_case
from sim.study.analyses.forecast.learning import SummaryStatistics, simulate_prior
from sim.study.analyses.forecast.plan_steps import PlanSteps
from sim.study.analyses.forecast.progress import Progress
from sim.study.analyses.forecast.sheet.status_checks import check_status, other_configuration
from sim.study.analyses.forecast.sheet.status_sheet import GRAINS, Grain, status_sheet
from sim.study.analyses.forecast.status import Fact, ProjectComplete, Status, read_status
from sim.study.analyses.forecast.status_file import csv_bytes
from sim.study.analyses.forecast.trend import FACT_GROUPS, Attribution, forecast_summary
from sim.study.case import Case, prepare_case
from sim.study.result import manifest
from sim.world.project_calendars import day_minutes

CONFIG = sim.load("configs/one_block.yaml")
START = CONFIG.value.scale.start_date


@cache
def planned() -> Case:
    return prepare_case(CONFIG, engine="auto")


@cache
def steps() -> PlanSteps:
    return PlanSteps.of(planned())


def as_of(share: float) -> date:
    return START + timedelta(days=int(share * planned().planned_run.log[-1, 0] / 1440))


def as_planned(folder: Path, share: float, grain: Grain) -> Status:
    path = folder / "status.csv"
    path.write_bytes(csv_bytes(status_sheet(steps(), as_of(share), grain)))
    return read_status(path, START)


def status(share: float, *facts: Fact) -> Status:
    day = as_of(share)
    return Status("status.csv", day, ((day - START).days + 1) * 1440, facts)


def progress_of(given: Status) -> Progress:
    return Progress(steps(), given, day_minutes(planned().project))


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_silent_status_has_the_plans_own_history(share: float) -> None:
    given = status(share)
    progress = progress_of(given)
    log, plan = planned().planned_run.log, planned().plan
    log = log[log[:, 0] <= given.minute]
    history = progress.state(planned().planned).history
    assert (progress.delay, progress.implied_steps, progress.out_of_sequence) == (0, 0, [])
    order = np.lexsort((plan.unit_of[log[:, 1]], log[:, 0]))
    assert np.array_equal(history[:, :2], log[order][:, :2])


@pytest.mark.parametrize("grain", GRAINS)
def test_the_sheet_as_it_is_written_is_sound_and_goes_on_from_the_plan(tmp_path: Path, grain: Grain) -> None:
    given = as_planned(tmp_path, 0.6, grain)
    assert check_status(steps(), given) == []
    case = forecast_case(CONFIG, given, base=planned())
    ends = [done.outcome.log[-1, 0] for done in case.replications(1, 0, 20)]
    assert min(ends) > given.minute
    assert case.progress.out_of_sequence == []


@pytest.mark.parametrize("grain", GRAINS)
def test_both_engines_continue_alike_and_history_and_forecast_are_conserved_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, grain: Grain
) -> None:
    monkeypatch.setenv("SIM_CHECK", "1")
    case = forecast_case(CONFIG, as_planned(tmp_path, 0.5, grain), base=planned(), engine="auto")
    # two of them are compared row for row, or this raises
    assert case.simulate_chunk(1, 0, 12).count == 12


def test_a_later_fact_moves_the_end_and_a_promise_is_kept() -> None:
    name = "p1.g2"
    far = int(planned().planned_run.log[-1, 0]) + 300 * 1440
    late = forecast_case(CONFIG, status(0.3, Fact(2, "promise", name, finish=far)), base=planned())
    (done,) = late.replications(1, 0, 1)
    (plain,) = forecast_case(CONFIG, status(0.3), base=planned()).replications(1, 0, 1)
    assert done.outcome.log[-1, 0] > far > plain.outcome.log[-1, 0]


def test_what_is_finished_keeps_its_date_and_draws_nothing() -> None:
    at = steps().routes[steps().units["h1.shell.foundations"]].planned[-1] - 3 * 1440
    case = forecast_case(CONFIG, status(0.6, Fact(2, "milestone", "h1.shell.foundations", finish=at)), base=planned())
    unit = steps().units["h1.shell.foundations"]
    for done in case.replications(1, 0, 3):
        log = done.outcome.log
        assert log[case.plan.unit_of[log[:, 1]] == unit][-1, 0] == at


def test_a_status_after_the_completion_is_told() -> None:
    all_online = Fact(2, "count", "online", date=status(1.5).minute, count=planned().project.scale.capacity_mw)
    with pytest.raises(ProjectComplete, match="nothing left"):
        forecast_case(CONFIG, status(1.5, all_online), base=planned())


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("kind,what\n", "data_date"),
        ("", "first row"),
        ("kind,date\ndata_date,2026-06-01\ndata_date,2026-07-01\n", "each status has one"),
        ("kind,date\ndata_date,46174\n", "serial number of Excel"),
        ('kind,what,date,count\ndata_date,,2026-06-01,\ncount,online,2026-06-01,"2,5"\n', "like 2.5"),
        ("kind,what,date\ndata_date,,2026-06-01\ncount,online,2026-06-01,2,5\n", "numbers have a point"),
        ("kind,what,date\ndata_date,,2026-06-01\nmilstone,x,\n", "did you mean milestone"),
        ("kind;what;date;count\ndata_date;;2026-06-01;\ncount;online;2026-06-01;2,5\n", "like 2.5"),
        ("kind,what,date,count\ndata_date,,2026-06-01,\ncount,online,2026-06", "ends within a row"),
        ("kind,what,date,state\ndata_date,,2026-06-01,\nconfig,0123,,{half\n", "as `sim status init` wrote it"),
    ],
)
def test_a_file_that_is_no_status_is_told_with_its_row(tmp_path: Path, rows: str, message: str) -> None:
    path = tmp_path / "status.csv"
    path.write_text(rows, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        read_status(path, START)


@pytest.mark.parametrize(
    ("fact", "column", "message"),
    [
        (Fact(2, "milestone", "h1.shell.dryin", finish=1), "what", "h1.shell.dry_in"),
        (Fact(2, "milestone", "h1.shell.dry_in", finish=1 << 30), "finish", "data date"),
        (Fact(2, "promise", "p1.g2"), "finish", "missing"),
        (Fact(2, "activity", "h1.shell.roof/shell.roof", start=9, finish=8), "finish", "its start"),
        (Fact(2, "activity", "h1.shell.roof/shell.roof", percent=5), "percent", "actual start"),
        (Fact(2, "activity", "h1.shell.roof/shell.roof", start=9, percent=101), "percent", "0 to 100"),
        (Fact(2, "count", "electrical.made", date=9, count=99), "count", "at most 2"),
        (Fact(2, "risk", "ground"), "state", "happened"),
    ],
)
def test_what_cannot_be_is_told_with_its_column(fact: Fact, column: str, message: str) -> None:
    (found,) = [one for one in check_status(steps(), status(0.6, fact)) if one.severity == "error"]
    assert (found.problem.line, found.problem.path) == (2, column)
    assert message in str(found.problem)


def test_counts_that_fall_and_facts_stated_twice_are_told() -> None:
    facts = [
        Fact(2, "count", "electrical.made", date=1440, count=2),
        Fact(3, "count", "electrical.made", date=2880, count=1),
    ]
    twice = [*facts[:1], Fact(3, "count", "electrical.made", date=1440, count=2)]
    assert "no less than before" in str(check_status(steps(), status(0.6, *facts))[0].problem)
    assert "only once" in str(check_status(steps(), status(0.6, *twice))[0].problem)


@pytest.mark.parametrize(("mw", "finish", "message"), [(2.5, None, "at most 0"), (0.0, 99, "at least 2.5")])
def test_mw_online_that_contradict_the_milestone_of_a_block_are_told(
    mw: float, finish: int | None, message: str
) -> None:
    block = planned().plan.units[steps().stages["online"][0][0]]
    facts = [Fact(2, "milestone", block, finish=finish), Fact(3, "count", "online", date=status(0.9).minute, count=mw)]
    (found,) = [one.problem for one in check_status(steps(), status(0.9, *facts)) if one.severity == "error"]
    assert (found.line, found.path) == (3, "count")
    assert message in str(found)


@pytest.mark.parametrize(("times", "above"), [(2.0, True), (0.5, False)])
def test_actuals_that_take_longer_move_pace_up(times: float, above: bool) -> None:
    facts, given = [], status(0.8)
    for number, (name, (unit, position)) in enumerate(steps().activities.items()):
        begin, end = (
            steps().routes[unit].planned[position - 1] if position else 0,
            steps().routes[unit].planned[position],
        )
        finish = begin + round(times * (end - begin))
        if name.startswith("h1.shell") and finish < given.minute:
            facts.append(Fact(number, "activity", name, start=begin, finish=finish))
    case = forecast_case(CONFIG, status(0.8, *facts), base=planned())
    pace = next(one for one in case.learnt_factors if one.factor == "pace.everyone")
    assert (pace.posterior[0] > 1) == above
    # P90 over P10: actuals narrow it
    assert pace.posterior[2] / pace.posterior[1] < pace.prior[2] / pace.prior[1]


def test_charts_have_the_data_date_and_the_actual_line_before_it() -> None:
    given = status(0.7)
    view = ResultView(sim.forecast(CONFIG, given, runs=8, workers=1))
    charts = run_charts(view)
    for name in ("mw_online", "headcount", "capital"):
        assert [mark.at for mark in charts[name].marks if mark.label.startswith("data date")] == [given.minute / 1440]
    (actual,) = (one for one in charts["headcount"].series if one.name == "until the data date, as planned")
    assert actual.x.max() == given.minute / 1440 - 1
    assert actual.y.max() > 0


def test_the_kept_forecast_is_the_verdict_with_stalled_runs_as_never() -> None:
    result = sim.forecast(CONFIG, status(0.7), runs=8, workers=1)
    for name, metric in (("first", "lead_time_first_mw_days"), ("all", "lead_time_full_days")):
        kept = forecast_summary(result)["days"][name]
        assert [kept[q] for q in ("p10", "p50", "p80", "p90")] == [
            result.numbers[metric][q] for q in ("p10", "p50", "p80", "p90")
        ]


def test_the_expected_plan_is_the_baseline_whatever_became_of_its_risks() -> None:
    """A closed risk changes what is ahead, not what was planned: neither the date nor planned value move."""
    closed = [
        Fact(row, "risk", driver.id, state="closed") for row, driver in enumerate(planned().project.risks.drivers)
    ]
    case = forecast_case(CONFIG, status(0.8, *closed), base=planned())
    assert case.as_planned != planned().as_planned  # with these chances another plan is to be expected
    after, before = manifest(case, 1, 1), manifest(planned(), 1, 1)
    assert (after["planned"], after["planned_blocks"]) == (before["planned"], before["planned_blocks"])
    paid = planned().as_planned[1]["capital_deployed_usd"]
    assert case.earned_value()["usd"]["planned"] == pytest.approx(paid[int(case.status.minute / 1440) - 1])


def test_earned_value_of_what_goes_as_planned_is_the_planned_value() -> None:
    value = forecast_case(CONFIG, status(0.6), base=planned()).earned_value()["hours"]
    assert value["spi"] == pytest.approx(1.0, abs=0.01)
    assert value["spi_t"] == pytest.approx(1.0, abs=0.02)
    assert value["actual"] is None


def test_earned_value_takes_what_the_status_reports_as_spent() -> None:
    given = status(
        0.6, Fact(2, "hours", "spent", date=1440, count=5.0), Fact(3, "hours", "spent", date=2880, count=900.0)
    )
    value = forecast_case(CONFIG, given, base=planned()).earned_value()["hours"]
    assert value["actual"] == 900.0
    assert value["cpi"] == pytest.approx(value["earned"] / 900.0, abs=1e-3)


def test_an_actual_delivery_outside_the_baseline_is_told_since_when(tmp_path: Path) -> None:
    save(sim.run(CONFIG, runs=16, workers=1), tmp_path / "expected.json")
    late = continued(CONFIG, status(2.5, Fact(2, "count", "online", date=status(2.5).minute, count=0.0)))
    with pytest.raises(CheckFailed, match="not yet, late since"):
        require_actuals(late, tmp_path / "expected.json")
    assert "within P10 to P90" in require_actuals(continued(CONFIG, status(0.5)), tmp_path / "expected.json")
    # promised from another start date: dates count, not days
    document = json.loads((tmp_path / "expected.json").read_text())
    start = date.fromisoformat(document["start_date"])
    (tmp_path / "later.json").write_text(json.dumps(document | {"start_date": f"{start + timedelta(3000)}"}))
    assert "within P10 to P90" in require_actuals(late, tmp_path / "later.json")
    (tmp_path / "earlier.json").write_text(json.dumps(document | {"start_date": f"{start - timedelta(3000)}"}))
    with pytest.raises(CheckFailed, match="not yet, late since"):
        require_actuals(continued(CONFIG, status(0.5)), tmp_path / "earlier.json")


def test_a_status_goes_with_its_configuration_into_a_sweep() -> None:
    swept = sim.sweep(continued(CONFIG, status(0.7)), {"logistics.cranes": [1, 2]}, runs=2, workers=1)
    days = swept.samples[0].runs["lead_time_full_days"]
    assert days.min() > status(0.7).minute / 1440


def test_what_is_changed_from_here_changes_nothing_of_the_past() -> None:
    """A target that only is reported changes no day; other cranes and other crews leave who was on site until now."""
    facts = [Fact(2, "risk", planned().project.risks.drivers[0].id, state="closed")]
    known = status(0.5, *facts)
    under_way, day = continued(CONFIG, known), known.minute // 1440
    as_it_is = sim.run(under_way, runs=20, workers=1)
    for change, value, is_same in (("scale.target_days", 400, True), ("logistics.cranes", 2, False), (CREWS, 9, False)):
        changed = sim.run(with_settings(under_way, {change: value}), runs=20, workers=1)
        for name in ("p5", "p50", "p95"):
            people, before = (result.curve("headcount")[name][:day] for result in (changed, as_it_is))
            assert np.array_equal(people, before), (change, name)
        if is_same:
            assert np.array_equal(changed.runs["lead_time_full_days"], as_it_is.runs["lead_time_full_days"])


CREWS = "labour.trades.electricians.crews"


def test_earned_value_by_hand() -> None:
    # planned 10, 20, 30, 40: after three periods 25 are earned for 32 spent, as planned after two and a half
    value = earned_value(np.array([10.0, 20.0, 30.0, 40.0]), 25.0, 32.0, 3)
    assert (value.spi, value.cpi) == pytest.approx((25 / 30, 25 / 32))
    assert value.earned_schedule == pytest.approx(2.5)
    assert value.spi_t == pytest.approx(2.5 / 3)
    assert value.estimate_at_completion == pytest.approx(40 * 32 / 25)


def test_earned_value_of_published_examples() -> None:
    # the manual of the R package PRA (Govan, CRAN; after Damnjanovic and Reinschmidt, Data Analytics for Engineering, 2020):
    # BAC 100,000, planned 10, 20, 40, 70 and 100 %; after three periods 35 % are done for 63,000: SPI 0.875, EAC = BAC / CPI
    value = earned_value(100_000 * np.array([0.1, 0.2, 0.4, 0.7, 1.0]), 35_000.0, 63_000.0, 3)
    assert (value.planned, value.spi, value.cpi) == pytest.approx((40_000, 0.875, 35 / 63))
    assert value.estimate_at_completion == pytest.approx(100_000 / (35 / 63))
    # Microsoft's example of its field SPI: four days for 100 $; after two of them 50 $ are scheduled and 60 % done for 60 $
    value = earned_value(np.array([25.0, 50.0, 75.0, 100.0]), 60.0, 60.0, 2)
    assert (value.planned, value.spi, value.cpi) == pytest.approx((50, 1.2, 1.0))
    # HKSM's example of earned schedule: in week 20 as much is earned as was scheduled for week 18: ES 18, SPI(t) 0.90
    weeks = np.cumsum(np.linspace(1.0, 3.0, 30))
    value = earned_value(weeks, weeks[17], float("nan"), 20)
    assert (value.earned_schedule, value.spi_t) == pytest.approx((18, 0.90))
    # Lipke's figure of the concept: all of May and a part of June by the end of July, ES = 5 + (EV - PV5) / (PV6 - PV5)
    months = np.array([5.0, 15.0, 30.0, 50.0, 75.0, 105.0, 135.0, 155.0])
    value = earned_value(months, 85.0, float("nan"), 7)
    assert (value.earned_schedule, value.spi_t) == pytest.approx((5 + (85 - 75) / (105 - 75), (5 + 1 / 3) / 7))


def test_a_status_of_another_configuration_says_what_differs_with_both_values(tmp_path: Path) -> None:
    given = as_planned(tmp_path, 0.5, "counts")
    assert other_configuration(CONFIG.value, given) == ()
    other = sim.load("configs/one_block.yaml", ["logistics.cranes=2", "systems.electrical.factory.lines=7"])
    (lines, cranes) = other_configuration(other.value, given)
    before = CONFIG.value
    assert cranes == f"logistics.cranes was {before.logistics.cranes}, is 2"
    assert lines == f"systems.electrical.factory.lines was {before.by_system['electrical'].factory.lines}, is 7"
    case = forecast_case(other, given)
    notes = [str(one.problem) for one in check_status(case.plan_steps, given)]
    assert all(any(one in note for note in notes) for one in (lines, cranes))
    assert case.manifest_of_status()["forecast"]["other_configuration"] == [lines, cranes]


def test_nothing_that_is_assumed_happens_before_what_it_waits_for() -> None:
    # skids came two months after the plan had them set; all else is as planned, by which the place was set meanwhile
    (unit, position), *_ = steps().stages["electrical.set"]
    arrival = steps().routes[unit].planned[position] + 60 * 1440
    day = START + timedelta(days=arrival // 1440 + 20)
    minute = ((day - START).days + 1) * 1440
    late = [
        Fact(2, "count", "electrical.on_site", date=arrival - 1440, count=0),
        Fact(3, "count", "electrical.on_site", date=arrival, count=len(steps().stages["electrical.on_site"])),
    ]
    as_planned_so_far = [
        Fact(9, "activity", name, start=route.planned[at - 1], finish=route.planned[at])
        for name, (other, at) in steps().activities.items()
        if name.startswith("h1.shell") and at and (route := steps().routes[other]).planned[at] < minute
    ]
    progress = progress_of(Status("status.csv", day, minute, (*late, *as_planned_so_far)))
    assert progress.delay == 0
    assert progress.done_minutes[unit][position] >= arrival - 1440
    assert progress.out_of_sequence == []


def test_what_moved_is_told_alike_by_two_processes_and_adds_up_to_the_forecast() -> None:
    far = int(planned().planned_run.log[-1, 0]) + 300 * 1440
    given = status(0.3, Fact(2, "promise", "p1.g2", finish=far))
    result = sim.forecast(CONFIG, given, runs=16, workers=1)
    one, two = (Attribution(CONFIG, given, runs=16, seed=1, workers=n).shifts(result.sample) for n in (1, 2))
    assert one == two == Attribution(CONFIG, given, runs=16, seed=1).shifts()
    assert [shift.cause for shift in one] == ["plan", *(cause for cause, _ in FACT_GROUPS)]
    assert sum(shift.p50 for shift in one) == pytest.approx(result.numbers["lead_time_full_days"]["p50"])
    by_cause = {shift.cause: shift for shift in one}
    # the promise is what moves it; that the unit is not delivered yet is known before its date is believed
    assert by_cause["changed promises"].p50 > 200 > abs(by_cause["risks that happened or closed"].p50)


def test_an_activity_done_in_no_time_says_nothing_of_how_long_it_takes() -> None:
    """A schedule exported from counts has such: two counts of one date leave no time between."""
    name = next(iter(steps().activities))
    assert SummaryStatistics(steps(), status(0.8, Fact(1, "activity", name, start=100, finish=160))).needs_starts
    assert not SummaryStatistics(steps(), status(0.8, Fact(1, "activity", name, start=160, finish=160))).needs_starts


def test_pasts_have_not_reached_what_is_reported_as_not_reached() -> None:
    name = next(name for name in steps().milestones if ".shell." in name)
    step = steps().routes[steps().unit_of_milestone(name) or 0].steps[-1]
    finish = np.concatenate([minutes.finish[:, step] for minutes in simulate_prior(planned())])
    day = START + timedelta(days=int(np.median(finish)) // 1440)
    given = Status("status.csv", day, ((day - START).days + 1) * 1440, (Fact(1, "milestone", name),))
    nearest = forecast_case(CONFIG, given, base=planned()).prior_replications.nearest(10)
    assert len({*nearest}) == 10
    assert (finish[nearest] > given.minute).all()


def test_nothing_is_learnt_from_a_date_that_all_others_contradict() -> None:
    """A road that takes six weeks for three days made all works on site twice as slow, and the last MW eleven months late."""
    minute, road = status(0.6).minute, "p1.site_works.roads"
    finish = {name: steps().routes[steps().unit_of_milestone(name) or 0].planned[-1] for name in steps().milestones}
    on_time = [
        Fact(9, "milestone", name, finish=done) for name, done in finish.items() if done < minute and name != road
    ]
    late = Fact(10, "milestone", road, finish=finish[road] + 39 * 1440)
    without, with_road = (
        forecast_case(CONFIG, status(0.6, *on_time, *more), base=planned()).prior_replications for more in ((), (late,))
    )
    assert with_road.not_learnt_from == ["the finish of step site_works roads"]
    assert with_road.evidence == without.evidence
    assert not without.not_learnt_from
    assert with_road.posterior.mean.tolist() == pytest.approx(without.posterior.mean.tolist())
