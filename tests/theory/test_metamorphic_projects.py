"""What must not change a project's answer, or must change it in a known way, through its configuration."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from sim.config.load import checked, load_as
from sim.config.project import Project
from sim.study.api import load
from sim.study.case import Case, prepare_case
from sim.study.chunk import Columns
from tests.theory.random_projects import random_project
from tests.tiny_project import TINY, tiny_case, works

CONFIGS = Path(__file__).parents[2] / "configs"
RUNS, SEED = 3, 2
KEPT = ("calendars", "money", "orders", "scale", "weather", "risks")
SPREAD = (
    "labour.content_spread={low: 0.8, mode: 1, high: 1.5}",
    "systems.electrical.factory.stations=[{id: assemble, days: {low: 2, mode: 4, high: 9}}]",
    "commissioning.l3.fails=0.3",
)
LENGTHS = {"days", "hours", "weeks", "lead_weeks", "parts_weeks", "lift_hours", "load_hours", "unload_hours"}
LENGTHS |= {"first_week", "weeks_between", "preparation_days", "distance_miles"}


def runs(case: Case) -> Columns:
    """The metrics of some replications."""
    return dict(case.simulate_chunk(SEED, 0, RUNS).runs)


def assert_same(one: Columns, other: Columns) -> None:
    assert list(one) == list(other)
    for metric, values in one.items():
        assert np.array_equal(values, other[metric], equal_nan=True), metric


def planned(*overrides: str) -> dict[str, float]:
    case = tiny_case(*overrides)
    return case.measured(case.planned, case.simulate(case.planned))[0]


def slower(node: Any, times: int, key: str = "") -> Any:
    """A configuration in which everything takes so many times as long."""
    if isinstance(node, dict):
        inner = {name: slower(value, times, name) for name, value in node.items()}
        return {name: value * times if key in LENGTHS and name in {"value", "low", "mode", "high"} else value
                for name, value in inner.items()}  # fmt: skip
    if isinstance(node, list):
        return [slower(value, times) for value in node]
    return node * times if key in LENGTHS and isinstance(node, int | float) else node


@pytest.mark.parametrize("times", [2, 3])
def test_a_project_in_slow_motion_takes_so_many_times_as_long(times: int) -> None:
    tree = load_as(Project, TINY, ["scale.horizon_days=3000", "scale.target_days=20"]).tree
    kept = {name: deepcopy(tree[name]) for name in KEPT if name in tree}
    slow = slower(tree, times) | kept
    slow["scale"]["preparation_days"] = times * 10
    dates = works(prepare_case(checked(Project, slow)))
    for (unit, activity), (begun, done) in works(prepare_case(checked(Project, tree))).items():
        if not unit.startswith("crew."):
            assert dates[unit, activity] == (begun * times, done * times), (unit, activity)


def test_a_project_that_begins_whole_weeks_later_is_the_same_later() -> None:
    days = "{days: [mon, tue, wed, thu, fri], shifts: [{start: '07:00', end: '17:00'}], holidays: null}"
    week = [f"calendars.{name}={days}" for name in ("site", "factory", "gate")]
    first = runs(tiny_case(*SPREAD, *week, "scale.start_date=2026-01-05"))
    assert_same(first, runs(tiny_case(*SPREAD, *week, "scale.start_date=2026-03-23")))
    midweek = runs(tiny_case(*SPREAD, *week, "scale.start_date=2026-01-09"))
    assert not np.array_equal(first["lead_time_full_days"], midweek["lead_time_full_days"])


@pytest.mark.parametrize("seed", range(3))
def test_the_order_in_which_a_file_is_written_does_not_matter(seed: int) -> None:
    def shuffled(node: Any) -> Any:
        if isinstance(node, dict):
            names = list(node)
            Random(seed).shuffle(names)
            return {name: shuffled(node[name]) for name in names}
        return [shuffled(value) for value in node] if isinstance(node, list) else node

    tree = load_as(Project, TINY, SPREAD).tree
    case, other = (prepare_case(checked(Project, one)) for one in (tree, shuffled(tree)))
    one, two = runs(case), runs(other)
    money = [name for name in one if not np.array_equal(one[name], two[name], equal_nan=True)]
    assert not any(word in name for name in money for word in ("lead_time", "peak_workforce", "hours", "mw_online"))
    for name in money:  # wages are added up trade by trade, in the order of the file: the last digit
        assert np.allclose(one[name], two[name], rtol=1e-9, atol=0.02), name


def test_names_of_steps_and_trades_decide_nothing_where_nothing_is_drawn() -> None:
    def renamed(text: str) -> str:
        for name, other in {"millwrights": "zz_millers", "grading": "aa_levels", "racks": "m_shelves"}.items():
            text = text.replace(name, other)
        return text

    def walk(node: Any) -> Any:
        if isinstance(node, dict):
            return {renamed(name): walk(value) for name, value in node.items()}
        if isinstance(node, list):
            return [walk(value) for value in node]
        return renamed(node) if isinstance(node, str) else node

    tree = load_as(Project, TINY).tree
    tree = {**walk({key: value for key, value in tree.items() if key not in ("procurement", "money")}),
            "procurement": tree["procurement"], "money": tree["money"]}  # fmt: skip
    case = prepare_case(checked(Project, tree))
    assert case.measured(case.planned, case.simulate(case.planned))[0] == planned()


OFF = {
    "no learning": ("systems.electrical.factory.learning={rate: 1, plateau: 9}",),
    "a test that cannot fail may be repeated": ("commissioning.l4.retests=9",),
    "no load is damaged": ("logistics.damage.mend_days=9", "logistics.damage.rework_days=9"),
    "no load is late": ("logistics.late.days=9",),
    "room for everything in the factory": ("systems.electrical.factory.work_in_progress=999",),
    "slots for every truck": ("logistics.gate_slots_per_day=500",),
    "a risk that cannot occur": (
        "risks.drivers=[{id: r, name: r, on: [trade:electricians], inherent: {probability: 0, factor: 3}}]",
    ),
    "a risk that is switched off": (
        "risks.drivers=[{id: r, name: r, on: [trade:electricians], inherent: {probability: 1, factor: 3}}]",
        "risks.mode=none",
    ),
    "a risk without an effect": (
        "risks.drivers=[{id: r, name: r, on: [trade:electricians], inherent: {probability: 1, factor: 1}}]",
    ),
    "legal loads on roads that are always open": ("logistics.roads.enforced=true",),
}


@cache
def plain() -> Columns:
    return runs(tiny_case(*SPREAD))


@pytest.mark.parametrize("feature", OFF)
def test_a_feature_that_is_off_is_as_good_as_none(feature: str) -> None:
    found = runs(tiny_case(*SPREAD, *OFF[feature]))
    dates = [name for name in plain() if not name.startswith("risk_")]
    assert_same({name: plain()[name] for name in dates}, {name: found[name] for name in dates})


def test_ranges_without_width_give_the_run_without_luck_every_time() -> None:
    found = runs(tiny_case(
        "labour.content_spread={low: 1, mode: 1, high: 1}", "commissioning.l4.fails=0",
        "systems.electrical.factory.stations=[{id: assemble, days: {low: 4, mode: 4, high: 4}}]",
    ))  # fmt: skip
    expected = planned("systems.electrical.factory.stations=[{id: assemble, days: 4}]")
    # prices of the base have widths
    kept = [
        name for name in expected if name.startswith(("lead_time", "peak_workforce", "hours_", "mw_online", "chain_"))
    ]
    assert len(kept) > 8
    assert_same({name: found[name] for name in kept}, {name: np.full(RUNS, expected[name]) for name in kept})


def test_with_nothing_from_factories_a_hybrid_is_stick_built() -> None:
    small = ("scale.capacity_mw=25", "energization.units.count=2")
    stick = load(CONFIGS / "stick_built.yaml", small).value
    site = tuple(f"systems.{name}.scope=site" for name in stick.by_system)
    days = stick.commissioning.l5.days.model_dump(exclude_none=True)
    assert stick.shell.crews_for_sqft is not None
    as_stick = [f"hall.sqft_per_mw={stick.hall.sqft_per_mw.value:g}",
                f"shell.crews_for_sqft={stick.shell.crews_for_sqft.value:g}",
                f"commissioning.l5.days={{low: {days['low']}, mode: {days['mode']}, high: {days['high']}}}"]  # fmt: skip
    hybrid = load(CONFIGS / "hybrid.yaml", (*small, *site, *as_stick, "turnover_blocks=10")).value
    assert_same(runs(prepare_case(hybrid)), runs(prepare_case(stick)))


def test_a_delay_within_its_float_delays_nothing_and_one_beyond_does() -> None:
    full = planned()["lead_time_full_days"]
    services = "{{id: services, days: {days}, after: [grading]}}"
    grading = "{id: grading, crews: {earthworks: 1}, days: 2}"
    # services end at hour 408; the first unit's three days of setting may begin at hour 432 at the latest:
    # the one crew of millwrights sets the second one from 504 to 576, when two units must run
    for days, late in ((6, 0.0), (5.5, 0.0), (9, 1.0)):
        steps = f"site_works.steps=[{grading}, {services.format(days=days)}]"
        assert (planned(steps)["lead_time_full_days"] > full) == bool(late)


def chain(*overrides: str) -> Case:
    """Twelve blocks with spread and one short crew."""
    return tiny_case(
        "scale.capacity_mw=30", "hall.blocks=12", "scale.target_days=150", "energization.units.count=7",
        "energization.units.weeks_between=0.1", "labour.trades.electricians.crews=1", "logistics.release=push",
        "systems.electrical.hook_up.connect.hours={low: 200, mode: 300, high: 600}", *SPREAD, *overrides,
    )  # fmt: skip


def test_another_crew_on_site_leaves_the_luck_and_the_dates_of_factory_and_road_alone() -> None:
    few, more = chain(), chain("labour.trades.electricians.crews=2")

    def trace(case: Case) -> list[tuple[str, str, int]]:
        (luck,) = case.draws(SEED).chunk(0, 1)
        plan, log = case.plan, case.simulate(luck).log.tolist()
        rows = [(plan.units[plan.unit_of[step]], plan.activities[plan.activity_of[step]], minute)
                for minute, step, _ in log if plan.activity_of[step] >= 0]  # fmt: skip
        return [row for row in rows if row[0].startswith("electrical.s")]

    assert trace(few) == trace(more)
    assert runs(few)["lead_time_full_days"].mean() > runs(more)["lead_time_full_days"].mean()  # the crew was short


def test_the_draws_of_all_other_inputs_stay_when_one_distribution_changes() -> None:
    one, other = chain(), chain("systems.electrical.factory.test.days={low: 1, mode: 2, high: 9}")
    (luck,), (new) = list(one.draws(SEED).chunk(0, 1)), next(other.draws(SEED).chunk(0, 1))
    values = dict(zip(other.plan.inputs.names, new.values, strict=True))
    differ = {name.partition("/")[0] for name, value in zip(one.plan.inputs.names, luck.values, strict=True)
              if values[name] != value}  # fmt: skip
    assert differ == {"electrical factory test"}


@pytest.mark.slow
@pytest.mark.parametrize("more", ["logistics.cranes=2", "logistics.fleets.electrical.trucks=3", "logistics.gates=3"])
def test_more_of_something_is_better_on_the_mean_but_not_promised_in_every_run(more: str) -> None:
    base, other = (case.simulate_chunk(SEED, 0, 12).runs["lead_time_full_days"] for case in (chain(), chain(more)))
    assert other.mean() <= base.mean() * 1.005


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_without_limits_no_longer_work_makes_a_project_earlier(seed: int) -> None:
    from sim.plan.analysis.critical_path import earliest

    case = prepare_case(random_project(seed + 104))
    values = list(case.planned.values)
    names = case.plan.inputs.names
    spans = [number for number, kind in enumerate(case.plan.inputs.kind.tolist()) if kind == 0]
    before = earliest(case.plan, values, case.plan.base_calendars, bound=True).completion
    assert before is not None
    for number in Random(seed).sample(spans, 12):
        longer = [value + 600 * (at == number) for at, value in enumerate(values)]
        after = earliest(case.plan, longer, case.plan.base_calendars, bound=True).completion
        assert after is None or after >= before, names[number]
