from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sim.errors import ConfigError, SimError
from sim.metrics.delivery import needed_blocks, online
from sim.metrics.event_log import DAY, Record
from sim.metrics.money.ledger import Run, ledger, ledger_table
from sim.metrics.registry import METRICS
from sim.metrics.workforce import headcount
from sim.plan.checks import check
from sim.plan.draws import Draws
from sim.plan.vocabulary import NOTE
from sim.report.result_view import ResultView
from sim.report.verdict import key_results
from sim.study.api import load, run
from sim.study.case import Case, prepare_case
from sim.study.chunk import not_finite, validated
from sim.study.result import Result
from tests.tiny_project import tiny, tiny_case, works

CONFIGS = Path(__file__).parents[3] / "configs"
FOLLOW = "policy: follow_demand, look_ahead_days: 40"
IN_TIME = "path: [{day: 40, mw: 2.5}, {day: 100, mw: 5}]"


def following(demand: str, more: str = "") -> Case:
    return tiny_case(f"orders={{{FOLLOW}, demand: {{{demand}}}{more}}}", "money.horizon_days=200")


def planned(case: Case) -> dict[str, float]:
    outcome = case.simulate(case.planned)
    assert outcome.deadlock is None
    return case.measured(case.planned, outcome)[0]


def noted_at(case: Case, step: int) -> tuple[str, str]:
    """Kind and item of a step that is a note."""
    note = case.plan.notes[case.plan.rows[step, 1]]
    return note.kind, note.item


def notes(case: Case, kind: str) -> dict[str, float]:
    """Item → day of every note of a kind in the run without luck."""
    log = case.simulate(case.planned).log
    noted = [(noted_at(case, step), day / DAY) for day, step, _ in log if case.plan.rows[step, 0] == NOTE]
    return {item: day for (is_, item), day in noted if is_ == kind}


# --- when orders are placed -----------------------------------------------------------------------------------


def test_a_block_is_ordered_when_its_need_comes_in_sight_and_everything_waits_for_its_order() -> None:
    case = following(IN_TIME)
    found = works(case)
    assert notes(case, "approved") == {"b1": 0, "b2": 60}
    assert found["electrical.s1", "electrical parts"] == (0, 7 * 24)
    assert found["electrical.s2", "electrical parts"] == (60 * 24, 67 * 24)  # a week, a line, a test: as s1
    assert found["t1", "L5"][1] == 27 * 24
    # b2 alone: skid by hour 1732, lift 6, hook-up 24, racks 1 + 6, L2 to L5 four days
    assert found["t2", "L5"][1] == pytest.approx(60 * 24 + 292 + 6 + 24 + 7 + 96)


def test_everything_in_sight_on_day_0_is_one_order_at_the_decision() -> None:
    following_, given = following("path: [{day: 40, mw: 5}]"), tiny_case("money.horizon_days=200")
    here, there = works(following_), works(given)
    steps = {key for key in there if not key[0].startswith("crew.")}
    assert {key: here[key] for key in steps} == {key: there[key] for key in steps}


def test_a_lot_is_ordered_with_the_first_of_its_blocks() -> None:
    case = following(IN_TIME, ", lot_blocks: 2")
    assert notes(case, "approved") == {"b1": 0, "b2": 0}


def test_what_never_comes_in_sight_is_never_bought_and_nobody_waits_for_it() -> None:
    case = following("path: [{day: 40, mw: 2.5}]")
    found = planned(case)
    assert (found["mw_ordered"], found["mw_cancelled"], found["stranded_capital_usd"] > 0) == (2.5, 0, True)
    assert set(notes(case, "online")) == {"b1"}
    assert not any("b2" in item for item in notes(case, "ordered"))
    assert found["lead_time_first_mw_days"] == 27


def test_nothing_is_ordered_for_needs_after_the_last_day() -> None:
    assert planned(following(IN_TIME, ", until_day: 90"))["mw_ordered"] == 2.5
    assert planned(following(IN_TIME, ", until_day: 110"))["mw_ordered"] == 5


def test_demand_and_capacity_by_hand() -> None:
    found = planned(following(IN_TIME))
    second = 60 + 425 / 24
    assert found["idle_capacity_mw_months"] == pytest.approx(2.5 * ((40 - 27) + (100 - second)) / (365.25 / 12))
    assert found["unmet_demand_mw_months"] == found["lead_time_from_need_days"] == 0
    assert found["lead_time_per_order_days"] == pytest.approx((27 + 425 / 24) / 2)
    late = planned(following("path: [{day: 40, mw: 2.5}, {day: 50, mw: 5}]"))
    assert late["unmet_demand_mw_months"] == 0  # online on day 30, seen ten days before the first is needed


# --- demand that breaks off -----------------------------------------------------------------------------------


def test_an_order_that_is_not_needed_any_more_is_cancelled_in_time_and_settled() -> None:
    case = following(IN_TIME + ", ending: {probability: 1, day: 62}", ", cancelling: {within_days: 5}")
    found = planned(case)
    assert notes(case, "approved") == {"b1": 0, "b2": 60}
    assert notes(case, "cancelled") == {"b2": 65}
    assert (found["mw_ordered"], found["mw_cancelled"]) == (5, 2.5)
    log = case.simulate(case.planned).log
    yard = case.metric_context
    record = Record.of(yard.plan_index, log, case.planned.content, case.plan.base_calendars, case.planned.factors)
    entries = ledger(
        Run.of(record, headcount(record, case.project, case.days), yard.paid_by_day),
        yard.cost_model.contracts,
        case.project,
    )
    table = ledger_table(entries, yard.plan_index)
    second = [
        (day, event, usd)
        for day, item, event, usd in zip(*table.values(), strict=True)
        if item in {"electrical/b2", "compute/b2"}
    ]
    price = {name: cents / 100 for name, cents in zip(entries.names, entries.value.tolist(), strict=False)}
    assert second == [
        (60.0, "ordered electrical/b2", pytest.approx(0.25 * price["electrical/b2"], abs=0.01)),
        (60.0, "ordered compute/b2", pytest.approx(0.2 * price["compute/b2"], abs=0.01)),
    ]  # the deposits are what cancelling costs before anything is started
    at = entries.names.index("compute/b2")
    assert found["stranded_capital_usd"] >= entries.total[at] / 100


def test_what_was_needed_but_is_cancelled_with_the_demand_is_waited_for_by_nobody() -> None:
    """Without a look-ahead orders are placed on the day of need: what is cancelled was needed, and had no end of lateness."""
    case = prepare_case(load(CONFIGS / "incremental_hybrid.yaml", ["orders.look_ahead_days=0"]))
    chunk = validated(case.simulate_chunk(1, 0, 1), range(1), case)
    assert chunk.runs["mw_cancelled"] > 0
    assert 0 < chunk.runs["lead_time_from_need_days"] < np.inf


def test_an_order_past_its_stage_is_firm_whatever_becomes_of_demand() -> None:
    case = following(IN_TIME + ", ending: {probability: 1, day: 67}", ", cancelling: {within_days: 5}")
    assert planned(case)["mw_cancelled"] == 0
    assert set(notes(case, "online")) == {"b1", "b2"}


def test_what_was_in_sight_but_not_needed_when_demand_broke_off_is_no_demand() -> None:
    found = planned(following(IN_TIME + ", ending: {probability: 1, day: 67}"))
    # b2 was online on day 77.7 for a need of day 100 that never came: it waits to the horizon
    expected = 2.5 * ((40 - 27) + (200 - (60 + 425 / 24))) / (365.25 / 12)
    assert found["idle_capacity_mw_months"] == pytest.approx(expected)


def test_purchases_held_back_are_not_made_once_demand_has_broken_off() -> None:
    """Just in time, b2's compute is bought on day 96, when its order is firm and b2's skid is hooked up."""
    demand = f"{IN_TIME}, ending: {{probability: 0.4, day: 61}}"
    orders = f"orders={{{FOLLOW}, demand: {{{demand}}}, cancelling: {{within_days: 30}}}}"
    case = tiny_case(orders, "procurement.policy=just_in_time", "procurement.float_weeks=0", "money.horizon_days=200")
    assert case.crew_plan.resource_plan.order_minutes["b2.compute.material"] == 96 * DAY
    cancelled = 0
    for luck in Draws(case.plan.inputs, 1).chunk(0, 10):
        log = case.simulate(luck).log
        noted = {noted_at(case, step) for _, step, _ in log if case.plan.rows[step, 0] == NOTE}
        broken = ("broken off", "demand") in noted
        assert (("cancelled", "b2") in noted) == broken
        assert (("ordered", "compute/b2") in noted) == (not broken)
        cancelled += broken
    assert 0 < cancelled < 10


# --- the same future for everybody ----------------------------------------------------------------------------


def test_all_strategies_face_the_same_demand() -> None:
    cases = [tiny_case(*overrides) for overrides in _three_ways()]
    for replication in range(4):
        found = []
        for case in cases:
            luck = next(Draws(case.plan.inputs, 3).chunk(replication, 1))
            log = case.simulate(luck).log
            record = Record.of(
                case.metric_context.plan_index, log, luck.content, case.plan.base_calendars, luck.factors
            )
            needed = needed_blocks(record, case.project)
            assert needed is not None
            found.append(needed.minute)
        assert np.array_equal(found[0], found[1])
        assert np.array_equal(found[0], found[2])
        assert found[0][1] > found[0][0]


def _three_ways() -> list[list[str]]:
    demand = (
        "growth: {first_day: 60, first_mw: 2.5, days_per_mw: {low: 1, mode: 10, high: 30}, "
        "wave: {median: 1, p90: 1.5}}, "
        "scenarios: [{id: boom, weight: 1, days_factor: 0.5}, {id: slump, weight: 1, days_factor: 2}]"
    )
    demands = [f"orders={{{policy}, demand: {{{demand}}}}}" for policy in (
        FOLLOW, "policy: follow_demand, look_ahead_days: 60, lot_blocks: 2", "policy: given")]  # fmt: skip
    scopes = ["factory", "site", "factory"]
    return [
        [d, f"systems.electrical.scope={s}", "money.horizon_days=300"] for d, s in zip(demands, scopes, strict=True)
    ]


def test_the_shipped_incremental_strategies_share_their_demand() -> None:
    projects = [load(CONFIGS / f"incremental_{name}.yaml").value for name in ("stick_built", "hybrid", "modular")]
    assert all(project.orders.demand == projects[0].orders.demand for project in projects)
    assert all(project.orders.generations == projects[0].orders.generations for project in projects)
    assert [one.id for one in projects[0].orders.generations] == ["rubin", "rubin_ultra"]
    assert all(project.orders.until_day == projects[0].orders.until_day for project in projects)
    assert all(project.money.horizon_days == projects[0].money.horizon_days for project in projects)


# --- phases, releases, chips ----------------------------------------------------------------------------------


def test_a_phase_is_ordered_when_the_one_before_has_its_power() -> None:
    phases = "scale.phases=2", "scale.phase_interval_days=5", "hall.blocks=1"
    case = tiny_case(*phases, "orders={phase_after_units: 1}")
    found = works(case)
    first = found["p1.g1", "generation.set"][1]
    assert notes(case, "approved")["b2"] == first / 24
    assert found["p2.preparation", "permits and design"][0] == first
    assert found["p2.g1", "unit slot"] == (first, first + 14 * 24)  # its slot counts from its order
    metrics = planned(case)
    assert metrics["mw_ordered"] == 5
    # from the first decision, day 0, to the last MW
    assert metrics["lead_time_full_days"] == max(notes(case, "online").values())


@pytest.mark.parametrize("replication", [5, 44, 84])
def test_crews_stay_for_halls_whose_orders_are_cancelled(replication: int) -> None:
    """These three stalled: a hall's hours counted as done with its cancelled order, and again when it was built."""
    case = prepare_case(load(CONFIGS / "incremental_stick_built.yaml"), engine="auto")
    (done,) = case.replications(1, replication, 1)
    assert done.outcome.deadlock is None


def test_a_block_is_released_ahead_of_its_planned_date_but_not_after_its_first_purchase() -> None:
    # b1 and b2 are online on days 27 and 30; without float their skids are bought a fortnight ahead of hook-up
    just_in_time = "procurement.policy=just_in_time", "procurement.float_weeks=0"
    early, late = (
        tiny_case(f"orders={{policy: released, released_days_ahead: {days}}}", *just_in_time) for days in (25, 5)
    )
    assert [early.crew_plan.resource_plan.release_days[block] for block in ("b1", "b2")] == [2, 5]
    bought = early.crew_plan.resource_plan.order_minutes["electrical.s1"] // DAY
    assert late.crew_plan.resource_plan.release_days["b1"] == bought > 2
    found = planned(early)
    assert found["lead_time_mw_weighted_days"] == pytest.approx(25)
    assert found["authorised_idle_months"] < planned(tiny_case(*just_in_time))["authorised_idle_months"]


def test_what_is_not_ordered_yet_takes_the_newer_chips() -> None:
    newer = "generations: [{id: next, day: 30, price_factor: 1.2, revenue_factor: 1.5}]"
    old, new = planned(following(IN_TIME)), planned(following(IN_TIME, ", " + newer))
    assert new["capital_compute_usd"] == pytest.approx(1.1 * old["capital_compute_usd"], rel=1e-9)
    share = 730 - 100  # b2 earns from its need on day 100
    assert new["revenue_to_day_730_usd"] / old["revenue_to_day_730_usd"] == pytest.approx(
        (690 + 1.5 * share) / (690 + share)
    )


# --- what cannot be ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("orders", "said"),
    [
        ("policy: follow_demand", "the demand to follow"),
        (f"{FOLLOW}, demand: {{path: [{{day: 30, mw: 5}}]}}", "at most the day of the first need"),
        ("policy: released, given: [{day: 0, mw: 5}]", "given, where there is a schedule"),
        ("phase_after_units: 9", "at most the units of a phase"),
        (f"{FOLLOW}, demand: {{}}", "either a path or a growth"),
    ],
)
def test_orders_that_cannot_be_followed_are_refused_at_load(orders: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        tiny(f"orders={{{orders}}}")


def test_a_lot_does_not_cut_a_turnover() -> None:
    with pytest.raises(ConfigError, match="a multiple of turnover_blocks"):
        tiny("turnover_blocks=2", f"orders={{{FOLLOW}, demand: {{{IN_TIME}}}}}")


def test_a_plan_that_follows_demand_has_no_errors() -> None:
    case = following(
        IN_TIME + ", ending: {probability: 0.5, day: 62}", ", cancelling: {within_days: 5}, until_day: 300"
    )
    assert [remark for remark in check(case.plan, case.planned.values) if remark.severity == "error"] == []


def test_a_future_in_which_nothing_is_ordered_is_a_replication_like_others(tmp_path: Path) -> None:
    demand = "path: [{day: 60, mw: 2.5}, {day: 100, mw: 5}], ending: {probability: 0.4, day: 10}"
    project = tiny(f"orders={{{FOLLOW}, demand: {{{demand}}}}}", "money.horizon_days=200")
    result = run(project, runs=10, seed=1, workers=1, out=tmp_path / "out")
    runs = result.sample.runs
    none = runs["mw_ordered"] == 0
    assert 0 < none.sum() < 10
    assert set(runs["status"]) == {"ok"}
    assert not runs["capital_compute_usd"][none].any()
    unknown = [metric for metric in result.sample.metrics if np.isnan(runs[metric][none]).any()]
    assert {"lead_time_first_mw_days", "first_mw_online_day", "cost_per_gpu_hour_usd"} <= {*unknown}
    assert all(METRICS[metric].of_orders for metric in unknown)
    assert all(np.isfinite(column[~none]).all() for column in (runs[metric] for metric in result.sample.metrics))
    # they are read back, told of, and left out of lead times only
    stored = Result.load(tmp_path / "out")
    assert stored.summary().loc[["lead_time_first_mw_days", "npv_usd"], "n"].tolist() == [10 - none.sum(), 10]
    told = {line.label: line.value for line in key_results(ResultView.of(stored))}
    assert told["nothing ordered"] == f"in {none.sum()}0 % of runs"


def test_what_is_all_cancelled_has_no_lead_time_either() -> None:
    demand = "path: [{day: 40, mw: 5}], ending: {probability: 0.4, day: 3}"
    project = tiny(
        f"orders={{{FOLLOW}, demand: {{{demand}}}, cancelling: {{within_days: 10}}}}", "money.horizon_days=200"
    )
    runs = run(project, runs=10, seed=1, workers=1).sample.runs
    assert set(runs["status"]) == {"ok"}
    cancelled = runs["mw_cancelled"] == runs["mw_ordered"]
    assert 0 < cancelled.sum() < 10
    assert np.array_equal(np.isnan(runs["lead_time_mw_weighted_days"]), cancelled)


def test_where_something_is_ordered_a_lead_time_is_a_number() -> None:
    runs = following(IN_TIME).simulate_chunk(1, 0, 2).runs
    assert not_finite(runs, runs.keys() - {"status"}) == []
    for metric, said in (("lead_time_first_mw_days", ["lead_time_first_mw_days"]), ("npv_usd", ["npv_usd"])):
        assert not_finite({**runs, metric: np.array([np.nan, 1.0])}, runs.keys() - {"status"}) == said
    nothing = {**runs, "mw_ordered": np.zeros(2), "mw_cancelled": np.zeros(2)}
    for metric, value, said in (
        ("lead_time_first_mw_days", np.nan, []),
        ("lead_time_first_mw_days", np.inf, ["lead_time_first_mw_days"]),
        ("npv_usd", np.nan, ["npv_usd"]),
    ):
        assert not_finite({**nothing, metric: np.full(2, value)}, [metric]) == said


def test_every_replication_ends_with_everything_ordered_online() -> None:
    case = tiny_case(*_three_ways()[0])
    for luck in Draws(case.plan.inputs, 5).chunk(0, 8):
        outcome = case.simulate(luck)
        assert outcome.deadlock is None
        record = Record.of(
            case.metric_context.plan_index, outcome.log, luck.content, case.plan.base_calendars, luck.factors
        )
        blocks = online(record, case.metric_context.layout, case.project)
        assert np.array_equal(blocks.reached, blocks.wanted)


def test_a_plan_that_brings_nothing_online_is_refused() -> None:
    ending = "orders.demand.ending={probability: 1, day: {low: 1, mode: 2, high: 3}}"
    with pytest.raises(SimError, match="nothing is ordered") as refused:
        prepare_case(load(CONFIGS / "incremental_hybrid.yaml", [ending]))
    assert refused.value.exit_code == 2
