from __future__ import annotations

import math
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.report.formatting import (
    NEVER,
    NO_INTERVAL,
    ProjectDates,
    days,
    hours,
    ids_in_words,
    in_words,
    interval,
    join_values,
    megawatts,
    metric_format,
    money,
    money_months,
    number,
    people,
    percent,
    rounded,
    signed,
    step_for,
)
from sim.world.working_time import finish_date

MINUS = "\N{MINUS SIGN}"


@pytest.mark.parametrize(
    ("low", "high", "finest", "step"),
    [
        (590, 596, 1, 1),  # half-width 3: days are not split
        (577, 607, 1, 1),  # 15 keeps two digits
        (540, 620, 1, 10),  # 40 keeps one digit
        (9.50e9, 9.78e9, 1e6, 1e7),  # 140 M keeps two digits
        (9.58e9, 9.64e9, 1e6, 1e6),  # 30 M too
        (5, 5, 1, 1),
        (-math.inf, 5, 1, 1),
        (math.nan, math.nan, 0.1, 0.1),
    ],
)
def test_a_number_is_rounded_to_what_its_interval_supports(low: float, high: float, finest: float, step: float) -> None:
    assert step_for(low, high, finest) == pytest.approx(step)


@given(st.floats(-1e9, 1e9), st.floats(1e-3, 1e6))
def test_rounding_moves_a_number_by_less_than_its_interval(middle: float, half: float) -> None:
    step = step_for(middle - half, middle + half, 1e-6)
    assert abs(rounded(middle, step) - middle) <= half


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (days(1.0), "1 day"),
        (days(606.6), "607 days"),
        (days(1234), "1,234 days"),
        (days(614, 10), "610 days"),
        (days(math.inf), NEVER),
        (people(442), "442 people"),
        (people(1), "1 person"),
        (megawatts(2.5), "2.5 MW"),
        (megawatts(250.0), "250 MW"),
        (money(9_619_000_000), "$9.62 bn"),
        (money(9_619_000_000, 1e6), "$9.619 bn"),
        (money(452_000_000, 1e7), "$450 M"),
        (money(-1_720_000_000, 1e7), f"{MINUS}$1.72 bn"),
        (money(12_000), "$12.0 k"),
        (money(0), "$0"),
        (money(-2_000_000, 1e7), "$0 M"),
        (money(440_000, 1e6), "$0 M"),
        (money(999_999.99), "$1.00 M"),  # was $1,000 k
        (money(-999_600), f"{MINUS}$1.00 M"),
        (money(999_400), "$999 k"),
        (money(999.9), "$1.00 k"),
        (money(999_600_000), "$1.00 bn"),
        (money(999_600, 1e4), "$1.00 M"),
        (money_months(56_000e6), "$56.0 bn-months"),
        (hours(3_493_000, 1000), "3.493 M hours"),
        (hours(12_000, 1000), "12,000 hours"),
        (number(-0.2), "0"),
        (number(-12), f"{MINUS}12"),
        (signed(days(12)), "+12 days"),
        (signed(days(0.2)), "0 days"),
        (signed(days(math.inf)), NEVER),
        (signed(days(-12)), f"{MINUS}12 days"),
        (percent(0.0), "0 %"),
        (percent(0.0004), "under 1 %"),
        (percent(0.625), "63 %"),
        (percent(0.999), "over 99 %"),
        (percent(1.0), "100 %"),
        (join_values("563 days", "592 days", " / "), "563 / 592 days"),
        (join_values("$950 M", "$1.02 bn", " to "), "$950 M to $1.02 bn"),
        (join_values("205 people", "205 people", " / "), "205 people"),
    ],
)
def test_how_it_is_written(text: str, expected: str) -> None:
    assert text == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (590, 596, "590 to 596 days"),
        (590, 590.2, "590 days"),
        (590, math.inf, "590 days or more"),
        (-math.inf, 590, "590 days or less"),
        (-math.inf, math.inf, NO_INTERVAL),
        (math.nan, math.nan, NO_INTERVAL),
        (math.inf, math.inf, NEVER),
    ],
)
def test_an_interval_says_which_end_it_lacks(low: float, high: float, expected: str) -> None:
    assert interval(low, high, days) == expected


def test_a_metric_without_trade_words_keeps_its_name() -> None:
    assert metric_format("a_metric_of_tomorrow").label == "a_metric_of_tomorrow"


# 4 January 2027 is a Monday.
MONDAY = ProjectDates(date(2027, 1, 4))


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (0.0, "4 Jan 2027"),
        (4.99, "8 Jan 2027"),  # Friday, nearly midnight
        (5.0, "8 Jan 2027"),  # midnight ends Friday
        (5.001, "11 Jan 2027"),  # Saturday 00:01 waits for Monday
        (6.5, "11 Jan 2027"),
        (math.inf, NEVER),
    ],
)
def test_a_date_is_the_next_working_day(day: float, expected: str) -> None:
    assert MONDAY.format(day) == expected


def test_saturdays_and_holidays_are_the_projects_own() -> None:
    six_days = ProjectDates(date(2027, 1, 4), frozenset(range(6)), frozenset({date(2027, 1, 9), date(2027, 1, 11)}))
    assert six_days.format(4.5) == "8 Jan 2027"
    assert six_days.format(5.5) == "12 Jan 2027"  # Saturday off, Sunday, Monday off


def test_intervals_of_dates_name_a_year_once() -> None:
    assert MONDAY.format_interval(0, 9) == "4 Jan to 12 Jan 2027"
    assert MONDAY.format_interval(0, 365) == "4 Jan 2027 to 3 Jan 2028"
    assert MONDAY.format_interval(0.1, 0.9) == "4 Jan 2027"
    assert MONDAY.format_interval(0, math.inf) == "4 Jan 2027 or later"


def test_a_week_without_work_is_refused() -> None:
    with pytest.raises(ValueError, match="working day"):
        ProjectDates(date(2027, 1, 4), frozenset())


@given(st.floats(0, 5000), st.sets(st.integers(0, 6), min_size=1))
def test_a_promised_date_is_never_before_the_moment_it_stands_for(day: float, week: set[int]) -> None:
    dates = ProjectDates(date(2027, 1, 4), frozenset(week))
    last_date = finish_date(dates.start, day)
    assert last_date <= dates.working_day(day)
    assert (dates.working_day(day) - last_date).days < 7
    assert dates.working_day(day).weekday() in week


@pytest.mark.parametrize(
    ("ident", "words"),
    [
        ("p1.g10", "Generating unit 10"),
        ("p2.g3", "Generating unit 3"),
        ("b97.commissioning", "Block 97: commissioning"),
        ("b97", "Block 97"),
        ("t97", "Turnover 97"),
        ("h3.shell.roof", "Hall 3: roof"),
        ("h3.structural_steel", "Hall 3: structural steel"),
        ("p1.site_works.gas_line", "Phase 1: gas line"),
        ("p2.site_works.gas_line", "Phase 2: gas line"),
        ("p1.preparation", "Phase 1: preparation"),
        ("compute.s256", "Compute skid 256"),
        ("electrical.line3", "Electrical line 3"),
        ("mechanical.rework place", "Mechanical rework place"),
        ("crew.riggers", "Crews of riggers"),
        ("crew.riggers.3", "Crew 3 of riggers"),
        ("hiring.riggers", "Hiring of riggers"),
        ("flushing rig", "Flushing rig"),
    ],
)
def test_ids_are_written_as_a_planner_reads_them(ident: str, words: str) -> None:
    assert in_words(ident) == words


def test_only_known_ids_of_a_sentence_are_rewritten() -> None:
    text = "p1.site_works.roads: site_works.roads needs no crew; see p1.other, e.g. labour.trades"
    assert ids_in_words(text, {"p1.site_works.roads"}) == (
        "Phase 1: roads: site_works.roads needs no crew; see p1.other, e.g. labour.trades"
    )
