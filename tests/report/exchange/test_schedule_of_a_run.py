"""A run as a schedule: what follows what, and that recalculating it moves no date; and as a workbook."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pandas as pd
import pytest
from openpyxl import load_workbook

import sim
from sim.plan.vocabulary import UnitInfo
from sim.report.exchange.export import ExportedResult, prepare_export
from sim.report.exchange.schedule_model import Changed, Schedule, TaskLink, schedule, week_of
from sim.report.exchange.tables import curves, tables
from sim.report.exchange.work_breakdown import TaskNames
from sim.report.exchange.workbook import LINES, workbook, write_sheets
from sim.report.representative_run import headcount_by_trade
from sim.study.result import Result
from tests.tiny_project import TINY, tiny, tiny_case

BLOCK = Path(__file__).parents[3] / "configs" / "one_block.yaml"


@pytest.fixture(scope="module")
def block() -> ExportedResult:
    """One block on real calendars, with luck."""
    return prepare_export(sim.run(sim.load(BLOCK), runs=4, seed=3, workers=1))


@pytest.fixture(scope="module")
def planned() -> Schedule:
    case = tiny_case()
    return schedule(case, case.simulate(case.planned).log, case.plan.base_calendars)


def test_recalculating_moves_nothing(block: ExportedResult) -> None:
    done: dict[int, int] = {}
    for task in sorted(block.schedule.tasks, key=lambda task: task.number):
        calendar = block.schedule.calendars[task.calendar]
        free = max((done[link.number] + link.lag for link in task.after), default=0)
        begin = max(free, task.start) if task.held_back else free
        done[task.number] = calendar.finish(calendar.next_open(begin), task.minutes)
        assert done[task.number] == task.finish, task
    assert any(task.held_back for task in block.schedule.tasks)
    assert sum(not task.held_back for task in block.schedule.tasks) > len(block.schedule.tasks) / 2


def test_links_are_the_logic_of_the_project(planned: Schedule) -> None:
    names = {task.number: task.name for task in planned.tasks}
    follows = {task.name: {names[link.number] for link in task.after} for task in planned.tasks}
    assert follows["Site: Grading"] == {"Site: Permits and design"}
    assert follows["Block 1 electrical: Lift 1"] == {"Electrical skid 1: Unload", "Hall 1: Dry in"}
    assert "Power unit 2: Set" in follows["Block 1: L3"]  # its power, N+1
    # the second skid waits for the line, which is shared and no logic
    assert follows["Electrical skid 2: Assemble"] == {"Electrical skid 2: Parts"}
    assert follows["Hall 1 dry-in"] == {"Hall 1: Dry in"}
    assert follows["Permits granted"] == {"Site: Permits and design"}


def test_what_held_a_task_back_is_said(planned: Schedule) -> None:
    held = {task.name: task.held_back for task in planned.tasks}
    assert held["Electrical skid 2: Assemble"] == "waited 4.0 days for 1 electrical.assemble"
    assert held["Block 2 electrical: Lift 1"].endswith(("1 crew.riggers", "1 crane + 1 crew.riggers", "crane"))
    assert held["Hall 1: Dry in"] == ""


def test_the_work_breakdown_has_four_levels_in_the_order_of_building(planned: Schedule) -> None:
    assert [group[0] for group in planned.groups if len(group) == 1] == [
        "Site works", "Halls", "Systems", "Commissioning and power"
    ]  # fmt: skip
    assert ("Systems", "Blocks", "Block 2", "Electrical") in planned.groups
    assert max(len(group) for group in planned.groups) == 4
    blocks = [group[2] for group in planned.groups if group[:2] == ("Systems", "Blocks") and len(group) == 3]
    assert blocks == ["Block 1", "Block 2"]


def test_lags_and_starts_are_links_not_activities() -> None:
    """Services 3 days after the start of grading, and the pads 2 days after its end."""
    steps = [
        {"id": "grading", "days": 6},
        {"id": "services", "days": 5, "after": [{"id": "grading", "type": "SS", "lag_days": 3}]},
        {"id": "pads", "days": 1, "after": [{"id": "grading", "lag_days": 2}]},
    ]
    case = tiny_case(f"site_works.steps={json.dumps(steps)}")
    found = schedule(case, case.simulate(case.planned).log, case.plan.base_calendars)
    tasks = {task.name: task for task in found.tasks}
    grading = tasks["Site: Grading"]
    assert tasks["Site: Services"].after == (TaskLink(grading.number, 3 * 1440, "SS"),)
    assert tasks["Site: Pads"].after == (TaskLink(grading.number, 2 * 1440, "FS"),)
    assert tasks["Site: Services"].held_back == tasks["Site: Pads"].held_back == ""
    assert not [name for name in tasks if "after" in name or "lag" in name]


def test_who_is_taken_away_by_a_risk_is_called_as_in_the_register() -> None:
    names = TaskNames(sim.load(BLOCK).value)
    away = UnitInfo("outage", "risk", part="electricians", number=1)
    assert names.group(away) == ("Site works", "Risks")
    assert names.task("risk.electricians.crew.electricians.1", away, "risk.electricians") == (
        "Risk: Neighbouring campuses take electricians away", "crew of electricians 1 away",
    )  # fmt: skip


def test_crews_and_ways_home_are_not_activities(planned: Schedule) -> None:
    assert not [task.name for task in planned.tasks if "rew" in task.unit.split(".")[0] or "eturn" in task.name]


def test_the_dates_are_those_of_the_representative_run(block: ExportedResult) -> None:
    online = next(task for task in block.schedule.tasks if task.name == "Block 1 handed over")
    finishes = sorted(block.result.runs["lead_time_full_days"])
    assert online.finish / 1440 == finishes[1]  # the P50 of four
    events = block.result.events
    assert online.finish == events[events["resource"] == "online/b1"]["minute"].item()


def test_spread_and_criticality_come_from_the_same_runs(block: ExportedResult) -> None:
    online = next(task for task in block.schedule.tasks if task.name == "Block 1 handed over")
    spread = block.quantiles[online.key]
    assert spread.p80 / 1440 == sorted(block.result.runs["lead_time_full_days"])[3]
    assert (spread.critical, spread.done) == (1.0, 1.0)
    assert {0.0} < {found.critical for found in block.quantiles.values()} or block.quantile_runs == 4


def test_a_result_of_another_program_is_refused(block: ExportedResult) -> None:
    log = dict(block.result.log)
    log["minute"] = log["minute"] + 1
    with pytest.raises(Changed, match="another version"):
        prepare_export(Result(block.result.manifest, block.result.sample, log))


def test_a_calendar_is_a_week_and_the_days_that_differ(block: ExportedResult) -> None:
    start = block.schedule.project.scale.start_date
    week = week_of(block.schedule.calendars["shift"], start, 400 * 1440)
    assert week.days == (((420, 1020),),) * 6 + ((),)
    assert [day.isoformat() for day in sorted(week.exceptions)][:2] == ["2026-01-19", "2026-02-16"]
    assert set(week.exceptions.values()) == {()}
    always = week_of(block.schedule.calendars["always"], start, 14 * 1440)
    assert always.days == (((0, 1440),),) * 7


# --- the workbook -----------------------------------------------------------------------------------------------------


def test_the_workbook_answers_on_its_first_sheet_and_draws_its_curves(block: ExportedResult) -> None:
    data = workbook(block)
    sheets = pd.read_excel(BytesIO(data), sheet_name=None)
    assert list(sheets) == ["Verdict", "Milestones", "Curves", "Risks", "Inputs", "Runs", "Activities"]
    inputs = sheets["Inputs"].set_index("input")
    assert inputs.loc["systems.electrical.factory.lines", "value"] == 9
    assert "Red Oak" in str(inputs.loc["systems.electrical.factory.lines", "source"])
    assert len(sheets["Runs"]) == 4
    assert sheets["Milestones"]["milestone"].tolist()[-1] == "Block 1 handed over"
    assert sheets["Activities"]["activity"].is_unique
    book = load_workbook(BytesIO(data))
    verdict = [row[0].value for row in book["Verdict"].iter_rows()]
    assert str(verdict[1]).startswith("All MW online on or before ")
    curves = book["Curves"]
    assert len(curves._charts) >= 4
    assert curves["B2"].is_date
    assert {sheet.page_setup.orientation for sheet in book} == {"landscape"}
    assert all(sheet.sheet_properties.pageSetUpPr.fitToPage for sheet in book)
    assert curves.print_area  # the charts; the numbers beside them are fifty columns wide
    charts = curves._charts
    assert {chart.legend.position for chart in charts} == {"b"}
    # at most eight dates stand below a curve, and colours are those of the figures
    weeks = len(sheets["Curves"])
    with ZipFile(BytesIO(data)) as parts:
        drawn = [parts.read(name).decode() for name in parts.namelist() if name.startswith("xl/charts/chart")]
    skips = [int(skip) for text in drawn for skip in re.findall(r'tickLblSkip val="(\d+)"', text)]
    assert len(skips) == len(charts)
    assert all(skip * 8 >= weeks and skip % 13 == 0 for skip in skips)
    lines = [(one.tx.v, one.graphicalProperties.line.solidFill.srgbClr) for one in charts[0].series]
    assert dict(lines) == {label: colour[1:] for label, colour in LINES.items()}
    people = [name for name in map(str, sheets["Curves"]) if name.startswith("people: ")]
    assert people[0] == sheets["Curves"][people].sum().idxmax()  # the largest trade first, as in the figures
    assert len({chart.anchor._from.row for chart in charts}) == -(-len(charts) // 2)
    assert curves.freeze_panes == "C2"
    assert curves.auto_filter.ref.startswith("A1:")
    weekly = sheets["Curves"]
    assert weekly["online MW P50"].iloc[-1] == 2.5
    assert (weekly["online MW P80"] <= weekly["online MW P50"]).all()  # by date: what 80 % of the runs have at least
    assert (weekly["online MW P10"] >= weekly["online MW P50"]).all()
    assert weekly["headcount P80"].max() <= block.result.curve("headcount")["p80"].max()
    assert weekly["skids delivered"].iloc[-1] == 8
    money = next(row for row in book["Verdict"].iter_rows() if row[1].value == "$M")
    assert money[4].number_format == "#,##0.0"
    assert money[4].value < 1000
    assert len(sheets["Risks"]) == len(block.schedule.project.risks.active())


def test_a_text_in_a_workbook_is_no_formula_and_has_no_control_characters() -> None:
    book = write_sheets({"t": pd.DataFrame({"a": ["=1+1", "+x", "@y", "bell\a\x00"], "n": [-1.5, 2, 3, 4]})})
    sheet = pd.read_excel(BytesIO(book))
    assert sheet["a"].tolist() == ["'=1+1", "'+x", "'@y", "bell  "]
    assert sheet["n"].tolist() == [-1.5, 2, 3, 4]


def test_bars_of_blocks_are_those_of_their_hall() -> None:
    """Four blocks a phase in halls of three: each phase has a hall of three and one of a single block."""
    size = ("scale.capacity_mw=20", "scale.phases=2", "hall.blocks=3", "energization.units.count=3")
    result = sim.run(sim.load(TINY, size), runs=2, seed=1, workers=1)
    whole, rolled = prepare_export(result, 1), prepare_export(result, 1, level=2)
    blocks = ["Blocks 1 to 3", "Block 4", "Blocks 5 to 7", "Block 8"]
    turnovers = [name.replace("Block", "Turnover") for name in blocks]
    assert list(dict.fromkeys(_third(task.group, "Blocks") for task in rolled.schedule.tasks))[1:] == blocks
    handed_over = [task.name.partition(": ")[2] for task in rolled.schedule.tasks if task.group[-1] == "Commissioning"]
    assert {name for name in handed_over if "Turnover" in name} == set(turnovers)
    by_bar = {task.name: task for task in rolled.schedule.tasks if task.group[:2] == ("Systems", "Blocks")}
    for bar, numbers in zip(blocks, ((1, 2, 3), (4,), (5, 6, 7), (8,)), strict=True):
        headings = {("Systems", "Blocks", f"Block {number}", "Electrical") for number in numbers}
        members = [task for task in whole.schedule.tasks if task.group in headings]
        begin, end = by_bar[f"{bar}: Electrical"].start, by_bar[f"{bar}: Electrical"].finish
        assert (begin, end) == (min(task.start for task in members), max(task.finish for task in members))


def _third(group: tuple[str, ...], second: str) -> str:
    """The third heading of what stands below a second one; empty elsewhere."""
    return group[2] if len(group) > 2 and group[1] == second else ""


def test_people_of_the_tables_are_there_on_the_day_on_which_they_leave() -> None:
    """The riggers come and go on days 14 and 16 of the tiny project; four days later, they leave on the last of a week."""
    result = sim.run(sim.load(TINY, ("scale.preparation_days=14",)), runs=2, seed=1, workers=1)
    weekly = curves(prepare_export(result, 1))
    assert weekly["people: riggers"].tolist() == [0, 0, 4, *[0] * (len(weekly) - 3)]
    by_day = headcount_by_trade(result.events, 7 * len(weekly))
    for trade, people in by_day.items():
        assert weekly[f"people: {trade}"].tolist() == people[6::7].tolist()


def test_what_every_phase_has_is_told_apart_by_the_phase() -> None:
    case = tiny_case("scale.phases=2", "energization.units.count=2", "energization.units.spare=0")
    names = [task.name for task in schedule(case, case.simulate(case.planned).log, case.plan.base_calendars).tasks]
    assert {name for name in names if name.endswith("phase 2")} >= {
        "Permits granted, phase 2",
        "Power unit 1 energised, phase 2",
    }
    assert sorted({*names}) == sorted(names)
    shared = TaskNames(tiny("scale.phases=2", "energization.shared=true"))
    assert shared.task("p1.g1", UnitInfo("generating_unit", "power", "p1", number=1), "set") == ("Power unit 1", "Set")


def test_what_is_done_at_midnight_is_done_on_the_day_that_ends(block: ExportedResult) -> None:
    """A permit of 27 July, which a status has, was one of the 28th in the workbook."""
    last = max(block.schedule.tasks, key=lambda task: task.finish)
    midnight = replace(last, start=1440 * 30, finish=1440 * 30, milestone=True)
    moved = replace(block, schedule=replace(block.schedule, tasks=[midnight]))
    exported = tables(moved)
    for name, columns in (("milestones", ["representative run"]), ("activities", ["start", "finish"])):
        dates = exported[name][columns].iloc[0]
        assert {f"{moment:%Y-%m-%d}" for moment in dates} == {f"{block.schedule.moment(1440 * 30 - 1):%Y-%m-%d}"}
