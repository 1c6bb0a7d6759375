from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.metrics.delivery import NeededBlocks, demand_balance, mean_days_late, order_lead_times, useful_from
from sim.metrics.event_log import DAY, MONTH
from sim.metrics.kernels.interface import NEVER
from sim.metrics.money.in_service import in_clusters


def days(*numbers: float) -> np.ndarray:
    return np.array([NEVER if number == np.inf else round(number * DAY) for number in numbers], np.int64)


def test_demand_and_capacity_are_the_two_sides_of_one_gap() -> None:
    # needed on days 10, 20, 60; online on days 5, 50, 55 and never needed; to day 100
    found = demand_balance(days(5, 50, 55), NeededBlocks(days(10, 20, 60)), 2.5, 100 * DAY)
    # 1 early by 5 days (5-10), 1 missing for 30 (20-50), 1 early by 5 (55-60)
    assert found["unmet_demand_mw_months"] == pytest.approx(2.5 * 30 * DAY / MONTH)
    assert found["idle_capacity_mw_months"] == pytest.approx(2.5 * 10 * DAY / MONTH)


def test_lateness_against_need_is_matched_first_in_first_out() -> None:
    assert mean_days_late(days(50, 5, 55), NeededBlocks(days(10, 20, 60))) == pytest.approx(30 / 3)
    assert mean_days_late(days(5, np.inf), NeededBlocks(days(10, 20))) == np.inf
    assert mean_days_late(days(5), NeededBlocks(days())) == 0.0


def test_a_block_earns_when_it_is_online_and_needed() -> None:
    used = useful_from(days(50, 5, 55), NeededBlocks(days(10, 60)))
    assert used.tolist() == days(60, 10, np.inf).tolist()
    assert useful_from(days(3, 1), None).tolist() == days(3, 1).tolist()


def test_lead_times_of_orders_run_to_their_last_block() -> None:
    lots = np.array([0, 0, 1, 1, 2])
    found = order_lead_times(days(30, 40, 70, 60, 500), days(0, 0, 20, 20, 100), lots)
    assert found["lead_time_per_order_days"] == pytest.approx((40 + 50 + 400) / 3)
    assert found["lead_time_per_order_days_p50"] == 50
    assert found["lead_time_per_order_days_p90"] == 400


def test_a_cluster_is_useful_when_it_is_whole_and_the_last_when_all_are_there() -> None:
    assert in_clusters(days(4, 1, 3, 2, 9), 5, 2).tolist() == days(4, 2, 4, 2, 9).tolist()
    assert in_clusters(days(4, 1, np.inf), 3, 2).tolist() == days(4, 4, np.inf).tolist()


moments = st.lists(st.integers(0, 200), min_size=0, max_size=12)


@given(moments, moments, st.integers(1, 250))
def test_the_gap_agrees_with_a_count_day_by_day(online: list[int], needed: list[int], horizon: int) -> None:
    found = demand_balance(days(*online), NeededBlocks(days(*sorted(needed))), 1.0, horizon * DAY)
    unmet = idle = 0
    for day in range(horizon):
        gap = sum(need <= day for need in needed) - sum(made <= day for made in online)
        unmet, idle = unmet + max(0, gap), idle + max(0, -gap)
    assert found["unmet_demand_mw_months"] == pytest.approx(unmet * DAY / MONTH)
    assert found["idle_capacity_mw_months"] == pytest.approx(idle * DAY / MONTH)
