"""The expected delivery curves of the shipped strategies: a change that moves them is made on purpose.

`make curves` writes them anew; the difference is reviewed and told in CHANGELOG under "Results change".
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.errors import CheckFailed
from sim.study import baseline
from sim.study.running import load, run

ROOT = Path(__file__).parents[1]
CURVES = Path(__file__).parent / "curves"
STRATEGIES = ("stick_built", "hybrid", "modular")
RUNS, SEED = 16, 1


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_delivery_is_as_expected(strategy: str) -> None:
    result = run(load(ROOT / "configs" / f"{strategy}.yaml"), runs=RUNS, seed=SEED, workers=1)
    assert baseline.check(result, CURVES / f"{strategy}.json") == []


def test_a_slower_factory_is_noticed_and_named() -> None:
    slower = ["systems.electrical.factory.lines=6"]
    result = run(load(ROOT / "configs" / "hybrid.yaml", slower), runs=4, seed=SEED, workers=1)
    with pytest.raises(CheckFailed, match="the first are"):
        baseline.require(result, CURVES / "hybrid.json")
