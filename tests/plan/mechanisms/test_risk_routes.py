from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from itertools import product
from math import prod
from typing import Any

import numpy as np
import pytest

from sim.config.sections.risks import Risks
from sim.plan.deterministic_draws import mean_draws
from sim.plan.draws import SampledInputs, content_and_values, factors_and_delays
from sim.study.case import Case, prepare_case
from tests.tiny_project import tiny, works

DAY = 24
ONE_BLOCK = ("scale.capacity_mw=2.5", "hall={blocks: 1, sqft_per_mw: 2000}")


def driver(name: str, probability: float, *on: str, **more: Any) -> dict[str, Any]:
    """One entry of the register; the effect is inherent and so are the other keys unless they are its own."""
    effects = {key: more.pop(key) for key in ("factor", "added_days", "slip_days", "lost_weeks") if key in more}
    return {"id": name, "name": name, "on": on, "inherent": {"probability": probability, **effects}, **more}


def case_with(*drivers: dict[str, Any], overrides: tuple[str, ...] = ()) -> Case:
    """The tiny project with this register."""
    risks = Risks.model_validate({"drivers": drivers})
    return prepare_case(tiny(*overrides).model_copy(update={"risks": risks}))


def fated(case: Case, occurs: Mapping[str, int]) -> SampledInputs:
    """The luck of the run without luck, except for what occurs."""
    inputs = case.plan.inputs
    factors = inputs.planned[inputs.factor_table]
    for name, whether in occurs.items():
        factors[inputs.factors.index(f"risk.{name}")] = whether
    return only_risks(case, factors)


def only_risks(case: Case, factors: np.ndarray) -> SampledInputs:
    """The luck of the run without luck, except for what all activities share."""
    inputs = case.plan.inputs
    factors, delays = factors_and_delays(inputs, factors[:, None].copy(), inputs.planned[inputs.delay_table][:, None])
    shape = inputs.planned[inputs.table][:, None]
    content, values = content_and_values(inputs, shape, np.full((len(inputs.names), 1), 0.5), factors, delays)
    return SampledInputs(
        -1, values[:, 0].tolist(), content[:, 0], factors[:, 0], lambda number, _: int(values[number, 0])
    )


def full(case: Case, luck: SampledInputs) -> float:
    """Days until everything is online."""
    return case.measured(luck, case.simulate(luck))[0]["lead_time_full_days"]


def timeline(case: Case, **occurs: int) -> dict[tuple[str, str], tuple[float, float]]:
    """(unit, activity) -> (begun, done) in hours, with what occurs."""
    log = case.simulate(fated(case, occurs)).log
    rows = log[case.plan.rows[log[:, 1], 0] == 2]
    units, activities = case.plan.unit_of, case.plan.activity_of
    return {
        (case.plan.units[units[step]], case.plan.activities[activities[step]]): (begun / 60, done / 60)
        for done, step, begun in rows.tolist()
    }


# --- the exact distribution of a register in series ------------------------------------------------------------------
# One block: power units, L3, L4 and L5 come one after the other, so that what they lose adds up.

SERIES = {"g": (0.25, 10, "slip_days", "item:generation"), "l3": (0.15, 25, "added_days", "level:L3")}
SERIES |= {"l4": (0.3, 5, "added_days", "level:L4"), "l5": (0.4, 12, "added_days", "level:L5")}


@pytest.fixture(scope="module")
def series() -> Case:
    drivers = [driver(name, p, tag, **{effect: size}) for name, (p, size, effect, tag) in SERIES.items()]
    return case_with(*drivers, overrides=ONE_BLOCK)


def test_every_outcome_of_drivers_in_series_is_the_sum_of_what_occurs(series: Case) -> None:
    plain = full(series, mean_draws(series.plan.inputs))
    for outcome in product((0, 1), repeat=len(SERIES)):
        lost = sum(size * whether for (_, size, _, _), whether in zip(SERIES.values(), outcome, strict=True))
        assert full(series, fated(series, dict(zip(SERIES, outcome, strict=True)))) == plain + lost


def test_in_the_expected_plan_each_driver_counts_with_its_probability(series: Case) -> None:
    lost = sum(probability * size for probability, size, _, _ in SERIES.values())
    plain = full(series, mean_draws(series.plan.inputs))
    assert full(series, series.planned) == pytest.approx(plain + lost)


def test_the_exact_distribution_over_all_outcomes(series: Case) -> None:
    chances: dict[float, float] = defaultdict(float)
    for outcome in product((0, 1), repeat=len(SERIES)):
        chance = prod(p if whether else 1 - p for (p, *_), whether in zip(SERIES.values(), outcome, strict=True))
        chances[full(series, fated(series, dict(zip(SERIES, outcome, strict=True))))] += chance
    plain, reached = full(series, mean_draws(series.plan.inputs)), 0.0
    quantiles = {}
    for days, chance in sorted(chances.items()):
        for share in (0.5, 0.8, 0.95):
            if reached < share <= reached + chance:
                quantiles[share] = days - plain
        reached += chance
    assert reached == pytest.approx(1)
    assert quantiles == {0.5: 12, 0.8: 22, 0.95: 37}


def test_every_replication_has_the_outcome_of_its_own_draws(series: Case) -> None:
    plain, places = (
        full(series, mean_draws(series.plan.inputs)),
        [series.plan.inputs.factors.index(f"risk.{name}") for name in SERIES],
    )
    sizes, seen = np.array([size for _, size, _, _ in SERIES.values()]), set()
    for luck in series.draws(seed=3).chunk(0, 60):
        seen.add(tuple(luck.factors[places].tolist()))
        assert full(series, only_risks(series, luck.factors)) == plain + luck.factors[places] @ sizes
    assert len(seen) > 8


# --- what a driver hits -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tag", "hit", "not_hit"),
    [
        ("trade:civil", ("h1.shell.slab", "shell.slab"), ("b1.electrical", "electrical.connect")),
        ("step:shell.*", ("h1.shell.dry_in", "shell.dry_in"), ("p1.site_works.grading", "site_works.grading")),
        ("step:electrical.connect", ("b2.electrical", "electrical.connect"), ("b2.electrical", "electrical lift 1")),
        ("exposure:interior", ("b1.electrical", "electrical.connect"), ("b1.electrical", "electrical lift 1")),
        ("level:L4", ("b1.commissioning", "L4"), ("b1.commissioning", "L3")),
        ("factory:electrical", ("electrical.s1", "electrical.assemble"), ("electrical.s1", "electrical load")),
        ("factory:electrical", ("electrical.s1", "electrical factory test"), ("electrical.s1", "electrical parts")),
        ("road:electrical", ("electrical.s1", "electrical drive"), ("electrical.s1", "electrical unload")),
        ("item:electrical", ("electrical.s1", "electrical parts"), ("electrical.s1", "electrical.assemble")),
        ("permits", ("p1.preparation", "permits and design"), ("h1.shell.slab", "shell.slab")),
    ],
)
def test_a_factor_makes_what_its_tag_means_longer(tag: str, hit: tuple[str, str], not_hit: tuple[str, str]) -> None:
    case = case_with(driver("it", 0.5, tag, factor=1.5))
    without, found = timeline(case, it=0), timeline(case, it=1)
    assert without == works(prepare_case(tiny()))
    assert found[hit][1] - found[hit][0] == 1.5 * (without[hit][1] - without[hit][0])
    assert found[not_hit][1] - found[not_hit][0] == without[not_hit][1] - without[not_hit][0]


def test_added_days_are_days_of_the_calendar_of_the_work() -> None:
    shift = 'calendars.site={days: [mon, tue, wed, thu, fri, sat, sun], shifts: [{start: "08:00", end: "16:00"}]}'
    case = case_with(
        driver("slab", 0.5, "step:shell.slab", added_days=3), driver("permits", 0.5, "permits", added_days=3),
        overrides=(shift, "labour.trades.civil.crews=2"),
    )  # fmt: skip
    without, slab, permits = timeline(case), timeline(case, slab=1), timeline(case, permits=1)
    which = "h1.shell.slab", "shell.slab"
    assert slab[which][1] - without[which][1] == 3 * DAY  # three working days of eight hours
    assert permits["p1.preparation", "permits and design"] == (0, 13 * DAY)


def test_an_item_that_slips_arrives_so_much_later_whether_lead_time_or_slot_binds() -> None:
    item = "procurement.items=[{{id: gear, per: hall, lead_weeks: {lead}, slot_week: {slot}}}]"
    slab = "{id: slab, crews: {civil: 1}, hours: 96, needs: [gear]}"
    needs = f"shell.steps=[{slab}, {{id: dry_in, crews: {{civil: 1}}, days: 3, after: [slab]}}]"
    for lead, slot in ((6, 2), (2, 6), (4, 4)):
        overrides = (item.format(lead=lead, slot=slot), needs)
        case = case_with(driver("late", 0.5, "item:gear", slip_days=9), overrides=overrides)
        which = "h1.shell.slab", "shell.slab"
        assert timeline(case)[which][0] == max(lead, slot) * 7 * DAY
        assert timeline(case, late=1)[which][0] == max(lead, slot) * 7 * DAY + 9 * DAY


def test_every_power_unit_slips_by_the_same() -> None:
    case = case_with(driver("late", 0.5, "item:generation", slip_days=9))
    without, found = timeline(case), timeline(case, late=1)
    for unit in ("p1.g1", "p1.g2"):
        assert found[unit, "unit slip"][1] - without[unit, "unit slip"][1] == 9 * DAY


@pytest.mark.parametrize(("fails", "factor", "chance"), [(0.1, 3, 0.3), (0.4, 3, 1.0), (0.2, 0.5, 0.1)])
def test_a_systemic_defect_multiplies_the_chance_to_fail(fails: float, factor: float, chance: float) -> None:
    case = case_with(driver("same", 0.5, "test:L3", factor=factor), overrides=(f"commissioning.l3.fails={fails}",))
    number = case.plan.inputs.names.index("L3 passes/b1.commissioning")
    occurs = case.plan.inputs.factors.index("risk.same")
    failed: dict[int, list[int]] = {0: [], 1: []}
    for luck in case.draws(1).chunk(0, 2_000):
        failed[int(luck.factors[occurs])].append(1 - luck.values[number])
    for whether, expected in ((0, fails), (1, chance)):
        share, size = np.mean(failed[whether]), len(failed[whether])
        assert abs(share - expected) <= 4 * np.sqrt(expected * (1 - expected) / size)


def test_the_camp_opens_late() -> None:
    beds = "labour.camp={rooms: 0, stages: [{opens_days: 5}]}"
    case = case_with(driver("late", 0.5, "camp", slip_days=20), overrides=(beds,))
    first = "crew.earthworks.1", "week of hiring"
    assert timeline(case)[first] == (5 * DAY, 12 * DAY)
    assert timeline(case, late=1)[first] == (25 * DAY, 32 * DAY)


# --- capacity lost for a while ---------------------------------------------------------------------------------------


def test_a_crew_that_is_hired_away_is_missing_until_it_comes_back() -> None:
    case = case_with(driver("poached", 0.5, "crews:electricians", lost_weeks=2, from_week=2, share=0.5))
    without, found = timeline(case), timeline(case, poached=1)
    first, second = (("b1.electrical", "electrical.connect"), ("b2.electrical", "electrical.connect"))
    assert (without[first], without[second]) == ((390, 414), (396, 420))
    # it is wanted from day 14 on and goes as soon as it has come: the second block waits for the first
    assert (found[first], found[second]) == ((390, 414), (414, 438))
    assert found["risk.poached.crew.electricians.1", "risk.poached"] == (366, 366 + 14 * DAY)


def test_people_who_are_away_are_not_on_site() -> None:
    case = case_with(driver("poached", 0.5, "crews:electricians", lost_weeks=2, from_week=2, share=1))
    luck = fated(case, {"poached": 1})
    _, curves = case.measured(luck, case.simulate(luck))
    draws = mean_draws(case.plan.inputs)
    _, plain = case.measured(draws, case.simulate(draws))
    # day 16: two crews of electricians are there, or are not, beside four others; one more for each four people
    assert (plain["headcount"][16], curves["headcount"][16]) == (30, 20)


def test_a_line_that_stands_still_builds_nothing() -> None:
    case = case_with(driver("fire", 0.5, "lines:electrical", lost_weeks=1, from_week=1, share=1))
    found = timeline(case, fire=1)
    assert found["electrical.s1", "electrical.assemble"][0] == 14 * DAY  # parts are there after a week; a week lost
    assert timeline(case)["electrical.s1", "electrical.assemble"][0] == 7 * DAY


# --- on, off, inherent, mitigated -----------------------------------------------------------------------------------

REGISTER = (
    driver("ground", 0.5, "step:site_works.*", factor={"low": 1, "mode": 2, "high": 3}),
    driver("crane", 0.5, "cranes", lost_weeks={"low": 1, "high": 3}, from_week={"low": 1, "high": 3}),
    driver("permits", 0.5, "permits", added_days={"median": 5, "p90": 20}),
)


def test_no_driver_occurs_in_the_run_without_luck_however_probable_it_is() -> None:
    certain = [{**one, "inherent": {**one["inherent"], "probability": 1}} for one in REGISTER]
    assert works(case_with(*certain)) == works(prepare_case(tiny()))


@pytest.mark.parametrize("mode", ["none", "without"])
def test_a_register_that_is_switched_off_is_as_good_as_none(mode: str) -> None:
    project = tiny().model_copy(update={"risks": Risks.model_validate({"drivers": REGISTER})})
    off = project.with_risks("none") if mode == "none" else project.with_risks(None, ["ground", "crane", "permits"])
    found, plain = prepare_case(off), prepare_case(tiny())
    assert found.plan.units == plain.plan.units
    assert found.plan.inputs.factors == plain.plan.inputs.factors


def test_switching_one_off_changes_no_other_draw_and_nothing_where_it_does_not_occur() -> None:
    project = tiny("labour.content_spread={low: 0.8, high: 1.4}")
    with_all = prepare_case(project.model_copy(update={"risks": Risks.model_validate({"drivers": REGISTER})}))
    less = prepare_case(with_all.project.with_risks(without=["ground"]))
    names = with_all.plan.inputs.factors
    kept = [names.index(name) for name in less.plan.inputs.factors]
    moved = []
    for full_luck, luck in zip(with_all.draws(5).chunk(0, 40), less.draws(5).chunk(0, 40), strict=True):
        assert np.array_equal(full_luck.factors[kept], luck.factors)
        if full_luck.factors[names.index("risk.ground")] == 0:
            assert full_luck.values == luck.values
            assert full(with_all, full_luck) == full(less, luck)
        else:
            both = only_risks(with_all, full_luck.factors), only_risks(less, luck.factors)
            moved.append(full(with_all, both[0]) - full(less, both[1]))
    assert len(moved) > 10
    assert min(moved) >= 0 < max(moved)


def test_mitigated_drivers_occur_only_where_they_did_before_and_are_never_worse() -> None:
    state = {"probability": 0.25, "factor": {"low": 1, "mode": 1.5, "high": 2}}
    register = Risks.model_validate({"drivers": [{**REGISTER[0], "mitigated": state}]})
    project = tiny().model_copy(update={"risks": register})
    inherent, mitigated, none = (prepare_case(project.with_risks(mode)) for mode in ("inherent", "mitigated", "none"))
    at, size = (inherent.plan.inputs.factors.index(f"risk.ground{part}") for part in ("", ".size"))
    occurred = Counter[tuple[int, int]]()
    for before, after in zip(inherent.draws(1).chunk(0, 100), mitigated.draws(1).chunk(0, 100), strict=True):
        occurred[int(before.factors[at]), int(after.factors[at])] += 1
        assert before.factors[size] >= after.factors[size] >= 1
    assert occurred[0, 1] == 0
    assert min(occurred[1, 0], occurred[1, 1], occurred[0, 0]) > 10
    three = (inherent, mitigated, none)
    finishes = [
        np.mean([full(case, only_risks(case, luck.factors)) for luck in case.draws(1).chunk(0, 30)]) for case in three
    ]
    assert finishes[0] > finishes[1] > finishes[2]
