"""Files from planners: what is taken over, and that what is not understood is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from sim.cli import main
from sim.report.exchange.mspdi import read_mspdi
from sim.report.exchange.network_import import Activity, Link, WrongFile, fragment, read_xml
from sim.report.exchange.xer import read_xer

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
    found = {activity.name: activity for activity in read_mspdi(plan(), "x.xml")}
    assert {name: activity.days for name, activity in found.items()} == {"Dig": 2, "Pour": 3, "Steel": 5}
    assert found["Steel"].after == (Link("2"), Link("3"))
    assert found["Pour"].after == (Link("2"),)


def test_a_link_on_a_heading_holds_for_its_parts() -> None:
    data = plan(pour="", steel="").replace(b"<Name>Civil works</Name>", b"<Name>Civil works</Name>" + link(4).encode())
    found = {activity.name: activity for activity in read_mspdi(data, "x.xml")}
    assert found["Dig"].after == found["Pour"].after == (Link("4"),)


def test_a_lag_becomes_days_of_the_calendar() -> None:
    working = read_mspdi(plan(pour=link(2, lag="24000")), "x.xml")[1]  # five days of eight hours
    elapsed = read_mspdi(plan(pour=link(2, lag="14400", unit="8")), "x.xml")[1]
    assert working.after == (Link("2", 7.0),)
    assert elapsed.after == (Link("2", 1.0),)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"steel": link(2, kind="3")}, "1 activities have links that are not finish-to-start: Steel"),
        ({"steel": link(2, kind="9")}, "'9' is no type of link"),
        ({"steel": link(77)}, "task 4 follows task '77', which is not in the file"),
        ({"steel": link(2, lag="-480")}, "task 4: a lead"),
        ({"steel": link(2, lag="50", unit="19")}, "percent"),
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
    assert read_mspdi(plan(steel=steel), "x.xml")[2].note == "not taken over: must start on 2027-01-01T08:00:00"


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
    dig, pour = read_xer(XER.encode(), "x.xer")
    assert (dig.days, pour.days) == (2, 3)
    assert pour.after == (Link("10", 7.0),)  # six working days of a six-day week


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("PR_FS", "SS", "'SS' is no type of link"),  # MPXJ silently reads this as finish-to-start
        ("PR_FS", "PR_SS", "not finish-to-start: Pour"),
        ("TT_LOE", "TT_Odd", "'TT_Odd' is no type of activity"),
        ("\t60\n%R\t12", "\t-8\n%R\t12", "a lead"),
        ("%E", "", "ends before its end mark"),
        ("ERMHDR", "MSPROJ", "not an XER file"),
        ("%R\t10\tDig", "%R\t10\tDig\textra\textra", "7 values for 5 fields of TASK"),
        ("\t7\t20", "\t8\t20", "calendar 8, which is not in the file"),
        ("\t7\t30", "\t7\tnan", "target_drtn_hr_cnt is 'nan'"),
        ("%R\t1\t7\n", "%R\t1\t7\n%R\t2\t7\n", "2 projects"),
    ],
)
def test_a_wrong_xer_is_refused_loudly(old: str, new: str, told: str) -> None:
    assert old in XER
    with pytest.raises(WrongFile, match=told):
        read_xer(XER.replace(old, new, 1).encode(), "x.xer")


def test_names_become_identifiers_and_text_stays_text() -> None:
    activities = [Activity("1", "Dig: pit #1", 2), Activity("2", "dig pit 1", 1, (Link("1", 3.0),), "a\nb")]
    assert fragment(activities, "x.xml", "shell").splitlines()[3:] == [
        '    - {id: "dig_pit_1", days: 2, source: "x.xml: Dig: pit #1"}',
        '    - {id: "dig_pit_1_2", days: 1, after: ["dig_pit_1"], lag_days: 3.0, source: "x.xml: dig pit 1", note: "a b"}',
    ]


def test_different_lags_are_refused() -> None:
    activities = [Activity("1", "a", 1), Activity("2", "b", 1), Activity("3", "c", 1, (Link("1"), Link("2", 2.0)))]
    with pytest.raises(WrongFile, match="different lags: c"):
        fragment(activities, "x.xml", "shell")


def test_the_command_ends_with_code_2(tmp_path: Path) -> None:
    file = tmp_path / "plan.mpp"
    file.write_bytes(b"?")
    done = CliRunner().invoke(main, ["import", str(file)])
    assert done.exit_code == 2
    assert "ending in .xml" in done.output
