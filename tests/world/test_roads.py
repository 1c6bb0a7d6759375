"""What a load is on the road follows from its size and weight; when it may move, from the law and the sun."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from sim.config.project import Project
from sim.config.sections.systems import Skid
from sim.study.api import load
from sim.world.roads import duty_finish, load_class, load_classes, movement, road_calendars, road_of

CONFIGS = Path(__file__).parents[2] / "configs"
DAY = 1440


def project(name: str = "hybrid", *overrides: str) -> Project:
    return load(CONFIGS / f"{name}.yaml", ["logistics.roads.enforced=true", *overrides]).value


def a_load(length: float, width: float, height: float, weight: float) -> Skid:
    return Skid.model_validate(
        {
            "per_block": 1,
            "length_ft": length,
            "width_ft": width,
            "height_ft": height,
            "weight_lb": weight,
            "lift_hours": 1,
        }
    )


def test_skids_of_the_hybrid_are_legal_and_modules_are_oversize_by_their_own_dimensions() -> None:
    assert {load.name for load in load_classes(project("hybrid")).values()} == {"legal"}
    assert {load.name for load in load_classes(project("modular")).values()} == {"oversize"}
    assert load_classes(project("stick_built")) == {}


@pytest.mark.parametrize(
    ("sizes", "name", "trailer"),
    [
        ((50, 8.5, 8.5, 48_000), "legal", "flatbed"),  # 13.5 ft high, 80,000 lb: the limits themselves are legal
        ((43, 8.5, 10, 44_000), "legal", "step_deck"),  # too high for the flatbed's deck
        ((29, 8.5, 11.5, 42_000), "legal", "lowboy"),
        ((50, 8.5, 8.5, 48_001), "overweight", "multi_axle_lowboy"),
        ((50, 8.6, 8.5, 40_000), "oversize", "multi_axle_lowboy"),
        ((44, 8.5, 10, 40_000), "legal", "multi_axle_lowboy"),  # too long for the lower deck, low enough on the lowboy
        ((54, 8.5, 8.5, 40_000), "oversize", "multi_axle_lowboy"),
        ((50, 20, 16.9, 179_300), "oversize", "multi_axle_lowboy"),  # the limits of a routine permit
        ((50, 20.1, 8.5, 40_000), "superload", "multi_axle_lowboy"),
        ((50, 8.5, 17, 40_000), "superload", "multi_axle_lowboy"),  # 19 ft high
        ((50, 8.5, 8.5, 179_301), "superload", "multi_axle_lowboy"),
    ],
)
def test_the_class_of_a_load(sizes: tuple[float, ...], name: str, trailer: str) -> None:
    # the last trailer as light as a tractor and its lowboy, so that only size counts where weight is not meant
    light = 75_000 if sizes[3] > 48_000 else 30_000
    roads = project().logistics.roads
    heavy = roads.trailers[-1].model_copy(update={"tare_lb": roads.legal.gross_lb.model_copy(update={"value": light})})
    roads = roads.model_copy(update={"trailers": (*roads.trailers[:-1], heavy)})
    found = load_class(a_load(*sizes), roads)
    assert (found.name, found.trailer) == (name, trailer)
    assert bool(found.because) == (name != "legal")


@pytest.mark.parametrize(
    ("width", "height", "length", "escorts"),
    [
        (14.1, 15.1, 50, 2),  # over one limit in two directions
        (14, 8, 50, 0),
        (14.1, 8, 50, 1),
        (16.1, 8, 50, 2),
        (9, 15.1, 50, 1),
        (9, 16.1, 50, 2),
        (9, 8, 66, 1),
        (9, 8, 81, 2),
    ],
)
def test_escorts_of_a_large_load(width: float, height: float, length: float, escorts: int) -> None:
    assert load_class(a_load(length, width, height, 40_000), project().logistics.roads).escorts == escorts


def test_who_may_move_at_night_and_on_holidays() -> None:
    roads = project().logistics.roads
    narrow, wide = load_class(a_load(40, 10, 8, 40_000), roads), load_class(a_load(50, 10.1, 8, 40_000), roads)
    # the lowboy with its load is 105 ft long, and 100 ft may run at night
    short = roads.trailers[-1].model_copy(update={"overall_ft": roads.night.overall_ft})
    by_night = load_class(a_load(40, 10, 8, 40_000), roads.model_copy(update={"trailers": (short,)}))
    assert (narrow.daylight_only, wide.daylight_only, by_night.daylight_only) == (True, True, False)
    heavy = load_class(a_load(50, 8.5, 8.5, 60_000), roads)
    assert (heavy.name, heavy.daylight_only) == ("overweight", False)
    assert not wide.stands_on_holidays
    assert load_class(a_load(50, 14.1, 8, 40_000), roads).stands_on_holidays


def test_a_class_says_why() -> None:
    words = str(load_classes(project("modular"))["compute"])
    assert words == (
        "oversize on a multi_axle_lowboy: 12 ft wide (8.5 is legal), 14.5 ft high (13.5 is legal),"
        " 165,000 lb in all (80,000 is legal); by daylight only"
    )
    assert str(load_classes(project("hybrid"))["compute"]) == "legal on a flatbed"


def test_where_nobody_minds_every_load_is_legal_and_the_road_is_open() -> None:
    lawless = load(CONFIGS / "modular.yaml", ["logistics.roads.enforced=false"]).value
    assert {load.name for load in load_classes(lawless).values()} == {"legal"}
    assert list(road_calendars(lawless)) == ["road"]


def windows(*overrides: str, width: float = 12, start: str = "2026-06-29") -> list[tuple[int, int]]:
    """The open stretches of the first week for an electrical load of that width, in minutes."""
    given = project("hybrid", f"systems.electrical.skid.width_ft={width}", f"scale.start_date={start}", *overrides)
    load = load_classes(given)["electrical"]
    road = road_calendars(given)[road_of("electrical", load, given.logistics.roads)]
    return [(a, b) for a, b in zip(road.starts.tolist(), road.ends.tolist(), strict=True) if a < 7 * DAY]


def test_a_wide_load_moves_from_half_an_hour_before_sunrise_to_half_an_hour_after_sunset() -> None:
    twilight, none = windows(), windows("logistics.roads.twilight_minutes=0")
    assert len(twilight) == 7
    assert [(a + 30, b - 30) for a, b in twilight] == none


def test_a_very_wide_load_stands_on_a_major_holiday() -> None:
    days = [begin // DAY for begin, _ in windows(width=14.5)]  # the week of Independence Day, a Saturday; Friday off
    assert days == [0, 1, 2, 3, 4, 6]


def test_weekends_and_curfews_are_closed() -> None:
    weekdays = windows("logistics.roads.classes.oversize.days=[mon, tue, wed, thu, fri]")
    assert [begin // DAY for begin, _ in weekdays] == [0, 1, 2, 3, 4]
    rush = '[{days: [mon], hours: {start: "12:00", end: "13:00"}}]'
    monday = windows(f"logistics.roads.classes.oversize.curfews={rush}")[:2]
    assert (monday[0][1], monday[1][0]) == (12 * 60, 13 * 60)


def test_log_book_of_an_oversize_load_in_january() -> None:
    """Daylight 07:20-18:33 (sunrise 07:50, sunset 18:03 at Fort Stockton), 20 h of driving from midnight.

    Day 0: 07:20-15:20 drive 8 h, break, 15:50-18:33 drive 2 h 43; the road closes with 10 h 43 driven.
    Day 1: a new duty at first light; 8 h, break, and the rest of 20 h: 1 h 17.
    """
    given = project("modular")
    road = road_calendars(given)["road.electrical"]
    light, dusk = (7 * 60 + 20, 18 * 60 + 33)
    assert (int(road.starts[0]), int(road.ends[0])) == (light, dusk)
    first_day = dusk - light - 30
    arrived = int(road.starts[1]) + 8 * 60 + 30 + (20 * 60 - first_day - 8 * 60)
    assert duty_finish(0, 20 * 60, road) == arrived


def test_loads_that_move_alike_share_one_calendar() -> None:
    roads = road_calendars(project("modular"))
    assert roads["road.electrical"] is roads["road.mechanical"]
    assert movement(load_classes(project("modular"))["compute"], project("modular").logistics.roads).speed < 1


def test_major_holidays_are_six_a_year_and_their_made_up_days() -> None:
    given = project("hybrid", "systems.electrical.skid.width_ft=15", "scale.start_date=2026-01-01")
    road = road_calendars(given)["road.electrical"]
    open_days = set((road.starts // DAY).tolist())
    closed = [date(2026, 1, 1) + timedelta(days=day) for day in range(365) if day not in open_days]
    assert [f"{day:%m-%d}" for day in closed] == ["01-01", "05-25", "07-04", "09-07", "11-26", "12-25"]
