"""A schedule goes out with its actuals and comes back: ids, dates, remaining duration, from both planners' tools."""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from itertools import product
from pathlib import Path

import pytest
from click.testing import CliRunner

import sim
from sim.cli import main
from sim.config.overrides import continued
from sim.metrics.measure import measure
from sim.report.exchange.export import ExportedResult, prepare_export
from sim.report.exchange.formats import write
from sim.report.exchange.importers.mspdi_import import duration_minutes
from sim.report.exchange.importers.source_text import WrongFile, read_xml
from sim.report.exchange.importers.statused_schedule import read_statused
from sim.report.exchange.importers.xer_import import read_tables
from sim.report.exchange.mspdi import mspdi
from sim.report.exchange.schedule_model import Task
from sim.report.exchange.xer import xer
from sim.study.analyses.forecast.forecast_case import forecast_case
from sim.study.analyses.forecast.plan_steps import PlanSteps
from sim.study.analyses.forecast.sheet.status_checks import check_status, findings_of
from sim.study.analyses.forecast.status import Fact, Status, read_status
from sim.study.analyses.forecast.status_file import rows_of_no_schedule, status_bytes
from sim.study.case import prepare_case
from tests.tiny_project import TINY

CONFIG = sim.load("configs/one_block.yaml")
START = CONFIG.value.scale.start_date
DATA_DATE = date(2026, 11, 30)


@cache
def steps() -> PlanSteps:
    return PlanSteps.of(prepare_case(CONFIG, engine="auto"))


@cache
def exported() -> ExportedResult:
    status = Status("none", DATA_DATE, ((DATA_DATE - START).days + 1) * 1440, ())
    return prepare_export(sim.forecast(CONFIG, status, runs=8, workers=1), 4, continued(CONFIG, status))


@pytest.mark.parametrize(("form", "name"), [("mspdi", "statused.xml"), ("xer", "statused.xer")])
def test_actuals_come_back_by_their_ids(tmp_path: Path, form: str, name: str) -> None:
    write(exported(), form, tmp_path / name)
    found = read_statused(tmp_path / name)
    assert found.data_date == DATA_DATE.isoformat()
    tasks = {f"{task.unit}/{task.activity}": task for task in exported().schedule.tasks if task.activity}
    begun = {name for name, task in tasks.items() if task.start < exported().since}
    rows = [row for row in found.rows if "start" in row]
    assert {str(row["what"]) for row in rows} == begun
    assert found.begun == len(rows)
    under_way = 0
    for row in rows:
        task = tasks[str(row["what"])]
        assert row["start"] == exported().schedule.moment(task.start).strftime("%Y-%m-%dT%H:%M")
        if task.finish <= exported().since:
            assert row["finish"] == exported().schedule.moment(task.finish).strftime("%Y-%m-%dT%H:%M")
        else:
            under_way += 1
            assert float(str(row["remaining_days"])) > 0
    assert under_way


@pytest.mark.parametrize(("form", "name"), [("mspdi", "statused.xml"), ("xer", "statused.xer")])
def test_what_each_unit_does_next_comes_back_as_not_begun(tmp_path: Path, form: str, name: str) -> None:
    write(exported(), form, tmp_path / name)
    found = read_statused(tmp_path / name)
    tasks = [task for task in exported().schedule.tasks if task.activity]
    begun = {f"{task.unit}/{task.activity}" for task in tasks if task.start < exported().since}
    to_do: dict[str, list[tuple[int, str]]] = {}
    for task in tasks:
        if (activity := f"{task.unit}/{task.activity}") not in begun:
            to_do.setdefault(task.unit, []).append((task.start, activity))
    stated = {str(row["what"]).partition("/")[0]: str(row["what"]) for row in found.rows if "start" not in row}
    assert stated.keys() == to_do.keys()
    for unit, activity in stated.items():
        assert (min(to_do[unit])[0], activity) in to_do[unit]


@pytest.mark.parametrize(("form", "name"), [("mspdi", "statused.xml"), ("xer", "statused.xer")])
def test_a_suspension_goes_out_and_comes_back_with_the_day_on_which_work_resumes(
    tmp_path: Path, form: str, name: str
) -> None:
    since = exported().since
    task = next(task for task in exported().schedule.tasks if task.activity and task.start < since - 9000 < task.finish)
    activity, resumed = f"{task.unit}/{task.activity}", since + 40 * 1440
    fact = Fact(
        2, "activity", activity, start=task.start, suspended=since - 5 * 1440, resumed=resumed, remaining_days=12.0
    )
    status = Status("none", DATA_DATE, since, (fact,))
    written = prepare_export(sim.forecast(CONFIG, status, runs=4, workers=1), 4, continued(CONFIG, status))
    write(written, form, tmp_path / name)
    (row,) = (row for row in read_statused(tmp_path / name).rows if row["what"] == activity)
    moments = [written.schedule.moment(minute).strftime("%Y-%m-%dT%H:%M") for minute in (since - 5 * 1440, resumed)]
    assert [row["suspended"], row["resumed"]] == moments
    # what the weather of the run takes on these days is in the planner's days, who has no weather in his calendar
    assert 12 <= float(str(row["remaining_days"])) < 25


@pytest.mark.parametrize(("form", "name"), [("mspdi", "statused.xml"), ("xer", "statused.xer")])
def test_work_that_began_out_of_sequence_goes_out_and_comes_back_with_its_start(
    tmp_path: Path, form: str, name: str
) -> None:
    """In the run it begins when it may go on, and stood in the schedule as not begun."""
    since, activity = exported().since, "t1/L5"
    before = Fact(2, "activity", "b1.commissioning/L4", start=since - 10 * 1440, remaining_days=20.0)
    fact = Fact(3, "activity", activity, start=since - 3 * 1440, percent=10.0)
    status = Status("none", DATA_DATE, since, (before, fact))
    written = prepare_export(sim.forecast(CONFIG, status, runs=4, workers=1), 4, continued(CONFIG, status))
    write(written, form, tmp_path / name)
    (row,) = (row for row in read_statused(tmp_path / name).rows if row["what"] == activity)
    assert row["start"] == written.schedule.moment(since - 3 * 1440).strftime("%Y-%m-%dT%H:%M")
    assert float(str(row["remaining_days"])) > 0
    assert not {"finish", "suspended", "resumed"} & row.keys()


def test_overdue_work_without_an_actual_start_has_not_begun(tmp_path: Path) -> None:
    """Work that the planner's tool has not begun, though the plan had it done, is not taken to go as planned."""
    path = tmp_path / "statused.xml"
    write(exported(), "mspdi", path)
    since = exported().since
    by_unit: dict[str, list[Task]] = {}
    for task in exported().schedule.tasks:
        if task.activity:
            by_unit.setdefault(task.unit, []).append(task)
    # a unit with nothing behind it that has begun: its only activity was finished in the plan
    unit, (late,) = next(
        (unit, tasks) for unit, tasks in by_unit.items() if len(tasks) == 1 and tasks[0].finish < since
    )
    text = _without_actuals(path.read_text(encoding="utf-8"), f"{unit}/{late.activity}", "2026-12-01T07:00:00")
    path.write_text(text, encoding="utf-8")
    rows = [{"kind": "data_date", "date": DATA_DATE.isoformat()}, *read_statused(path).rows]
    assert {"kind": "activity", "what": f"{unit}/{late.activity}"} in rows
    sheet = tmp_path / "status.csv"
    sheet.write_bytes(status_bytes(rows, sheet))
    case = forecast_case(CONFIG, read_status(sheet, START))
    number, position = steps().activities[f"{unit}/{late.activity}"]
    assert len(case.progress.done_minutes[number]) <= position


def _without_actuals(text: str, activity: str, start: str) -> str:
    """Return a Microsoft Project file in which an activity has not begun and is planned to start later."""
    begin = text.rindex("<Task>", 0, text.index(f"<Value>{activity}</Value>"))
    end = text.index("</Task>", begin)
    actuals = "ActualStart|ActualFinish|Stop|Resume|RemainingDuration|PercentComplete"
    task = re.sub(rf"<({actuals})>[^<]*</\1>", "", text[begin:end])
    return text[:begin] + re.sub(r"<Start>[^<]*</Start>", f"<Start>{start}</Start>", task) + text[end:]


def test_what_comes_back_is_a_sound_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIM_CHECK", "1")
    write(exported(), "mspdi", tmp_path / "statused.xml")
    runner = CliRunner()
    for ending in ("csv", "yaml", "xlsx"):
        out = tmp_path / f"status.{ending}"
        done = runner.invoke(main, ["status", "from", str(tmp_path / "statused.xml"), "--out", str(out)])
        assert done.exit_code == 0, done.output
        status = read_status(out, START)
        assert status.data_date == DATA_DATE
        assert [one for one in check_status(steps(), status) if one.severity == "error"] == []
        case = forecast_case(CONFIG, status)
        assert case.progress.out_of_sequence == []
        (simulated,) = case.replications(1, 0, 1)
        measure(case.metric_context, case.record(simulated))  # history and forecast together are conserved


@pytest.mark.parametrize("form", ["mspdi", "xer"])
def test_work_done_in_no_time_goes_out_and_comes_back(tmp_path: Path, form: str) -> None:
    """Two counts of one date leave no time between: the work is done, and a planner's tool must know it."""
    early = date(2026, 9, 30)
    minute = ((early - START).days + 1) * 1440
    stages = product(("electrical", "mechanical"), ("made", "passed", "shipped", "on_site"))
    counts = tuple(
        Fact(row, "count", f"{system}.{stage}", date=minute, count=2) for row, (system, stage) in enumerate(stages, 2)
    )
    status = Status("none", early, minute, counts)
    result = prepare_export(sim.forecast(CONFIG, status, runs=8, workers=1), 4, continued(CONFIG, status))
    assert any(task.start == task.finish for task in result.schedule.tasks if task.activity)
    path = tmp_path / f"statused.{'xml' if form == 'mspdi' else 'xer'}"
    write(result, form, path)
    sheet = tmp_path / "status.csv"
    sheet.write_bytes(
        status_bytes([{"kind": "data_date", "date": early.isoformat()}, *read_statused(path).rows], sheet)
    )
    assert findings_of(steps().copy(), read_status(sheet, START)) == []


def test_a_schedule_that_is_not_ours_is_told(tmp_path: Path) -> None:
    text = '<Project xmlns="http://schemas.microsoft.com/project"><Tasks><Task><UID>1</UID></Task></Tasks></Project>'
    (tmp_path / "other.xml").write_text(text, encoding="utf-8")
    with pytest.raises(WrongFile, match="no activity with an id of ours"):
        read_statused(tmp_path / "other.xml")


@pytest.mark.parametrize("ending", ["csv", "yaml", "xlsx"])
def test_a_status_is_the_same_in_every_form(tmp_path: Path, ending: str) -> None:
    rows = [
        {"kind": "data_date", "date": "2026-11-30"},
        {"kind": "milestone", "what": "h1.shell.dry_in", "finish": "2026-11-12"},
        {"kind": "activity", "what": "h1.shell.roof/shell.roof", "start": "2026-10-01T07:00", "remaining_days": 2.5},
    ]
    path = tmp_path / f"status.{ending}"
    path.write_bytes(status_bytes(rows, path))
    facts = read_status(path, START).facts
    assert facts[0].finish == ((date(2026, 11, 12) - START).days + 1) * 1440
    assert (facts[1].start, facts[1].remaining_days) == ((date(2026, 10, 1) - START).days * 1440 + 420, 2.5)


@cache
def tiny_under_way() -> ExportedResult:
    """Two blocks by hand, at the end of 23 January: the grading is done, two of three days of the first power unit."""
    day, tiny = date(2026, 1, 23), sim.load(TINY)
    status = Status("none", day, ((day - tiny.value.scale.start_date).days + 1) * 1440, ())
    return prepare_export(sim.forecast(tiny, status, runs=2, workers=1), 2, continued(tiny, status))


def test_work_that_is_done_is_not_to_do_in_ms_project() -> None:
    root = read_xml(mspdi(tiny_under_way()), "x.xml")
    names = {task.findtext("UID"): task.findtext("Name") or "" for task in root.iterfind("Tasks/Task")}
    remaining = {task.findtext("UID"): task.findtext("RemainingDuration") or "" for task in root.iterfind("Tasks/Task")}
    kinds, by_name = set(), {}
    for assignment in root.iterfind("Assignments/Assignment"):
        people = int(assignment.findtext("Units") or "")
        work, done, to_do = (
            duration_minutes(assignment.findtext(tag) or "", "x") for tag in ("Work", "ActualWork", "RemainingWork")
        )
        assert done + to_do == work
        assert to_do == people * duration_minutes(remaining[assignment.findtext("TaskUID")], "x")
        begun, ended = (assignment.findtext(tag) is not None for tag in ("ActualStart", "ActualFinish"))
        assert (begun, ended) == (done > 0, to_do == 0)
        kinds.add((begun, ended))
        tags = [element.tag for element in assignment]
        assert tags == [tag for tag in ORDER_OF_ASSIGNMENT if tag in tags]
        by_name[names[assignment.findtext("TaskUID")]] = (
            work / 60,
            done / 60,
            assignment.findtext("PercentWorkComplete"),
        )
    assert kinds == {(False, False), (True, False), (True, True)}
    # four people round the clock
    assert by_name["Site: Grading"] == (192, 192, "100")
    assert by_name["Power unit 1: Set"] == (288, 192, "67")
    assert by_name["Power unit 2: Set"] == (288, 0, "0")


ORDER_OF_ASSIGNMENT = (
    "UID", "TaskUID", "ResourceUID", "PercentWorkComplete", "ActualFinish", "ActualStart", "ActualWork", "Finish",
    "RemainingWork", "Start", "Units", "Work",
)  # fmt: skip
"""That of Microsoft's schema, mspdi_pj12.xsd."""


def test_work_that_is_done_is_not_to_do_in_p6() -> None:
    tables = read_tables(xer(tiny_under_way()), "x.xer")
    tasks = {task["task_id"]: task for task in tables["TASK"]}
    hours: dict[str, list[float]] = {}
    for row in tables["TASKRSRC"]:
        of_task = hours.setdefault(row["task_id"], [0.0, 0.0])
        of_task[0] += float(row["act_reg_qty"])
        of_task[1] += float(row["remain_qty"])
        task = tasks[row["task_id"]]
        assert (row["act_start_date"], row["act_end_date"]) == (task["act_start_date"], task["act_end_date"])
    for key, found in hours.items():
        assert found == [float(tasks[key]["act_work_qty"]), float(tasks[key]["remain_work_qty"])]
    by_name = {tasks[key]["task_name"]: (tasks[key]["status_code"], *found) for key, found in hours.items()}
    assert by_name["Site: Grading"] == ("TK_Complete", 192, 0)
    assert by_name["Power unit 1: Set"] == ("TK_Active", 192, 96)
    assert by_name["Power unit 2: Set"] == ("TK_NotStart", 0, 288)


def changed_xer(path: Path, **fields: str) -> Path:
    """Write the tiny project under way as an XER with other cells."""
    lines, names = [], []
    for line in xer(tiny_under_way()).decode("cp1252").split("\r\n"):
        cells = line.split("\t")
        names = cells if cells[0] == "%F" else names
        if cells[0] == "%R":
            for position, name in enumerate(names):
                if name in fields and cells[position]:
                    cells[position] = fields[name]
        lines.append("\t".join(cells))
    path.write_bytes("\r\n".join(lines).encode("cp1252"))
    return path


def test_decimal_commas_are_read_as_in_a_network(tmp_path: Path) -> None:
    """24.5 hours remain on days of 24.5 hours: one day, with a point as with a comma."""
    found = {}
    for mark in ".", ",":
        hours, percent = f"24{mark}5", f"12{mark}5"
        path = changed_xer(tmp_path / "x.xer", day_hr_cnt=hours, remain_drtn_hr_cnt=hours, phys_complete_pct=percent)
        found[mark] = read_statused(path)
    assert found[","] == found["."]
    assert {row.get("remaining_days") for row in found[","].rows if "start" in row and "finish" not in row} == {1.0}


@pytest.mark.parametrize(
    ("field", "text", "told"),
    [
        ("day_hr_cnt", "much", "day_hr_cnt is 'much', not a number of hours"),
        ("remain_drtn_hr_cnt", "-1", "remain_drtn_hr_cnt is '-1', not a number of hours from 0 up"),
        ("phys_complete_pct", "half", "phys_complete_pct is 'half', not a percentage"),
        ("act_start_date", "soon", "'soon' is no date"),
        ("last_recalc_date", "today", "'today' is no date"),
    ],
)
def test_what_is_no_number_or_date_is_told_with_its_line(tmp_path: Path, field: str, text: str, told: str) -> None:
    with pytest.raises(WrongFile, match=rf"x\.xer:\d+.*{told}"):
        read_statused(changed_xer(tmp_path / "x.xer", **{field: text}))


DATA_DATES = [
    ("2026-01-20 00:00", "2026-01-19"), ("2026-03-01 00:00", "2026-02-28"), ("2026-01-20 08:00", "2026-01-20"),
    ("2026-01-20 17:00", "2026-01-20"), ("2026-01-20 23:59", "2026-01-20"), ("2026-01-20", "2026-01-20"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "day"), DATA_DATES)
def test_a_data_date_at_midnight_is_the_end_of_the_day_before(tmp_path: Path, written: str, day: str) -> None:
    assert read_statused(changed_xer(tmp_path / "x.xer", last_recalc_date=written)).data_date == day
    text = mspdi(tiny_under_way()).decode()
    moment = written.replace(" ", "T") + (":00" if " " in written else "")
    changed = re.sub(r"<StatusDate>[^<]*<", f"<StatusDate>{moment}<", text)
    (tmp_path / "x.xml").write_text(changed, encoding="utf-8")
    assert read_statused(tmp_path / "x.xml").data_date == day


def test_what_no_schedule_has_is_taken_over_from_a_former_status(tmp_path: Path) -> None:
    former = tmp_path / "former.csv"
    rows = ["promise,p1.g1,2026-03-01,,", "risk,ground,,,closed", "money,paid,,1000000,", "count,electrical.made,,,"]
    former.write_text("kind,what,finish,value,state\n" + "\n".join(rows) + "\n", encoding="utf-8")
    assert rows_of_no_schedule(former) == [
        {"kind": "promise", "what": "p1.g1", "finish": "2026-03-01"},
        {"kind": "risk", "what": "ground", "state": "closed"},
        {"kind": "money", "what": "paid", "value": "1000000"},
    ]
