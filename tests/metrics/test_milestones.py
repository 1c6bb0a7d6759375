"""Milestones of a contract, by hand on the tiny project: its blocks are online on days 27 and 30, its power on day 20."""

from __future__ import annotations

import numpy as np
import pytest

from sim.errors import ConfigError
from sim.metrics.metric import MORE
from sim.metrics.milestones import day_of_mw
from sim.metrics.registry import directions_of, metric_of
from sim.report.formatting import metric_format
from tests.tiny_project import tiny, tiny_case

HALF = "{name: Half to tenant, mw: 2.5, date: 2026-01-30, damages_usd_per_day: 1000}"
ALL = "{name: All, event: complete, date: 2026-02-10, damages_usd_per_day: 500}"
POWER = "{name: First power, event: first_power, date: 2026-02-10}"


def planned(*milestones: str) -> dict[str, float]:
    return tiny_case(f"milestones=[{', '.join(milestones)}]").as_planned[0]


def test_each_is_reached_on_its_day() -> None:
    found = planned(HALF, ALL, POWER, "{name: Hall, hall: 1, date: 2026-02-10}")
    assert found["milestone_half_to_tenant_days"] == 27
    assert found["milestone_all_days"] == found["milestone_hall_days"] == 30
    assert found["milestone_first_power_days"] == 20


def test_a_day_late_is_a_day_of_damages_and_none_is_owed_in_time() -> None:
    # day 27 begins with 1 February: what is reached at that midnight is reached on 31 January, and 30 January is agreed
    found = planned(HALF, ALL)
    assert found["milestone_half_to_tenant_in_time"] == 0
    assert found["milestone_half_to_tenant_damages_usd"] == 1000
    assert found["milestone_all_in_time"] == 1
    assert found["milestone_damages_usd"] == 1000


def test_midnight_ends_the_promised_day() -> None:
    found = planned(HALF.replace("01-30", "01-31"))
    assert (found["milestone_half_to_tenant_in_time"], found["milestone_half_to_tenant_damages_usd"]) == (1, 0)


def test_damages_end_at_their_cap() -> None:
    capped = "{name: Half, mw: 2.5, date: 2026-01-10, damages_usd_per_day: 1000, cap_usd: 1500}"
    assert planned(capped)["milestone_half_damages_usd"] == 1500


def test_no_milestone_no_metric() -> None:
    assert not [name for name in tiny_case().metrics if name.startswith("milestone")]


def test_mw_that_are_never_online_have_no_day() -> None:
    day, mw = np.array([4.0, np.inf, 2.0]), np.array([2.5, 2.5, 2.5])
    assert [day_of_mw(day, mw, level) for level in (1, 2.5, 5, 7.5, 8)] == [2, 2, 4, np.inf, np.inf]


def test_its_metrics_are_read_like_any_other() -> None:
    assert metric_format("milestone_half_to_tenant_days").label == "milestone: half to tenant"
    assert metric_format("milestone_half_to_tenant_damages_usd").unit == "$"
    assert directions_of(["milestone_half_in_time", "lead_time_full_days", "censored"]) == {
        "lead_time_full_days": -1,
        "milestone_half_in_time": MORE,
    }
    assert metric_of("nothing") is None


@pytest.mark.parametrize(
    ("milestone", "said"),
    [
        ("{name: X, date: 2026-02-10}", "state one of mw, hall, event"),
        ("{name: X, mw: 2, hall: 1, date: 2026-02-10}", "state one of mw, hall, event"),
        ("{name: X, mw: 6, date: 2026-02-10}", "at most 5 MW"),
        ("{name: X, hall: 2, date: 2026-02-10}", "1 to 1, the halls"),
        ("{name: X, mw: 2, date: 2025-02-10}", "a day after scale.start_date"),
        ("{name: X, mw: 2, date: 2026-02-10, cap_usd: 5}", "no cap where"),
        ("{name: '!', mw: 2, date: 2026-02-10}", "a letter or a digit"),
        ("{name: X, mw: 2, date: 2026-02-10}, {name: x, mw: 3, date: 2026-02-10}", "another milestone is called"),
    ],
)
def test_what_cannot_be_promised_is_refused(milestone: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        tiny(f"milestones=[{milestone}]")
