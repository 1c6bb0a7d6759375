from __future__ import annotations

import numpy as np
import pytest

from sim.errors import SimError
from sim.study.runner import Precision, parse

METRICS = ("lead_time_full_days", "capital_total_usd")


def test_wording() -> None:
    assert parse("1%@p80:lead_time_full_days", METRICS) == Precision(0.01, 0.8, "lead_time_full_days")
    assert parse(" 0.5 % @ P50 : capital_total_usd", METRICS, 900) == Precision(0.005, 0.5, "capital_total_usd", 900)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("1%", "write it like 1%@p80:lead_time_full_days"),
        ("1%@p800:lead_time_full_days", "write it like"),
        ("1%@p80:lead_time_ful_days", "did you mean lead_time_full_days"),
        ("1%@p80:xyz", "there are lead_time_full_days, capital_total_usd"),
        ("0%@p80:lead_time_full_days", "above 0 %"),
        ("1%@p0:lead_time_full_days", "p1 to p99"),
        ("100%@p80:lead_time_full_days", "below 100 %"),
    ],
)
def test_wrong_wording_is_told(wrong: str, told: str) -> None:
    with pytest.raises(SimError, match=told) as caught:
        parse(wrong, METRICS)
    assert caught.value.exit_code == 2


def test_it_grows_by_a_third_up_to_the_cap() -> None:
    precision = Precision(0.01, 0.8, METRICS[0], 500)
    sizes = [precision.first]
    while sizes[-1] < precision.max_runs:
        sizes.append(precision.next(sizes[-1]))
    assert sizes == [200, 260, 338, 440, 500]
    assert Precision(0.01, 0.8, METRICS[0], 50).first == 50


def test_reached_when_the_interval_is_narrow_enough() -> None:
    # 1,000 values 1001 … 2000: P80 is 1800, its interval 1775 to 1825, so the half-width 25 is 1.39 %
    values = np.arange(1001.0, 2001.0)
    assert Precision(0.014, 0.8, METRICS[0]).reached(values)
    assert not Precision(0.0138, 0.8, METRICS[0]).reached(values)
    assert "±1.4 % after 1,000 runs" in Precision(0.014, 0.8, METRICS[0]).remark(values, 1000)


def test_stalled_runs_are_never_precise() -> None:
    values = np.concatenate([np.arange(1.0, 701.0), np.full(300, np.inf)])
    assert not Precision(0.5, 0.8, METRICS[0]).reached(values)


def test_a_value_that_is_surely_nothing_is_known_exactly() -> None:
    precision = Precision(0.01, 0.5, METRICS[1])
    assert precision.reached(np.zeros(200))
    assert "±0 % after 200 runs" in precision.remark(np.zeros(200), 200)
