from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sim
from sim.report.console import plain_text
from sim.report.figures.sensitivity import plot_indices
from sim.report.figures.sweep import (
    mean_by_value,
    plot_heat_map,
    plot_small_multiples,
    plot_sweep_lines,
    write_sweep_figures,
)
from sim.report.study_tables import describe_sweep
from sim.study.analyses.sweep import Sweep
from tests.tiny_project import TINY

FINISH = "lead_time_full_days"


@pytest.fixture(scope="module")
def power() -> Sweep:
    return sim.sweep(sim.load(TINY), {"energization.units.first_week": [3, 4]}, runs=2, workers=1)


def test_the_screen_has_a_row_a_point(power: Sweep) -> None:
    lines = plain_text(describe_sweep(power)).splitlines()
    rows = [line.split() for line in lines if line.strip().startswith(("3 ", "4 "))]
    days = power.table(FINISH)[FINISH]
    assert [row[1] for row in rows] == [f"{day:.0f}" for day in days]


def test_lines_stand_at_their_values(power: Sweep) -> None:
    ax = plot_sweep_lines(power.summary([FINISH]), FINISH, "first_week")
    p50 = next(line for line in ax.lines if "P50" in str(line.get_label()))
    assert list(p50.get_xdata()) == [3, 4]
    assert list(p50.get_ydata()) == list(power.table(FINISH, "p50")[FINISH])


def test_a_field_says_its_number() -> None:
    grid = pd.DataFrame([[100.0, 120.0], [float("inf"), float("nan")]], index=[1, 2], columns=["a", "b"])
    ax = plot_heat_map(grid, FINISH)
    assert [text.get_text() for text in ax.texts[:4]] == ["100 days", "120 days", "not reached", "not run"]


def test_a_heat_map_has_a_bar_intervals_and_marks_what_cannot_be_told() -> None:
    """690 to 702 days with an interval of 40 are no difference: neither in words nor in shades."""
    grid = pd.DataFrame([[690.0, 702.0], [695.0, 900.0]], index=[1, 2], columns=["a", "b"])
    alike = pd.DataFrame([[True, True], [True, False]], index=[1, 2], columns=["a", "b"])
    ax = plot_heat_map(grid, FINISH, runs=40, intervals=(grid - 20, grid + 20), as_good=alike)
    words = [text.get_text() for text in ax.texts]
    assert "690 days ≈\n670 to 710" in words
    assert "900 days\n880 to 920" in words
    assert ax.child_axes, "no colour bar"
    assert any("2 of 3 other fields cannot be told from the best by 40 runs" in text for text in words)
    near = plot_heat_map(grid.loc[[1]], FINISH, intervals=(grid.loc[[1]] - 20, grid.loc[[1]] + 20))
    assert near.images[0].get_clim() == (676, 716)  # 12 days of difference, 40 of interval: the shades cover these


def test_runs_that_cannot_tell_points_apart_say_so() -> None:
    """Cranes do not matter to two blocks: all numbers are the same; a later week of power is told apart."""
    inputs = {"energization.units.first_week": [3, 4], "logistics.cranes": [1, 2]}
    two = sim.sweep(sim.load(TINY), inputs, runs=3, workers=1)
    weeks = [int(week) for week in two.points["first_week"]]
    assert two.as_good_as_best(FINISH) == [week == 3 for week in weeks]
    two.manifest["metrics"] = [FINISH]
    told = " ".join(plain_text(describe_sweep(two)).split())
    assert (
        "3 runs cannot tell apart these points: first_week 3, cranes 1; first_week 3, cranes 2. More runs can." in told
    )
    one = sim.sweep(sim.load(TINY), {"logistics.cranes": [1, 2]}, runs=3, workers=1)
    one.manifest["metrics"] = [FINISH]
    assert "cannot tell apart any of the 2 points." in " ".join(plain_text(describe_sweep(one)).split())


def test_a_two_way_sweep_draws_heat_maps(tmp_path: Path) -> None:
    inputs = {"energization.units.first_week": [3, 4], "logistics.cranes": [1, 2]}
    two = sim.sweep(sim.load(TINY), inputs, runs=1, workers=1)
    two.manifest["metrics"] = [FINISH]
    assert {path.name for path in write_sweep_figures(two, tmp_path / "maps")} == {f"{FINISH}.png", f"{FINISH}.svg"}


def test_more_than_two_inputs_have_a_panel_each(tmp_path: Path) -> None:
    inputs = {"energization.units.first_week": [3, 4], "logistics.cranes": [1, 2], "logistics.gates": [1, 2]}
    three = sim.sweep(sim.load(TINY), inputs, runs=1, workers=1)
    three.manifest["metrics"] = [FINISH]
    assert {path.name for path in write_sweep_figures(three, tmp_path / "many")} == {f"{FINISH}.png", f"{FINISH}.svg"}
    table = three.table(FINISH)
    ax = plot_small_multiples(table, FINISH, list(three.manifest["inputs"]))
    panels = {panel.get_xlabel(): panel for panel in ax.child_axes}
    assert len(panels) == 3
    first = next(panel for name, panel in panels.items() if name.endswith("first week"))
    dots, line = first.lines
    assert len(dots.get_xdata()) == 8
    week = next(name for name in three.manifest["inputs"] if name.endswith("first_week"))
    assert list(line.get_ydata()) == pytest.approx(table.groupby(week)[FINISH].mean().to_list())


def test_many_values_are_put_into_classes() -> None:
    x = np.linspace(0, 1, 80)
    at, mean = mean_by_value(x, 3 * x)
    assert len(at) == 8
    assert mean == pytest.approx(3 * at)


INDICES = pd.DataFrame(
    {"input": ["trucks", "cranes"], "S1": [0.6, 0.1], "S1_conf": [0.1, 0.2], "ST": [0.7, 0.2], "ST_conf": [0.1, 0.2]}
)
EFFECTS = pd.DataFrame({"input": ["trucks", "cranes"], "mu_star": [30.0, 4.0], "mu_star_conf": [5.0, 6.0]})


@pytest.mark.parametrize(
    ("table", "bars", "axis"), [(INDICES, 4, "share of the variance"), (EFFECTS, 2, "effect in days")]
)
def test_indices_are_drawn_with_their_intervals_the_largest_on_top(table: pd.DataFrame, bars: int, axis: str) -> None:
    ax = plot_indices(table, "lead_time_full_days")
    assert len(ax.patches) == bars
    assert [label.get_text() for label in ax.get_yticklabels()] == ["cranes", "trucks"]
    assert ax.get_xlabel() == axis
    boxes = [bar.get_extents().transformed(ax.transData.inverted()) for bar in ax.patches]
    widest = max(boxes, key=lambda box: box.width)
    assert widest.width == pytest.approx(table["mu_star" if "mu_star" in table else "ST"].max())
    assert widest.y0 > 0.5
