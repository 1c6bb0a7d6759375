from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.metrics.delivery import needed_blocks, online
from sim.metrics.event_log import DAY, MONTH, Record
from sim.metrics.kernels.numpy_kernels import fee_cents, period_cents
from sim.metrics.money.accounts import keep_accounts
from sim.metrics.money.contracts import open_site
from sim.metrics.money.ledger import Ledger, Run, ledger, ledger_table, standing_costs
from sim.metrics.workforce import headcount
from sim.plan.draws import Draws
from sim.study.api import load
from sim.study.case import Case, prepare_case
from tests.metrics.money.test_money_by_hand import MONEY, with_money
from tests.tiny_project import tiny

CONFIGS = Path(__file__).parents[3] / "configs"


FIFTY = ("scale.capacity_mw=50", "energization.units.count=3")


@cache
def case(name: str, *overrides: str) -> Case:
    return prepare_case(load(CONFIGS / f"{name}.yaml", overrides).value)


def run_of(project: Case, replication: int | None = None) -> Run:
    """One run of a case: a replication, or the one without luck."""
    luck = project.planned if replication is None else next(Draws(project.plan.inputs, 1).chunk(replication, 1))
    log, yard = project.simulate(luck).log, project.metric_context
    record = Record.of(yard.plan_index, log, luck.content, project.plan.base_calendars, luck.factors)
    return Run.of(record, headcount(record, project.project, yard.days), yard.paid_by_day)


def entries_of(project: Case, run: Run) -> Ledger:
    return ledger(run, project.metric_context.cost_model.contracts, project.project)


@pytest.mark.parametrize(
    ("name", "overrides"),
    [("one_block", ()), ("hybrid", FIFTY), pytest.param("hybrid", (), marks=pytest.mark.slow)],
)
def test_the_ledger_is_the_budget_and_what_costs_money_with_time_to_the_cent(
    name: str, overrides: tuple[str, ...]
) -> None:
    project = case(name, *overrides)
    run = run_of(project, 0)
    found = entries_of(project, run)
    contracts = len(found.value)
    for item in range(contracts):  # nothing twice, nothing forgotten: every contract is paid exactly
        assert found.total[item] == found.value[item], found.names[item]
    with_time = sum(np.rint(standing_costs(run, 0, project.project).by_day.sum(axis=1) * 100))
    fee = int(found.total[-1])
    assert int(found.cents.sum()) == int(found.value.sum()) + with_time + fee
    rate = project.project.money.contractor.fee.value
    billed = project.metric_context.cost_model.contracts.billed
    assert fee == round(rate * (int(found.value[billed].sum()) + with_time))


SPLIT = {"energise": (0.45e9, 0.6e9), "shell_and_systems": (2.0e9, 2.5e9), "compute": (5.4e9, 5.7e9)}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["hybrid", "stick_built", "modular"])
def test_the_published_split_of_250_mw_is_rebuilt_from_its_parts(name: str) -> None:
    """About $0.5B to energise, 2.0 to 2.5 of shell and systems, about 5.5 of compute, about 8 in all (CASES 8)."""
    project = case(name)
    found, _ = project.measured(project.planned, project.simulate(project.planned))
    for part, (low, high) in SPLIT.items():
        assert low <= found[f"capital_{part}_usd"] <= high, part
    assert 7.9e9 <= found["capital_total_usd"] <= 8.6e9
    assert sum(found[f"capital_{part}_usd"] for part in SPLIT) == pytest.approx(found["capital_total_usd"])
    assert 27e9 <= 1000 * found["installed_cost_usd_per_mw"] <= 60e9


def test_prices_are_quantity_times_unit_cost_at_the_prices_of_the_order() -> None:
    project = case("hybrid", *FIFTY)
    run = run_of(project, 1)
    found, bought = entries_of(project, run), project.metric_context.cost_model.contracts
    factors = dict(zip(project.plan.inputs.factors, run.record.factors.tolist(), strict=True))
    for what, mw in (("electrical/b17", 2.5), ("shell/h2", 25.0)):
        at = found.names.index(what)
        terms = project.project.money.prices[what.split("/")[0]]
        sqft = mw * project.project.hall.sqft_per_mw.value
        size = mw if terms.usd_per_mw is not None else sqft
        dollars = factors[f"price.{what.split('/')[0]}"] * size
        dollars += factors.get(f"price.{what.split('/')[0]} in factory", 0.0) * mw
        years = found.ordered[at] / DAY / 365.25
        assert found.value[at] == round(dollars * (1 + terms.escalation.value / 100) ** years * 100)
        assert bought.names[at] == what


def test_every_entry_names_its_event() -> None:
    project = case("one_block")
    table = project.ledger(1, 0)
    assert len(table["event"]) == len(table["usd"]) > 20
    assert all(table["event"])
    assert {"ordered compute/b1", "delivered electrical/b1", "online b1"} <= set(table["event"].tolist())
    assert np.all(np.diff(table["day"]) >= 0)


# --- terms, on the tiny project: orders on day 0, blocks online on days 27 and 30 -----------------------------


def terms(payments: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {"prices": {"compute": {"usd_per_mw": 1e6, "payments": payments, **more}}}


def tiny_entries(*overrides: str, **money: Any) -> tuple[Ledger, Case]:
    project = prepare_case(with_money(tiny("procurement.policy=at_decision", *overrides), **money))
    return entries_of(project, run_of(project)), project


def by_day(found: Ledger) -> dict[float, float]:
    order = np.unique(found.minute)
    return {minute / DAY: float(found.cents[found.minute == minute].sum()) / 100 for minute in order.tolist()}


def test_deposit_delivery_acceptance_and_retention_with_their_lags() -> None:
    payments = [{"on": "ordered", "share": 0.3}, {"on": "delivered", "share": 0.5, "lag_days": 10}]
    payments.append({"on": "online", "share": 0.2})
    kept = {"share": 0.1, "until": "online", "lag_days": 60}
    found, _ = tiny_entries(**terms(payments, retention=kept))
    first, second = 415 / 24, 423 / 24  # the hours at which compute's material is through the gate
    assert by_day(found) == pytest.approx(
        {
            0.0: 0.9 * 0.3 * 5e6,
            first + 10: 0.9 * 0.5 * 2.5e6,
            second + 10: 0.9 * 0.5 * 2.5e6,
            27.0: 0.9 * 0.2 * 2.5e6,
            30.0: 0.9 * 0.2 * 2.5e6,
            87.0: 0.1 * 2.5e6,
            90.0: 0.1 * 2.5e6,
        },
        rel=1e-12,
    )


def test_milestones_that_never_come_leave_their_shares_to_the_others() -> None:
    found, _ = tiny_entries(**terms([{"on": "ordered", "share": 0.2}, {"on": "set", "share": 0.8}]))
    assert by_day(found) == {0.0: 5e6}  # compute is built in place here: nothing is set by a crane


def test_the_contractor_bills_by_the_month_with_his_fee_and_is_paid_later() -> None:
    bills_ = {"fee": 0.04, "bills": True, "pays_after": 30}
    found, project = tiny_entries(contractor=bills_, **terms([{"on": "ordered", "share": 1}], paid_by="contractor"))
    assert by_day(found) == pytest.approx({MONTH / DAY + 30: 5e6 * 1.04})
    assert "month 0 of fee" in ledger_table(found, project.metric_context.plan_index)["event"].tolist()


def test_a_price_drifts_until_its_order() -> None:
    late, project = tiny_entries(
        "orders.given=[{day: 100, mw: 5}]", **terms([{"on": "ordered", "share": 1}], escalation=10)
    )
    assert int(late.cents.sum()) == pytest.approx(5e8 * 1.1 ** (100 / 365.25), abs=1)
    assert project.project.orders.given[0].day == 100


def test_what_stands_costs_from_the_first_day_to_the_last() -> None:
    weeks, cents = period_cents(np.full(10, 100.0), 7 * DAY)
    assert weeks.tolist() == [0, 1]
    assert cents.tolist() == [70_000, 30_000]
    site = open_site(DAY // 2, 3 * DAY, 5, 30.4375 * 1000)
    assert site.tolist() == pytest.approx([500, 1000, 1000, 0, 0])


def test_fees_add_up_to_the_share_of_all_bills() -> None:
    minute, cents = np.array([1, 2, MONTH, 3 * MONTH]), np.array([33, 33, 33, 33])
    _, fees = fee_cents(minute, cents, 0.1)
    assert int(fees.sum()) == round(0.1 * 132)
    assert len(fee_cents(minute, cents, 0.0)[1]) == 0


def test_in_service_is_never_more_than_paid_and_committed_never_less() -> None:
    project = case("hybrid", *FIFTY)
    run = run_of(project, 2)
    record = run.record
    yard, config = project.metric_context, project.project
    accounts = keep_accounts(yard.cost_model, run, online(record, yard.layout, config), needed_blocks(record, config))
    found = accounts.timeline
    settled = found.until > found.minute  # within one minute changes come one after the other
    assert np.all(found.earning <= found.paid + 1e-6)
    assert np.all((found.committed >= found.paid - 0.5)[settled])
    assert np.all(found.exposed >= found.paid)
    assert set(MONEY) <= set(type(project.project.money).model_fields)
