"""MSPDI, XER, workbook and CSV: written, read back, and recalculated by somebody else's program where it is there."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import sim
from sim.cli import main
from sim.report.exchange.export import ExportedResult, contract_quantiles, prepare_export
from sim.report.exchange.importers.mspdi_import import read_mspdi
from sim.report.exchange.importers.network_import import PlannerNetwork
from sim.report.exchange.importers.source_text import read_xml
from sim.report.exchange.importers.xer_import import read_xer
from sim.report.exchange.mspdi import NAMESPACE, mspdi
from sim.report.exchange.schedule_model import Task, TaskLink
from sim.report.exchange.xer import xer
from tests.tiny_project import TINY

BLOCK = Path(__file__).parents[3] / "configs" / "one_block.yaml"
# Reads files with MPXJ, recalculates them as MS Project or P6 would, and prints how many tasks there are and moved.
RECALCULATE = """
import sys, jpype, mpxj
try:
    jpype.startJVM("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")  # it is over before more would pay
except jpype.JVMNotFoundException:
    sys.exit(77)
from java.time import LocalDateTime
from org.mpxj.cpm import MicrosoftScheduler, PrimaveraScheduler
from org.mpxj.reader import UniversalProjectReader
def dates(project):
    return [(str(t.getName()), str(t.getStart()), str(t.getFinish())) for t in project.getTasks()]
for file in sys.argv[1:]:
    project = UniversalProjectReader().read(file)
    before = dates(project)
    scheduler = MicrosoftScheduler if file.endswith("xml") else PrimaveraScheduler
    scheduler().schedule(project, LocalDateTime.parse("2026-01-05T00:00:00"))
    print(len(before), sum(a != b for a, b in zip(before, dates(project))))
"""


@pytest.fixture(scope="module")
def block() -> ExportedResult:
    return prepare_export(sim.run(sim.load(BLOCK), runs=4, seed=3, workers=1))


def tidy(network: PlannerNetwork) -> dict[str, tuple[float, set[str]]]:
    """Activities by name: length in days, and what they follow."""
    names = {activity.key: activity.name for activity in network.activities}
    return {a.name: (round(a.days, 3), {names[link.before] for link in a.after}) for a in network.activities}


def test_mspdi_comes_back_as_it_went(block: ExportedResult) -> None:
    names = {task.number: task.name for task in block.schedule.tasks}
    found = tidy(read_mspdi(mspdi(block), "x.xml"))
    assert {name: after for name, (_, after) in found.items()} == {
        task.name: {names[link.number] for link in task.after} for task in block.schedule.tasks
    }
    shift = {task.name: task.minutes / 600 for task in block.schedule.tasks if task.calendar == "shift"}
    assert {name: found[name][0] for name in shift} == {name: round(days, 3) for name, days in shift.items()}


def test_both_forms_say_the_same(block: ExportedResult) -> None:
    one, other = tidy(read_xer(xer(block), "x.xer")), tidy(read_mspdi(mspdi(block), "x.xml"))
    assert {name: after for name, (_, after) in one.items()} == {name: after for name, (_, after) in other.items()}
    assert {name: days for name, (days, _) in one.items()} == pytest.approx(
        {name: days for name, (days, _) in other.items()}, abs=0.002
    )


LINKED = json.dumps(
    [
        {"id": "grading", "days": 6},
        {"id": "services", "days": 5, "after": [{"id": "grading", "type": "SS", "lag_days": 3}]},
        {"id": "pads", "days": 1, "after": [{"id": "grading", "lag_days": 2}, {"id": "services", "lead_days": 1}]},
    ]
)


@pytest.mark.parametrize("form", ["xml", "xer"])
def test_the_round_trip_keeps_activities_links_lags_weeks_and_headings(form: str) -> None:
    """What is exported is read back: names, lengths in minutes, links with type and lag, the week, the headings."""
    tiny = sim.load(TINY, (f"site_works.steps={LINKED}",))
    exported = prepare_export(sim.run(tiny, runs=2, seed=1, workers=1))
    network = read_mspdi(mspdi(exported), "x.xml") if form == "xml" else read_xer(xer(exported), "x.xer")
    read = {activity.name: activity for activity in network.activities}
    names = {activity.key: activity.name for activity in network.activities}
    numbers = {task.number: task for task in exported.schedule.tasks}
    assert set(read) == {task.name for task in exported.schedule.tasks}
    for task in exported.schedule.tasks:
        found = read[task.name]
        assert found.days * found.calendar.day_minutes == pytest.approx(task.minutes, abs=0.1)
        assert {(names[link.before], link.type, round(link.lag_days, 2)) for link in found.after} == {
            (numbers[link.number].name, _type(link, numbers, task), round(link.lag / 1440, 2)) for link in task.after
        }
        assert found.group == task.group
        assert found.calendar.week.days == (((0, 1440),),) * 7
    assert {link.type for task in exported.schedule.tasks for link in task.after} == {"FS", "SS"}


def _type(link: TaskLink, numbers: dict[int, Task], task: Task) -> str:
    """A link of a milestone is finish-to-start, whatever it was."""
    return "FS" if numbers[link.number].milestone or task.milestone else link.type


@pytest.mark.parametrize(("level", "lines"), [(2, 60), (3, 300)])
def test_a_schedule_is_rolled_up(level: int, lines: int) -> None:
    result = sim.run(sim.load(TINY), runs=2, seed=1, workers=1)
    whole, rolled = prepare_export(result), prepare_export(result, level=level)
    assert len(rolled.schedule.tasks) < min(lines, len(whole.schedule.tasks))
    assert min(task.start for task in rolled.schedule.tasks) == min(task.start for task in whole.schedule.tasks)
    assert max(task.finish for task in rolled.schedule.tasks) == max(task.finish for task in whole.schedule.tasks)
    assert {task.key for task in rolled.schedule.tasks} <= set(rolled.quantiles)
    found = tidy(read_mspdi(mspdi(rolled), "x.xml"))
    assert len(found) == len({task.name for task in rolled.schedule.tasks})
    bars = {task.number: task for task in rolled.schedule.tasks}
    for task in rolled.schedule.tasks:
        for link in task.after:
            before = bars[link.number]
            assert (before.start if link.type == "SS" else before.finish) + link.lag <= task.start


def test_the_works_of_a_hall_stand_in_the_order_in_which_they_are_done(rolled: dict[int, ExportedResult]) -> None:
    rows = [task for task in rolled[3].schedule.tasks if task.group == ("Halls", "Hall 1")]
    assert len(rows) > 2
    assert [task.start for task in rows] == sorted(task.start for task in rows)
    numbers = [task.name for task in rolled[2].schedule.tasks if task.group == ("Halls",)]
    assert numbers == sorted(numbers)
    for level in (2, 3, 4):  # also in a list without headings everything has a name of its own
        assert len({task.name for task in rolled[level].schedule.tasks}) == len(rolled[level].schedule.tasks)
    assert {"Block 1: Electrical", "Commissioning: Block 1"} <= {task.name for task in rolled[3].schedule.tasks}
    tests = [task.name for task in rolled[3].schedule.tasks if "Commissioning" in task.group]
    names = ("Commissioning: Block {}", "Commissioning: Turnover {}", "Block {} handed over")
    assert tests == [name.format(number) for number in (1, 2) for name in names]


def test_crews_come_along_with_their_hours(block: ExportedResult) -> None:
    root = read_xml(mspdi(block), "x.xml")
    trades = {one.findtext("UID"): one.findtext("Name") for one in root.iterfind("Resources/Resource")}
    assert "electricians" in trades.values()
    hours = sum(int(str(one.findtext("Work")).split("PT")[1].split("H")[0]) for one in root.iterfind("Assignments/*"))
    wanted = sum(people * task.minutes / 60 for task in block.schedule.tasks for people in task.people.values())
    assert hours == pytest.approx(wanted, rel=0.01)


def test_mspdi_leaves_nothing_to_be_scheduled_by_hand(block: ExportedResult) -> None:
    root = read_xml(mspdi(block), "x.xml")
    assert root.findtext("NewTasksAreManual") == "0"
    assert {task.findtext("Manual") for task in root.iterfind("Tasks/Task")} == {"0"}
    assert NAMESPACE.encode() in mspdi(block)[:200]
    constrained = {
        task.findtext("Name") for task in root.iterfind("Tasks/Task") if task.findtext("ConstraintType") == "4"
    }
    assert constrained == {task.name for task in block.schedule.tasks if task.held_back}
    for task in root.iterfind("Tasks/Task"):
        assert (task.findtext("ConstraintDate") is None) == (task.findtext("ConstraintType") in {"0", None})


def test_mspdi_carries_p80_criticality_and_the_baseline(block: ExportedResult) -> None:
    root = read_xml(mspdi(block), "x.xml")
    online = next(task for task in root.iterfind("Tasks/Task") if task.findtext("Name") == "Block 1 handed over")
    fields = {f.findtext("FieldID"): f.findtext("Value") for f in online.iterfind("ExtendedAttribute")}
    key = next(task.key for task in block.schedule.tasks if task.name == "Block 1 handed over")
    assert fields["188743767"] == "100"
    assert fields["188743945"] == block.schedule.moment(round(block.quantiles[key].p80)).isoformat()
    assert online.findtext("Baseline/Finish") == block.schedule.moment(block.planned[key][1]).isoformat()


def test_xer_pollutes_nothing_and_sets_no_date_that_must_be_kept(block: ExportedResult) -> None:
    text = xer(block).decode("cp1252")
    lines = [line.split("\t") for line in text.split("\r\n")]
    named = {line[1]: number for number, line in enumerate(lines) if line[0] == "%T"}
    fields, row = lines[named["PROJECT"] + 1], lines[named["PROJECT"] + 2]
    project = dict(zip(fields, row, strict=True))
    assert project["plan_end_date"] == ""
    assert project["scd_end_date"]
    assert project["export_flag"] == "Y"
    assert not {"ACTVTYPE", "ACTVCODE"} & set(named)
    at = lines[named["RSRC"] + 1].index("rsrc_short_name")
    trades = lines[named["RSRC"] + 2 : named["UDFTYPE"]]
    assert trades
    assert all(line[at].startswith("SIM_") for line in trades)
    assert len(lines[named["SCHEDOPTIONS"] + 1]) == len(lines[named["SCHEDOPTIONS"] + 2]) > 20
    calendar = dict(zip(lines[named["CALENDAR"] + 1], lines[named["CALENDAR"] + 2], strict=True))
    assert calendar["clndr_type"] == "CA_Project"
    assert "(0||2()((0||0(s|07:00|f|17:00)())))" in calendar["clndr_data"]
    assert text.endswith("%E\r\n")


@pytest.fixture(scope="module")
def rolled() -> dict[int, ExportedResult]:
    """Schedules of a small project at each level."""
    result = sim.run(sim.load(TINY), runs=2, seed=1, workers=1)
    return {level: prepare_export(result, level=level) for level in (2, 3, 4)}


def test_a_start_at_midnight_is_held_by_its_finish(rolled: dict[int, ExportedResult]) -> None:
    """P6 reads a constraint at 00:00 as a date without time of day, and takes that of the logic."""
    rows = {row["task_name"]: row for exported in rolled.values() for row in _rows(xer(exported), "TASK")}
    held = [row for row in rows.values() if row["cstr_type"]]
    assert {row["cstr_type"] for row in held} == {"CS_MSOA", "CS_MEOA"}
    for row in held:
        midnight = row["early_start_date"].endswith(" 00:00")
        assert row["cstr_type"] == ("CS_MEOA" if midnight else "CS_MSOA")
        assert row["cstr_date"] == row["early_end_date" if midnight else "early_start_date"]


def _rows(data: bytes, table: str) -> list[dict[str, str]]:
    """The rows of a table of an XER."""
    _, _, rest = data.decode("cp1252").partition(f"%T\t{table}\r\n")
    lines = [line.split("\t") for line in rest.partition("%T\t")[0].split("\r\n") if line]
    return [dict(zip(lines[0][1:], line[1:], strict=True)) for line in lines[1:] if line[0] == "%R"]


def test_fields_of_the_planner_are_of_kinds_that_p6_has(block: ExportedResult) -> None:
    kinds = {row["udf_type_label"]: row["logical_data_type"] for row in _rows(xer(block), "UDFTYPE")}
    assert kinds == {
        "P50 finish (simulated)": "FT_END_DATE", "P80 finish (simulated)": "FT_END_DATE",
        "Critical in % of runs": "FT_FLOAT_2_DECIMALS", "Total float in days (simulated)": "FT_FLOAT_2_DECIMALS",
        "Activity id (simulated)": "FT_TEXT",
    }  # fmt: skip
    online = next(task for task in block.schedule.tasks if task.name == "Block 1 handed over")
    found = {
        row["udf_type_id"]: row["udf_date"] or row["udf_number"]
        for row in _rows(xer(block), "UDFVALUE")
        if row["fk_id"] == str(1000 + online.number)
    }
    p80, p50 = (
        block.schedule.moment(round(minute))
        for minute in (block.quantiles[online.key].p80, block.quantiles[online.key].p50)
    )
    slack = f"{block.total_float[online.key] / 1440:.1f}".removesuffix(".0")
    assert found == {"1": f"{p80:%Y-%m-%d %H:%M}", "3": f"{p50:%Y-%m-%d %H:%M}", "2": "100", "4": slack}


PROMISED = json.dumps(
    [
        {"name": "First 2.5 MW", "mw": 2.5, "date": "2026-02-20"},
        {"name": "Hall 1 turned over", "hall": 1, "date": "2026-03-20", "damages_usd_per_day": 1000},
        {"name": "First power", "event": "first_power", "date": "2026-02-01"},
        {"name": "Everything", "event": "complete", "date": "2026-04-01"},
    ]
)


@pytest.fixture(scope="module")
def promised() -> dict[int, ExportedResult]:
    result = sim.run(sim.load(TINY, (f"milestones={PROMISED}",)), runs=3, seed=1, workers=1)
    return {level: prepare_export(result, level=level) for level in (2, 3, 4)}


@pytest.mark.parametrize("level", [2, 3, 4])
def test_milestones_of_the_contract_come_along_with_their_dates(
    promised: dict[int, ExportedResult], level: int
) -> None:
    exported = promised[level]
    run, runs = exported.schedule, exported.result.sample.runs
    found = {task.name: task for task in run.tasks if task.due}
    assert set(found) == {"First 2.5 MW", "Hall 1 turned over", "First power", "Everything"}
    for milestone in run.project.milestones:
        task = found[milestone.name]
        reached = runs[milestone.metric][exported.replication]
        assert task.finish == pytest.approx(1440 * reached, abs=1)  # the metric is another code's reading of the log
        assert task.group == ("Commissioning and power", "Contract milestones")
        assert task.key in exported.planned
        assert exported.quantiles[task.key].p80 == pytest.approx(1440 * sorted(runs[milestone.metric])[2])
    root = read_xml(mspdi(exported), "x.xml")
    deadlines = {
        t.findtext("Name"): t.findtext("Deadline") for t in root.iterfind("Tasks/Task") if t.findtext("Deadline")
    }
    assert deadlines == {name: f"{task.due}T23:59:00" for name, task in found.items()}
    due = {
        row["task_name"]: row["cstr_date" if row["cstr_type"] == "CS_MEOB" else "cstr_date2"]
        for row in _rows(xer(exported), "TASK")
        if "CS_MEOB" in (row["cstr_type"], row["cstr_type2"])
    }
    assert due == {name: f"{task.due} 23:59" for name, task in found.items()}


def test_failed_runs_are_left_out_of_the_dates_of_the_contract(promised: dict[int, ExportedResult]) -> None:
    """As in the table of milestones: of what a run that failed would have reached nothing is known."""
    result = promised[4].result
    runs = {name: np.array(column) for name, column in result.sample.runs.items()}
    runs["status"] = np.array(["ok", "failed", "failed"], dtype=object)
    for milestone in promised[4].schedule.project.milestones:
        runs[milestone.metric][1:] = np.nan
    with_failures = replace(result, sample=replace(result.sample, runs=runs))
    found = contract_quantiles(with_failures, promised[4].schedule.project)
    told = with_failures.milestones()
    assert [round(quantiles.p80 / 1440, 6) for quantiles in found.values()] == [
        round(float(runs[milestone.metric][0]), 6) for milestone in promised[4].schedule.project.milestones
    ]
    start = promised[4].schedule.moment(-1)  # what is done at midnight is done on the day that ends
    assert [(start + timedelta(minutes=quantiles.p80)).date() for quantiles in found.values()] == told["p80"].tolist()
    assert {quantiles.done for quantiles in found.values()} == {1.0}


@pytest.fixture(scope="module")
def recalculated(
    block: ExportedResult,
    promised: dict[int, ExportedResult],
    rolled: dict[int, ExportedResult],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[tuple[str, str], tuple[int, int]]:
    """By schedule and form, how many tasks MPXJ finds in its file, and how many it moves when it schedules them again."""
    pytest.importorskip("mpxj", reason="mpxj is not installed: pip install mpxj (it brings jpype1; needs Java)")
    pytest.importorskip("jpype", reason="mpxj needs jpype")
    place, schedules = tmp_path_factory.mktemp("recalculated"), {"block": block}
    schedules |= {f"promised {level}": promised[level] for level in (2, 4)}
    schedules |= {f"rolled {level}": rolled[level] for level in (2, 3)}
    files = {(name, form): place / f"{name}.{form}" for name in schedules for form in ("xml", "xer")}
    for (name, form), file in files.items():
        file.write_bytes(mspdi(schedules[name]) if form == "xml" else xer(schedules[name]))
    command = [sys.executable, "-c", RECALCULATE, *map(str, files.values())]  # one Java machine for all of them
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 77:
        pytest.skip("there is no Java here for MPXJ")
    assert done.returncode == 0, done.stderr
    told = ((int(tasks), int(moved)) for tasks, moved in map(str.split, done.stdout.splitlines()))
    return dict(zip(files, told, strict=True))


@pytest.mark.parametrize("level", [2, 3, 4])
def test_stricter_readers_find_the_same_activities_and_links(
    rolled: dict[int, ExportedResult], level: int, tmp_path: Path
) -> None:
    """xerparser and PyP6XER ask for every column of P6. They share a module's name: whichever is installed reads."""
    xerparser = pytest.importorskip("xerparser", reason="pip install xerparser, or PyP6XER")
    run, file = rolled[level].schedule, tmp_path / "schedule.xer"
    file.write_bytes(xer(rolled[level]))
    if hasattr(xerparser, "Xer"):
        read = xerparser.Xer.reader(str(file))
        found = {task.name: (task.start, task.finish, task.type.value) for task in read.tasks.values()}
        links = sorted((link.predecessor.name, link.successor.name, link.link) for link in read.relationships.values())
        assert found == {
            task.name: (run.moment(task.start), run.moment(task.finish),
                        "Finish Milestone" if task.milestone else "Task Dependent")
            for task in run.tasks
        }  # fmt: skip
        names = {task.number: task.name for task in run.tasks}
        assert links == sorted((names[link.number], task.name, link.type) for task in run.tasks for link in task.after)
    else:
        reader = pytest.importorskip("xerparser.reader").Reader(str(file))
        assert {task.task_name for task in reader.activities} == {task.name for task in run.tasks}
        assert len(list(reader.relations)) == sum(len(task.after) for task in run.tasks)


@pytest.mark.parametrize("form", ["xml", "xer"])
@pytest.mark.parametrize("schedule", ["block", "promised 2", "promised 4", "rolled 2", "rolled 3"])
def test_another_program_recalculates_it_and_moves_nothing(
    block: ExportedResult, recalculated: dict[tuple[str, str], tuple[int, int]], schedule: str, form: str
) -> None:
    tasks, moved = recalculated[schedule, form]
    assert moved == 0
    assert schedule != "block" or tasks == len(block.schedule.tasks) + len(block.schedule.groups) + (form == "xer")


def test_the_commands_hand_over_and_take_back(tmp_path: Path) -> None:
    def typed(*words: str) -> str:
        done = CliRunner().invoke(main, [*words])
        assert done.exit_code == 0, done.output
        return done.output

    file = tmp_path / "tiny.xml"
    typed("export", str(TINY), "--to", "mspdi", "--runs", "2", "--workers", "1", "--out", str(file))
    fragment = typed("import", str(file), "--network", "pad")
    assert fragment.startswith("# 47 steps from tiny.xml")
    typed("export", str(TINY), "--to", "csv", "--runs", "2", "--workers", "1", "--out", str(tmp_path / "csv"))
    assert len(pd.read_csv(tmp_path / "csv" / "activities.csv")) == 47
    config = tmp_path / "mine.yaml"
    config.write_text(TINY.read_text().replace("../../configs", "base") + fragment)
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "base.yaml").write_bytes((BLOCK.parent / "base.yaml").read_bytes())
    assert len(sim.load(config).value.pad.steps) == 47
