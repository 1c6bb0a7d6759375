from __future__ import annotations

from random import Random

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sim.plan.checks import check
from sim.plan.compile import compile_plan
from sim.plan.deterministic_draws import most_likely_draws
from sim.plan.vocabulary import MINUTES_PER_DAY, Free, Hold, Plan, Pool, Signal, Step, Wait, Work, fixed
from sim.world.working_time import Calendar
from tests.engine.small_plans import Routes, job, told, work, write
from tests.plan.plan_text import never, remarks
from tests.plan.random_sites import random_site


def shifts(plan: Plan) -> Plan:
    """The plan with a calendar of 600 minutes a day."""
    hours = [(day * MINUTES_PER_DAY, day * MINUTES_PER_DAY + 600) for day in range(100)]
    plan.works_on({"shift": Calendar.of("shift", hours, 100 * MINUTES_PER_DAY)})
    return plan


def test_a_unit_for_which_nothing_waits_is_a_loose_end() -> None:
    signs: list[Step] = [*job(1, "crew"), Signal("signs up")]
    blocks: list[Step] = [*job(1, "crew"), Signal("over")]
    plan = write({"b1": blocks, "sign": signs}, {"crew": 1}, finish=("over", 1))
    assert [str(remark) for remark in check(compile_plan(plan))] == [
        "warning: sign: nothing in the project waits for it"
    ]
    plan = write({"b1": [Wait("signs up"), *blocks], "sign": signs}, {"crew": 1}, finish=("over", 1))
    assert check(compile_plan(plan)) == []


def test_work_that_nobody_does_is_remarked_on_but_not_waiting_time_or_arrivals() -> None:
    plan = shifts(
        write(
            {
                "cure": [work(9), work(1, "cure", "shift"), Signal("over")],
                "set": [Hold({"crane": 1}), work(1, "set", "shift"), Free({"crane": 1}), Signal("over")],
                "fit": [work(1, "fit", "shift", people={"fitters": 2}), Signal("over")],
                "crew": [work(1, "induction", "shift"), Free({"crew": 1}), Signal("over")],
                "uses": [*job(1, "crew"), Signal("over")],
            },
            {"crane": 1, "crew": Pool(0, "supplied")},
            finish=("over", 5),
        )
    )
    (remark,) = check(compile_plan(plan))
    assert remark.sentence.startswith("cure: cure needs no crew, line or machine")


def test_many_activities_of_one_kind_are_told_in_one_line_and_lags_are_none() -> None:
    """As of a planner's schedule without resources: the ten longest ones, and how many more there are."""
    digs: Routes = {f"u{n}": [work(600 * (50 + n), f"dig {n}", "shift")] for n in range(30)}
    lag: Routes = {"lag": [Work("dig after", fixed(600 * 99), "shift", role="lag")]}
    plan = compile_plan(shifts(write({**digs, **lag})))
    idle, long = check(plan, most_likely_draws(plan.inputs).values)
    assert idle.sentence.startswith("30 activities: each needs no crew, line or machine")
    assert idle.sentence.endswith("dig 9 and 20 more")
    assert "dig after" not in idle.sentence + long.sentence
    assert "see: dig 29 (79), dig 28 (78)" in long.sentence
    assert long.sentence.endswith("dig 20 (70) and 20 more")


def test_long_tasks_are_told_in_working_days_with_planned_values() -> None:
    routes: Routes = {
        f"b{n}": [work(600 * days, "dig", "shift", people={"a": 1})] for n, days in enumerate((44, 45, 60))
    }
    plan = compile_plan(shifts(write({**routes, "cure": [work(90 * MINUTES_PER_DAY, "lead time")]})))
    assert check(plan) == []
    (remark,) = check(plan, most_likely_draws(plan.inputs).values)
    assert remark.severity == "warning"
    assert remark.sentence.endswith("working days, so that progress is hard to see: dig (60)")


def test_a_place_too_large_for_the_crews_a_step_takes_is_told_with_days_and_crews() -> None:
    def plan(days: int) -> Plan:
        dig = [work(600 * days, "dig", "shift", people={"civil": 20})]
        crews = Pool(9, trade="civil")
        return shifts(write({"h1": [Hold({"crew.civil": 2}), *dig, Free({"crew.civil": 2})]}, {"crew.civil": crews}))

    halls = [compile_plan(plan(days)) for days in (88, 89)]
    found = [
        [r.sentence for r in check(hall, most_likely_draws(hall.inputs).values) if "at once" in r.sentence]
        for hall in halls
    ]
    assert found[0] == []
    assert len(found[1]) == 1
    assert "dig (89 working days: 2 of civil)" in found[1][0]


def test_errors_come_first() -> None:
    plan = write({"loose": [work(1)], "a": [Hold({"crane": 1}), Signal("over")]}, {"crane": 1}, finish=("over", 1))
    assert [remark.severity for remark in check(compile_plan(plan))] == ["error", "warning"]


# --- against the engine ---------------------------------------------------------------------------------------


@settings(max_examples=100)
@given(st.randoms(use_true_random=False))
def test_what_is_called_impossible_stalls(random: Random) -> None:
    plan = random_site(random)
    assume(never(plan))
    assert told(plan).outcome.deadlock is not None


def test_what_nothing_is_said_about_never_stalls() -> None:
    """By seeds of our own: Hypothesis takes constants from whatever is imported, so its plans differ from run to run."""
    silent = [seed for seed in range(600) if not remarks(random_site(Random(seed)))]
    assert len(silent) > 150
    assert [seed for seed in silent if told(random_site(Random(seed))).outcome.deadlock is not None] == []


def test_who_waits_for_a_gate_itself_does_not_open_it_for_others() -> None:
    """Found as random_site(Random(18298)): only u2 can be the first to be tested, and u1 has the truck until one is."""
    routes: Routes = {
        "u0": [Wait("tested"), Hold({"power": 1}), Signal("tested"), Signal("over")],
        "u1": [Hold({"truck": 2}), Wait("tested"), Free({"truck": 2}), Signal("over")],
        "u2": [Hold({"truck": 1}), Free({"truck": 1}), Hold({"power": 1}), Signal("tested"), Signal("over")],
    }
    plan = write(routes, {"truck": 2, "power": 2}, finish=("over", 3))
    found = [remark.sentence for remark in check(compile_plan(plan)) if remark.about == "truck"]
    assert len(found) == 1
    assert "behind a gate: truck is kept while waiting for truck" in found[0]
    assert told(plan).outcome.deadlock is not None
    assert remarks(random_site(Random(18298)))


def test_a_gate_is_opened_by_who_waits_for_lower_levels_of_it() -> None:
    """One after the other: u2 follows u1 at the gate, so that nobody needs the truck that u2 has until then."""
    routes: Routes = {
        "u1": [work(1), Signal("built"), Signal("over")],
        "u2": [Wait("built"), Hold({"truck": 1}), Free({"truck": 1}), Signal("built"), Signal("over")],
        "u3": [Hold({"crane": 1}), Wait("built", 2), Free({"crane": 1}), Signal("over")],
    }
    plan = write(routes, {"truck": 1, "crane": 1}, finish=("over", 3))
    assert remarks(plan) == []
    assert told(plan).outcome.deadlock is None
