"""A closer look at some runs: what bars do from run to run, what is critical, hours by day; and when MW were online."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import sim
from sim.jit import available
from sim.metrics.delivery import days_reached
from sim.report.figures.gantt import plot_gantt
from sim.report.figures.workforce import plot_man_hours
from sim.report.result_view import ResultView
from sim.study import gantt_ranges
from sim.study.api import load
from sim.study.case import Case
from sim.study.executors.worker_process import WorkerConnection, packed
from sim.study.gantt_ranges import RowTimes, StepRows, gantt_rows
from sim.study.result import Result
from tests.tiny_project import tiny

H = 1 / 24
CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.fixture(scope="module")
def by_hand() -> Result:
    """Every duration is known, so every run is the same."""
    return sim.run(tiny(), runs=3, seed=1, workers=1)


def test_rows_are_places_of_the_plan(by_hand: Result) -> None:
    rows = gantt_rows({str(name): by_hand.events[name].to_numpy() for name in by_hand.events})
    names = [row.name for row in rows]
    assert {"grading", "power units", "shell", "hall 1: shell", "installation and tests"} <= set(names)
    parts = [row.name for row in rows if row.parent == "hall 1: blocks 1 to 2"]
    assert parts == ["block 1", "block 2"]


def test_bars_without_luck_do_not_move_from_the_plan(by_hand: Result) -> None:
    spread = by_hand.table("spread")
    grading = spread[spread["place"] == "grading"].iloc[0]
    assert [grading[name] for name in ("begin_p10", "begin_p90", "end_p10", "end_p90")] == [10, 10, 12, 12]
    np.testing.assert_allclose(spread["plan_end"], spread["end_p50"])
    assert set(spread["runs"]) == {3}


def test_a_phase_ends_with_the_last_of_its_parts(by_hand: Result) -> None:
    spread = by_hand.table("spread").set_index("place")
    blocks = spread.loc[["block 1", "block 2"]]
    assert spread.loc["installation and tests", "end_p50"] == blocks["end_p50"].max()
    assert spread.loc["installation and tests", "begin_p50"] == blocks["begin_p50"].min()


def test_criticality_is_that_of_the_driving_chain(by_hand: Result) -> None:
    spread = by_hand.table("spread").set_index("place")
    assert set(spread["critical"]) <= {0.0, 1.0}  # every run is the same
    last = by_hand.chain["unit"].iloc[-1]
    assert spread.loc["installation and tests", "critical"] == 1, last
    blocks = {name.removeprefix("block ") for name in spread.index if name.startswith("block ")}
    on_it = {n for n in blocks if any(str(unit).split(".")[0] in {f"b{n}", f"t{n}"} for unit in by_hand.chain["unit"])}
    assert {n for n in blocks if spread.loc[f"block {n}", "critical"]} >= on_it


def test_hours_by_day_end_at_the_metrics(by_hand: Result) -> None:
    hours = by_hand.table("hours")
    last = hours.iloc[-1]
    assert last["earned_p50"] == pytest.approx(by_hand.runs["hours_earned"][0])
    assert last["paid_p50"] == pytest.approx(by_hand.runs["hours_paid"][0])
    assert last["planned"] == pytest.approx(by_hand.runs["hours_earned"][0])  # nothing is drawn
    assert (np.diff(hours["earned_p50"]) >= 0).all()


def test_pictures_say_how_many_runs_they_rest_on(by_hand: Result) -> None:
    gantt = plot_gantt(by_hand.table("spread"), info=ResultView.of(by_hand).info, chain=by_hand.chain)
    assert any("of 3 runs" in text.get_text() for text in gantt.texts)
    hours = plot_man_hours(by_hand.table("hours"), info=ResultView.of(by_hand).info, runs=3)
    assert any("of 3 runs" in text.get_text() for text in hours.texts)


def test_the_day_of_every_tenth_is_read_off_each_run() -> None:
    curve = np.array([[0, 2.5, 2.5, 5.0], [0, 0, 2.5, 2.5]])
    found = days_reached(curve, float(curve.max()))
    assert list(found) == ["0.5", "1", "1.5", "2", "2.5", "3", "3.5", "4", "4.5", "5"]
    assert found["2.5"].tolist() == [1, 2]
    assert found["5"].tolist() == [3, np.inf]


def test_turnovers_are_the_finish_at_their_last(by_hand: Result, tmp_path: Path) -> None:
    again = Result.load(by_hand.save(tmp_path / "tiny"))
    for result in (by_hand, again):
        last = result.turnovers().iloc[-1]
        # the finish is at midnight, which ends the day: by its number from 0 it is the one before
        assert (last["mw"], last["p50"], last["n"]) == (5.0, by_hand.runs["lead_time_full_days"][0] - 1, 3)
    assert list(again.table("spread")) == list(by_hand.table("spread"))


def test_one_replication_has_ranges_too_with_whatever_workers() -> None:
    result = sim.run(sim.load("one_block"), runs=1, workers=2)
    assert result.table("spread")["runs"].eq(1).all()


@pytest.mark.skipif(not available(), reason="the compiled engine is not installed")
@pytest.mark.parametrize("lost", [0, 1, 2])
def test_what_workers_have_kept_is_not_simulated_again(lost: int, monkeypatch: pytest.MonkeyPatch) -> None:
    project = load(CONFIGS / "one_block.yaml")
    again: list[int] = []

    def simulated(case: Case, seed: int, step_rows: StepRows, replications: Sequence[int]) -> list[RowTimes]:
        again.extend(replications)
        return row_times(case, seed, step_rows, replications)

    row_times = gantt_ranges._row_times
    monkeypatch.setattr(gantt_ranges, "_row_times", simulated)
    monkeypatch.setattr(gantt_ranges, "in_two_halves", lambda work, items, fork: work(items))
    alone = sim.run(project, runs=40, seed=1, workers=1)
    assert again == [*range(40)]
    again.clear()

    def lose(_: Result, idle: Sequence[WorkerConnection]) -> None:
        for worker in idle[:lost]:
            worker.close()

    together = sim.run(project, runs=40, seed=1, workers=2, on_sample=lose)
    assert bool(again) == (lost > 0)
    assert len(again) == 40 or lost < 2
    for name in ("spread", "hours", "bindings"):
        pd.testing.assert_frame_equal(together.table(name), alone.table(name))


@pytest.mark.skipif(not available(), reason="the compiled engine is not installed")
def test_a_worker_with_something_else_to_do_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    times_of_kept = gantt_ranges._times_of_kept

    def counted(workers: Sequence[WorkerConnection], *others: Any) -> dict[int, RowTimes]:
        asked.append(len(workers))
        return times_of_kept(workers, *others)

    monkeypatch.setattr(gantt_ranges, "_times_of_kept", counted)

    def draw(_: Result, idle: Sequence[WorkerConnection]) -> None:
        idle[0].send(packed(str))

    sim.run(load(CONFIGS / "one_block.yaml"), runs=20, seed=1, workers=2, on_sample=draw)
    assert asked == [1]
