from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.metrics.event_log import DAY, MONTH
from sim.metrics.kernels.interface import CapitalEvents
from sim.metrics.money.capital import CapitalTimeline, capital_metrics
from sim.metrics.money.finance import interest

KW = 2500.0


def timeline(
    payments: list[tuple[int, int, float]], online: list[tuple[int, int, float]], built: list[float], horizon: int
) -> tuple[CapitalTimeline, np.ndarray]:
    """The timeline of items from (item, day, dollars) paid and (item, day, kW) online, and their totals in cents."""
    cents = np.array([usd * 100 for *_, usd in payments])
    paid, served = _columns(payments), _columns(online)
    total = np.bincount(paid[0], cents, len(built)).astype(np.float64)
    none, never = np.zeros(0, np.int64), np.full(len(built), -1)
    events = CapitalEvents(
        *paid, cents.astype(np.int64), cents, when=none,
        serving_item=served[0], serving_moment=np.arange(len(online)), moments=served[1],
        serving_kw=np.array([kw for *_, kw in online], np.float64),
        owed_item=none, owed_step=none, owed_share=np.zeros(0),
        value=total.astype(np.int64), ordered=never, cancelled=never, total=total, online=none, block_kw=KW,
    )  # fmt: skip
    return CapitalTimeline.of(events, np.array(built), horizon * DAY, horizon), total


def _columns(rows: list[tuple[int, int, float]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([r[0] for r in rows], np.int64), np.array([r[1] * DAY for r in rows], np.int64)


def idle_dollar_days(found: CapitalTimeline) -> float:
    return float(found.integrals.idle.sum()) / 100 / DAY


def blocks(n: int, price: float, first: int, every: int, online: int, rate: int) -> tuple[CapitalTimeline, np.ndarray]:
    """n blocks: block i is paid on delivery, first + every × i, and online at online + rate × i."""
    paid = [(i, first + every * i, price) for i in range(n)]
    return timeline(paid, [(i, online + rate * i, KW) for i in range(n)], [KW] * n, 1000)


def test_closed_form_of_blocks_that_are_delivered_and_energised_at_steady_rates() -> None:
    n, price, t0, u0, a, b = 24, 1.6e6, 100, 130, 3, 5
    found, _ = blocks(n, price, t0, a, u0, b)
    assert idle_dollar_days(found) == pytest.approx(price * (n * (u0 - t0) + (b - a) * n * (n - 1) / 2), rel=1e-12)
    assert idle_dollar_days(found) / 1e6 == pytest.approx(2035.2, rel=1e-12)


def test_the_same_blocks_on_debt_cost_the_closed_form_of_compound_interest() -> None:
    n, price, t0, u0, a, b = 24, 1.6e6, 100, 130, 3, 5
    found, _ = blocks(n, price, t0, a, u0, b)  # all of it debt
    r = np.log1p(0.08 / 12) * DAY / MONTH  # a day's force of interest at 8 % compounded monthly
    closed = price * (np.exp(r * (u0 - t0)) * np.expm1(r * (b - a) * n) / np.expm1(r * (b - a)) - n)
    assert interest(found, 8.0) == pytest.approx(closed, rel=1e-11)


def test_linear_spend_idles_from_its_midpoint() -> None:
    begin, days, online, usd = 50, 40, 200, 4e6
    payments = [(0, begin + day, usd / days) for day in range(1, days + 1)]
    found, _ = timeline(payments, [(0, online, KW)], [KW], 1000)
    midpoint = begin + (days + 1) / 2  # paid at the end of each day
    assert idle_dollar_days(found) == pytest.approx(usd * (online - midpoint), rel=1e-12)


def test_what_is_built_beyond_what_is_ordered_never_comes_into_service() -> None:
    found, _ = timeline([(0, 0, 270.0)], [(0, 100, 250.0)], [270.0], 1000)
    metrics = capital_metrics(found, np.array([False]), 0.25, 10.0)
    assert metrics["stranded_capital_usd"] == pytest.approx(20.0)
    assert idle_dollar_days(found) == pytest.approx(270 * 100 + 20 * 900)


def test_nothing_is_in_service_before_it_is_paid() -> None:
    found, _ = timeline([(0, 50, 60.0), (0, 80, 40.0)], [(0, 10, KW)], [KW], 100)
    assert idle_dollar_days(found) == 0.0
    assert found.daily()[1][[9, 49, 50, 79, 80]].tolist() == [0, 0, 60, 60, 100]


rows = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 120), st.integers(1, 1000)), min_size=1, max_size=25)


@given(rows, rows, st.lists(st.integers(200, 3000), min_size=4, max_size=4), st.integers(40, 130))
def test_the_integral_is_the_area_between_two_curves(
    paid: list[tuple[int, int, int]], online: list[tuple[int, int, int]], built: list[int], horizon: int
) -> None:
    """The second implementation goes minute by minute through the breakpoints of plain Python lists."""
    found, _ = timeline([*paid], [*online], [float(kw) for kw in built], horizon)
    moments = sorted({0, horizon, *(day for _, day, _ in paid + online if day < horizon)})
    area, highest = 0.0, 0.0
    for begin, end in pairwise([*moments, horizon]):
        deployed = in_service = 0.0
        for item in range(4):
            so_far = sum(usd for which, day, usd in paid if which == item and day <= begin)
            whole = sum(usd for which, _, usd in paid if which == item)
            share = min(1.0, sum(kw for which, day, kw in online if which == item and day <= begin) / built[item])
            deployed, in_service = deployed + so_far, in_service + min(so_far, whole * share)
        area += (deployed - in_service) * (end - begin)
        highest = max(highest, deployed - in_service)
    assert idle_dollar_days(found) == pytest.approx(area, rel=1e-9, abs=1e-6)
    assert found.integrals.highest / 100 == pytest.approx(highest, rel=1e-9, abs=1e-6)


@given(rows, rows, st.integers(2, 9))
def test_money_times_k_is_idle_capital_times_k(
    paid: list[tuple[int, int, int]], online: list[tuple[int, int, int]], k: int
) -> None:
    once, _ = timeline([*paid], [*online], [1000.0] * 4, 100)
    often, _ = timeline([(item, day, usd * k) for item, day, usd in paid], [*online], [1000.0] * 4, 100)
    assert idle_dollar_days(often) == pytest.approx(k * idle_dollar_days(once), rel=1e-12, abs=1e-9)
    assert often.integrals.highest == pytest.approx(k * once.integrals.highest, rel=1e-12, abs=1e-9)
