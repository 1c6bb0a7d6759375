"""A schedule goes out with its actuals and comes back: ids, dates, remaining duration, from both planners' tools."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner

import sim
from sim.cli import main
from sim.config.overrides import continued
from sim.report.exchange.export import ExportedResult, prepare_export
from sim.report.exchange.formats import write
from sim.report.exchange.importers.source_text import WrongFile
from sim.report.exchange.importers.statused_schedule import read_statused
from sim.study.analyses.forecast.forecast_case import forecast_case
from sim.study.analyses.forecast.plan_steps import PlanSteps
from sim.study.analyses.forecast.status import Status, read_status, status_bytes
from sim.study.analyses.forecast.status_checks import check_status
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
    assert {str(row["what"]) for row in found.rows} == begun
    under_way = 0
    for row in found.rows:
        task = tasks[str(row["what"])]
        assert row["start"] == exported().schedule.moment(task.start).strftime("%Y-%m-%dT%H:%M")
        if task.finish <= exported().since:
            assert row["finish"] == exported().schedule.moment(task.finish).strftime("%Y-%m-%dT%H:%M")
        else:
            under_way += 1
            assert float(str(row["remaining_days"])) > 0
    assert under_way


def test_what_comes_back_is_a_sound_status(tmp_path: Path) -> None:
    write(exported(), "mspdi", tmp_path / "statused.xml")
    runner = CliRunner()
    for ending in ("csv", "yaml", "xlsx"):
        out = tmp_path / f"status.{ending}"
        done = runner.invoke(main, ["status", "from", str(tmp_path / "statused.xml"), "--out", str(out)])
        assert done.exit_code == 0, done.output
        status = read_status(out, START)
        assert status.data_date == DATA_DATE
        assert [one for one in check_status(steps(), status) if one.severity == "error"] == []
        assert forecast_case(CONFIG, status).progress.out_of_sequence == []


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
