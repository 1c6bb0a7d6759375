"""Figures that worker processes draw: the same files as those drawn here, whatever becomes of a worker."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

import sim
from sim.report.console import describe_run, plain_text
from sim.report.figures.drawing import KEY_FIGURES, RELATIVE_TIMES, FigureDrawing, draw_figures, part_of_names
from sim.report.html_report import run_report
from sim.study.executors.worker_process import WorkerConnection
from sim.study.result import Result
from tests.tiny_project import tiny

pytestmark = pytest.mark.draws


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.suffix != ".csv"}  # the numbers behind: test_report_page


@pytest.fixture
def no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """The report is tested elsewhere."""
    monkeypatch.setattr(run_report, "page", lambda *_: b"")


@pytest.mark.usefixtures("no_page")
def test_idle_workers_draw_the_same_files_and_the_verdict_is_known_before(tmp_path: Path) -> None:
    drawing, verdicts, idle_workers = FigureDrawing("few"), list[str](), list[int]()

    def answer(result: Result) -> None:
        assert not len(result.sample.curves)
        verdicts.append(plain_text(describe_run(result)))

    def begin(result: Result, idle: Sequence[WorkerConnection]) -> None:
        assert not (tmp_path / "tiny").exists()
        assert verdicts == [plain_text(describe_run(result))]
        idle_workers.append(len(idle))
        drawing.begin(result, idle)
        if idle:
            idle[0].close()  # a worker that is lost: its share is drawn here

    result = sim.run(
        tiny(), runs=40, workers=2, out=tmp_path / "tiny", on_runs=answer, on_sample=begin,
        extras=lambda result, directory: run_report.write_run(result, directory, drawing), on_details=drawing.go_on,
    )  # fmt: skip
    assert idle_workers == [2]
    assert verdicts == [plain_text(describe_run(result))]
    here = draw_figures(result, "few")
    assert len(here) == 2 * len(KEY_FIGURES)
    assert names(tmp_path / "tiny" / "figures") == set(here)
    for name, data in here.items():
        assert (tmp_path / "tiny" / "figures" / name).read_bytes() == data, name


@pytest.mark.usefixtures("no_page")
@pytest.mark.parametrize("choice", ["none", "few"])
def test_fewer_figures_where_that_is_asked(tmp_path: Path, choice: str) -> None:
    drawing = FigureDrawing(choice)
    result = sim.run(tiny(), runs=4, workers=1, out=tmp_path / "tiny")
    result.save(tmp_path / "tiny", lambda directory: run_report.write_run(result, directory, drawing))
    expected = {f"{name}.{ending}" for name in KEY_FIGURES for ending in ("png", "svg")} if choice == "few" else set()
    assert names(tmp_path / "tiny" / "figures") == expected


@pytest.mark.parametrize("many", [1, 2, 3, 4])
def test_every_figure_is_dealt_once_and_who_has_the_longest_gets_fewer(many: int) -> None:
    names = [*(f"figure {number}" for number in range(10)), "gantt"]
    hands = [part_of_names(names, number, many) for number in range(many)]
    assert sorted(name for hand in hands for name in hand) == sorted(names)
    times = [sum(RELATIVE_TIMES.get(name, 1.0) for name in hand) for hand in hands]
    assert max(times) - min(times) <= 1 + 1e-9
    assert hands[0][0] == "gantt"


def test_who_had_less_before_gets_more() -> None:
    before, names = ("mw_online", "finish", "capital"), ("gantt", "one", "two", "three", "four")
    hands = [part_of_names(names, number, 2, before) for number in range(2)]
    assert hands == [["gantt", "four"], ["one", "two", "three"]]
    assert [len(part_of_names(before, number, 2)) for number in range(2)] == [1, 2]
