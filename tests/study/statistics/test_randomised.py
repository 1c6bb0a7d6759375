from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from sim.errors import SimError
from sim.study.chunk import OK, Chunk
from sim.study.compare import compare
from sim.study.result import Result
from sim.study.runner import parse, run
from sim.study.statistics.intervals import (
    quantile_interval,
    randomisation_interval,
    sampled_mean,
    sampled_mean_difference,
    sampled_quantile,
    sampled_quantile_differences,
)
from sim.world.streams import PLAIN_MONTE_CARLO, Sampling, latin_hypercube, ranks, stream_key
from tests.study.toy_case import Toy, toy_manifest

LHS = Sampling("lhs", 16)
# t of 7 degrees of freedom at 97.5 %, from any table
T7 = 2.3646


@dataclass(frozen=True)
class Spread(Toy):
    """Lead time is the sum of eight uniforms, spread evenly over randomisations of 16."""

    shift: float = 0.0

    def simulate_chunk(self, seed: int, first: int, count: int) -> Chunk:
        keys = [stream_key(seed, f"input {number}") for number in range(8)]
        rows = []
        for r in range(first, first + count):
            drawn = latin_hypercube(ranks(keys, r // 16, 16), keys, r, 1)
            rows.append(300 + 10 * float(drawn.sum()) + self.shift)
        lead = np.array(rows)
        runs = dict.fromkeys(self.metrics, lead)
        return Chunk(first, {"status": np.full(count, OK, np.int8), **runs}, {"mw_online": np.tile(lead[:, None], 400)})


def test_the_interval_is_that_of_the_randomisations() -> None:
    values = np.concatenate([np.full(16, float(k)) for k in range(8)])
    found = sampled_mean(values, LHS)
    # 0 … 7: mean 3.5, standard deviation sqrt(6)
    assert found.value == 3.5
    assert found.high - 3.5 == pytest.approx(T7 * np.sqrt(6) / np.sqrt(8), rel=1e-4)
    assert found.n == 128
    p50 = sampled_quantile(values, 0.5, LHS)
    assert p50.value == 3.0
    assert p50.half_width == pytest.approx(found.half_width)


def test_plain_luck_keeps_its_interval() -> None:
    values = np.random.Generator(np.random.Philox(1)).standard_normal(200)
    assert sampled_quantile(np.append(values, np.nan), 0.8, PLAIN_MONTE_CARLO) == quantile_interval(values, 0.8)


def test_what_failed_is_left_out_and_what_stalled_leaves_no_bounds() -> None:
    values = np.arange(128.0)
    values[5] = np.nan
    assert sampled_mean(values, LHS).n == 127
    values[5] = np.inf
    assert np.isnan(sampled_mean(values, LHS).value)
    assert np.isfinite(sampled_quantile(values, 0.5, LHS).half_width)
    values[:16] = np.inf
    found = sampled_quantile(values, 0.5, LHS)
    assert (found.low, found.high) == (-np.inf, np.inf)
    assert randomisation_interval(lambda rows: float(rows.mean()), np.arange(16.0), 16).half_width == np.inf
    assert sampled_quantile(np.full(128, np.nan), 0.5, LHS).n == 0


def test_differences_of_pairs() -> None:
    base = np.concatenate([np.arange(16.0) + k for k in range(8)])
    case = base + np.repeat(np.arange(8.0), 16)
    mean = sampled_mean_difference(case, base, LHS)
    assert mean.value == 3.5
    assert mean.half_width == pytest.approx(T7 * np.sqrt(6) / np.sqrt(8), rel=1e-4)
    (p50,) = sampled_quantile_differences(case, base, (0.5,), LHS)
    assert p50.half_width == pytest.approx(mean.half_width)


@pytest.mark.parametrize("sampling", [LHS, PLAIN_MONTE_CARLO])
def test_a_pair_in_which_both_stall_has_no_difference_and_leaves_no_mean(sampling: Sampling) -> None:
    base, case = np.arange(128.0), np.arange(128.0) + 1
    case[3] = base[3] = np.inf
    assert np.isnan(sampled_mean_difference(case, base, sampling).value)
    assert sampled_mean_difference(case, base, sampling).n == 128
    base[3] = np.nan  # a pair of which one failed is left out
    assert sampled_mean_difference(case, base, sampling).value == 1


def test_a_sample_quotes_the_interval_of_its_sampling() -> None:
    found = run(Spread(), seed=1, runs=128, sampling=LHS)
    lead = found.runs["lead_time_full_days"]
    assert found.sampling == LHS
    assert found.quantile("lead_time_full_days", 0.8) == sampled_quantile(lead, 0.8, LHS)
    # evenly spread, the mean of a sum is known far better than its replications tell
    assert found.mean("lead_time_full_days").half_width < 0.2 * 1.96 * lead.std() / np.sqrt(128)
    band = {name: column[0] for name, column in found.curves.items() if name != "curve"}
    low, high = found.quantile("lead_time_full_days", 0.5).low, found.quantile("lead_time_full_days", 0.5).high
    assert band["p50_low"] == pytest.approx(low, rel=1e-5)
    assert band["p50_high"] == pytest.approx(high, rel=1e-5)


def test_the_way_of_sampling_is_kept_with_the_result(tmp_path: Path) -> None:
    found = run(Spread(), seed=1, runs=128, sampling=LHS)
    Result(toy_manifest(128), found).save(tmp_path / "toy")
    assert Result.load(tmp_path / "toy").sample.sampling == LHS
    assert Result.load(tmp_path / "toy").numbers == Result({}, found).numbers


def test_precision_grows_by_whole_randomisations() -> None:
    wanted = parse("1%@p80:lead_time_full_days", Toy().metrics, 500, LHS)
    assert [wanted.first, wanted.next(208), wanted.next(490)] == [208, 272, 512]
    found = run(Spread(), seed=1, runs=1, precision=wanted, sampling=LHS)
    assert len(found.runs["replication"]) == 208
    assert "after 208 runs" in found.remark
    assert found.sampling == LHS
    whole = run(Spread(), seed=1, runs=512, sampling=LHS)
    assert (whole.runs["lead_time_full_days"][:208] == found.runs["lead_time_full_days"]).all()


def test_samples_of_two_kinds_are_not_compared() -> None:
    plain, even = run(Toy(), seed=1, runs=128), run(Spread(), seed=1, runs=128, sampling=LHS)
    with pytest.raises(SimError, match=r"not run on the same random numbers.*plain Monte Carlo.*Latin hypercube"):
        compare({"a": plain, "b": even}, {"lead_time_full_days": -1})


def test_a_shift_is_known_exactly() -> None:
    samples = {shift: run(Spread(shift=shift), seed=1, runs=128, sampling=LHS) for shift in (0.0, 5.0)}
    (found,) = compare({"a": samples[0.0], "b": samples[5.0]}, {"lead_time_full_days": -1})
    assert found.mean == pytest.approx(5)
    assert found.p80 == pytest.approx(5)
    assert found.p80_high - found.p80_low < 1e-9
