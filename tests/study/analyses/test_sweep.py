from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sim
from sim.errors import ConfigError, SimError
from sim.files import WrongPlace
from sim.jit import available
from sim.study import case
from sim.study.analyses.case_series import is_identical
from sim.study.analyses.design import InvalidStudy, at_shares, design_of_call, latin_hypercube, read_study, settings_of
from sim.study.analyses.sweep import Sweep, SweepSeries, identity, sweep_design, sweep_series
from sim.study.api import reusable_result
from sim.study.case import Case, prepare_case
from sim.study.executors.interruption import Interrupted
from sim.study.storage.checkpoint import Changed
from sim.study.storage.results import csv_bytes
from tests.tiny_project import TINY
from tests.world.weather.test_weather_files import epw

ROOT = Path(__file__).parents[3]
FINISH = "lead_time_full_days"
POWER = "energization.units.first_week"


def study(folder: Path, text: str) -> Path:
    """A study file over the tiny project."""
    path = folder / "study.yaml"
    path.write_text(f"schema_version: 1\nname: trial\nquestion: When?\nconfigs: [{TINY.as_posix()}]\n{text}")
    return path


def test_every_point_is_the_run_of_its_configuration_on_the_same_luck() -> None:
    luck = "commissioning.l4.fails=0.5"
    found = sim.sweep(sim.load(TINY, [luck]), {POWER: [3, 4]}, runs=6, seed=7, workers=1)
    assert found.runs[FINISH].nunique() > 2
    for week in (3, 4):
        alone = sim.run(sim.load(TINY, [luck, f"{POWER}={week}"]), runs=6, seed=7, workers=1)
        rows = found.runs[found.runs["first_week"] == week].reset_index(drop=True)
        pd.testing.assert_frame_equal(rows[alone.runs.columns], alone.runs)


def test_the_tiny_project_waits_for_its_power_a_week_longer() -> None:
    # its first unit is due on day 14, and everything after it is critical
    found = sim.sweep(sim.load(TINY), {POWER: [3, 4, 5]}, runs=2, workers=1)
    days = found.table(FINISH)[FINISH].to_numpy()
    assert np.diff(days).tolist() == [7, 7]
    assert (found.runs.groupby("point")[FINISH].nunique() == 1).all()


def test_a_grid_is_every_combination_and_a_two_way_table() -> None:
    inputs = {POWER: [3, 4], "logistics.fleets.*.trucks": [1, 2]}
    found = sim.sweep(sim.load(TINY), inputs, runs=1, workers=1)
    assert found.points[["first_week", "trucks"]].to_numpy().tolist() == [[3, 1], [3, 2], [4, 1], [4, 2]]
    grid = found.grid(FINISH, row="first_week", column="trucks")
    assert grid.shape == (2, 2)
    assert (grid.loc[4] - grid.loc[3] == 7).all()


def test_a_list_takes_the_kth_of_each() -> None:
    found = sim.sweep(sim.load(TINY), {POWER: [3, 4], "logistics.cranes": [2, 1]}, runs=1, workers=1, design="list")
    assert found.points[["first_week", "cranes"]].to_numpy().tolist() == [[3, 2], [4, 1]]


@pytest.mark.slow
def test_it_is_the_same_on_two_workers(tmp_path: Path) -> None:
    path = study(tmp_path, f"inputs: {{power: {{paths: [{POWER}], values: [3, 4, 5, 6]}}}}\nruns: 2\n")
    pd.testing.assert_frame_equal(sim.sweep(path, workers=2).runs, sim.sweep(path, workers=1).runs)


def test_it_goes_on_where_it_was_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"inputs: {{power: {{paths: [{POWER}], values: [3, 4, 5]}}}}\nruns: 2\n"
    path = study(tmp_path, text)
    whole = sim.sweep(path, workers=1)

    performed: list[int] = []
    replicate = SweepSeries.simulate_chunk

    def broken(self: SweepSeries, seed: int, first: int, count: int) -> object:
        if len(performed) == 2:
            raise KeyboardInterrupt
        performed.append(first)
        return replicate(self, seed, first, count)

    monkeypatch.setattr(SweepSeries, "simulate_chunk", broken)
    with pytest.raises(Interrupted, match="--resume goes on"):
        sim.sweep(path, workers=1, out=tmp_path / "out")
    assert performed == [0, 2]

    def noted(self: SweepSeries, seed: int, first: int, count: int) -> object:
        performed.append(first)
        return replicate(self, seed, first, count)

    monkeypatch.setattr(SweepSeries, "simulate_chunk", noted)
    found = sim.sweep(path, workers=1, out=tmp_path / "out", resume=True)
    assert performed == [0, 2, 4]
    pd.testing.assert_frame_equal(found.runs, whole.runs)


def test_it_is_written_tidy_and_read_back(tmp_path: Path) -> None:
    found = sim.sweep(sim.load(TINY), {POWER: [3, 4]}, runs=2, workers=1, out=tmp_path / "out")
    back = Sweep.load(tmp_path / "out")
    pd.testing.assert_frame_equal(back.runs, found.runs, check_dtype=False)
    pd.testing.assert_frame_equal(back.summary(), found.summary(), check_dtype=False)
    assert back.differences()["mean"].tolist() == found.differences()["mean"].tolist()
    table = pd.read_csv(tmp_path / "out" / "runs.csv")
    assert table.groupby("first_week")[FINISH].count().tolist() == [2, 2]
    assert pd.read_parquet(tmp_path / "out" / "summary.parquet")["metric"].nunique() > 20


def test_it_never_replaces_what_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    with pytest.raises(WrongPlace, match="choose another directory"):
        sim.sweep(sim.load(TINY), {POWER: [3]}, runs=1, workers=1, out=tmp_path / "out")
    assert (tmp_path / "out" / "thesis.txt").read_text() == "mine"


def test_a_point_that_cannot_be_run_is_a_row_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = SweepSeries.case

    def second_fails(self: SweepSeries, point: int) -> object:
        if point == 1:
            raise SimError("crews cannot be sized")
        return prepared(self, point)

    monkeypatch.setattr(SweepSeries, "case", second_fails)
    found = sim.sweep(sim.load(TINY), {POWER: [3, 4]}, runs=2, workers=1)
    assert found.runs["status"].tolist() == ["ok", "ok", "failed", "failed"]
    assert found.points["note"].tolist() == ["", "crews cannot be sized"]
    assert np.isnan(found.table(FINISH)[FINISH].to_numpy()[1])


def test_a_replication_that_cannot_be_performed_is_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    replicate = Case.simulate_chunk

    def third_fails(self: Case, seed: int, first: int, count: int) -> object:
        if first <= 2 < first + count:
            raise SimError("a lift longer than any window")
        return replicate(self, seed, first, count)

    monkeypatch.setattr(Case, "simulate_chunk", third_fails)
    found = sim.sweep(sim.load(TINY), {POWER: [3]}, runs=4, workers=1)
    assert found.runs["status"].tolist() == ["ok", "ok", "failed", "ok"]
    assert found.samples[0].notes == {2: "a lift longer than any window"}


def test_several_configurations_are_one_more_column(tmp_path: Path) -> None:
    text = TINY.read_text().replace("name: tiny", "name: other").replace("../../configs", (ROOT / "configs").as_posix())
    base = tmp_path / "configs"
    base.mkdir()
    (base / "base.yaml").write_text((ROOT / "configs" / "base.yaml").read_text())
    (base / "other.yaml").write_text(text.replace((ROOT / "configs" / "base.yaml").as_posix(), "base.yaml"))
    path = study(tmp_path, f"set: {{{POWER}: 3}}\nruns: 1\n")
    path.write_text(path.read_text().replace("configs: [", "configs: [configs/other.yaml, "))
    found = sim.sweep(path, workers=1)
    assert found.inputs == ["config"]
    assert found.points["config"].tolist() == ["other", "tiny"]
    assert found.table(FINISH)[FINISH].nunique() == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("inputs: {x: {paths: [logistics.crane], values: [1]}}", r"study.yaml:5: logistics.crane: .*mean cranes"),
        ("inputs:\n  x: {paths: [logistics.cranes], values: [0]}", r"study.yaml:6: logistics.cranes: 0 given"),
        ("set: {logistics.cranes: -1}", r"study.yaml:5: logistics.cranes: -1 given"),
        ("inputs: {x: {paths: [logistics.cranes]}}", r"study.yaml:5: inputs.x: give either `values`"),
        ("inputs: {x: {paths: [a], low: 3, high: 2}}", r"inputs.x.high: 2 given, more than `low`, 3 expected"),
        ("runz: 3", r"study.yaml:5: runz: is not a known key \(did you mean runs\?\)"),
        (
            "design: list\ninputs: {a: {paths: [b], values: [1]}, c: {paths: [d], values: [1, 2]}}",
            r"lists of one length",
        ),
    ],
)
def test_a_mistake_is_told_at_its_line(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        sim.sweep(study(tmp_path, f"{text}\n"), runs=1, workers=1)


def test_a_configuration_that_is_not_there_is_told(tmp_path: Path) -> None:
    path = study(tmp_path, "")
    path.write_text(path.read_text().replace("tiny.yaml", "teeny.yaml"))
    with pytest.raises(
        ConfigError,
        match=r"study.yaml:4: configs.0: .*teeny.yaml\" given, a file that exists, or the name of a shipped project expected",
    ):
        read_study(path)


def test_a_grid_asks_for_values(tmp_path: Path) -> None:
    path = study(tmp_path, "inputs: {x: {paths: [logistics.cranes], low: 1, high: 3}}\n")
    with pytest.raises(InvalidStudy, match=r"study.yaml:\d+: inputs.x: a grid needs `values` for x"):
        sweep_design(read_study(path), workers=1)


def test_a_wrong_path_is_told_beside_the_values_that_a_grid_needs(tmp_path: Path) -> None:
    path = study(tmp_path, "inputs: {x: {paths: [logistics.crane], low: 1, high: 3}}\n")
    with pytest.raises(InvalidStudy, match=r"(?s)logistics.*did you mean cranes.*a grid needs `values` for x"):
        sweep_design(read_study(path), workers=1)


def test_a_sampled_design_is_a_latin_hypercube(tmp_path: Path) -> None:
    text = "design: sampled\npoints: 8\ninputs: {x: {paths: [logistics.cranes], low: 1, high: 9}}\n"
    found = read_study(study(tmp_path, text))
    settings = sorted(float(chosen["x"]) for chosen in settings_of(found.study))
    assert [int(value) for value in settings] == list(range(1, 9))  # one in each eighth
    assert isinstance(found.point(0, {"x": 2.6}).changes["logistics.cranes"], int)
    unit = latin_hypercube(16, 3, seed=4)
    assert (np.sort(np.floor(unit * 16), axis=0) == np.arange(16)[:, None]).all()


def test_shares_fall_on_ranges_and_lists(tmp_path: Path) -> None:
    text = "inputs: {a: {paths: [x], low: 10, high: 20}, b: {paths: [y], values: [p, q]}}\n"
    inputs = read_study(study(tmp_path, text)).study.inputs
    assert at_shares(inputs, [0.25, 0.99]) == {"a": 12.5, "b": "q"}


def test_a_text_never_becomes_a_formula() -> None:
    table = pd.DataFrame({"=evil": ["=1+1", "@x", "fine"], "n": [-1.0, 2.0, 3.0]})
    assert csv_bytes(table).decode().splitlines() == ["'=evil,n", "'=1+1,-1.0", "'@x,2.0", "fine,3.0"]


@pytest.mark.skipif(not available(), reason="the compiled engine is not installed")
def test_points_that_differ_in_money_alone_share_their_plan_and_are_the_same_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared: list[int] = []
    monkeypatch.setattr(case, "require_same", lambda *of: compared.append(of[2].replication))
    rates = {POWER: [3, 4], "money.cost_of_capital": [5, 7]}
    found = sim.sweep(sim.load(TINY), rates, runs=4, seed=7, workers=1)
    assert compared == [0, 0]  # once a plan
    for point, (rate, week) in enumerate((rate, week) for week in (3, 4) for rate in (5, 7)):
        alone = sim.run(sim.load(TINY, [f"money.cost_of_capital={rate}", f"{POWER}={week}"]), runs=4, seed=7, workers=1)
        for metric, values in found.samples[point].runs.items():
            assert np.array_equal(values, alone.sample.runs[metric]), (rate, week, metric)


def test_alike_looks_into_arrays_and_dataclasses() -> None:
    one, other = (prepare_case(sim.load(TINY), engine="simpy").plan for _ in range(2))
    assert is_identical(one, other)
    assert not is_identical(one, replace(one, initial=one.initial + 1))
    assert not is_identical(one, replace(one, inputs=replace(one.inputs, mean=one.inputs.mean * 2)))
    assert not is_identical(one, replace(one, units=one.units[:-1]))


def test_neither_a_sweep_nor_a_result_is_gone_on_with_under_other_weather(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text((ROOT / "configs" / "base.yaml").read_text())
    (tmp_path / "windy.yaml").write_text(TINY.read_text().replace("../../configs/base.yaml", "base.yaml"))
    file, calm = tmp_path / "site.epw", "\n".join(epw()) + "\n"
    file.write_text(calm)
    windy = sim.load(tmp_path / "windy.yaml", ["weather={kind: file, file: site.epw}"])
    points, design = {POWER: [3, 4]}, design_of_call(windy, {POWER: [3, 4]}, runs=1, seed=1)
    result = sim.run(windy, runs=2, seed=1, workers=1, out=tmp_path / "result")
    assert reusable_result(tmp_path / "result", windy, runs=2, seed=1) is not None
    series = sweep_series(design, design.all_points(design.settings()), 1)
    before = identity(series, 1)

    def interrupted(*_: object) -> object:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(SweepSeries, "simulate_chunk", interrupted)
        with pytest.raises(Interrupted):
            sim.sweep(windy, points, runs=1, workers=1, out=tmp_path / "out")
    file.write_text(calm.replace("0.1,", "21,"))
    assert reusable_result(tmp_path / "result", windy, runs=2, seed=1) is None
    assert identity(series, 1) != before
    with pytest.raises(Changed, match=r"weather_files\.tiny\.site\.epw"):
        sim.sweep(windy, points, runs=1, workers=1, out=tmp_path / "out", resume=True)
    file.write_text(calm)
    assert identity(series, 1) == before
    manifest = {key: value for key, value in result.manifest.items() if key != "weather_file"}
    replace(result, manifest=manifest).save(tmp_path / "older")
    assert reusable_result(tmp_path / "older", windy, runs=2, seed=1) is None


def test_weather_files_that_only_points_name_are_known_too(tmp_path: Path) -> None:
    path = study(
        tmp_path, "inputs: {site: {paths: [weather.file], values: [a.epw, b.epw]}}\nset: {weather.kind: file}\n"
    )
    design = read_study(path)
    assert design.weather_files() == {"tiny": {"a.epw": "", "b.epw": ""}}
