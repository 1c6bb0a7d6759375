"""People, hours and money of a status: who is on site, what was earned, and that what was paid is paid."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import sim
from sim.engine.backends import Replication
from sim.metrics.measure import accounts_of, measure
from sim.plan.vocabulary import NOTE
from sim.study.analyses.forecast.case_under_way import ForecastCase
from sim.study.analyses.forecast.forecast_case import forecast_case
from sim.study.analyses.forecast.sheet.status_sheet import GRAINS, Grain
from sim.study.analyses.forecast.status import Fact
from sim.study.case import prepare_case
from tests.study.analyses.forecast.test_forecast import CONFIG, as_planned, planned, status, steps
from tests.tiny_project import TINY

DAY = 1440
SHARE = 0.6


@pytest.fixture(autouse=True)
def _conserved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIM_CHECK", "1")


def case(*facts: Fact, share: float = SHARE) -> ForecastCase:
    return forecast_case(CONFIG, status(share, *facts), base=planned(), engine="auto")


def measured(found: ForecastCase, done: Replication) -> tuple[dict[str, float], dict[str, NDArray[np.float64]]]:
    """Return metrics and curves of a replication, checked for what it must conserve."""
    return measure(found.metric_context, found.record(done))


def on_site(found: ForecastCase, trade: str) -> int:
    """Return the people of a trade who have come and not gone at the data date."""
    history, plan = found.state.history, found.plan
    notes = history[plan.rows[history[:, 1], 0] == NOTE]
    people_notes = [(plan.notes[plan.rows[step, 1]], amount) for _, step, amount in notes.tolist()]
    return sum(amount for note, amount in people_notes if note.kind == "people" and trade in note)


def test_people_who_are_counted_are_the_crews_that_have_come() -> None:
    # two crews of millwrights are on site in the expected plan: one is counted
    trade, share = "millwrights", 0.82
    date, arrivals = status(share).minute, steps().crews["millwrights"].arrivals
    assert [at <= date for at, *_ in arrivals] == [True, True]
    assert all(at > date for at, _ in steps().crews[trade].departures)
    (_, size, first, _), (_, _, unit, position) = arrivals
    assert on_site(case(share=share), trade) == 2 * size
    fewer = case(Fact(2, "people", trade, date=date, count=size), share=share)
    assert on_site(fewer, trade) == size
    # the first has come; the second comes from the data date on, and never before
    assert len(fewer.progress.done_minutes[first]) > position
    step = steps().routes[unit].steps[position]
    for done in fewer.replications(1, 0, 3):
        assert done.outcome.log[done.outcome.log[:, 1] == step, 0].min(initial=1 << 40) >= date


def test_people_as_planned_change_nothing() -> None:
    date = status(SHARE).minute
    facts = [
        Fact(number, "people", trade, date=date, count=max(0, on_site(case(), trade)))
        for number, trade in enumerate(steps().crews, 2)
    ]
    assert np.array_equal(case(*facts).state.free, case().state.free)


@pytest.mark.parametrize("factor", [0.8, 1.3])
def test_what_was_paid_is_paid_and_the_rest_follows_the_contracts(factor: float) -> None:
    plain, date = case(), status(SHARE).minute
    day = date // DAY
    (done,) = plain.replications(1, 0, 1)
    usual, curves = measured(plain, done)
    paid = round(float(curves["capital_deployed_usd"][day - 1]) * factor, 2)
    changed = case(Fact(2, "money", "paid", date=date, value=paid))
    metrics, lines = measured(changed, done)
    # on the data date as much is paid as was reported; from then on every payment is as before
    assert lines["capital_deployed_usd"][day] - curves["capital_deployed_usd"][day] == pytest.approx(
        paid - curves["capital_deployed_usd"][day - 1], abs=0.02
    )
    moved = lines["capital_deployed_usd"] - curves["capital_deployed_usd"]
    assert np.allclose(moved[:day], 0)
    assert np.allclose(moved[day:], moved[day], atol=0.02)
    assert metrics["capital_total_usd"] - usual["capital_total_usd"] == pytest.approx(moved[day], abs=0.02)


def test_payments_that_are_only_late_come_later_where_the_commitments_are_as_planned() -> None:
    plain, date = case(), status(SHARE).minute
    (done,) = plain.replications(1, 0, 1)
    accounts = accounts_of(plain.metric_context, plain.record(done)).entries
    signed = (accounts.ordered >= 0) & (accounts.ordered <= date)
    committed = int(accounts.value[signed].sum()) / 100
    paid = int(accounts.cents[accounts.minute <= date].sum()) / 100 * 0.9
    late = case(
        Fact(2, "money", "paid", date=date, value=round(paid, 2)),
        Fact(3, "money", "committed", date=date, value=committed),
    )
    usual, _ = measured(plain, done)
    metrics, _ = measured(late, done)
    assert metrics["capital_total_usd"] == pytest.approx(usual["capital_total_usd"], abs=0.02)


def test_what_was_paid_is_of_its_own_date_where_commitments_are_reported_later() -> None:
    plain, date = case(), status(SHARE).minute
    (done,) = plain.replications(1, 0, 1)
    _, curves = measured(plain, done)
    earlier = date // DAY - 30
    paid = round(float(curves["capital_deployed_usd"][earlier - 1]) * 0.9, 2)
    entries = accounts_of(plain.metric_context, plain.record(done)).entries
    signed = (entries.ordered >= 0) & (entries.ordered <= date)
    _, lines = measured(
        case(
            Fact(2, "money", "paid", date=earlier * DAY, value=paid),
            Fact(3, "money", "committed", date=date, value=int(entries.value[signed].sum()) / 100),
        ),
        done,
    )
    # the reported total is that of 30 days before the data date: what the plan pays in between stays
    moved = (lines["capital_deployed_usd"] - curves["capital_deployed_usd"])[earlier : date // DAY]
    assert np.allclose(moved, paid - float(curves["capital_deployed_usd"][earlier - 1]), atol=0.02)


def test_the_budget_in_dollars_is_all_that_the_plan_ever_pays() -> None:
    found = case()
    planned_usd = found.baseline.as_planned[1]["capital_deployed_usd"]
    last_mw = int(found.baseline.planned_run.log[-1, 0]) // DAY
    assert planned_usd[last_mw] < planned_usd[-1]
    assert found.earned_value()["usd"]["budget"] == pytest.approx(float(planned_usd[-1]), abs=1)


def test_hours_earned_and_spent_are_earned_value_and_its_actual_cost() -> None:
    date = status(SHARE).minute
    planned_hours = case().earned_value()["hours"]["planned"]
    found = case(
        Fact(2, "hours", "earned", date=date, count=planned_hours / 2),
        Fact(3, "hours", "spent", date=date, count=planned_hours),
        Fact(4, "money", "paid", date=date, value=1e8),
    ).earned_value()
    assert found["hours"]["spi"] == pytest.approx(0.5, abs=1e-3)
    assert found["hours"]["cpi"] == pytest.approx(0.5, abs=1e-3)
    assert found["hours"]["spi_t"] < 1
    assert found["usd"]["actual"] == 1e8


def test_hours_earned_teach_that_the_project_is_slow() -> None:
    date = status(SHARE).minute
    hours = case().earned_value()["hours"]["planned"]
    slow = case(Fact(2, "hours", "earned", date=date, count=hours * 0.7)).prior_replications
    fast = case(Fact(2, "hours", "earned", date=date, count=hours * 1.2)).prior_replications
    assert slow.evidence == fast.evidence == 1
    assert slow.actual[0] < fast.actual[0]


def test_a_reported_amount_reaches_the_result() -> None:
    given = status(SHARE, Fact(2, "money", "paid", date=status(SHARE).minute, value=1e9))
    result = sim.forecast(CONFIG, given, runs=4, workers=1)
    usual = sim.forecast(CONFIG, status(SHARE), runs=4, workers=1)
    assert result.numbers["capital_total_usd"]["p50"] > usual.numbers["capital_total_usd"]["p50"] + 1e8


@pytest.mark.parametrize("grain", GRAINS[:2])
@pytest.mark.parametrize("times", [0.2, 3.0])
def test_people_earn_nothing_by_being_counted(tmp_path: Path, grain: Grain, times: float) -> None:
    """Fewer people than planned, or more and before their time, say nothing of work that is done."""
    for share in (0.3, 0.6):
        given = as_planned(tmp_path, share, grain)
        earned = forecast_case(CONFIG, given, base=planned()).earned_value()["hours"]["earned"]
        for trade, crews in steps().crews.items():
            people = round(times * sum(arrival[1] for arrival in crews.arrivals))
            facts = (*given.facts, Fact(999, "people", trade, date=given.minute, count=people))
            counted = forecast_case(CONFIG, replace(given, facts=facts), base=planned())
            assert counted.earned_value()["hours"]["earned"] <= earned + 1e-6, trade


@pytest.mark.parametrize(
    "row", ["milestone,h1.shell.dry_in,,,", "count,electrical.set,2026-01-22,,1", "count,electrical.made,2026-01-22,,1"]
)
def test_nobody_goes_home_before_the_work_is_done_that_is_late(row: str, tmp_path: Path) -> None:
    """By the plan the crews have left on the data date; what they are for is reported as not done."""
    file = tmp_path / "late.csv"
    file.write_text(f"kind,what,date,finish,count\ndata_date,,2026-01-22,,\n{row}\n", encoding="utf-8")
    config = sim.load(TINY)
    found = sim.forecast(config, file, runs=4, workers=1)
    assert (found.sample.runs["status"] == "ok").all()
    plan = prepare_case(config).as_planned[0]["lead_time_full_days"]
    assert found.sample.runs["lead_time_full_days"].min() >= plan


def test_a_risk_that_surely_happens_stays_sure_where_its_works_are_finished(tmp_path: Path) -> None:
    sure = {
        "id": "rock",
        "name": "Rock is found",
        "on": ["step:*.grading"],
        "inherent": {"probability": 1, "factor": 2},
    }
    file = tmp_path / "done.csv"
    file.write_text(
        "kind,what,date,finish\ndata_date,,2026-01-22,\nmilestone,h1.shell.dry_in,,2026-01-20\n", encoding="utf-8"
    )
    found = sim.forecast(sim.load(TINY, [f"risks.drivers={json.dumps([sure])}"]), file, runs=2, workers=1)
    assert (found.sample.runs["status"] == "ok").all()
