"""A planner's network in place of another's: what others wait for, a fit-out, crews, and the planner's calendars."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from sim.cli import main
from sim.report.exchange.importers.into_config import awaited
from sim.report.exchange.importers.planner_calendars import PlannerCalendar, calendar_names
from sim.report.exchange.importers.xer_import import read_xer
from sim.study.api import load
from tests.report.exchange.test_planners_input import XER

CONFIGS = Path(__file__).parents[3] / "configs"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with the shipped base at a tenth of its size and the hybrid, and a planner's file of two activities."""
    base = (CONFIGS / "base.yaml").read_text()
    for shipped, small in (("  capacity_mw: 250\n", "  capacity_mw: 25\n"), ("\n    count: 10\n", "\n    count: 2\n")):
        assert base.count(shipped) == 1
        base = base.replace(shipped, small)
    (tmp_path / "base.yaml").write_text(base)
    (tmp_path / "hybrid.yaml").write_bytes((CONFIGS / "hybrid.yaml").read_bytes())
    (tmp_path / "works.xer").write_text(XER)
    return tmp_path


def imported(folder: Path, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(
        main, ["import", str(folder / "works.xer"), "--like", str(folder / "hybrid.yaml"), "--into",
               str(folder / "mine.yaml"), *words],
    )  # fmt: skip
    return done.exit_code, done.output


def test_a_network_goes_into_a_whole_configuration(site: Path) -> None:
    code, told = imported(site)
    assert code == 2
    names = [word.partition("=")[0] for word in told.split() if word.endswith("=ACTIVITY")]
    assert "grading" in names
    given = [word for name in names for word in ("--provides", f"{name}={'10' if name == 'grading' else '11'}")]
    code, told = imported(site, *given)
    assert code == 0, told
    assert "mine.yaml: 2 steps of site_works; next: sim check" in told.replace("\n", "")
    project = load(site / "mine.yaml").value
    steps = {step.id: step for step in project.site_works.steps}
    assert set(steps) == {"dig", "pour", *names}
    assert steps["grading"].after[0].id == "dig"
    assert project.name == "mine"
    assert project.shell == load(site / "hybrid.yaml").value.shell
    assert CliRunner().invoke(main, ["check", str(site / "mine.yaml")]).exit_code == 0


def test_a_fit_out_comes_into_the_hall_behind_dry_in_and_commissioning_waits_for_it(site: Path) -> None:
    code, told = imported(site, "--as", "fit_out")
    assert code == 0, told
    project, like = load(site / "mine.yaml").value, load(site / "hybrid.yaml").value
    steps = {step.id: step for step in project.shell.steps}
    kept = {step.id: step for step in like.shell.steps}
    assert {name: step for name, step in steps.items() if name in kept} == kept
    assert set(steps) == {*kept, "dig", "pour", "fit_out"}
    assert [link.id for link in steps["dig"].after] == ["dry_in"]
    assert [link.id for link in steps["pour"].after] == ["dig"]
    assert [link.id for link in steps["fit_out"].after] == ["pour"]
    assert project.commissioning.after == (*like.commissioning.after, "shell.fit_out")
    assert project.commissioning.model_copy(update={"after": like.commissioning.after}) == like.commissioning
    assert project.shell.crews_for_sqft == like.shell.crews_for_sqft  # of hybrid.yaml, not of the base
    assert CliRunner().invoke(main, ["check", str(site / "mine.yaml")]).exit_code == 0


def test_a_fit_out_ends_with_the_activity_that_is_named_and_needs_a_hall(site: Path) -> None:
    code, told = imported(site, "--as", "fit_out", "--provides", "fit_out=10")
    assert code == 0, told
    steps = {step.id: step for step in load(site / "mine.yaml").value.shell.steps}
    assert [link.id for link in steps["fit_out"].after] == ["dig"]
    words = ["import", str(site / "works.xer"), "--as", "fit_out", "--like", "modular", "--into", str(site / "x.yaml")]
    done = CliRunner().invoke(main, words)
    assert (done.exit_code, "a fit-out follows shell.dry_in" in done.output) == (2, True)
    assert not (site / "x.yaml").exists()
    alone = CliRunner().invoke(main, ["import", str(site / "works.xer"), "--as", "fit_out"])
    assert (alone.exit_code, "--as fit_out are for --into" in alone.output) == (2, True)
    stated = (
        (site / "hybrid.yaml").read_text().replace("commissioning:\n", "commissioning:\n  after: [site_works.fibre]\n")
    )
    (site / "hybrid.yaml").write_text(stated)
    (site / "mine.yaml").unlink()
    code, told = imported(site, "--as", "fit_out")
    assert (code, "leave `after` out" in told.replace("\n", " ")) == (2, True)


RSRC = """%T\tRSRC
%F\trsrc_id\trsrc_short_name\trsrc_name
%R\t5\tDIG\tDiggers
%R\t6\tELEC\tElectricians
%T\tTASKRSRC
%F\ttask_id\trsrc_id\ttarget_qty_per_hr
%R\t10\t5\t6
%R\t10\t6\t0.2
%R\t11\t6\t4
"""


def test_resources_become_crews_by_a_mapping(site: Path) -> None:
    (site / "works.xer").write_text(XER.replace("%E", RSRC + "%E"))
    (site / "trades.csv").write_text("resource,trade,crews\ndig,civil,0.5\n")
    given = [word for name in needed(site) for word in ("--provides", f"{name}=10")]
    code, told = imported(site, *given, "--trades", str(site / "trades.csv"))
    assert code == 0, told
    steps = {step.id: step for step in load(site / "mine.yaml").value.site_works.steps}
    # six diggers at half a crew each; electricians have no trade in the mapping
    assert (steps["dig"].crews, steps["pour"].crews) == ({"civil": 3}, {})
    text = (site / "mine.yaml").read_text()
    assert "# resources that the mapping has no trade for, not taken over; of: 2 (10 (ELEC), 11 (ELEC))" in text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("resource,trade\nDIG,civl\n", "trades.csv:2: trade: civl"),
        ("resource,trade,crews\nDIG,civil,many\n", "trades.csv:2: crews: many"),
        ("what,trade\nDIG,civil\n", "resource missing: columns resource, trade and perhaps crews are expected"),
    ],
)
def test_a_wrong_mapping_is_told_with_its_line(site: Path, text: str, told: str) -> None:
    (site / "trades.csv").write_text(text)
    code, output = imported(site, "--trades", str(site / "trades.csv"))
    assert code == 2
    assert told in output.replace("\n", "")
    assert not (site / "mine.yaml").exists()


def test_the_site_works_the_planners_week(site: Path) -> None:
    given = [word for name in needed(site) for word in ("--provides", f"{name}=10")]
    code, told = imported(site, *given, "--week")
    assert code == 0, told
    week = load(site / "mine.yaml").value.site_calendar
    read = read_xer(XER.encode(), "works.xer").week
    assert len(week.days) == read.days_per_week
    assert [(shift.start, shift.end) for shift in week.shifts] == [("07:00", "17:00")]
    assert read.day_minutes == 600
    assert "# 6 days of 10 h (Mon-Sat)" in (site / "mine.yaml").read_text()
    (site / "hybrid.yaml").write_text((site / "hybrid.yaml").read_text() + "labour: {idle_weeks: 2}\n")
    (site / "mine.yaml").unlink()
    assert "hybrid.yaml: --week: it states labour itself" in imported(site, *given, "--week")[1].replace("\n", "")


SHIFTS = """(0||CalendarData()((0||DaysOfWeek()((0||1()())(0||2()((0||0(s|07:00|f|12:00)())(0||1(s|13:00|f|18:00)())))
(0||3()((0||0(s|07:00|f|17:00)())))(0||4()())(0||5()())(0||6()())(0||7()())))
(0||Exceptions()((0||0(d|46048)())(0||1(d|46049)((0||0(s|09:00|f|11:00)()))))))""".replace("\n", "")
"""Mondays and Tuesdays of ten hours; 26 January 2026 off, the 27th of two hours."""


def test_each_step_works_by_its_planners_calendar(site: Path) -> None:
    """50 h on Mondays and Tuesdays of ten are five days of that calendar, whatever the week of the others is."""
    row = next(line for line in XER.splitlines() if line.startswith("%R\t7\t"))
    text = XER.replace("week_hr_cnt\n", "week_hr_cnt\tclndr_data\n", 1)
    text = text.replace(row, f"{row}\t\n%R\t8\tTwo days\t10\t20\t{SHIFTS}", 1)
    pour = next(line for line in text.splitlines() if line.startswith("%R\t11\t"))
    names = next(line for line in text.splitlines() if line.startswith("%F\ttask_id")).split("\t")
    cells = pour.split("\t")
    cells[names.index("clndr_id")], cells[names.index("target_drtn_hr_cnt")] = "8", "50"
    (site / "works.xer").write_text(text.replace(pour, "\t".join(cells)))
    given = [word for name in needed(site) for word in ("--provides", f"{name}=10")]
    code, told = imported(site, *given, "--calendars")
    assert code == 0, told
    project = load(site / "mine.yaml").value
    steps = {step.id: step for step in project.site_works.steps}
    named = project.calendars.named[str(steps["pour"].calendar)]
    length = steps["pour"].days
    assert length is not None
    assert (steps["pour"].calendar, length.value) == ("two_days", 5)
    assert steps["dig"].calendar != "two_days"
    assert steps["grading"].calendar is None
    assert named.day_minutes == 600
    assert named.on(date(2026, 1, 19)) == ((420, 720), (780, 1080))
    assert named.on(date(2026, 1, 21)) == named.on(date(2026, 1, 26)) == ()
    assert named.on(date(2026, 1, 27)) == ((540, 660),)
    assert CliRunner().invoke(main, ["check", str(site / "mine.yaml")]).exit_code == 0
    assert "the site's week, or one for each step" in imported(site, *given, "--calendars", "--week")[1]
    alone = CliRunner().invoke(main, ["import", str(site / "works.xer"), "--calendars"]).output
    assert 'calendar: "two_days"' in alone
    assert "calendars:\n  named:\n" in alone


def test_what_is_provided_must_be_there(site: Path) -> None:
    given = [word for name in needed(site) for word in ("--provides", f"{name}=99")]
    assert "there is no activity 99" in imported(site, *given)[1]
    assert "--provides moon: not waited for" in imported(site, "--provides", "moon=10")[1]
    assert "STEP=ACTIVITY is meant" in imported(site, "--provides", "grading")[1]
    assert not (site / "mine.yaml").exists()


def needed(site: Path) -> list[str]:
    """The names that the hybrid waits for."""
    return awaited(load(site / "hybrid.yaml").value, "site_works")


def test_calendars_have_names_of_their_own_whatever_they_are_called() -> None:
    # the second would be numbered "a_no_2", which is the name of the first already
    calendars = [PlannerCalendar(name) for name in ("a no 2", "a", "A!", "a?")]
    names = [*calendar_names(calendars).values()]
    assert names == ["a_no_2", "a", "a_no_3", "a_no_4"]
