"""Sobol indices from the run's own sample: known shares are found, nothing is found where there is nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import sim
import sim.study.compare
from sim.report import explanations as shares
from sim.report.result_view import ResultView
from sim.study.api import load
from sim.study.case import prepare_case
from sim.study.statistics.control_variates import P80, control_functions, share_explained
from sim.study.statistics.intervals import controlled_mean, controlled_quantile, mean_interval, quantile_interval
from sim.study.statistics.regression import at_odds
from sim.study.statistics.sobol_indices import classes, index, resampled
from tests.tiny_project import tiny

N = 2000
BLOCK = Path(__file__).parents[3] / "configs" / "one_block.yaml"
EVERYONE = np.ones(N, bool)


@pytest.fixture(scope="module")
def counts() -> np.ndarray:
    return resampled(N)


def test_a_sum_of_two_is_shared_out_as_the_squares_of_its_weights(counts: np.ndarray) -> None:
    one, two, noise = np.random.default_rng(1).uniform(size=(3, N))
    y = one + 2 * two + noise  # 1 : 4 : 1
    found = [index(y, classes(x, EVERYONE), counts) for x in (one, two)]
    for (share, low, high), truth in zip(found, (1 / 6, 4 / 6), strict=True):
        assert share == pytest.approx(truth, abs=0.04)
        assert low < truth < high
        assert high - low < 0.12


def test_a_curved_effect_is_seen_too(counts: np.ndarray) -> None:
    x = np.random.default_rng(2).uniform(-1, 1, N)
    assert np.corrcoef(x, x**2)[0, 1] ** 2 < 0.01
    assert index(x**2, classes(x, EVERYONE), counts)[0] > 0.9


def test_shares_of_what_has_no_effect_add_up_to_nothing(counts: np.ndarray) -> None:
    rng = np.random.default_rng(3)
    y = rng.normal(size=N)
    found = [index(y, classes(rng.uniform(size=N), EVERYONE), counts) for _ in range(60)]
    assert abs(sum(share for share, _, _ in found)) < 0.05
    assert sum(low > 0 for _, low, _ in found) <= 6


def test_a_risk_that_rarely_occurs_is_one_class_more(counts: np.ndarray) -> None:
    rng = np.random.default_rng(4)
    occurs = rng.uniform(size=N) < 0.2
    y = np.where(occurs, 5.0, 0.0) + rng.normal(size=N)
    number = np.where(occurs, 1 + classes(rng.uniform(size=N), occurs), 0)
    assert set(number[~occurs]) == {0}
    share, low, high = index(y, number, counts)
    assert low < 25 * 0.16 / (25 * 0.16 + 1) < high
    assert share == pytest.approx(0.8, abs=0.03)


def test_a_run_without_drivers_says_so_in_a_line() -> None:
    result = sim.run(tiny(), runs=2, seed=1, workers=1)
    assert result.table("indices").empty
    assert shares.variance_rows(ResultView.of(result)) == []
    assert "\n" not in shares.missing_indices_note(ResultView.of(result))


# --- control variates -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def of_200() -> sim.Result:
    return sim.run(load(BLOCK), runs=200, seed=1, workers=1)


def test_functions_of_shared_inputs_have_the_mean_and_the_spread_that_is_said_of_them() -> None:
    x = control_functions(prepare_case(load(BLOCK)), 1, 0, 20_000)
    assert len(x) > 50
    assert np.abs(x.mean(axis=1)).max() < 4 / 20_000**0.5
    assert np.abs(x[:, :].std(axis=1) - 1).max() < 0.5  # squares of rare events are known least
    assert np.median(np.abs(x.std(axis=1) - 1)) < 0.02


def test_means_by_control_variates_are_those_of_the_sample_and_closer(of_200: sim.Result) -> None:
    table = of_200.table("controls")
    assert list(table["replication"]) == [*range(200)]
    metrics = [name for name in table if name != "replication" and not str(name).endswith(P80)]
    assert metrics
    for metric in metrics:
        values = of_200.runs[metric].to_numpy()
        found = controlled_mean(values, table[metric].to_numpy())
        assert found is not None
        assert found.half_width < 0.95 * mean_interval(values).half_width
        assert abs(found.value - values.mean()) < 2 * mean_interval(values).half_width


def test_the_p80_by_control_variates_is_within_the_plain_interval(of_200: sim.Result) -> None:
    values = of_200.runs["lead_time_full_days"].to_numpy()
    found = controlled_quantile(values, of_200.table("controls")["lead_time_full_days" + P80].to_numpy(), 0.8)
    plain = quantile_interval(values, 0.8)
    assert found is not None
    assert plain.low < found.value < plain.high
    assert found.low < found.value < found.high
    assert "P80, by control variates" in of_200.verdict()


def test_intervals_of_a_p80_by_control_variates_hold_it_as_often_as_they_say() -> None:
    random, held, width, samples = np.random.default_rng(11), 0, 0.0, 300
    truth, anew = 0.8416212 * 4.5**0.5, random.normal(size=(20, 20_000))  # 4.5: the variance of what is added up
    for _ in range(samples):
        x = random.normal(size=(20, 300))
        y = 1.8 * x[0] - 0.8 * x[1] + 0.5 * x[2:4].sum(axis=0) + 0.3**0.5 / 2**0.5 * random.normal(size=300)
        y *= (4.5 / (1.8**2 + 0.8**2 + 0.5 + 0.15)) ** 0.5
        plain = quantile_interval(y, 0.8)
        found = controlled_quantile(y, share_explained(x, y, 0.8, [anew]), 0.8)
        assert found is not None
        held += found.low <= truth <= found.high
        width += found.half_width / plain.half_width / samples
    assert 0.92 < held / samples < 0.98
    assert width < 0.6


def test_few_runs_and_stratified_ones_have_no_controls() -> None:
    assert sim.run(load(BLOCK), runs=199, seed=1, workers=1).table("controls").empty
    assert sim.run(load(BLOCK), runs=256, seed=1, workers=1, sampling="lhs").table("controls").empty


def test_a_comparison_and_the_verdict_say_where_a_mean_is_by_control_variates(
    of_200: sim.Result, tmp_path: Path
) -> None:
    other = sim.run(load(BLOCK, ["logistics.cranes=2", "labour.utilisation=0.7"]), runs=200, seed=1, workers=1)
    assert "by control variates" in of_200.verdict()
    of_200.save(tmp_path / "kept")
    again = sim.Result.load(tmp_path / "kept")
    assert again.verdict() == of_200.verdict()
    table = sim.compare([again, other]).table()
    plain = sim.study.compare.compare({"a": of_200.sample, "b": other.sample}, dict.fromkeys(table["metric"], -1))
    for row, found in zip(table.to_dict("records"), plain, strict=True):
        if "by control variates" in row["remark"]:
            assert row["mean_high"] - row["mean_low"] < found.mean_high - found.mean_low
            assert found.mean_low <= row["mean"] <= found.mean_high
        else:
            assert row["mean"] == pytest.approx(found.mean, nan_ok=True)


def test_what_all_others_contradict_is_at_odds_and_what_they_share_is_not() -> None:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((200, 1)) + 0.1 * rng.standard_normal((200, 8))  # one thing makes them all late
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    late_alone = np.zeros(8)
    late_alone[3] = 2.0
    assert not at_odds(x, np.full(8, 4.0), 6.0).any()
    assert np.flatnonzero(at_odds(x, late_alone, 6.0)).tolist() == [3]
    assert at_odds(np.zeros((200, 0)), np.zeros(0), 6.0).tolist() == []
