"""Mistakes somebody could make in the model, one each, and the mechanism whose test must notice it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from sim.config.sections.acceleration import SecondShift
from sim.engine.dispatcher import Dispatcher
from sim.engine.simpy_engine import Simulation
from sim.metrics import workforce
from sim.metrics.kernels import numpy_kernels
from sim.metrics.measure import MetricContext
from sim.metrics.money import contracts as due
from sim.metrics.money import finance, ledger
from sim.plan import layout
from sim.plan.draws import Spreader
from sim.plan.mechanisms import (
    acceleration,
    camp,
    commissioning,
    crews,
    energization,
    factory,
    installation,
    logistics,
    procurement,
    shell,
)
from sim.plan.mechanisms import crews as crew_work
from sim.study.crew_planning import earned_schedule, manning
from sim.study.crew_planning import levelling as levelling_search
from sim.world.working_time import Calendar
from tests.engine import test_rules_2_3_grants as grants
from tests.engine import test_rules_8_9_gates_jumps as gates
from tests.metrics import test_conservation as kept
from tests.metrics import test_workforce as heads
from tests.metrics.money import test_money_by_hand as by_hand
from tests.metrics.money import test_money_ledger as money
from tests.mutants import mechanisms as by
from tests.plan import test_whole_project as tiny
from tests.plan.mechanisms import test_area_crews as area
from tests.plan.mechanisms import test_crews as site_crews
from tests.plan.mechanisms import test_rework as rework
from tests.study.crew_planning import test_acceleration as more
from tests.study.crew_planning import test_levelling as levelling
from tests.theory import test_chain_of_the_project as chain


class Mutant(NamedTuple):
    """A mistake: in which function, what stands there, what would stand there instead; and who must notice."""

    mistake: str
    function: Callable[..., Any]
    right: str
    wrong: str
    mechanism: str
    killer: Callable[[], Any]


def along(bottleneck: str) -> Callable[[], None]:
    """The chain of the project with one thing short, against its recursion."""

    return lambda: chain.test_every_skid_comes_when_the_recursion_says(bottleneck)


MUTANTS = (
    # --- who is served when --------------------------------------------------------------------------------------
    Mutant("ties go to the last name", Dispatcher.enqueue, "(priority, now, rank,", "(priority, now, -rank,",
           "rule 2: priority, minute asked, name",
           grants.test_priority_counts_before_the_minute_asked_and_that_before_the_name),
    Mutant("who asks last goes first", Dispatcher.enqueue, "(priority, now,", "(priority, -now,",
           "first in, first out", by.textbook("300 customers")),
    Mutant("priorities are forgotten", Dispatcher.enqueue, "(priority, now,", "(0, now,",
           "a list of tasks", by.textbook("Graham: another list")),
    Mutant("a gate opens one too late", Simulation.signal, "if level <= new_level:", "if level < new_level:",
           "rule 8: gates", gates.test_a_gate_lets_everyone_through_whose_level_it_has_reached),
    Mutant("nights are worked", Calendar.finish, "return self._ends[interval] - (done[interval] - target)",
           "return start + minutes", "calendars", by.textbook("90 minutes from 16:00")),
    Mutant("learning is one unit ahead", Simulation._minutes, "self.plan.learning[curve], self.first_attempts[curve])",
           "self.plan.learning[curve], self.first_attempts[curve] + 1)", "Crawford's unit curve", by.textbook("72 units")),
    Mutant("a repeated chance falls as the first did", Simulation.decide,
           "self.draws.values[chance] if attempt == 0 else self.draws.at_attempt(chance, attempt)",
           "self.draws.values[chance]", "every attempt has its own luck", by.tests_fail_as_often_as_is_stated),
    # --- the factory ---------------------------------------------------------------------------------------------
    Mutant("chances of a test are turned round", factory._acceptance_test, "otherwise=True", "otherwise=False",
           "factory acceptance test", by.timeline(tiny.SKIDS)),
    Mutant("a failed skid is mended and not tested again", factory._acceptance_test,
           "Jump(TEST_BEGINS, limit=test.retests),", "", "retests", by.tests_fail_as_often_as_is_stated),
    Mutant("a tested skid leaves its bay without a place", factory.build_skid,
           "route += [Hold({plant.finished: 1}), Free({plant.bays: 1, **plant.work_in_progress})]",
           "route += [Free({plant.bays: 1, **plant.work_in_progress}), Hold({plant.finished: 1})]",
           "blocking by full places", along("places")),
    Mutant("a station is free before the next one takes the skid", factory.build_skid,
           "route += [Free(carried)] if carried else []",
           "route[-1:] = [Free(carried), route[-1]] if carried else route[-1:]",
           "blocking in the line", along("line")),
    Mutant("all lines are open from the first day", factory._open,
           "factory.opens_week.value + factory.ramp_weeks.value * line / factory.lines", "0.0",
           "the ramp of a factory", by.timeline({("electrical.s1", "electrical.assemble"): (336, 432)},
                                                "systems.electrical.factory.opens_week=2")),
    Mutant("a failed skid keeps its bay", factory._acceptance_test,
           "rework = [Free(bay), Hold(place), *rework, Hold(bay), Free(place)]",
           "rework = [Hold(place), *rework, Free(place)]", "rework at a place of its own",
           rework.test_a_skid_that_is_mended_at_a_place_of_its_own_leaves_its_bay_to_others),
    # --- the road and the yard -----------------------------------------------------------------------------------
    Mutant("trucks need no time to return", logistics._return, 'if plant.fleet.kind == "hired":', "if True:",
           "return trips", by.timeline(tiny.SKIDS)),
    Mutant("a truck is free before it has returned", logistics.deliver, "        *_return(plant),\n        Free(truck),",
           "        Free(truck),\n        *_return(plant),", "the fleet as a closed network", along("truck")),
    Mutant("a place in the yard is never released", installation.install_skids,
           "Free({**lifting, laydown(name): number})", "Free(lifting)",
           "laydown", tiny.test_one_laydown_place_blocks_the_finished_goods_and_so_the_test_bay),
    Mutant("finished places stay taken", logistics.deliver, "        Free({plant.finished: 1}),\n", "",
           "what a unit takes it gives back", by.conserved()),
    # --- the site ------------------------------------------------------------------------------------------------
    Mutant("the hall need not be dry", installation.ready_for,
           "return [Wait(context.plan.gate(gate)) for gate in [*prerequisites(context, steps, block), *systems]]",
           "return []", "release of the shell", by.timeline(tiny.INSTALLATION)),
    Mutant("weather does not stop crews", crew_work.by_crews, "calendar_of(step), mode", 'SITE + "interior", mode',
           "weather by exposure", by.a_step_outside_waits_for_the_storm_to_pass),
    Mutant("work starts without permits", shell._start, 'return Wait(f"{place.phase}.permitted")',
           'return Wait(f"{place.phase}.permitted", 0)', "permits", by.timeline(tiny.SITE)),
    Mutant("crews are hired all at once", crews.arrival, "Hold({**hiring, **beds}", "Hold({**beds}",
           "hiring by the week", by.hiring_goes_by_the_week),
    Mutant("crews leave before others get them", crews.departure, "**dict.fromkeys(others, 1)}, priority=LEAVING_PRIORITY)",
           "**dict.fromkeys(others, 1)})", "rule 5: leaving last", by.a_crew_that_may_leave_lets_all_other_work_go_first),
    Mutant("more people work than have come", crews.arrival, "people_of_crew(context.project, trade))",
           "people_of_crew(context.project, trade) // 2)", "nobody works who is not there", by.conserved()),
    Mutant("work of crews is twice as quick", crew_work.step_span, "60 / people", "30 / people",
           "work content over people", by.timeline(tiny.SITE)),
    Mutant("the second shift has no beds", camp.beds_of, "people_of_crew(project, name)", "context.trade(name).team",
           "the camp", site_crews.test_every_shift_of_a_crew_has_beds),
    Mutant("a large hall has the crews of a small one", shell.crews_by_area, "count * sqft / reference_sqft for", "count for",
           "crews by area", area.test_a_hall_of_twice_the_area_takes_the_same_time_with_twice_the_crews),
    Mutant("steel needs no crane", crew_work.by_crews, "{CRANE: step.cranes} if step.cranes else {}", "{}",
           "cranes for the shell", area.test_steel_keeps_a_crane_of_those_that_set_skids),
    Mutant("nobody asks whether the trade has caught up", acceleration._from_review_to_review,
           "gate=gate, level=next_review.caught_up_hours", "gate=gate, level=hours", "measures are taken back",
           more.test_a_trade_that_is_behind_has_a_crew_more_from_the_review_on_until_it_has_caught_up),
    Mutant("everybody hires because one trade is late", acceleration._off_while_trade_before_is_behind,
           "level=review_same_day.enough_hours[0]", "level=0", "measures where there is work",
           more.test_nothing_is_added_while_the_trade_before_is_behind_itself),
    Mutant("lost hours of overtime are not paid", acceleration._measure, " / (1 - policy.overtime.loss.value)", "",
           "overtime", more.test_overtime_begins_at_once_and_its_lost_hours_are_paid_as_well),
    Mutant("overtime costs what all hours cost", due.wages, "policy.overtime.pay.value * factor", "factor",
           "overtime", more.test_overtime_is_paid_at_its_own_rate_and_has_no_bed),
    Mutant("what is due in two weeks is late today", earned_schedule._reviews, "minute - slip)", "minute + slip)",
           "earned schedule", more.test_the_expected_plan_is_never_behind_itself),
    Mutant("crews without work stay", crews.IdleLeave._leave_route, "labour.idle_weeks * MINUTES_PER_WEEK", "last",
           "crews without work leave", site_crews.test_a_crew_without_work_goes_home_and_is_called_when_work_waits),
    Mutant("who was sent home never comes back", crews.IdleLeave._leave_route, "CALLED_BACK, last, below=True",
           "last, last, below=True", "and come back",
           site_crews.test_a_crew_without_work_goes_home_and_is_called_when_work_waits),
    Mutant("all who have no work are sent home", crews.IdleLeave._leave_route,
           "idle = NetLevelCondition(pools, threshold,", "idle = NetLevelCondition(pools, number,",
           "some are kept in hand", site_crews.test_a_crew_without_work_goes_home_and_is_called_when_work_waits),
    Mutant("who is away is there twice when it leaves for good", crews.IdleLeave.final_departure,
           "Hold({due_pool: 1, recallable: 1})", "Hold({due_pool: 9, recallable: 1})",
           "who is away leaves first",
           site_crews.test_a_crew_that_is_away_leaves_for_good_before_one_on_site),
    Mutant("who stands by is paid for ever", crews.IdleLeave._leave_route, "*self._standby(-1),", "", "standby pay",
           site_crews.test_who_is_sent_home_is_paid_the_share_of_his_wages_that_is_agreed_until_he_is_called),
    Mutant("standing by is paid as work", due.wages, "(project.labour.standby.share.value * factor)", "factor", "standby pay",
           site_crews.test_who_is_sent_home_is_paid_the_share_of_his_wages_that_is_agreed_until_he_is_called),
    Mutant("lost hours of a second shift are no people", SecondShift.people, " / (1 - self.loss.value)", "", "second shift",
           more.test_a_second_shift_is_hired_as_all_others_and_its_lost_hours_are_people_as_well),
    Mutant("a second shift costs what the first one does", due.wages, "(policy.shift.pay - 1) * factor", "0.0",
           "second shift", more.test_a_second_shift_costs_what_its_hours_cost_more),
    Mutant("there is a third shift beside two", earned_schedule._measures, "capped or not one_shift", "capped",
           "second shift",
           more.test_a_second_shift_is_added_where_all_work_in_one_and_nobody_caps_the_people),
    Mutant("a level plan may lose days", levelling_search.Levelling._best, "self.with_chance(plan.crews) <= aim.with_chance",
           "True", "crew plans with chance",
           lambda: [levelling.test_the_peak_is_bought_without_days_where_things_do_not_go_as_expected(n) for n in range(8)]),
    Mutant("the last section is what is left over", layout.sections, "blocks_per_section + (section < larger_sections)",
           "blocks_per_section + larger_sections * (section == 0)", "sections of a hall",
           lambda: area.test_a_hall_is_cut_into_sections_as_near_to_the_stated_area_as_can_be(29, [10, 10, 9])),
    Mutant("hours end where money does", MetricContext.of, "project.curve_days", "project.money.horizon_days",
           "curves to the end",
           heads.test_curves_and_hours_go_to_the_end_of_the_project_where_money_is_counted_for_less),
    # --- tests and power -----------------------------------------------------------------------------------------
    Mutant("the spare unit counts as firm", energization.energize, "number + 1 + units.spare", "number + 1",
           "N+1", by.timeline(tiny.POWER)),
    Mutant("power is asked for after L3", commissioning.commission_block,
           """            Hold({_source(context, block): kilowatts(block)}, block.sequence),
            *_level(context, block, "L3", commissioning.l3),
""", """            *_level(context, block, "L3", commissioning.l3),
            Hold({_source(context, block): kilowatts(block)}, block.sequence),
""", "power before L3", by.timeline(tiny.POWER)),
    Mutant("a turnover is tested with its first block", commissioning.hand_over,
           'Wait(context.plan.gate(f"{turnover.name}.tested"), len(turnover.blocks))',
           'Wait(context.plan.gate(f"{turnover.name}.tested"), 1)',
           "turnovers", tiny.test_a_turnover_of_two_blocks_is_tested_once_and_comes_online_at_once),
    Mutant("who tests stands by while others mend", crew_work.until_passed, "after_failure = [Free(pools), take_repair_crew",
           "hold = Label('none'); after_failure = [take_repair_crew", "repair by who installed it",
           rework.test_a_commissioning_crew_goes_on_elsewhere_while_the_trade_that_installed_it_mends),
    Mutant("who mends is not expected to the end", crew_work.until_passed,
           "reports += signal_hours_done(context, repair, share=level.fails.value)", "pass",
           "a crew to the last test", rework.test_the_trade_that_mends_has_a_crew_there_to_the_last_test),
    Mutant("power does not wait for the flush", commissioning._flush, "return [flushed]", "return []",
           "fill and flush", rework.test_flushing_begins_with_the_mechanical_system_and_is_done_before_power_is_asked_for),
    Mutant("a hall has one section", shell.prerequisites, "context.section_of(place)", "'.s1'", "sections of a hall",
           area.test_a_block_waits_for_its_own_section_and_the_last_one_may_be_smaller),
    Mutant("power that nobody needs is never paid for", procurement._power_to_spare, ">= mw_needed", "> 10**9",
           "all that is bought comes",
           lambda: kept.test_units_that_no_phase_needs_come_and_are_paid_for_whoever_shares_them("false")),
    Mutant("the run ends with the first of what comes last", procurement.receive_all, "Wait(received_gate, units_to_receive)",
           "Wait(received_gate, 1)", "all that is bought comes",
           lambda: kept.test_units_that_no_phase_needs_come_and_are_paid_for_whoever_shares_them("true")),
    Mutant("an entered crew leaves a month too early", manning.entered_stays, "(last + 1) * MONTH", "last * MONTH",
           "entered curves",
           site_crews.test_crews_come_and_go_by_the_curve_and_the_first_stays_until_its_trade_is_done),
    Mutant("the first crew leaves by the curve", crew_work.mobilise_crews, "until_hours=hours[trade], until_minute=None",
           "until_hours=hours[trade]", "entered curves",
           site_crews.test_a_curve_that_ends_before_the_work_begins_leaves_a_crew_for_it),
    Mutant("crews come as early as hiring likes", manning._call_minutes, "early_weeks * MINUTES_PER_WEEK", "10**9",
           "how early crews come",
           lambda: levelling.test_nobody_is_called_to_be_there_longer_before_his_work_than_is_stated(1)),
    # --- hours and heads -----------------------------------------------------------------------------------------
    Mutant("rework earns", numpy_kernels.earned_minutes, "steps = np.flatnonzero(is_done & (labour[:, LABOUR_INPUT] >= 0))",
           "steps = works[labour[works[:, LOG_STEP], LABOUR_INPUT] >= 0, LOG_STEP]", "hours earned",
           by.rework_earns_nothing_and_a_repeated_test_earns_once),
    Mutant("who goes on a day was not there", numpy_kernels.people_by_day, "(people <= 0)", "0",
           "headcount by day", heads.test_who_comes_or_goes_on_a_day_is_there_on_that_day),
    Mutant("half an indirect person is nobody", workforce.indirect, "np.ceil(", "np.floor(",
           "indirect people", by.indirect_people_are_whole_people),
    # --- money ---------------------------------------------------------------------------------------------------
    Mutant("every milestone is paid with those before it", numpy_kernels.contract_entries,
           "cents = np.diff(cumulated_cents, prepend=0)", "cents = cumulated_cents.copy()",
           "contracts to the cent", by.conserved()),
    Mutant("retention is kept for ever", due.payments, "if retained is not None and retained_share:", "if False:",
           "retention", by.conserved()),
    Mutant("prices do not drift until the order", ledger._values, "(1 + contracts.escalation) ** years", "1.0",
           "escalation", money.test_a_price_drifts_until_its_order),
    Mutant("deposits are forgotten", numpy_kernels.contract_entries,
           "is_due = (step_minute >= 0)", "is_due = (step_minute > 0)",
           "contracts to the cent", by.conserved()),
    Mutant("every target counts from the first decision", finance.foregone, "target = ordered +", "target = 0 * ordered +",
           "foregone revenue", by_hand.test_revenue_is_foregone_from_the_target_of_each_order),
    # --- luck ----------------------------------------------------------------------------------------------------
    Mutant("all units share one draw", Spreader._keys_of, "stream_keys(self.seed, names)",
           'stream_keys(self.seed, tuple(name.partition("/")[0] for name in names))', "luck by name",
           by.luck_of_two_units_differs_and_stays_when_others_change),
)  # fmt: skip
