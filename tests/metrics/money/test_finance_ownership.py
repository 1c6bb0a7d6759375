from __future__ import annotations

import pytest

from sim.config.sections.money import Money
from sim.metrics.money.finance import Layers, recovery, rented
from tests.tiny_project import tiny

NOTHING = {"energy": 0.0, "operations": 0.0}
COST = Layers(
    land=1, energy=10, building=20, operation=5, compute=100, gpu_hours=1, running=NOTHING, depreciation=(0, 0, 0)
)


def renting(margins: dict[str, float], year: float = 0.0, falls: float = 0.0) -> float:
    money = {"horizon_days": 100, "cost_of_capital": 10, "prices": {}}
    money["ownership"] = {"margins": margins, "compute_margin_falls": falls}
    project = tiny().model_copy(update={"money": Money.model_validate(money)})
    return rented(COST, project, year)


def test_without_margins_renting_costs_what_owning_costs() -> None:
    assert renting({}) == COST.owned == 136


def test_a_margin_is_taken_on_everything_below_it() -> None:
    assert renting({"land": 1.0}) == 137
    assert renting({"land": 1.0, "building": 0.5}) == 136 + 1 + 0.5 * 22
    assert renting({"operation": 0.1}) == pytest.approx(136 + 0.1 * 36)
    assert renting({"compute": 0.25}) == pytest.approx(136 * 1.25)


def test_only_the_margin_on_compute_falls_over_time() -> None:
    assert renting({"operation": 0.1, "compute": 0.5}, 2, 50) == pytest.approx(139.6 * (1 + 0.5 / 4))


def test_the_capital_recovery_factor_pays_a_dollar_back_with_interest() -> None:
    year, owed = recovery(0.1, 5), 1.0
    for _ in range(5):
        owed = owed * 1.1 - year
    assert owed == pytest.approx(0, abs=1e-12)
    assert recovery(0.0, 4) == 0.25
