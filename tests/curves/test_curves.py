"""The expected delivery curves of the shipped strategies: a change that moves them is made on purpose.

`make curves` writes them anew; the difference is reviewed and told in CHANGELOG under "Results change".
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.errors import CheckFailed
from sim.study.analyses import baseline
from sim.study.api import load, run
from sim.study.result import Result

ROOT = Path(__file__).parents[2]
CURVES = Path(__file__).parent
SEED, RUNS, OF_A_CAMPUS = 1, 16, 4
KEPT = [
    *(pytest.param(name, RUNS, id=name) for name in ("stick_built", "hybrid", "modular")),
    pytest.param("any_price", RUNS, id="any_price", marks=pytest.mark.slow),
    pytest.param("hybrid_450", RUNS, id="hybrid_450", marks=pytest.mark.slow),
    pytest.param("horizon_2gw", OF_A_CAMPUS, id="horizon_2gw", marks=pytest.mark.slow),
]
SMALL = ("scale.capacity_mw=25", "energization.units.count=2")


@pytest.mark.parametrize(("name", "runs"), KEPT)
def test_delivery_is_as_expected(name: str, runs: int) -> None:
    result = run(load(ROOT / "configs" / f"{name}.yaml"), runs=runs, seed=SEED, workers=1)
    assert baseline.check(result, CURVES / f"{name}.json") == []


def test_longer_tests_are_noticed_and_named(tmp_path: Path) -> None:
    def result(*overrides: str) -> Result:
        return run(load(ROOT / "configs" / "hybrid.yaml", [*SMALL, *overrides]), runs=2, seed=SEED, workers=1)

    baseline.save(result(), tmp_path / "small.json")
    with pytest.raises(CheckFailed, match="the first are") as caught:
        baseline.require(result("commissioning.l4.days={low: 20, mode: 30, high: 40}"), tmp_path / "small.json")
    told = str(caught.value).partition("what moved them:")[2].splitlines()[1:]
    assert [line.partition(": ")[0] for line in told[:3]] == [
        f"  input commissioning.l4.days.{point}" for point in ("low", "mode", "high")
    ]
    assert told[3].startswith("  on the way to the planned finish, commissioning: ")
    assert told[3].endswith(" days more")
