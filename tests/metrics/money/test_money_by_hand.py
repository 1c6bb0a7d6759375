"""The tiny project with all its money in one item, paid on day 0: every metric of money has a value found by hand.

Two blocks of 2.5 MW (2 MW-IT) each come online on days 27 and 30; see tests/plan/test_whole_project.py.
"""

from __future__ import annotations

from typing import Any

import pytest

from sim.config.project import Project
from sim.config.sections.money import Money
from sim.metrics.money.finance import COST_PARTS
from sim.plan.vocabulary import NOTE
from sim.study.case import prepare_case
from tests.tiny_project import tiny, tiny_case

FIRST, LAST = 27, 30
MONTH = 365.25 / 12
USD, USD_PER_MW = 5e6, 1e6
MW, MW_IT, A_YEAR = 5.0, 4.0, 9.7e6
HORIZON = 800
MONEY: dict[str, Any] = {
    "horizon_days": HORIZON,
    "cost_of_capital": 10,
    "labour": {"factor": 0},
    "prices": {"compute": {"usd_per_mw": USD_PER_MW, "part": "compute", "payments": [{"on": "ordered", "share": 1}]}},
    "finance": {"gearing": 0.7, "debt_rate": 8, "fee": 0.01},
    "contingency": {"share": 0.1},
    "business": {
        "usd_per_mw_it_year": A_YEAR, "energy_usd_per_mwh": 73, "energy_price_factor": 2, "load": 0.5,
        "operations_usd_per_mw_year": 150_000, "obsolescence": 2, "title": "ordered",
    },
    "ownership": {
        "tokens_per_gpu_second": 1000, "gpus_per_mw_it": 380,
        "utilisation": 0.9, "compute_years": 5, "infrastructure_years": 20,
        "margins": {"energy": 0.1, "operation": 0.2, "compute": 0.5}, "compute_margin_falls": 50,
    },
}  # fmt: skip


def with_money(project: Project, **changes: Any) -> Project:
    return project.model_copy(update={"money": Money.model_validate({**MONEY, **changes})})


def planned(project: Project) -> dict[str, float]:
    case = prepare_case(project)
    return case.measured(case.planned, case.simulate(case.planned))[0]


def test_every_metric_of_one_item_paid_on_day_0() -> None:
    found = planned(with_money(tiny("procurement.policy=at_decision", "scale.target_days=20")))
    half = USD / 2
    idle = half * (FIRST + LAST) / MONTH
    energy = MW * 0.5 * 365.25 * 24 * 73 * 2
    operations = MW * 150_000
    net_per_day = (MW_IT * A_YEAR - energy - operations) / 365.25  # of both blocks
    annuity = 0.1 / (1 - 1.1**-5)
    on_infrastructure = 0.1 / (1 - 1.1**-20)
    carrying = 0.10 / 12 * idle
    gpu_hours = MW_IT * 380 * 365.25 * 24 * 0.9
    owned = USD * annuity + carrying * on_infrastructure + energy + operations
    interest = 0.7 * half * ((1 + 0.08 / 12) ** (FIRST / MONTH) + (1 + 0.08 / 12) ** (LAST / MONTH) - 2)
    rented_below_compute = (operations + carrying * on_infrastructure + energy * 1.1) * 1.2
    by_hand = {
        "capital_total_usd": USD,
        "capital_energise_usd": 0.0,
        "capital_shell_and_systems_usd": 0.0,
        "capital_compute_usd": USD,
        "installed_cost_usd_per_mw": USD_PER_MW,
        "idle_capital_peak_usd": USD,
        "idle_capital_usd_months": idle,
        "idle_capital_months": idle / USD,
        "idle_capital_months_compute": idle / USD,
        "idle_capital_months_infrastructure": 0.0,
        "committed_idle_months": idle / USD,
        "authorised_idle_months": (FIRST + LAST) / 2 / MONTH,
        "stranded_capital_usd": 0.0,
        "censored": 0.0,
        "exposure_at_first_mw_usd": USD,
        "carrying_cost_usd": carrying,
        "interest_during_construction_usd": interest,
        "financing_fees_usd": 0.01 * 0.7 * USD,
        "capital_with_financing_usd": USD + interest + 0.01 * 0.7 * USD,
        "obsolescence_cost_usd": half * (2 - 0.98 ** (FIRST / MONTH) - 0.98 ** (LAST / MONTH)),
        "foregone_revenue_usd": MW_IT / 2 * A_YEAR / 365.25 * (7 + 10),
        "revenue_to_day_730_usd": MW_IT / 2 * A_YEAR / 365.25 * (703 + 700),
        "peak_net_funding_usd": USD,
        "npv_usd": -USD
        + USD * 0.98 ** (HORIZON / MONTH) * 1.1 ** (-HORIZON / 365.25)
        + sum(_present(net_per_day / 2, day) for day in (FIRST, LAST)),
        "budget_usd": USD,  # the contingency is a share of what is not compute
        "contingency_drawn_usd": 0.0,
        "cost_over_budget_usd": 0.0,
        "opex_financing_usd_per_year": 0.7 * 0.08 * USD,
        "opex_energy_usd_per_year": energy,
        "opex_operations_usd_per_year": operations,
        "opex_usd_per_year": 0.7 * 0.08 * USD + energy + operations,
        "cost_per_gpu_hour_usd": owned / gpu_hours,
        "gpu_hour_chips_usd": USD / 5 / gpu_hours,
        "gpu_hour_shell_usd": 0.0,
        "gpu_hour_power_usd": 0.0,
        "gpu_hour_energy_usd": energy / gpu_hours,
        "gpu_hour_operations_usd": operations / gpu_hours,
        "gpu_hour_financing_usd": (USD * (annuity - 1 / 5) + carrying * on_infrastructure) / gpu_hours,
        "cost_per_million_tokens_usd": owned / gpu_hours / 3.6,
        "rented_gpu_hour_usd": (USD * annuity + rented_below_compute) * 1.5 / gpu_hours,
        "owning_saves_share": 1 - owned / ((USD * annuity + rented_below_compute) * 1.5),
        "owning_saves_share_year_3": 1 - owned / ((USD * annuity + rented_below_compute) * (1 + 0.5 * 0.5**3)),
        "gross_margin_share": (MW_IT * A_YEAR - energy - operations - USD / 5) / (MW_IT * A_YEAR),
    }
    money = {name: value for name, value in found.items() if name in by_hand}
    assert money == pytest.approx(by_hand, rel=1e-9, abs=1e-6)
    elsewhere = {"risk_mitigation_usd"}
    assert {name for name in found if "usd" in name or "idle" in name} - elsewhere <= set(by_hand)


def _present(a_day: float, day: int) -> float:
    """The present value on day 0 of so many dollars a day from a day to the horizon, at 10 % a year."""
    import math

    force = math.log(1.1) / 365.25
    return a_day * (math.exp(-force * day) - math.exp(-force * HORIZON)) / force


def test_what_was_authorised_idles_for_the_lead_time_when_there_is_one_order() -> None:
    found = planned(tiny())  # every item, every term, the shipped prices
    assert found["authorised_idle_months"] * MONTH == pytest.approx(found["lead_time_mw_weighted_days"], rel=1e-12)


def test_sales_tax_is_on_top_of_the_price_of_its_item_alone() -> None:
    bare = planned(tiny("procurement.policy=at_decision"))
    taxed = planned(tiny("procurement.policy=at_decision", "money.prices.compute.sales_tax=0.0825"))
    assert taxed["capital_compute_usd"] == pytest.approx(1.0825 * bare["capital_compute_usd"], rel=1e-9)
    for name in ("capital_energise_usd", "capital_shell_and_systems_usd"):
        assert taxed[name] == bare[name]


def test_the_parts_of_a_gpu_hour_add_up_to_it_and_tokens_need_a_throughput() -> None:
    found = planned(tiny())  # every item, every term, the shipped prices
    parts = sum(found[f"gpu_hour_{part}_usd"] for part in COST_PARTS)
    assert parts == pytest.approx(found["cost_per_gpu_hour_usd"], rel=1e-12)
    assert min(found[f"gpu_hour_{part}_usd"] for part in COST_PARTS) > 0
    silent = planned(tiny("money.ownership.tokens_per_gpu_second=0"))
    assert "cost_per_million_tokens_usd" in found
    assert "cost_per_million_tokens_usd" not in silent


def test_an_equity_that_is_spent_first_saves_interest() -> None:
    two = {"on": "ordered", "share": 0.5}, {"on": "online", "share": 0.5}
    prices = {"compute": {**MONEY["prices"]["compute"], "payments": list(two)}}
    first = {**MONEY["finance"], "draw": "equity_first"}
    late = planned(with_money(tiny("procurement.policy=at_decision"), prices=prices, finance=first))
    # 30 % of equity pays 0.6 of the first half; 0.2 × $5M of it is debt until the blocks are online
    drawn = 0.2 * USD / 2
    interest = sum(drawn * ((1 + 0.08 / 12) ** (day / MONTH) - 1) for day in (FIRST, LAST))
    assert late["interest_during_construction_usd"] == pytest.approx(interest, rel=1e-9)


def test_compute_earns_only_in_whole_clusters() -> None:
    business = {**MONEY["business"], "minimum_cluster_blocks": 2}
    found = planned(with_money(tiny("procurement.policy=at_decision"), business=business))
    assert found["revenue_to_day_730_usd"] == pytest.approx(MW_IT * A_YEAR / 365.25 * (730 - LAST), rel=1e-12)
    assert found["idle_capital_usd_months"] == pytest.approx(USD * LAST / MONTH, rel=1e-12)


def test_damages_for_late_megawatts_up_to_their_cap_and_the_long_stop_date() -> None:
    agreed = {"usd_per_mw_day": 1000, "promised_days": 20, "cap_usd": 1e9, "long_stop_days": 28}
    found = planned(with_money(tiny("procurement.policy=at_decision"), damages=agreed))
    assert found["liquidated_damages_usd"] == pytest.approx(1000 * 2.5 * (7 + 10))
    assert found["long_stop_missed"] == 1.0
    kinder = {**agreed, "cap_usd": 10_000, "minimum_mw": 2.5}
    found = planned(with_money(tiny("procurement.policy=at_decision"), damages=kinder))
    assert (found["liquidated_damages_usd"], found["long_stop_missed"]) == (10_000, 0.0)


def test_money_times_k_changes_money_and_nothing_else() -> None:
    project = tiny("procurement.policy=at_decision")
    once, often = planned(with_money(project)), planned(
        with_money(project, prices={"compute": {**MONEY["prices"]["compute"], "usd_per_mw": 7 * USD_PER_MW}})
    )  # fmt: skip
    for name in ("capital_total_usd", "idle_capital_peak_usd", "idle_capital_usd_months", "carrying_cost_usd"):
        assert often[name] == pytest.approx(7 * once[name], rel=1e-12)
    for name in ("lead_time_full_days", "idle_capital_months", "authorised_idle_months", "committed_idle_months"):
        assert often[name] == pytest.approx(once[name], rel=1e-12)


def test_revenue_is_foregone_from_the_target_of_each_order() -> None:
    """Two orders of one block: the second one's target counts from its own day, though it was decided later."""
    orders = "orders.given=[{day: 0, mw: 2.5}, {day: 60, mw: 2.5}]"
    case = tiny_case(orders, "scale.target_days=20", "money.business.usd_per_mw_it_year=365.25")
    metrics, _ = case.measured(case.planned, case.simulate(case.planned))
    log, plan = case.simulate(case.planned).log, case.plan
    online = sorted(minute / 1440 for minute, step, _ in log.tolist()
                    if plan.rows[step, 0] == NOTE and plan.notes[plan.rows[step, 1]][0] == "online")  # fmt: skip
    late = [max(0.0, day - target) for day, target in zip(online, (20, 80), strict=True)]
    assert online[1] > 60
    assert abs(metrics["foregone_revenue_usd"] - case.project.block.mw_it.value * sum(late)) < 1e-6
