"""Files from planners: what is taken over, and that what is not understood is refused by name."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from sim.cli import main
from sim.report.exchange.formats import read_network
from sim.report.exchange.importers.into_config import fragment
from sim.report.exchange.importers.mspdi_import import read_mspdi
from sim.report.exchange.importers.network_import import Activity, Link, PlannerNetwork, Remarks
from sim.report.exchange.importers.planner_calendars import PlannerCalendar
from sim.report.exchange.importers.source_text import WrongFile, read_xml
from sim.report.exchange.importers.xer_import import read_xer

TASKS = """
<Task><UID>1</UID><Name>Civil works</Name><OutlineLevel>1</OutlineLevel></Task>
<Task><UID>2</UID><Name>Dig</Name><OutlineLevel>2</OutlineLevel><Duration>PT16H0M0S</Duration></Task>
<Task><UID>3</UID><Name>Pour</Name><OutlineLevel>2</OutlineLevel><Duration>PT24H0M0S</Duration>{pour}</Task>
<Task><UID>4</UID><Name>Steel</Name><OutlineLevel>1</OutlineLevel><Duration>PT40H0M0S</Duration>{steel}</Task>
"""


def link(before: int, kind: str = "1", lag: str = "0", unit: str = "7") -> str:
    """A link as the format has it."""
    return (
        f"<PredecessorLink><PredecessorUID>{before}</PredecessorUID><Type>{kind}</Type>"
        f"<LinkLag>{lag}</LinkLag><LagFormat>{unit}</LagFormat></PredecessorLink>"
    )


def plan(pour: str = link(2), steel: str = link(1)) -> bytes:
    """A small MSPDI file: two works under a heading, and steel after the heading."""
    tasks = TASKS.format(pour=pour, steel=steel)
    return (
        '<Project xmlns="http://schemas.microsoft.com/project"><MinutesPerDay>480</MinutesPerDay>'
        f"<MinutesPerWeek>2400</MinutesPerWeek><Tasks>{tasks}</Tasks></Project>"
    ).encode()


def test_lengths_are_working_days_and_a_heading_is_all_its_parts() -> None:
    found = {activity.name: activity for activity in read_mspdi(plan(), "x.xml").activities}
    assert {name: activity.days for name, activity in found.items()} == {"Dig": 2, "Pour": 3, "Steel": 5}
    assert found["Steel"].after == (Link("2"), Link("3"))
    assert found["Pour"].after == (Link("2"),)


def test_a_link_on_a_heading_holds_for_its_parts() -> None:
    data = plan(pour="", steel="").replace(b"<Name>Civil works</Name>", b"<Name>Civil works</Name>" + link(4).encode())
    found = {activity.name: activity for activity in read_mspdi(data, "x.xml").activities}
    assert found["Dig"].after == found["Pour"].after == (Link("4"),)


def test_a_lag_becomes_days_of_the_calendar() -> None:
    working = read_mspdi(plan(pour=link(2, lag="24000")), "x.xml").activities[1]  # five days of eight hours
    elapsed = read_mspdi(plan(pour=link(2, lag="14400", unit="8")), "x.xml").activities[1]
    assert working.after == (Link("2", 7.0),)
    assert elapsed.after == (Link("2", 1.0),)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"steel": link(2, kind="9")}, "'9' is no type of link"),
        ({"steel": link(77)}, "task 4 follows task '77', which is not in the file"),
        ({"steel": link(2, lag="soon")}, "task 4: a lag of 'soon' is no number"),
        ({"steel": link(2, unit="99", lag="1")}, "a lag in format '99', which is not known"),
        ({"steel": link(1, lag="50", unit="19")}, "a lag in percent of 1, which has no length of its own"),
        ({"steel": "<ConstraintType>12</ConstraintType>"}, "'12' is no type of constraint"),
        ({"steel": "<Duration>five days</Duration>"}, None),
    ],
)
def test_what_a_step_cannot_say_is_refused(change: dict[str, str], told: str | None) -> None:
    if told is None:
        data = plan().replace(b"PT40H0M0S", b"five days")
        told = "'five days' is no length"
    else:
        data = plan(**change)
    with pytest.raises(WrongFile, match=told):
        read_mspdi(data, "x.xml")


def test_a_constraint_is_noted_on_the_step() -> None:
    steel = "<ConstraintType>2</ConstraintType><ConstraintDate>2027-01-01T08:00:00</ConstraintDate>"
    assert (
        read_mspdi(plan(steel=steel), "x.xml").activities[2].note == "not taken over: must start on 2027-01-01T08:00:00"
    )


BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><Project>&b;</Project>'
THIEF = b'<!DOCTYPE x [<!ENTITY s SYSTEM "file:///etc/hostname">]><Project>&s;</Project>'


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (BOMB, "document type"),
        (THIEF, "document type"),
        (b"<a>" * 200 + b"</a>" * 200, "nested too deeply"),
        (b"<Project>", "x.xml:1: not XML"),
        (b"\x00\x01", "not XML"),
        (b"", "not XML"),
    ],
)
def test_hostile_xml_is_refused(data: bytes, told: str) -> None:
    with pytest.raises(WrongFile, match=told):
        read_xml(data, "x.xml")


def test_another_xml_is_told() -> None:
    with pytest.raises(WrongFile, match="not a Microsoft Project XML file: it begins with <html>"):
        read_mspdi(b"<html/>", "x.xml")


XER = """ERMHDR\t19.12
%T\tPROJECT
%F\tproj_id\tclndr_id
%R\t1\t7
%T\tCALENDAR
%F\tclndr_id\tclndr_name\tday_hr_cnt\tweek_hr_cnt
%R\t7\tSix tens\t10\t60
%T\tTASK
%F\ttask_id\ttask_name\ttask_type\tclndr_id\ttarget_drtn_hr_cnt
%R\t10\tDig\tTT_Task\t7\t20
%R\t11\tPour\tTT_Task\t7\t30
%R\t12\tManage\tTT_LOE\t7\t500
%T\tTASKPRED
%F\ttask_id\tpred_task_id\tpred_type\tlag_hr_cnt
%R\t11\t10\tPR_FS\t60
%R\t12\t10\tPR_SS\t0
%E
"""


def test_an_xer_is_read_without_its_levels_of_effort() -> None:
    dig, pour = read_xer(XER.encode(), "x.xer").activities
    assert (dig.days, pour.days) == (2, 3)
    assert pour.after == (Link("10", 7.0),)  # six working days of a six-day week


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("PR_FS", "SS", "'SS' is no type of link"),  # MPXJ silently reads this as finish-to-start
        ("TT_LOE", "TT_Odd", "'TT_Odd' is no type of activity"),
        ("\t60\n%R\t12", "\tx\n%R\t12", "lag_hr_cnt is 'x', not a number of hours"),
        ("%E", "", "ends before its end mark"),
        ("ERMHDR", "MSPROJ", "not an XER file"),
        ("%R\t10\tDig", "%R\t10\tDig\textra\textra", "7 values for 5 fields of TASK"),
        ("\t7\t20", "\t8\t20", "calendar 8, which is not in the file"),
        ("\t7\t30", "\t7\tnan", "target_drtn_hr_cnt is 'nan'"),
        ("%R\t11\tPour", "%R\t10\tPour", "task_id 10 twice"),
    ],
)
def test_a_wrong_xer_is_refused_loudly(old: str, new: str, told: str) -> None:
    assert old in XER
    with pytest.raises(WrongFile, match=told):
        read_xer(XER.replace(old, new, 1).encode(), "x.xer")


STEP_2 = (
    '    - {id: "dig_pit_1_2", days: 1, after: [{"id": "dig_pit_1", "lag_days": 3}], source: "x.xml: dig pit 1", '
    'note: "a b"}'
)


def network(*activities: Activity) -> PlannerNetwork:
    return PlannerNetwork("x.xml", activities, PlannerCalendar("usual"), Remarks())


def test_names_become_identifiers_and_text_stays_text() -> None:
    given = network(Activity("1", "Dig: pit #1", 2), Activity("2", "dig pit 1", 1, (Link("1", 3.0),), "a\nb"))
    assert fragment(given, "shell").splitlines()[3:] == [
        "shell:",
        "  steps:",
        '    - {id: "dig_pit_1", days: 2, source: "x.xml: Dig: pit #1"}',
        STEP_2,
    ]


def test_every_link_is_written_as_a_configuration_has_it() -> None:
    links = (Link("1"), Link("1", 2.8, "SS"), Link("1", -2.8, "FF"), Link("1", 0, "SF"))
    step = fragment(network(Activity("1", "a", 5), Activity("2", "b", 1, links)), "shell").splitlines()[-1]
    assert '["a", {"id": "a", "type": "SS", "lag_days": 2.8}, {"id": "a", "type": "FF", "lead_days": 2}, ' in step
    assert '{"id": "a", "type": "SF"}]' in step


def test_other_weeks_are_told_and_take_as_long_by_the_clock() -> None:
    day = PlannerCalendar("day and night", replace(PlannerCalendar("").week, days=(((0, 1440),),) * 7))
    given = network(Activity("1", "a", 5), Activity("2", "b", 5), Activity("3", "c", 7, calendar=day))
    lines = fragment(given, "shell").splitlines()
    assert "# 1 activity works by 'day and night': 7 days of 24 h (Mon-Sun)" in lines
    assert lines[-1].endswith('days: 5, source: "x.xml: c", note: "7 days of day and night"}')


def test_two_projects_with_activities_are_chosen_by_name() -> None:
    text = XER.replace("proj_id\tclndr_id\n%R\t1\t7", "proj_id\tclndr_id\tproj_short_name\n%R\t1\t7\tP\n%R\t2\t7\tQ")
    text = text.replace("\ttarget_drtn_hr_cnt", "\ttarget_drtn_hr_cnt\tproj_id").replace("7\t20", "7\t20\t1")
    text = text.replace("7\t30", "7\t30\t2").replace("7\t500", "7\t500\t2")
    with pytest.raises(WrongFile, match=r"holds 2 projects \(P, Q\); choose one with --project"):
        read_xer(text.encode(), "x.xer")
    found = read_xer(text.encode(), "x.xer", project="Q")
    assert [activity.name for activity in found.activities] == ["Pour"]
    assert "links with other projects or tasks outside the file, left out; of: 2 (11 with 10, 12 with 10)" in [
        *found.describe()
    ]
    with pytest.raises(WrongFile, match="no project 'R'; there are P, Q"):
        read_xer(text.encode(), "x.xer", project="R")


def test_the_command_ends_with_code_2(tmp_path: Path) -> None:
    file = tmp_path / "plan.mpp"
    file.write_bytes(b"?")
    done = CliRunner().invoke(main, ["import", str(file)])
    assert done.exit_code == 2
    assert "ending in .xml" in done.output


def large(activities: int, efforts: int) -> bytes:
    """An XER with so many activities in chains and levels of effort across them."""
    draw = random.Random(1)
    rows = [f"%R\t{n}\t1\t7\tTT_Task\tTK_NotStart\tA{n}\tWork {n % 97}\t40" for n in range(activities)]
    rows += [f"%R\t{n}\t1\t7\tTT_LOE\tTK_NotStart\tE{n}\tManage\t" for n in range(activities, activities + efforts)]
    links = [f"%R\t{n}\t{n}\t{draw.randrange(n)}\t1\t1\tPR_FS\t8" for n in range(1, activities)]
    for n in range(activities, activities + efforts):
        links += [f"%R\t9{n}\t{n}\t{draw.randrange(activities)}\t1\t1\tPR_SS\t0"]
        links += [f"%R\t8{n}\t{n}\t{draw.randrange(activities)}\t1\t1\tPR_FF\t0"]
    head, rest = (Path(__file__).parent / "cases" / "utf8.xer").read_text(encoding="utf-8").split("%R\t10\t")
    _, _, rest = rest.partition("\n")
    body, end = rest.split("%E")
    return (head + "\n".join(rows) + "\n" + body + "\n".join(links) + "\n%E" + end).encode()


@pytest.mark.parametrize(("activities", "efforts", "seconds"), [(1_000, 500, 1), (10_000, 5_000, 3)])
def test_large_files_take_little_processor_time(activities: int, efforts: int, seconds: float, tmp_path: Path) -> None:
    """Measured: 0.1 s for a thousand, 1.0 s for ten thousand with five thousand levels of effort; room for coverage."""
    file = tmp_path / "large.xer"
    file.write_bytes(large(activities, efforts))
    begun = time.process_time()
    network = read_network(file)
    fragment(network, "site_works")
    assert len(network.activities) == activities
    assert time.process_time() - begun < seconds
