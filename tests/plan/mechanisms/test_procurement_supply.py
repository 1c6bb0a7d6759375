"""Lead times that slip together, slots that are held, quantities that are promised for dates."""

from __future__ import annotations

import numpy as np
import pytest

from sim.plan.compile import compile_plan
from sim.plan.draws import Draws
from sim.plan.mechanisms.procurement import allocate, allotted, procure
from sim.plan.plan_context import PlanContext
from sim.plan.vocabulary import Wait
from sim.world.distributions import Pert
from tests.plan.bench import alone, bench, goes, notes
from tests.tiny_project import tiny, tiny_case, works

WEEK = 168


def items(*given: str, suppliers: str = "{}") -> PlanContext:
    """A tiny project whose halls need these items."""
    policy = f"procurement={{policy: at_decision, float_weeks: 0, suppliers: {suppliers}, items: [{', '.join(given)}]}}"
    context = bench(policy, units=len(given))
    for item in context.project.procurement.items:
        gate = context.plan.gate(f"h1.{item.id}")
        goes(context, f"needs {item.id}", Wait(gate))
    procure(context)
    return context


def delivered(context: PlanContext) -> dict[str, float]:
    """When each item came, in weeks."""
    found = notes(compile_plan(context.plan))
    return {item: hour / WEEK for hour, kind, item, _ in found if kind == "delivered"}


def test_a_held_slot_delivers_nothing_before_its_week() -> None:
    found = delivered(
        items(
            "{id: gear, per: hall, lead_weeks: 10, slot_week: 12}",
            "{id: pipe, per: hall, lead_weeks: 14, slot_week: 12}",
        )
    )
    assert found == {"gear/h1": 12, "pipe/h1": 14}


def test_slots_of_several_lots_follow_each_other() -> None:
    item = "{id: gear, per: block, lead_weeks: 10, slot_week: 12, slot_weeks_between: 3}"
    context = bench(f"procurement={{policy: at_decision, float_weeks: 0, items: [{item}]}}", units=2)
    for block in context.layout.blocks:
        goes(context, f"needs {block.name}", Wait(context.plan.gate(f"{block.name}.gear")))
    procure(context)
    assert delivered(context) == {"gear/b1": 12, "gear/b2": 15}


def test_a_late_maker_is_late_with_everything_and_nobody_else_is() -> None:
    """One factor a replication for all it makes: lead times of fixed weeks come out in the same proportion."""
    context = items(
        "{id: gear, per: hall, lead_weeks: 10, supplier: maker}",
        "{id: units, per: hall, lead_weeks: 20, supplier: maker}",
        "{id: pipe, per: hall, lead_weeks: 30}",
        suppliers="{maker: {slip: {low: 0.9, mode: 1, high: 1.5}}}",
    )
    plan = compile_plan(context.plan)
    names = [plan.inputs.names.index(f"{item} lead time/h1.{item}") for item in ("gear", "units", "pipe")]
    weeks = (
        np.array([[luck.values[name] for name in names] for luck in Draws(plan.inputs, 1).chunk(0, 4000)]) / 60 / WEEK
    )
    assert np.ptp(weeks[:, 2]) == 0
    assert weeks[:, 1] == pytest.approx(2 * weeks[:, 0], abs=1e-3)
    slip = weeks[:, 0] / 10
    law = Pert(0.9, 1, 1.5)
    variance = (law.mean() - 0.9) * (1.5 - law.mean()) / 7
    assert abs(slip.mean() - law.mean()) / np.sqrt(variance / len(slip)) <= 4


def test_lead_times_of_one_maker_are_correlated_as_a_shared_factor_makes_them() -> None:
    """Products of independent own ranges X and a shared F: cov = E[X]² Var[F]."""
    own, shared = Pert(8, 10, 14), Pert(0.8, 1, 1.4)
    range_ = "{low: 8, mode: 10, high: 14}"
    context = items(
        f"{{id: gear, per: hall, lead_weeks: {range_}, supplier: maker}}",
        f"{{id: units, per: hall, lead_weeks: {range_}, supplier: maker}}",
        suppliers="{maker: {slip: {low: 0.8, mode: 1, high: 1.4}}}",
    )
    plan = compile_plan(context.plan)
    names = [plan.inputs.names.index(f"{item} lead time/h1.{item}") for item in ("gear", "units")]
    weeks = (
        np.array([[luck.values[name] for name in names] for luck in Draws(plan.inputs, 5).chunk(0, 6000)]) / 60 / WEEK
    )

    def variance(law: Pert) -> float:
        return (law.mean() - law.low) * (law.high - law.mean()) / 7

    together, own_spread, shared_spread = own.mean() * shared.mean(), variance(own), variance(shared)
    expected = own.mean() ** 2 * shared_spread
    total = (own_spread + own.mean() ** 2) * (shared_spread + shared.mean() ** 2) - together**2
    correlation = expected / total
    found = float(np.asarray(np.corrcoef(weeks.T))[0, 1])
    fisher = (np.arctanh(found) - np.arctanh(correlation)) * np.sqrt(len(weeks) - 3)
    assert abs(fisher) <= 4


def test_suppliers_slip_a_factorys_parts_and_generating_units_too() -> None:
    late = (
        "procurement.suppliers={maker: {slip: 1.5}}",
        "systems.electrical.factory.supplier=maker",
        "systems.mechanical.site.supplier=maker",
        "energization.units.supplier=maker",
        "systems.mechanical.site.lead_weeks=1",
        "energization.units.slip_days=2",
    )
    found = works(tiny_case(*late))
    assert found["electrical.s1", "electrical parts"] == (0, 252)
    assert found["b1.mechanical.material", "mechanical material lead time"] == (0, 252)
    assert found["p1.g1", "unit slip"] == (336, 336 + 72)


def test_a_slip_of_one_changes_nothing() -> None:
    slips = "procurement.suppliers={maker: {slip: 1}}", "systems.electrical.factory.supplier=maker"
    assert works(tiny_case()) == works(tiny_case(*slips))


# --- allocations ------------------------------------------------------------------------------------------------


def allocated(*given: str, per_block: int = 1, system: str = "electrical") -> PlanContext:
    context = bench(
        f"systems.{system}.allocations=[{', '.join(given)}]", "scale.capacity_mw=10", "hall.blocks=4",
        "energization.units.mw=10", units=4,
    )  # fmt: skip
    allocate(context, system, per_block)
    for block in reversed(context.layout.blocks):
        goes(context, block.name, *allotted(context, system, per_block, block))
    return context


def ends(context: PlanContext) -> dict[str, float]:
    """When each unit had what it wanted, in weeks."""
    from sim.engine.simpy_engine import SimpyPlan, simulate
    from sim.plan.deterministic_draws import most_likely_draws

    plan = compile_plan(context.plan)
    log = simulate(SimpyPlan(plan), most_likely_draws(plan.inputs), plan.base_calendars).log
    return {plan.units[plan.unit_of[step]]: minute / 60 / WEEK for minute, step, _ in log.tolist()}


def test_what_is_promised_for_a_date_goes_to_the_first_blocks() -> None:
    found = ends(allocated("{week: 4, mw: 2.5}", "{week: 8, mw: 5}", "{week: 20, mw: 2.5}"))
    assert {name: week for name, week in found.items() if name.startswith("b")} == {"b1": 4, "b2": 8, "b3": 8, "b4": 20}


def test_allocations_count_up_to_whole_blocks() -> None:
    """3 + 3 + 4 MW of blocks of 2.5: one block, then two, then four; two skids each."""
    found = ends(allocated("{week: 1, mw: 3}", "{week: 2, mw: 3}", "{week: 3, mw: 4}", per_block=2))
    assert {name: week for name, week in found.items() if name.startswith("b")} == {"b1": 1, "b2": 2, "b3": 3, "b4": 3}


def test_an_allocation_that_slips_keeps_its_place_in_the_line() -> None:
    found = alone(allocated("{week: 4, mw: 10, slip_days: 7}"))
    assert found["electrical.allocation.1"] == [("allocation slip", 4 * WEEK, 5 * WEEK)]


def test_a_skid_waits_for_its_racks_and_so_does_a_site_built_block() -> None:
    racks = "[{week: 3, mw: 2.5}, {week: 6, mw: 2.5}]"
    found = works(tiny_case(f"systems.electrical.allocations={racks}", "logistics.release=push"))
    assert found["electrical.s1", "electrical.assemble"][0] == 3 * WEEK
    assert found["electrical.s2", "electrical.assemble"][0] == 6 * WEEK
    built = works(tiny_case(f"systems.mechanical.allocations={racks}"))
    assert built["b1.mechanical.material", "mechanical material unload"][0] == 3 * WEEK
    assert built["b2.mechanical.material", "mechanical material unload"][0] == 6 * WEEK


def test_without_allocations_nothing_is_asked_for() -> None:
    assert allotted(bench(), "compute", 3, bench().layout.blocks[0]) == []
    assert tiny().systems.compute.allocations == ()
