from __future__ import annotations

import numpy as np
import pytest

from sim.errors import ConfigError
from sim.metrics.measure import ledger_of
from sim.metrics.money.ledger import unit_cost
from sim.plan.deterministic_draws import mean_draws
from sim.plan.mechanisms import crews
from sim.plan.mechanisms.camp import CampTooSmall
from sim.study.case import Case
from tests.tiny_project import tiny_case, works

DAY = 24
# Nobody but the crews of these tests needs to hire, learn or sleep otherwise than stated here.
CAMP = "labour.camp={{rooms: {rooms}, stages: [{{beds: {beds}, opens_days: {opens}}}]}}"


def camp(rooms: int, beds: int, opens: float) -> str:
    """An override: so many rooms from the beginning, and beds from a day on."""
    return CAMP.format(rooms=rooms, beds=beds, opens=opens)


def arrivals(case: Case) -> dict[str, float]:
    """Hour at which every crew has been hired, in the run without luck."""
    return {unit: done for (unit, what), (_, done) in works(case).items() if what == "week of hiring"}


def notes(case: Case, kind: str) -> list[tuple[float, str, int]]:
    """(hour, item, amount) of every note of a kind, in the run without luck."""
    log = case.simulate(case.planned).log
    found = []
    for minute, step, amount in log.tolist():
        operation, note = case.plan.rows[step, :2].tolist()
        if operation == 7 and case.plan.notes[note][0] == kind:
            found.append((minute / 60, case.plan.notes[note][1], amount))
    return found


# --- the camp -----------------------------------------------------------------------------------------------------
# Six crews of four and one indirect person each: five beds a crew. Earthworks are called at hour 24, millwrights at
# 192, civil at 72, the rest later; all of them but the second crew of electricians stay to the end: 30 beds are set
# aside for them, five are needed beside these.


def test_beds_enough_from_the_beginning_are_as_good_as_no_camp() -> None:
    assert works(tiny_case(camp(35, 0, 0))) == works(tiny_case())


def test_nobody_comes_before_the_camp_has_a_bed_for_him() -> None:
    case = tiny_case(camp(5, 30, 20))
    early, late = arrivals(tiny_case()), arrivals(case)
    assert late["crew.earthworks.1"] == early["crew.earthworks.1"]  # called first: he has one of the rooms
    assert late["crew.civil.1"] == 20 * DAY + 7 * DAY  # called second: the camp opens on day 20, a week of hiring
    assert works(case)["h1.shell.slab", "shell.slab"] == (28 * DAY, 29 * DAY)


def test_a_crew_beyond_those_that_stay_takes_a_bed_when_one_is_left() -> None:
    # 30 beds are set aside; the second crew of electricians gets none before a trade has gone
    case = tiny_case(camp(30, 0, 0))
    gone = min(hour for hour, _, amount in notes(case, "people") if amount < 0)
    assert arrivals(case)["crew.electricians.2"] == gone + 7 * DAY
    assert arrivals(tiny_case())["crew.electricians.2"] - 7 * DAY < gone


def test_the_next_stage_opens_after_the_one_before_it() -> None:
    stages = "labour.camp={rooms: 5, stages: [{beds: 10, opens_days: 30}, {beds: 20, opens_days: 25}]}"
    late = arrivals(tiny_case(stages))
    assert late["crew.civil.1"] == late["crew.electricians.1"] == (30 + 7) * DAY


def test_a_camp_that_cannot_hold_those_who_stay_is_refused() -> None:
    with pytest.raises(CampTooSmall, match="29 beds in all, and the crews that stay to the end need 30") as refused:
        tiny_case(camp(9, 20, 0))
    assert refused.value.exit_code == 2


def test_a_stage_without_a_number_has_beds_for_everyone() -> None:
    case = tiny_case("labour.camp={rooms: 0, stages: [{opens_days: 0}]}")
    assert arrivals(case) == arrivals(tiny_case())


@pytest.mark.parametrize("rooms", [30, 31, 34, 35])
def test_a_full_camp_never_stops_the_work_for_ever(rooms: int) -> None:
    case = tiny_case(camp(rooms, 0, 0))
    assert case.simulate(case.planned).deadlock is None


def test_every_shift_of_a_crew_has_beds() -> None:
    """Two shifts of four and their indirect people: ten beds a crew; the second trade called finds none before day 20."""
    shifts = (
        "calendars.site={days: [mon, tue, wed, thu, fri, sat, sun], "
        "shifts: [{start: '00:00', end: '12:00'}, {start: '12:00', end: '24:00'}]}"
    )
    case = tiny_case(shifts, "labour.camp={rooms: 10, stages: [{beds: 60, opens_days: 20}]}")
    hired, plain = arrivals(case), arrivals(tiny_case(shifts))
    assert hired["crew.earthworks.1"] == plain["crew.earthworks.1"]
    assert hired["crew.civil.1"] == (20 + 7) * DAY > plain["crew.civil.1"]


# --- shifts, rotations, mixes of people -----------------------------------------------------------------------------


def test_two_shifts_bring_every_crew_twice_and_each_person_is_paid_for_his_own() -> None:
    shifts = 'calendars.site={days: [mon, tue, wed, thu, fri, sat, sun], shifts: [{start: "00:00", end: "12:00"}, '
    two = tiny_case(shifts + '{start: "12:00", end: "24:00"}]}')
    one = tiny_case()
    assert works(two) == works(one)  # round the clock either way
    of_two, of_one = (case.measured(case.planned, case.simulate(case.planned))[0] for case in (two, one))
    assert of_two["peak_workforce_onsite"] == 2 * of_one["peak_workforce_onsite"]
    assert of_two["hours_paid"] == of_one["hours_paid"]
    assert of_two["hours_worked"] == of_one["hours_worked"]


ROTATION = (
    "labour.patterns={six_and_two: {days: [mon, tue, wed, thu, fri, sat, sun], "
    'shifts: [{start: "00:00", end: "24:00"}], weeks_on: 6, weeks_off: 2}}'
)


def test_a_rotation_keeps_more_people_on_the_payroll_than_on_site() -> None:
    plain, rotating = tiny_case(), tiny_case(ROTATION, "labour.pattern=six_and_two")
    of_plain, of_rotating = (case.measured(case.planned, case.simulate(case.planned))[0] for case in (plain, rotating))
    assert works(rotating) == works(plain)
    assert of_rotating["peak_workforce_onsite"] == of_plain["peak_workforce_onsite"]
    assert of_rotating["peak_payroll"] == np.ceil(of_plain["peak_workforce_onsite"] * 8 / 6)


def test_those_who_relieve_a_crew_are_hired_with_it() -> None:
    slow = "labour.trades.electricians.hired_per_week=10"  # two crews of four a week, or one with its relief
    both, apart = tiny_case(slow), tiny_case(ROTATION, "labour.pattern=six_and_two", slow)
    pool = both.plan.pools.index("hiring.electricians")
    assert (both.plan.initial[pool], apart.plan.initial[pool]) == (2, 2)
    slower = "labour.trades.electricians.hired_per_week=6"
    assert tiny_case(slower).plan.initial[pool] == 2
    assert tiny_case(ROTATION, "labour.pattern=six_and_two", slower).plan.initial[pool] == 1


def test_fewer_dearer_and_more_productive_people_earn_the_same_hours() -> None:
    mix = "labour.trades.civil.skill={people: 0.5, wage: 1.5, output: 1.6}"
    plain, skilled = tiny_case(), tiny_case(mix)
    # 96 h of work: four people need 24 h; two who do 1.6 times as much need 96 / 2 / 1.6 = 30 h
    assert works(plain)["h1.shell.slab", "shell.slab"] == (288, 312)
    begun, done = works(skilled)["h1.shell.slab", "shell.slab"]
    assert done - begun == 30
    of_plain, of_skilled = (case.measured(case.planned, case.simulate(case.planned))[0] for case in (plain, skilled))
    assert of_plain["hours_earned"] - of_skilled["hours_earned"] == 3 * DAY * 2  # only dry-in is stated in days
    assert of_skilled["peak_workforce_onsite"] < of_plain["peak_workforce_onsite"]
    assert skilled.project.labour.trades["civil"].paid_rate == 1.5 * 85


# --- when crews are called ------------------------------------------------------------------------------------------


LATE = (
    "scale.preparation_days=1",
    "risks.drivers=[{id: late, name: Late, on: [permits], inherent: {probability: 1, added_days: 5}}]",
)


def hired(case: Case) -> dict[str, float]:
    """Hour at which every crew has been hired, in the first replication."""
    log = case.simulate(next(case.draws(1).chunk(0, 1))).log
    unit, activity = case.plan.unit_of[log[:, 1]], case.plan.activity_of[log[:, 1]]
    chosen = np.flatnonzero(activity == case.plan.activities.index("week of hiring"))
    return {case.plan.units[unit[row]]: log[row, 0] / 60 for row in chosen.tolist()}


def test_crews_called_by_permits_come_later_where_permits_do() -> None:
    by_date, by_permits = hired(tiny_case(*LATE)), hired(tiny_case(*LATE, "labour.called_by=permits"))
    assert by_permits["crew.electricians.1"] == by_date["crew.electricians.1"] + 5 * DAY
    assert by_permits["crew.earthworks.1"] == by_date["crew.earthworks.1"]  # called before permits are expected


def test_without_late_permits_it_does_not_matter_how_crews_are_called() -> None:
    found, by_permits = works(tiny_case()), works(tiny_case("labour.called_by=permits"))
    assert {key: when for key, when in by_permits.items() if key[1] != "called"} == found


# --- a manning curve that is entered ---------------------------------------------------------------------------------
# A month has 365.25/12 days. Whoever is wanted from a month on is called nine days before: a week of hiring, a day of
# induction, and a day in hand.

MONTH = 365.25 / 12 * DAY
NO_NUMBER = "labour.trades.electricians.crews=null"
CURVE = "labour.trades.electricians.crews_by_month=%s"


def electricians_by_month(case: Case, months: int) -> list[int]:
    """Crews of electricians who are there in the middle of every month."""
    changes = [(hour, amount) for hour, trade, amount in notes(case, "people") if trade == "electricians"]
    middle = [(month + 0.5) * MONTH for month in range(months)]
    return [sum(amount for hour, amount in changes if hour <= at) // 4 for at in middle]


def test_crews_come_and_go_by_the_curve_and_the_first_stays_until_its_trade_is_done() -> None:
    late = "systems.electrical.hook_up.connect.hours=12000"  # 125 days a block for a crew of four, two blocks
    case = tiny_case(NO_NUMBER, CURVE % [0, 1, 3, 0, 2], late, "scale.target_days=400", "scale.horizon_days=900")
    # in the fourth month two are still at work in the two blocks: nobody leaves a step half done
    assert electricians_by_month(case, 6) == [0, 1, 3, 2, 2, 1]
    comes = [hour for hour, trade, amount in notes(case, "people") if trade == "electricians" and amount > 0]
    assert comes[0] == pytest.approx(MONTH - 2 * DAY)
    assert comes[1:] == pytest.approx([2 * MONTH - 2 * DAY] * 2 + [4 * MONTH - 2 * DAY])
    case.measured(case.planned, case.simulate(case.planned))  # conserved


def test_a_curve_below_what_one_step_takes_at_once_is_raised_to_it() -> None:
    two = "systems.electrical.hook_up.connect.crews={electricians: 2}"
    case = tiny_case(NO_NUMBER, CURVE % [1], two)
    stays = case.crew_plan.resource_plan.mobilisations["electricians"]
    assert [stay.called for stay in stays] == [0, 0]
    assert case.simulate(case.planned).deadlock is None


@pytest.mark.parametrize(
    ("stated", "said"), [((CURVE % [1],), "not both"), ((NO_NUMBER, CURVE % [0, 0]), "at least one month")]
)
def test_a_curve_beside_a_number_or_without_anybody_is_refused(stated: tuple[str, ...], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        tiny_case(*stated)


def test_the_manning_that_is_shown_has_the_entered_curve() -> None:
    manning = tiny_case(NO_NUMBER, CURVE % [0, 1, 3, 0, 2]).crew_plan.manning
    shown = manning.manned[manning.trades.index("electricians")]
    months = [int(week * 7 * DAY // MONTH) for week in range(len(shown))]
    assert shown.tolist() == [[0, 1, 3, 0, 2, 0][month] for month in months]


def test_a_curve_that_ends_before_the_work_begins_leaves_a_crew_for_it() -> None:
    case = tiny_case(NO_NUMBER, CURVE % [1], "scale.preparation_days=60")
    outcome = case.simulate(case.planned)
    assert outcome.deadlock is None
    assert works(case)["b1.electrical", "electrical.connect"][0] > 2 * MONTH


# --- leave --------------------------------------------------------------------------------------------------------
# Six blocks, 120 h of connecting each; the third skid is 40 days late, the others come behind it every four days. Of three
# crews of electricians one leaves as planned at hour 516. Two are without work from 523 on, and one of them is kept in hand.

IDLE = (
    "labour.trades.electricians.crews=4",
    "systems.electrical.hook_up.connect.hours=480",
    "scale.capacity_mw=15",
    "hall.blocks=6",
    "energization.units.count=4",
    "labour.idle_weeks=1",
    "labour.idle_leave=true",
)


def people(case: Case, late: dict[str, int]) -> list[tuple[float, str, int]]:
    """(hour, unit, people) of electricians who come and go, where some skids take days longer in the factory."""
    luck = mean_draws(case.plan.inputs)
    for skid, days in late.items():
        luck.values[case.plan.inputs.names.index(f"electrical.assemble/electrical.{skid}")] += days * 1_440
    outcome = case.simulate(luck)
    case.measured(luck, outcome)  # everything that is conserved in a run is conserved in this one
    return [
        (minute / 60, case.plan.units[case.plan.unit_of[step]], amount)
        for minute, step, amount in outcome.log.tolist()
        if case.plan.rows[step, 0] == 7 and case.plan.notes[case.plan.rows[step, 1]][:2] == ("people", "electricians")
    ]


def test_a_crew_without_work_goes_home_and_is_called_when_work_waits() -> None:
    found = people(tiny_case(*IDLE), {"s3": 40})
    assert [row for row in found if row[1].startswith("leave.")] == [
        (523 + 7 * DAY, "leave.electricians.1", -4),  # a week after the last work
        # the crew in hand connects block 3 from 1450 on; two days later one is called, and is there after a week
        (1450 + 2 * DAY + 7 * DAY, "leave.electricians.1", 4),
    ]
    assert sum(amount for *_, amount in found) == 0


def test_who_is_sent_home_is_paid_the_share_of_his_wages_that_is_agreed_until_he_is_called() -> None:
    """A crew of four is at home from hour 691 to 1498, days 28 to 62: 35 days of 24 h at 0.4 of the rate."""
    standby = "labour.standby={share: 0.4, source: test}"
    (plain, of_plain), (paid, of_paid) = (_labour_of_late(tiny_case(*IDLE, *more)) for more in ((), (standby,)))
    rate = paid.project.labour.trades["electricians"].paid_rate
    assert of_paid - of_plain == pytest.approx(4 * 35 * 24 * rate * 0.4, rel=0.001)
    assert plain.plan.units == tuple(paid.plan.units)


def _labour_of_late(case: Case) -> tuple[Case, float]:
    """A case, and what its labour costs where the third skid is forty days late."""
    luck = mean_draws(case.plan.inputs)
    luck.values[case.plan.inputs.names.index("electrical.assemble/electrical.s3")] += 40 * 1_440
    record = case.metric_context.record(case.simulate(luck).log, luck.content, case.plan.base_calendars, luck.factors)
    table = ledger_of(case.metric_context, record)
    return case, float(table["usd"][table["item"] == "labour"].sum()) / float(unit_cost(record, "labour"))


def test_nobody_is_sent_home_where_crews_leave_as_planned_only() -> None:
    found = people(tiny_case(*IDLE[:-1], "labour.idle_leave=false"), {"s3": 40})
    assert not [row for row in found if row[1].startswith("leav")]
    assert [amount for *_, amount in found] == [4, 4, 4, -4, -4, -4]


def test_a_crew_that_is_away_leaves_for_good_before_one_on_site() -> None:
    # work waits for a month before anybody is called: the fifth block is done, and with it the hours of a crew, while
    # one is away; that is the one which does not come back, and the crew in hand is there for the last block, which is late
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(crews, "CALLED_BACK", 30 * 1_440)
        found = people(tiny_case(*IDLE), {"s5": 40, "s6": 40})
    gone = [unit for _, unit, amount in found if amount < 0]
    assert [unit.startswith("leaving.") for unit in gone] == [True, False, True]
    assert not [unit for _, unit, amount in found if unit.startswith("leave.") and amount > 0]
    assert sum(amount for *_, amount in found) == 0
