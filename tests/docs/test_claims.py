"""The claims: each is judged as it says, and what would have to be true is searched inside stated ranges."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from experiments.the_claims.claims import CLAIMS, Claim, Lever
from experiments.the_claims.measure import FAILS, HOLDS, OPEN, Search, columns, row, stated
from sim.study.api import load

ROOT = Path(__file__).parents[2]


def claim(low: float, high: float, *levers: Lever) -> Claim:
    return Claim(
        "people", "so many", "peak", lambda runs: runs["one_block"]["people"], low, high, "", ("one_block",), levers
    )


@pytest.mark.parametrize(("low", "high", "verdict"), [(0, 200, HOLDS), (0, 20, FAILS), (0, 50, OPEN)])
def test_a_claim_is_judged_by_the_interval_of_its_median(low: float, high: float, verdict: str) -> None:
    runs = {"one_block": {"people": np.arange(100.0)}}
    found = row(claim(low, high), runs, lambda _: "more")
    assert (found.verdict, found.p50.value) == (verdict, 49.0)
    assert found.needed == ("" if verdict == HOLDS else "more")


def test_a_lever_goes_as_far_as_it_must_and_not_beyond_its_stated_range() -> None:
    """A made-up search space in place of the simulator: ten people a dollar of debt rate."""
    search = Search(1)
    search._columns = lambda _config, overrides: {  # type: ignore[assignment]
        "people": np.array([10 * float(overrides[0].partition("=")[2])])
    }
    rate = Lever("money.finance.debt_rate", "low", "one_block")  # 8, stated from 6.6 to 10
    assert search.needed(claim(0, 73, rate)) == "money.finance.debt_rate at most 7.3 (ours 8, stated to 6.6)"
    assert search.needed(claim(0, 50, rate)) == "not inside the stated ranges: money.finance.debt_rate = 6.6 gives 66 "


def test_every_lever_is_an_input_of_its_configuration_and_can_go_to_its_end() -> None:
    levers = {(lever.config, lever.path, lever.to): lever for one in CLAIMS for lever in one.levers}
    configs = {config: ROOT / "configs" / f"{config}.yaml" for config, _, _ in levers}
    as_stated = {config: load(path).value for config, path in configs.items()}
    for lever in levers.values():
        value, low, high = stated(as_stated[lever.config], lever.path)
        assert low <= value <= high, lever.path
        end = {"low": low, "high": high}.get(str(lever.to), lever.to)
        assert load(configs[lever.config], [f"{lever.path}={end:g}"]).value != as_stated[lever.config], lever.path
        assert not isinstance(lever.to, str) or low < high, lever.path


SMALL = ("scale.capacity_mw=25", "energization.units.count=2")


@pytest.mark.parametrize("overrides", [SMALL, pytest.param((), marks=pytest.mark.slow)], ids=["small", "as_claimed"])
def test_every_claim_is_judged_by_numbers_that_the_simulator_gives(overrides: tuple[str, ...]) -> None:
    configs = {config for one in CLAIMS for config in one.configs}
    runs = {config: columns(config, 2, () if config == "one_block" else overrides) for config in configs}
    found = [row(one, runs, lambda _: "searched") for one in CLAIMS]
    assert all(np.isfinite([one.p10, one.p50.value, one.p90]).all() for one in found)
    by_name = {one.claim.name: one for one in found}
    # known without a simulator: two systems and a half on a legal trailer, and 250 MW at about 30 $M a MW
    assert by_name["a skid on a flatbed"].p50.value == 1
    assert 5 < by_name["capital in total"].p50.value * (10 if overrides else 1) < 12
