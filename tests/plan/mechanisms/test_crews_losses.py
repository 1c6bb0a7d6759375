from __future__ import annotations

import pytest

from sim.config.project import Project
from sim.plan.vocabulary import MINUTES_PER_WEEK
from sim.study.case import Case
from sim.study.crew_planning.crew_plan import Window, crews_of_window
from sim.world.distributions import Pert
from sim.world.productivity_factors import MILLIONTHS, crowd_factors
from sim.world.project_calendars import SHIFT, project_calendars, reference_productive_share
from tests.tiny_project import tiny, tiny_case, works

PATTERNS = (
    'labour.patterns={regular: {days: [mon, tue, wed, thu, fri], shifts: [{start: "08:00", end: "16:00"}]},'
    ' long: {days: [mon, tue, wed, thu, fri, sat], shifts: [{start: "07:00", end: "17:00"}]}}'
)
LONG, REGULAR = (
    [
        f"calendars.site={{days: [{days}], shifts: [{{start: '{start}', end: '{end}'}}], holidays: null}}",
        f"labour.pattern={name}",
    ]
    for name, days, start, end in (
        ("long", "mon, tue, wed, thu, fri, sat", "07:00", "17:00"),
        ("regular", "mon, tue, wed, thu, fri", "08:00", "16:00"),
    )
)
"""A pattern of work, and the same week for the site's calendar, which must not contradict it."""
OVERTIME = "overtime: {weeks: [{hours: 50, loss_by_week: [0.02, 0.05]}, {hours: 60, loss_by_week: [0.05, 0.1]}]}"
NIGHT = 'night: {loss: 0.1, begins: "19:00", ends: "06:00"}'
HEAT = "heat: {loss_by_month: [0.05, 0.05, 0.05, 0.1, 0.1, 0.2, 0.2, 0.2, 0.1, 0, 0, 0], indoors: 0.5}"
ABSENCE = "absence: {share: 0.08, covered: 0.5, in_losses: 0.04}"
TURNOVER = "turnover: {per_month: 0.1, newcomer_loss: 0.2, newcomer_months: 1, in_losses: 0.02}"
CROWDING = (
    "crowding: {densities: [{sqft_per_person: 320, loss: 0}, {sqft_per_person: 200, loss: 0.1},"
    " {sqft_per_person: 104, loss: 0.35}], in_losses: 0}"
)
LOSSES = "labour.losses={low: 1.08, mode: 1.2, high: 1.4}"


def productivity(*mechanisms: str, stated_for: str = "long") -> tuple[str, str]:
    """Overrides that switch on these mechanisms."""
    return PATTERNS, f"labour.productivity={{stated_for: {stated_for}, {', '.join(mechanisms)}}}"


def measured(case: Case) -> dict[str, float]:
    """The metrics of the run without luck."""
    return case.measured(case.planned, case.simulate(case.planned))[0]


# --- nothing is counted twice ------------------------------------------------------------------------------------


def worked_per_earned(project: Project, exposure: str) -> float:
    """Shift minutes for each earned minute of work that goes on for years, at the mean of the stated total."""
    base, minutes = project_calendars(project), 1_000_000
    everywhere = project.labour.productivity.loss_adjustment if project.labour.productivity else 1.0
    lost = Pert(1.08, 1.2, 1.4).mean() * everywhere * reference_productive_share(project, exposure)
    finish = base[f"site.{exposure}"].finish(0, round(minutes * lost))
    return base[SHIFT].worked(finish) / minutes


@pytest.mark.parametrize("exposure", ["interior", "exterior"])
@pytest.mark.parametrize(
    "mechanisms",
    [(), (OVERTIME,), (HEAT,), (NIGHT,), (ABSENCE,), (TURNOVER,), (OVERTIME, NIGHT, HEAT, ABSENCE, TURNOVER)],
)
def test_where_people_work_as_stated_the_total_is_the_stated_one(mechanisms: tuple[str, ...], exposure: str) -> None:
    project = tiny(LOSSES, "scale.horizon_days=14600", *LONG, *productivity(*mechanisms))
    assert worked_per_earned(project, exposure) == pytest.approx(Pert(1.08, 1.2, 1.4).mean(), rel=2e-3)


@pytest.mark.parametrize(
    ("changed", "ratio"),
    [
        (OVERTIME.replace("0.05, 0.1]", "0.05, 0.2]"), 1.0),  # stated and worked alike: still the stated total
        (ABSENCE.replace("share: 0.08", "share: 0.2"), 0.96 / 0.9),
        (TURNOVER.replace("0.1,", "0.4,"), 0.98 / 0.92),
        (TURNOVER.replace("newcomer_months: 1", "newcomer_months: 20"), 0.98 / 0.8),  # everybody is new all the time
    ],
)
def test_where_a_loss_differs_from_what_was_stated_the_total_follows(changed: str, ratio: float) -> None:
    project = tiny(LOSSES, "scale.horizon_days=14600", *LONG, *productivity(changed))
    assert worked_per_earned(project, "interior") == pytest.approx(Pert(1.08, 1.2, 1.4).mean() * ratio, rel=2e-3)


def test_shorter_weeks_than_stated_lose_less() -> None:
    project = tiny(LOSSES, "scale.horizon_days=14600", *REGULAR, *productivity(OVERTIME))
    assert worked_per_earned(project, "interior") == pytest.approx(Pert(1.08, 1.2, 1.4).mean() * 0.9, rel=2e-3)


def test_crowding_in_the_total_is_taken_out_where_there_is_room() -> None:
    with_it = productivity(CROWDING.replace("in_losses: 0", "in_losses: 0.07"))
    case = tiny_case("labour.losses=1.25", *with_it)
    begun, done = works(case)["h1.shell.slab", "shell.slab"]
    assert done - begun == pytest.approx(24 * 1.25 * 0.93, abs=1 / 60)


# --- off, and on by nothing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "mechanism",
    [
        "overtime: {weeks: [{hours: 50, loss_by_week: [0]}]}",
        NIGHT.replace("0.1", "0"),
        "heat: {loss_by_month: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], indoors: 1}",
        ABSENCE,
        TURNOVER,
        CROWDING,
    ],
)
def test_a_mechanism_that_adds_nothing_is_as_good_as_none(mechanism: str) -> None:
    assert works(tiny_case(*productivity(mechanism))) == works(tiny_case())


TEN_DAYS = "systems.electrical.hook_up.connect.hours=960"
"""Work of four people for ten days round the clock."""


def lasting(*overrides: str) -> float:
    """How many days it lasts."""
    begun, done = works(tiny_case(TEN_DAYS, *overrides))["b1.electrical", "electrical.connect"]
    return (done - begun) / 24


@pytest.mark.parametrize(("mechanism", "days"), [(OVERTIME, 10 / 0.9), (NIGHT, 10 / (1 - 0.1 * 11 / 24))])
def test_what_the_stated_total_does_not_contain_takes_time(mechanism: str, days: float) -> None:
    # the tiny project works round the clock; its losses were stated for a regular week by day
    assert lasting() == 10
    assert lasting(*productivity(mechanism, stated_for="regular")) == pytest.approx(days, abs=0.11)


def test_summer_takes_longer_than_winter() -> None:
    heat = productivity(HEAT)
    assert lasting(*heat, "scale.start_date=2026-10-10") < 10 < lasting(*heat, "scale.start_date=2026-06-01")


# --- crowds and practice ------------------------------------------------------------------------------------------


def test_people_in_a_small_hall_are_in_each_others_way() -> None:
    case = tiny_case("hall.sqft_per_mw=200", *productivity(CROWDING))
    crowding = case.project.labour.productivity
    assert crowding is not None
    assert crowding.crowding is not None
    factors = crowd_factors(crowding.crowding, 1_000)
    found = works(case)
    # pipe (48 h by four) begins with nobody else at work in the hall; connect begins while it goes on
    pipe, connect = found["b1.mechanical.pipe", "mechanical.pipe"], found["b1.electrical", "electrical.connect"]
    assert pipe[0] < connect[0] < pipe[1]
    assert pipe[1] - pipe[0] == pytest.approx(12 * factors[4] / MILLIONTHS, abs=1 / 60)
    assert connect[1] - connect[0] == pytest.approx(24 * factors[8] / MILLIONTHS, abs=1 / 60)


def test_the_second_block_is_connected_faster_than_the_first() -> None:
    case = tiny_case("labour.learning={rate: 0.8, plateau: 2, stated_for: average}")
    found = works(case)
    lasted = [done - begun for begun, done in (found[f"b{n}.electrical", "electrical.connect"] for n in (1, 2))]
    # 24 h each on the average, the second 0.8 of the first
    assert lasted == pytest.approx([24 / 0.9, 24 * 0.8 / 0.9], abs=1 / 60)
    assert measured(case)["hours_earned"] == measured(tiny_case())["hours_earned"]


def test_what_is_done_once_or_stated_in_days_is_not_practised() -> None:
    case = tiny_case("labour.learning={rate: 0.8, plateau: 2, stated_for: first}")
    found, plain = works(case), works(tiny_case())
    for once in (("h1.shell.slab", "shell.slab"), ("p1.site_works.grading", "site_works.grading")):
        assert found[once] == plain[once]
    for number in (1, 2):
        begun, done = found[f"b{number}.commissioning", "L3"]
        assert done - begun == 24


# --- the crew plan ------------------------------------------------------------------------------------------------


def crews(*overrides: str) -> int:
    """Crews of electricians for 10,000 earned hours in ten weeks, where one step takes one crew."""
    trade = "labour.trades.electricians={crew_size: 4, hired_per_week: 40, loaded_rate_usd_per_hour: 95}"
    project = tiny(trade, *overrides)
    return crews_of_window(project, Window("electricians", 0, 10 * MINUTES_PER_WEEK, 10_000), 1)


def test_the_rule_of_the_crew_plan() -> None:
    # 10,000 h × 1.2 ÷ (10 weeks × 168 h × 0.85 × 0.675) = 12.45 people: three crews of four
    assert crews() == 3


def test_the_crew_plan_allows_for_another_way_of_working_and_another_mix_of_people() -> None:
    assert crews(PATTERNS, *LONG) == round(10_000 * 1.2 / (10 * 60 * 0.85 * 0.675) / 4)
    assert crews(*productivity(OVERTIME), *LONG) == crews(PATTERNS, *LONG)
    regular = productivity(OVERTIME, stated_for="regular")  # stated without the loss of 10 % that a long week has
    assert crews(*regular, *LONG) == round(10_000 * 1.2 / 0.9 / (10 * 60 * 0.85 * 0.675) / 4)
    skilled = "labour.trades.electricians.skill={people: 1, wage: 1.3, output: 1.5}"
    assert crews(PATTERNS, *LONG, skilled) == round(10_000 * 1.2 / 1.5 / (10 * 60 * 0.85 * 0.675) / 4)
