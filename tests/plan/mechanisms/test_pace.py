"""Pace of a project and lots: what all work of a site or a factory shares, and what one purchase shares."""

from __future__ import annotations

from math import exp, log, sqrt

import numpy as np
import pytest

from sim.engine.backends import COMPILED, SIMPY, require_same
from sim.errors import ConfigError
from sim.jit import available
from sim.plan.layout import layout_of
from sim.plan.mechanisms.procurement import lot_of
from sim.study.analyses.switch_off import Switches
from sim.study.case import Case
from sim.world.quantile_tables import sample
from tests.tiny_project import tiny, tiny_case

Z90 = 1.2815515655446004
PACE = "pace={site: {median: 1, p90: 1.6}, factory: {median: 0.9, p90: 1.2}, correlation: 0.4}"
LOTS = (
    "scale.capacity_mw=10",
    "systems.electrical.scope=site",
    "energization.units.mw=20",
    "systems.electrical.site.lead_weeks={low: 10, mode: 12, high: 20}",
)


def factors(case: Case, runs: int) -> dict[str, np.ndarray]:
    inputs = case.plan.inputs
    drawn = sample(inputs.tables, inputs.factor_table, case.draws(1).uniforms(inputs.factors, 0, runs))
    return dict(zip(inputs.factors, drawn, strict=True))


def test_paces_are_lognormal_with_the_stated_spreads_and_correlation() -> None:
    n = 4000
    found = factors(tiny_case(PACE), n)
    site = np.log(found["pace.everyone"] * found["pace.site"])
    plants = [np.log(found["pace.everyone"] * found[f"pace.{name}"]) for name in ("electrical", "mechanical")]
    for values, median, p90 in ((site, 1.0, 1.6), (plants[0], 0.9, 1.2), (plants[1], 0.9, 1.2)):
        sigma = log(p90 / median) / Z90
        assert abs(values.mean() - log(median)) < 4 * sigma / sqrt(n)
        assert abs(values.std() / sigma - 1) < 4 / sqrt(2 * n)
    own = log(1.2 / 0.9) / Z90
    for one, other, expected in (
        (site, plants[0], 0.4), (site, plants[1], 0.4), (*plants, 0.4 * log(1.6) / Z90 / own),
    ):  # fmt: skip
        assert abs(np.corrcoef(one, other)[0, 1] - expected) < 4 * (1 - expected**2) / sqrt(n)


def test_work_of_crews_on_site_takes_longer_and_nothing_else_does() -> None:
    plain, slow = tiny_case(), tiny_case("pace={site: 2, factory: 1}")
    names = [name.partition("/")[0] for name in plain.plan.inputs.names]
    assert plain.plan.inputs.names == slow.plan.inputs.names
    ratio: dict[str, set[float]] = {}
    for name, one, other in zip(names, plain.planned.values, slow.planned.values, strict=True):
        if one > 1:
            ratio.setdefault(name, set()).add(other / one)
    assert ratio["L2"] == ratio["L3"] == ratio["L5"] == {2.0}
    assert all(found == {2.0} for name, found in ratio.items() if name.startswith("shell."))
    others = [name for name in ratio if name.endswith(("lead time", "parts")) or "permits" in name or "hiring" in name]
    assert others
    assert all(ratio[name] == {1.0} for name in others)


def test_without_a_pace_nothing_of_it_is_drawn() -> None:
    assert not [name for name in tiny_case().plan.inputs.factors if name.startswith("pace.")]
    assert "pace" not in {cause.id for cause in Switches(tiny_case(), 1).causes}
    assert "pace" in {cause.id for cause in Switches(tiny_case(PACE), 1).causes}


def test_pace_that_is_switched_off_is_at_its_mean() -> None:
    case = tiny_case(PACE)
    (cause,) = (cause for cause in Switches(case, 1).causes if cause.id == "pace")
    off = factors(Switches(case, 1).without([cause]), 50)
    own = (log(1.6) / Z90) ** 2 - 0.4 * log(1.6) / Z90 * log(1.2 / 0.9) / Z90
    assert np.ptp(off["pace.site"]) == 0
    assert off["pace.site"][0] == pytest.approx(exp(own / 2), rel=1e-12)


@pytest.mark.skipif(not available(), reason="numba is not installed")
def test_engines_agree_with_pace_and_lots() -> None:
    case = tiny_case(PACE, *LOTS, "systems.electrical.site.lot=2", "systems.electrical.site.lot_delivered_per_week=0.5")
    fast, slow = (list(case.replications(1, 0, 5, engine=engine)) for engine in (COMPILED, SIMPY))
    for one, other in zip(slow, fast, strict=True):
        require_same(case.plan, one, other)
    assert len({done.outcome.log[:, 0].max() for done in slow}) == 5


@pytest.mark.parametrize(
    ("pace", "message"),
    [
        ("{site: {low: 1, mode: 1, high: 2}, factory: 1}", "lognormal"),
        ("{site: {median: 1, p90: 1.6}, factory: {median: 1, p90: 1.1}, correlation: 0.5}", "at most 0.203"),
    ],
)
def test_pace_that_cannot_be_drawn_is_refused(pace: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        tiny(f"pace={pace}")


def lead_days(case: Case, replication: int = 0) -> list[float]:
    (drawn,) = case.draws(1).chunk(replication, 1)
    named = zip(case.plan.inputs.names, drawn.values, strict=True)
    return [value / 1440 for name, value in named if name.startswith("electrical material lead time/")]


def test_blocks_of_a_lot_share_one_lead_time_and_others_do_not() -> None:
    by_block, by_two, by_order = (
        lead_days(tiny_case(*LOTS, f"systems.electrical.site.lot={lot}")) for lot in (1, 2, "order")
    )
    assert len(by_block) == len(set(by_block)) == 4
    assert by_two[0] == by_two[1] != by_two[2] == by_two[3]
    assert len(set(by_order)) == 1


def test_lot_that_comes_over_time_comes_block_by_block() -> None:
    at_once, over_time = (
        lead_days(tiny_case(*LOTS, "systems.electrical.site.lot=order", *more))
        for more in ((), ("systems.electrical.site.lot_delivered_per_week=0.5",))
    )
    # 12 planned weeks and 0, 2, 4 and 6 weeks behind the first: in proportion to the lead time that was drawn
    assert over_time == pytest.approx([at_once[0] * (12 + late) / 12 for late in (0, 2, 4, 6)], abs=1e-3)


def test_lots_by_number_hall_and_order() -> None:
    layout = layout_of(
        tiny(
            "scale.capacity_mw=20",
            "hall.blocks=4",
            "energization.units.mw=20",
            "orders={given: [{day: 0, mw: 15}, {day: 30, mw: 5}]}",
        )
    )
    assert [lot_of(layout, 3, f"b{n}") for n in (1, 3, 4, 8)] == [("1", 0), ("1", 2), ("2", 0), ("3", 1)]
    assert [lot_of(layout, "hall", f"b{n}") for n in (4, 5, 8)] == [("h1", 3), ("h2", 0), ("h2", 3)]
    assert [lot_of(layout, "order", f"b{n}") for n in (6, 7, 8)] == [("day 0", 5), ("day 30", 0), ("day 30", 1)]
    assert lot_of(layout, "order", "h2") == ("day 0", 4)


def test_every_lot_of_a_phase_that_waits_for_an_order_has_its_own_lead_time() -> None:
    """Blocks of a phase share a written route; with dates of purchases they had the lead time of the first one's lot."""
    phases = "scale.phases=2", "scale.phase_interval_days=5", "hall.blocks=2", "orders={phase_after_units: 1}"
    days = lead_days(tiny_case(*LOTS, *phases, "procurement.policy=just_in_time", "systems.electrical.site.lot=1"))
    assert len(days) == len(set(days)) == 4
