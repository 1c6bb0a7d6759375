"""Scheduling options of a planner's file are obeyed: the calendar of lags, and how what has begun goes on.

Lags on calendars are compared with MPXJ, which schedules the file by its own code; what is left of a status by hand.
"""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from sim.cli import main
from sim.errors import ConfigError
from sim.report.exchange.importers.into_config import calendars_of, fragment
from sim.report.exchange.importers.mspdi_import import read_mspdi
from sim.report.exchange.importers.network_import import Link, PlannerNetwork
from sim.report.exchange.importers.planner_calendars import calendars_text
from sim.report.exchange.importers.statused_schedule import read_statused
from sim.report.exchange.importers.xer_import import read_xer
from sim.study.analyses.forecast.status import read_status
from tests.tiny_project import tiny_case, works

CASES = Path(__file__).parent / "cases"
MODES = ("rcal_Predecessor", "rcal_Successor", "rcal_24Hour", "rcal_ProjDefault")
START = datetime(2026, 1, 5)
DAY, NIGHT = 7, 8
"""The calendars of the case: five days of eight hours, and around the clock."""
SCHEDULE = """
import sys, jpype, mpxj
try:
    jpype.startJVM("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")  # it is over before more would pay
except jpype.JVMNotFoundException:
    sys.exit(77)
from java.time import LocalDateTime
from org.mpxj.cpm import PrimaveraScheduler
from org.mpxj.reader import UniversalProjectReader
begin, *files = sys.argv[1:]
for file in files:
    project = UniversalProjectReader().read(file)
    PrimaveraScheduler().schedule(project, LocalDateTime.parse(begin))
    for task in project.getTasks():
        print(file.rpartition("/")[2], task.getName(), task.getFinish(), sep="|")
"""


# --- the calendar of lags ---------------------------------------------------------------------------------------------


def with_lags(mode: str, first: int) -> bytes:
    """An XER of pairs with a lag between them, on two calendars, for one setting of the calendar of lags.

    All of them follow a step around the clock of `first` hours, which begins at midnight before Thursday the 15th.
    """
    head = (CASES / "lag_rcal_24Hour.xer").read_text().replace("rcal_24Hour", mode).partition("%T\tTASK\n")[0]
    rows, links = [row(1, NIGHT, first)], list[str]()
    number = 10
    for lag in (8, 20, 56, 100):
        for before, of_before, after, of_after in ((40, DAY, 16, DAY), (12, DAY, 24, NIGHT), (30, NIGHT, 16, DAY)):
            rows += [row(number, of_before, before), row(number + 1, of_after, after)]
            kind = ("PR_FS", "PR_SS")[number % 4 // 2]
            links += [link(number, 1, "PR_FS", 0), link(number + 1, number, kind, lag)]
            number += 2
    return xer(head, rows, links)


def row(number: int, calendar: int, hours: int, more: str = "TK_NotStart") -> str:
    return f"%R\t{number}\t1\t{calendar}\tTT_Task\t{more}\tA{number}\tStep {number}\t{hours}\t{hours}"


def link(after: int, before: int, kind: str, lag: int) -> str:
    return f"%R\t{after}{before}\t{after}\t{before}\t1\t1\t{kind}\t{lag}"


def xer(head: str, rows: list[str], links: list[str]) -> bytes:
    fields = "task_id proj_id clndr_id task_type status_code task_code task_name target_drtn_hr_cnt remain_drtn_hr_cnt"
    of_links = "task_pred_id task_id pred_task_id proj_id pred_proj_id pred_type lag_hr_cnt"
    parts = ["%T\tTASK", "\t".join(["%F", *fields.split()]), *rows,
             "%T\tTASKPRED", "\t".join(["%F", *of_links.split()]), *links, "%E\n"]  # fmt: skip
    return (head + "\n".join(parts)).encode()


def finishes(network: PlannerNetwork) -> dict[str, datetime]:
    """When the steps of a network are done, simulated as the site works of the tiny project with their calendars."""
    names = calendars_of(network)
    stated = yaml.safe_load(fragment(network, "site_works", calendars=names))["site_works"]["steps"]
    steps = [{key: value for key, value in step.items() if key not in ("source", "note")} for step in stated]
    steps += [{"id": name, "days": 0, "after": [steps[0]["id"]]} for name in ("grading", "services", "pads")]
    named = yaml.safe_load(calendars_text(names))["calendars"]["named"]
    case = tiny_case(f"calendars.named={json.dumps(named)}", f"site_works.steps={json.dumps(steps)}")
    done = {activity: end for (_, activity), (_, end) in works(case).items()}
    return {step["id"]: START + timedelta(hours=done[f"site_works.{step['id']}"]) for step in stated}


def scheduled_by_mpxj(files: dict[str, bytes], begin: datetime, folder: Path) -> dict[tuple[str, str], str]:
    """When the tasks of files are done as MPXJ schedules them; skips where it or Java is not installed."""
    pytest.importorskip("mpxj", reason="mpxj is not installed: pip install mpxj (it brings jpype1; needs Java)")
    for name, data in files.items():
        (folder / f"{name}.xer").write_bytes(data)
    paths = [str(folder / f"{name}.xer") for name in files]
    command = [sys.executable, "-c", SCHEDULE, begin.isoformat(), *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 77:
        pytest.skip("there is no Java here for MPXJ")
    assert done.returncode == 0, done.stderr
    lines = [line.split("|") for line in done.stdout.splitlines()]
    return {(file.removesuffix(".xer"), name.replace("Step ", "step_")): finish for file, name, finish in lines}


FIRST = {"Thursday 8:00": 8, "at noon": 12, "Thursday 20:00": 20, "Friday 20:00": 44}
"""Hours after the beginning of 15 January 2026, a Thursday."""


@pytest.fixture(scope="module")
def theirs_of_all(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], str]:
    """When MPXJ has all tasks done, of every beginning and setting: one Java machine starts as slowly as four."""
    files = {f"{mode} {first}": with_lags(mode, first) for mode in MODES for first in FIRST.values()}
    return scheduled_by_mpxj(files, datetime(2026, 1, 15), tmp_path_factory.mktemp("mpxj"))


@pytest.mark.parametrize("first", FIRST.values(), ids=FIRST)
def test_lags_on_every_calendar_are_those_of_another_program(
    first: int, theirs_of_all: dict[tuple[str, str], str]
) -> None:
    """With --calendars all four settings of P6 agree with MPXJ to the minute, on 96 pairs of lags.

    They begin in working time, in a break, overnight and at a weekend: a lag counts from when its predecessor can work.
    """
    files = {mode: with_lags(mode, first) for mode in MODES}
    ours = {mode: finishes(read_xer(data, "x.xer")) for mode, data in files.items()}
    begin = min(min(found.values()) for found in ours.values()) - timedelta(hours=first)  # of the first step
    assert begin == datetime(2026, 1, 15)
    theirs = {
        (file.removesuffix(f" {first}"), name): finish
        for (file, name), finish in theirs_of_all.items()
        if file.endswith(f" {first}")
    }
    assert len(theirs) == 4 * 25
    assert theirs == {
        (mode, name): finish.isoformat(timespec="minutes") for mode in MODES for name, finish in ours[mode].items()
    }
    assert len({tuple(found.values()) for found in ours.values()}) >= 3  # the settings do differ


def test_without_calendars_the_rule_and_the_largest_difference_are_said() -> None:
    """A day of a five-day week is 1.4 calendar days in the mean: one on a Monday, three on a Friday."""
    network = read_xer((CASES / "lag_no_options.xer").read_text().replace("\t56\n", "\t8\n").encode(), "x.xer")
    told = (
        "lags of working days, taken as calendar days in the mean, up to 1.6 days too short or too long by the day of the "
        "week (exact with --calendars); of: 1 (A11)"
    )
    assert told in list(network.describe())
    assert told not in fragment(network, "site_works", calendars=calendars_of(network))
    by_the_clock = read_xer((CASES / "lag_rcal_24Hour.xer").read_bytes(), "x.xer")
    assert not [line for line in by_the_clock.describe() if "in the mean" in line]


def test_a_calendar_of_lags_that_is_not_there_is_told() -> None:
    steps = [{"id": "grading", "days": 1}, {"id": "services", "days": 1, "after": [
        {"id": "grading", "lag_days": 1, "lag_calendar": "tens"}]}]  # fmt: skip
    with pytest.raises(ConfigError, match=r"one of calendars\.named"):
        tiny_case(f"site_works.steps={json.dumps(steps)}")
    del steps[1]["after"][0]["lag_days"]  # type: ignore[index, attr-defined]
    with pytest.raises(ConfigError, match="lag_calendar is that of lag_days, which is missing"):
        tiny_case(f"site_works.steps={json.dumps(steps)}")


# --- how what has begun goes on ---------------------------------------------------------------------------------------


def under_way(override: str, retained: str = "Y") -> bytes:
    """A is not begun; B after it has begun; C follows the start of B by three days; D a finished activity by seven."""
    head = (CASES / "lag_no_options.xer").read_text().partition("%T\tTASK\n")[0]
    head = head.replace("proj_id\tclndr_id\tproj_short_name", "proj_id\tclndr_id\tproj_short_name\tlast_recalc_date", 1)
    head = head.replace("%R\t1\t7\tP", "%R\t1\t7\tP\t2026-01-19 08:00", 1)
    head += (
        f"%T\tSCHEDOPTIONS\n%F\tproj_id\tsched_retained_logic\tsched_progress_override\n%R\t1\t{retained}\t{override}\n"
    )
    data = xer(head, [
        row(1, DAY, 40), row(2, DAY, 24, "TK_Active"), row(3, DAY, 8), row(4, DAY, 0, "TK_Complete"), row(5, DAY, 8),
    ], [
        link(2, 1, "PR_FS", 0), link(3, 2, "PR_SS", 24), link(5, 4, "PR_FS", 56), link(4, 1, "PR_FS", 0),
    ])  # fmt: skip
    text = data.decode().replace("remain_drtn_hr_cnt", "remain_drtn_hr_cnt\tact_start_date\tact_end_date")
    text = text.replace("Step 2\t24\t24", "Step 2\t24\t24\t2026-01-15 08:00\t")
    return text.replace("Step 4\t0\t0", "Step 4\t0\t0\t2026-01-05 08:00\t2026-01-09 17:00").encode()


@pytest.mark.parametrize(
    ("override", "after_first"),
    [("N", (Link("1"),)), ("Y", ())],
)
def test_what_has_begun_waits_or_goes_on_as_the_options_say(override: str, after_first: tuple[Link, ...]) -> None:
    network = read_xer(under_way(override, "N" if override == "Y" else "Y"), "x.xer")
    links = {activity.key: activity.after for activity in network.activities}
    assert links["2"] == after_first
    told = "links into begun activities, which go on at once (progress override), left out; of: 1 (A2)"
    assert (told in list(network.describe())) == (override == "Y")
    # by the 19th, Thursday and Friday of the three days after the start of B have passed: one working day is left
    (lag,) = links["3"]
    assert (lag.before, lag.type, lag.lag_days) == ("2", "SS", pytest.approx(1.4))
    # of seven days after Friday the 9th, five have passed
    (lag,) = links["5"]
    assert (lag.before, lag.lag_days) == ("4", pytest.approx(2.8))
    # what is finished waits for nothing, though it was done out of sequence
    assert links["4"] == ()
    lines = list(network.describe())
    assert "links from unfinished into finished activities, left out; of: 1 (A4)" in lines
    assert "lags that have passed by the data date, or in part; of: 2 (A3, A5)" in lines


def test_the_third_way_of_p6_is_told() -> None:
    """By actual dates: neither retained logic nor progress override."""
    lines = list(read_xer(under_way("N", "N"), "x.xer").describe())
    assert "progress by actual dates, read as retained logic: 1 (SCHEDOPTIONS)" in lines


def test_project_without_splits_goes_on_at_once() -> None:
    text = (CASES / "twice.xml").read_text()
    last = text.rindex("<PredecessorLink>")
    begun = (
        text[:last] + "<ActualStart>2026-01-05T08:00:00</ActualStart><RemainingDuration>PT8H0M0S</RemainingDuration>"
    )
    begun += text[last:]
    assert read_mspdi(begun.encode(), "x.xml").activities[-1].after == (Link("1"),)
    no_splits = begun.replace("<Tasks>", "<SplitsInProgressTasks>0</SplitsInProgressTasks><Tasks>")
    assert read_mspdi(no_splits.encode(), "x.xml").activities[-1].after == ()


@pytest.mark.parametrize(("override", "logic"), [("Y", "progress_override"), ("N", "retained_logic")])
def test_a_schedule_hands_its_mode_to_the_forecast(override: str, logic: str, tmp_path: Path) -> None:
    """`sim status from` writes the mode into the status, and a forecast goes by it where it is not told otherwise."""
    fields = "%T\tUDFTYPE\n%F\tudf_type_id\tudf_type_name\n%R\t1\tsim_activity_id\n"
    values = "%T\tUDFVALUE\n%F\tudf_type_id\tfk_id\tudf_text\n%R\t1\t2\tp1.site_works.grading/site_works.grading\n"
    file = tmp_path / "statused.xer"
    file.write_text(under_way(override).decode().replace("%E", f"{fields}{values}%E"))
    assert read_statused(file).logic == logic
    sheet = tmp_path / "status.csv"
    done = CliRunner().invoke(main, ["status", "from", str(file), "--out", str(sheet)])
    assert done.exit_code == 0, done.output
    assert read_status(sheet, START.date()).logic == logic
    sheet.write_text(sheet.read_text().replace(logic, "progress"))
    with pytest.raises(ConfigError, match="one of retained_logic, progress_override"):
        read_status(sheet, START.date())
