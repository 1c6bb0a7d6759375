"""Milestones of a contract, by hand on the tiny project: its blocks are online on days 27 and 30, its power on day 20."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from openpyxl import load_workbook

from sim.cli import main
from sim.errors import ConfigError
from sim.metrics.metric import FIRST, MORE
from sim.metrics.milestones import day_of_mw
from sim.metrics.registry import directions_of, metric_of
from sim.report.formatting import metric_format
from sim.report.html_report.gantt_document import gantt_document
from sim.report.html_report.one_page import milestone_table
from sim.report.html_report.run_report import ramp_rows
from sim.report.result_view import ResultView
from sim.study.analyses.baseline import check, save
from sim.study.api import run
from sim.study.chunk import OK, not_finite
from sim.study.result import Result
from tests.tiny_project import tiny, tiny_case

HALF = "{name: Half to tenant, mw: 2.5, date: 2026-01-30, damages_usd_per_day: 1000}"
ALL = "{name: All, event: complete, date: 2026-02-10, damages_usd_per_day: 500}"
POWER = "{name: First power, event: first_power, date: 2026-02-10}"


def planned(*milestones: str) -> dict[str, float]:
    return tiny_case(f"milestones=[{', '.join(milestones)}]").as_planned[0]


def test_each_is_reached_on_its_day() -> None:
    found = planned(HALF, ALL, POWER, "{name: Hall, hall: 1, date: 2026-02-10}")
    assert found["milestone_half_to_tenant_days"] == 27
    assert found["milestone_all_days"] == found["milestone_hall_days"] == 30
    assert found["milestone_first_power_days"] == 20


def test_a_day_late_is_a_day_of_damages_and_none_is_owed_in_time() -> None:
    # day 27 begins with 1 February: what is reached at that midnight is reached on 31 January, and 30 January is agreed
    found = planned(HALF, ALL)
    assert found["milestone_half_to_tenant_in_time"] == 0
    assert found["milestone_half_to_tenant_damages_usd"] == 1000
    assert found["milestone_all_in_time"] == 1
    assert found["milestone_damages_usd"] == 1000


def test_midnight_ends_the_promised_day() -> None:
    found = planned(HALF.replace("01-30", "01-31"))
    assert (found["milestone_half_to_tenant_in_time"], found["milestone_half_to_tenant_damages_usd"]) == (1, 0)


def test_damages_end_at_their_cap() -> None:
    capped = "{name: Half, mw: 2.5, date: 2026-01-10, damages_usd_per_day: 1000, cap_usd: 1500}"
    assert planned(capped)["milestone_half_damages_usd"] == 1500


def test_no_milestone_no_metric() -> None:
    assert not [name for name in tiny_case().metrics if name.startswith("milestone")]


def test_mw_that_are_never_online_have_no_day() -> None:
    day, mw = np.array([4.0, np.inf, 2.0]), np.array([2.5, 2.5, 2.5])
    assert [day_of_mw(day, mw, level) for level in (1, 2.5, 5, 7.5, 8)] == [2, 2, 4, np.inf, np.inf]


def test_its_metrics_are_read_like_any_other() -> None:
    assert metric_format("milestone_half_to_tenant_days").label == "milestone: half to tenant"
    assert metric_format("milestone_half_to_tenant_damages_usd").unit == "$"
    assert directions_of(["milestone_half_in_time", "lead_time_full_days", "censored"]) == {
        "lead_time_full_days": -1,
        "milestone_half_in_time": MORE,
    }
    assert metric_of("nothing") is None


@pytest.mark.parametrize(
    ("milestone", "said"),
    [
        ("{name: X, date: 2026-02-10}", "state one of mw, hall, event"),
        ("{name: X, mw: 2, hall: 1, date: 2026-02-10}", "state one of mw, hall, event"),
        ("{name: X, mw: 6, date: 2026-02-10}", "at most 5 MW"),
        ("{name: X, hall: 2, date: 2026-02-10}", "1 to 1, the halls"),
        ("{name: X, mw: 2, date: 2025-02-10}", "a day after scale.start_date"),
        ("{name: X, mw: 2, date: 2026-02-10, cap_usd: 5}", "no cap where"),
        ("{name: '!', mw: 2, date: 2026-02-10}", "a letter or a digit"),
        ("{name: X, mw: 2, date: 2026-02-10}, {name: x, mw: 3, date: 2026-02-10}", "another milestone is called"),
    ],
)
def test_what_cannot_be_promised_is_refused(milestone: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        tiny(f"milestones=[{milestone}]")


NOBODY_NEEDS_HALF = "orders={policy: follow_demand, look_ahead_days: 40, demand: {path: [{day: 50, mw: 2.5}]}}"
BOTH = "milestones=[{name: all, mw: 5, date: 2027-12-31}, {name: half, mw: 2.5, date: 2027-12-31}]"


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Result]:
    """The tiny project of which one block is needed, on day 50, as it was run and as it is read back."""
    place = tmp_path_factory.mktemp("half") / "half"
    result = run(tiny(NOBODY_NEEDS_HALF, BOTH), runs=4, seed=1, workers=1)
    result.save(place)
    return result, Result.load(place)


def test_a_finished_run_need_not_reach_every_milestone(half: tuple[Result, Result]) -> None:
    for result in half:
        runs = result.sample.runs
        assert set(runs["status"]) == {"ok"}
        assert set(runs["milestone_all_days"]) == {np.inf}
        assert set(runs["milestone_all_in_time"]) == {0}
        assert set(runs["milestone_half_days"]) == {37}  # ordered on day 10, 27 days
        assert result.milestones()["p80"].tolist() == [None, date(2026, 2, 10)]
        assert result.manifest["planned"]["milestone_all_days"] == np.inf
        never = [row for row in milestone_table(ResultView.of(result))["rows"] if row[0] == "all (contract)"]
        assert [row[2:4] for row in never] == [("not reached", "not reached")]


def test_no_other_day_of_a_finished_run_may_be_infinite() -> None:
    names = ["milestone_all_days", "milestone_all_damages_usd", FIRST]
    for value, unsound in ((np.inf, names[1:]), (-np.inf, names), (np.nan, names)):
        assert not_finite({"status": np.array([OK]), **dict.fromkeys(names, np.array([value]))}, names) == unsound


def test_a_block_that_never_comes_online_has_no_day_in_the_plan(half: tuple[Result, Result], tmp_path: Path) -> None:
    for number, result in enumerate(half):
        assert result.manifest["planned_blocks"] == {"b1": 37, "b2": np.inf}
        view = ResultView.of(result)
        assert view.planned_ramp == [(37, 2.5)]
        assert [(row.mw, row.planned) for row in ramp_rows(view)] == [("2.5", "10 Feb 2026")]
        save(result, tmp_path / f"{number}.json")
        assert check(half[1 - number], tmp_path / f"{number}.json") == []
    # as earlier versions stored it
    earlier = replace(half[0], manifest=half[0].manifest | {"planned_blocks": {"b1": 37.0, "b2": -1 / 1440}})
    assert ResultView.of(earlier).planned_ramp == [(37, 2.5)]


def test_a_milestone_that_some_runs_never_reach_is_told_everywhere(half: tuple[Result, Result], tmp_path: Path) -> None:
    runs = half[1].sample.runs | {"milestone_all_days": np.array([60.0, 61.0, 62.0, np.inf])}
    mixed = replace(half[1], sample=replace(half[1].sample, runs=runs))
    document = gantt_document(ResultView.of(mixed))
    assert document is not None
    (row,) = (row for row in document["rows"] if row["name"] == "all")
    assert (row["end"], row["p80"]) == (61, None)
    assert 61 < document["range"][1] < 500
    assert mixed.report(tmp_path / "report.html").is_file()
    mixed.save(tmp_path / "mixed")
    for form, name in (("excel", "mixed.xlsx"), ("csv", "mixed_csv"), ("mspdi", "mixed.xml"), ("xer", "mixed.xer")):
        told = CliRunner().invoke(
            main, ["export", str(tmp_path / "mixed"), "--to", form, "--out", str(tmp_path / name)]
        )
        assert told.exit_code == 0, told.output
    rows = load_workbook(tmp_path / "mixed.xlsx").worksheets[0].iter_rows(values_only=True)
    (cells,) = (row for row in rows if row[0] == "milestone: all")
    assert cells[2:8] == ("not reached", 60, 61, "not reached", "not reached", None)
