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
from sim.report.exchange.importers.source_text import WrongFile
from sim.report.exchange.importers.statused_schedule import read_statused
from sim.report.exchange.schedule_model import Task
from sim.study.analyses.forecast.forecast_case import forecast_case
from sim.study.analyses.forecast.plan_steps import PlanSteps
from sim.study.analyses.forecast.sheet.status_checks import check_status, findings_of
from sim.study.analyses.forecast.status import Fact, Status, read_status
from sim.study.analyses.forecast.status_file import status_bytes
from sim.study.case import prepare_case

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
