"""Which inputs matter, on functions whose answer is known and on the tiny project."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import sim
from sim.cli import main
from sim.config.study import Input, Sensitivity, Study
from sim.report.figures.sensitivity import plot_low_high
from sim.study.analyses import sensitivity
from sim.study.analyses.design import InvalidStudy, StudyDesign, at_shares, read_study
from sim.study.analyses.sensitivity import AnalysisNotPossible, analyse
from sim.study.storage.sealed_files import from_bytes, to_bytes
from tests.tiny_project import TINY

POWER = "energization.units.first_week"


def design(inputs: dict[str, Input], **wanted: object) -> StudyDesign:
    """A study of the tiny project."""
    study = Study(
        schema_version=1, name="t", question="", configs=("tiny.yaml",), inputs=inputs, runs=2,
        sensitivity=Sensitivity(**wanted),  # type: ignore[arg-type]
    )  # fmt: skip
    return StudyDesign(study, (sim.load(TINY),), {})


ABC = {name: Input(paths=("logistics.cranes",), low=0, high=1) for name in "abc"}


def answers(found: StudyDesign) -> tuple[np.ndarray, np.ndarray]:
    """Shares of the design's points, and a linear answer 4a + 2b + 0c."""
    shares = sensitivity._unit_points(found)
    assert shares is not None
    return shares, 100 + shares @ np.array([4.0, 2.0, 0.0])


def test_morris_finds_the_slopes_of_a_plane() -> None:
    pytest.importorskip("SALib")
    plane = design(ABC, method="morris", size=6)
    shares, y = answers(plane)
    assert len(shares) == 6 * (3 + 1)
    table = sensitivity._indices(plane, shares, y).set_index("input")
    assert table["mu_star"].to_dict() == pytest.approx({"a": 4, "b": 2, "c": 0})
    assert table["sigma"].to_dict() == pytest.approx({"a": 0, "b": 0, "c": 0}, abs=1e-9)


def test_sobol_finds_the_shares_of_a_plane_with_intervals() -> None:
    pytest.importorskip("SALib")
    plane = design(ABC, method="sobol", size=256)
    shares, y = answers(plane)
    table = sensitivity._indices(plane, shares, y).set_index("input")
    for index in ("ST", "S1"):  # variances are as 16 : 4 : 0
        error = abs(table[index] - [0.8, 0.2, 0.0])
        assert (error <= np.maximum(1.6 * table[f"{index}_conf"], 0.01)).all(), table
    assert table.index[0] == "a"


def test_a_flat_answer_has_no_indices_to_divide_by() -> None:
    pytest.importorskip("SALib")
    plane = design(ABC, method="sobol", size=4)
    shares, _ = answers(plane)
    assert (sensitivity._indices(plane, shares, np.full(len(shares), 3.0))["ST"] == 0).all()


def test_sobol_needs_a_power_of_two() -> None:
    with pytest.raises(InvalidStudy, match="needs a power of two"):
        sensitivity._unit_points(design(ABC, method="sobol", size=10))


def test_a_point_without_a_number_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    found = design({"power": Input(paths=(POWER,), low=3, high=4)}, statistic="p80")
    points = sim.sweep(sim.load(TINY), {POWER: [3, 4]}, runs=2, workers=1)
    points.samples[1].runs["lead_time_full_days"][:] = np.inf
    with pytest.raises(AnalysisNotPossible, match="1 of 2 points have no p80"):
        sensitivity._explained_values(found, points)


def test_low_and_high_are_differences_to_the_configuration_as_it_is() -> None:
    inputs = {
        "cranes": Input(paths=("logistics.cranes",), low=1, high=2),
        "power": Input(paths=(POWER,), values=(3, 5)),
    }
    found = analyse(design(inputs, statistic="mean"), workers=1)
    assert found.table["input"].tolist() == ["power", "cranes"]  # the widest first
    power, base = found.table.iloc[0], 30.0  # the tiny project is done on day 30
    assert power["base"] == base
    assert power["high"] - power["low"] == 14
    assert power["low_setting"] == "3"
    ax = plot_low_high(found.table, "lead_time_full_days", "mean")
    assert [label.get_text() for label in ax.get_yticklabels()] == ["cranes", "power"]


def test_an_end_at_which_runs_never_finish_is_told_in_the_figure() -> None:
    """Was: `Axis limits cannot be NaN or Inf`, when everything had been run, so that nothing was kept of it."""
    inputs = {
        "power": Input(paths=(POWER,), low=3, high=5),
        "cranes": Input(paths=("logistics.cranes",), low=1, high=2),
    }
    table = analyse(design(inputs, statistic="mean"), workers=1).table
    at = table.index[table["input"] == "power"]
    for end in ("high", "high_low", "high_high"):
        table.loc[at, end] = np.inf
    ax = plot_low_high(table, "lead_time_full_days", "mean")
    assert np.isfinite(ax.get_xlim()).all()
    assert "not reached at 5" in {text.get_text() for text in ax.texts}
    table.loc[at, ["low", "low_low", "low_high"]] = 2.0, -40.0, 90.0
    ax = plot_low_high(table, "lead_time_full_days", "mean")
    (label,) = (text for text in ax.texts if text.get_text().startswith("+2 days at 3"))
    assert 90 < label.get_position()[0] < ax.get_xlim()[1]  # was out of the picture, where its interval is wide
    for end in ("low", "high"):  # at both ends, and of the configuration as it is
        table[[end, f"{end}_low", f"{end}_high"]] = np.nan
    assert np.isfinite(plot_low_high(table, "lead_time_full_days", "mean").get_xlim()).all()


def test_factors_are_said_as_factors() -> None:
    inputs = {"pace": Input(paths=("systems.electrical.factory.parts_weeks",), low=0.5, high=2, times=True)}
    found = analyse(design(inputs, statistic="mean"), workers=1)
    assert (found.table["low_setting"][0], found.table["high_setting"][0]) == ("× 0.5", "× 2")
    assert at_shares(inputs, [0.5]) == {"pace": 1.25}


def test_the_command_writes_table_and_figure(tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    file.write_text(
        f"schema_version: 1\nname: power\nquestion: Does power matter?\nconfigs: [{TINY.as_posix()}]\n"
        f"inputs: {{week: {{paths: [{POWER}], low: 3, high: 5}}}}\nruns: 2\nsensitivity: {{statistic: mean}}\n"
    )
    out = tmp_path / "out"
    done = CliRunner().invoke(main, ["sensitivity", str(file), "--workers", "1", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "week" in (out / "sensitivity.csv").read_text()
    assert (out / "figures" / "low_high.png").exists()
    assert read_study(file).study.sensitivity.statistic == "mean"


@pytest.mark.parametrize("command", ["sensitivity", "tune", "sweep"])
def test_inputs_may_be_dates_and_words(command: str, tmp_path: Path) -> None:
    file, out = tmp_path / "study.yaml", tmp_path / "out"
    file.write_text(
        f"schema_version: 1\nname: words\nquestion: Does the start matter?\nconfigs: [{TINY.as_posix()}]\nruns: 2\n"
        "tune: {fresh_runs: 2}\ninputs:\n  start: {paths: [scale.start_date], values: [2026-01-05, 2026-07-06]}\n"
    )
    done = CliRunner().invoke(main, [command, str(file), "--workers", "1", "--out", str(out)])
    assert done.exit_code == 0, done.output
    table = pd.read_parquet(out / f"{'trials' if command == 'tune' else 'points'}.parquet")
    assert {"2026-01-05", "2026-07-06"} <= set(table["start"])


def test_settings_of_several_types_are_kept_as_text() -> None:
    column = np.array([np.nan, 2, 2.5, "4 weeks"], dtype=object)
    kept = from_bytes(to_bytes({"week": column, "days": np.array([None, 1, 2.5], object).repeat(2)[:4]}), "a table")
    assert kept["week"].tolist() == [None, "2", "2.5", "4 weeks"]
    assert kept["days"].tolist()[2:] == [1, 1]
