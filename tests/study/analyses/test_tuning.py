"""Choosing a design: on a made-up project whose best is known, and on the tiny project by command."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import sim
from sim.cli import main
from sim.config.study import Constraint, Input, Study, Tune
from sim.report.console import plain_text
from sim.report.study_tables import describe_tuning
from sim.study.analyses import tuning
from sim.study.analyses.design import InvalidStudy, StudyDesign
from sim.study.analyses.sweep import SweepSeries, run_series
from sim.study.analyses.tuning import excess, pareto, tune_design, value
from sim.study.chunk import Chunk, Columns
from sim.study.sample import Sample
from sim.study.storage.checkpoint import Changed
from tests.tiny_project import TINY

FINISH = "lead_time_full_days"
POWER = "energization.units.first_week"


def sample(**metrics: list[float]) -> Sample:
    """Replications with given metrics."""
    size = len(next(iter(metrics.values())))
    runs: Columns = {"replication": np.arange(size), "status": np.array(["ok"] * size, dtype=object)}
    return Sample(runs | {name: np.array(values) for name, values in metrics.items()}, {})


def design(inputs: dict[str, Input], wanted: Tune) -> StudyDesign:
    """A study of the tiny project."""
    study = Study(schema_version=1, name="t", question="", configs=("x",), inputs=inputs, runs=2, tune=wanted)
    return StudyDesign(study, (sim.load(TINY),), {})


def test_a_limit_is_kept_at_its_quantile() -> None:
    days = sample(finish=[1.0, 2.0, 3.0, 4.0, 100.0])
    assert excess(days, Constraint(metric="finish", probability=0.8, at_most=4)) == 0
    assert excess(days, Constraint(metric="finish", probability=0.81, at_most=50)) == 1
    assert value(days, "finish", "mean") == 22
    assert value(days, "finish", "p50") == 3


def test_a_run_without_a_number_is_never_good() -> None:
    stalled = sample(finish=[1.0, np.inf])
    assert excess(stalled, Constraint(metric="finish", probability=0.9, at_most=4)) == np.inf
    assert value(sample(finish=[1.0, np.nan]), "finish", "mean") == np.inf


def test_the_pareto_set_is_what_nothing_feasible_beats() -> None:
    points = np.array([[1.0, 5.0], [2.0, 3.0], [2.0, 4.0], [5.0, 1.0], [0.0, 0.0], [np.inf, 0.0]])
    feasible = np.array([True, True, True, True, False, True])
    assert pareto(points, feasible).tolist() == [True, True, False, True, False, False]


def test_few_designs_are_all_tried_and_the_best_runs_on_fresh_luck() -> None:
    wanted = Tune(metric="lead_time_first_mw_days", constraints=(Constraint(metric=FINISH, at_most=40),), fresh_runs=3)
    found = tune_design(design({"week": Input(paths=(POWER,), values=(3, 4, 5, 6))}, wanted), workers=1)
    assert found.manifest["every_design_tried"]
    assert found.trials["week"].tolist()[1:] == [3, 4, 5, 6]  # after the configuration as it is
    assert np.diff(found.trials["objective"].tolist()[1:]).tolist() == [7, 7, 7]
    assert np.isnan(found.best["week"])  # it has its power in week 2
    assert found.fresh["design"].tolist() == ["start", "best"]
    assert found.fresh["n"].tolist() == [3, 3]
    assert "Best: as configured" in plain_text(describe_tuning(found))


def test_without_a_design_that_keeps_the_limits_the_nearest_is_named() -> None:
    wanted = Tune(metric="peak_workforce_onsite", constraints=(Constraint(metric=FINISH, at_most=10),), fresh_runs=1)
    found = tune_design(design({"week": Input(paths=(POWER,), values=(4, 3))}, wanted), workers=1)
    assert not found.trials["feasible"].any()
    assert found.trials["missed"][found.trials["best"]].item() == found.trials["missed"].min()
    told = plain_text(describe_tuning(found))
    assert "No design keeps every limit" in told
    # the start finishes first: relaxing the one limit to its P80 is the least that helps
    reached = float(found.trials[f"p80_{FINISH}"].min())
    (one,) = found.relaxations()
    assert (dict(one.at_most), one.design) == ({FINISH: reached}, 0)
    told = " ".join(told.split())
    assert f"to {reached:,.0f} days (by {reached - 10:,.0f} days): the project as configured keeps every limit" in told
    assert "start: as configured" in told
    column, fresh = f"p80_{FINISH}", found.fresh.copy()
    for more, said in (
        (7.0, f" by the runs it was chosen by, and needs {reached + 7:,.0f} days on fresh"),
        (0.0, " then."),
    ):
        fresh[column] = reached + more  # what it was chosen by flatters: the number to relax to is that of fresh runs
        assert said in " ".join(plain_text(describe_tuning(replace(found, fresh=fresh))).split())
    assert found.trials["pareto"].any()  # of all designs, for none keeps the limit


def test_limits_that_no_relaxing_of_one_helps_are_relaxed_together() -> None:
    trials = pd.DataFrame(
        {"objective": [5.0, 4.0], "against": [1.0, 1.0], "p80_a": [12.0, 20.0], "p80_b": [7.0, 6.0], "missed": [3.0, 9.0],
         "feasible": [False, False], "pareto": [True, True], "best": [True, False]}
    )  # fmt: skip
    limits = [{"metric": name, "at_most": most, "probability": 0.8} for name, most in (("a", 10.0), ("b", 5.0))]
    both = tuning.TuningResult({"tune": {"constraints": limits}}, trials, trials)
    assert [(dict(one.at_most), one.design) for one in both.relaxations()] == [({"a": 12.0, "b": 7.0}, 0)]
    limits[1]["at_most"] = 6.5
    assert [(dict(one.at_most), one.design) for one in both.relaxations()] == [({"a": 20.0}, 1)]


def test_many_designs_are_chosen_towards_the_known_best(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("optuna")

    def bowl(tries: tuning._Evaluations, wanted: list[dict[str, float]]) -> None:
        """Idle capital is least at 7 cranes; the finish keeps its limit from 5 on."""
        for settings in wanted:
            cranes, slack = settings.get("cranes", 30), settings.get("slack", 5.0)
            key = tries.key(settings)
            if key not in tries.samples:
                tries.samples[key] = sample(idle=[(cranes - 7) ** 2 + slack] * 2, finish=[10.0 - cranes] * 2)
                tries.settings.append(settings)

    monkeypatch.setattr(tuning._Evaluations, "run", bowl)
    monkeypatch.setattr(tuning, "_require_metrics", lambda *_: None)
    monkeypatch.setattr(tuning, "_rerun_on_fresh_seeds", lambda *_: None)
    inputs = {
        "cranes": Input(paths=("logistics.cranes",), low=1, high=40),
        "slack": Input(paths=("procurement.float_weeks",), low=0, high=5),
    }
    limits = (Constraint(metric="finish", at_most=5),)
    wanted = Tune(metric="idle", against="finish", constraints=limits, trials=80)
    found = tune_design(design(inputs, wanted), workers=1)
    assert not found.manifest["every_design_tried"]
    assert abs(found.best["cranes"] - 7) <= 1
    assert found.best["slack"] < 2
    again = tune_design(design(inputs, wanted), workers=1)
    assert again.trials["objective"].tolist() == found.trials["objective"].tolist()


def test_a_metric_that_is_not_there_is_told() -> None:
    with pytest.raises(InvalidStudy, match="there is no metric 'happiness'"):
        tune_design(design({"week": Input(paths=(POWER,), low=3, high=4)}, Tune(metric="happiness")), workers=1)


def test_the_command_writes_trials_and_the_pareto_figure(tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    file.write_text(
        f"schema_version: 1\nname: power\nquestion: When?\nconfigs: [{TINY.as_posix()}]\nruns: 2\n"
        f"inputs: {{week: {{paths: [{POWER}], values: [2, 3]}}}}\n"
        f"tune: {{fresh_runs: 2, constraints: [{{metric: {FINISH}, at_most: 31}}]}}\n"
    )
    out = tmp_path / "out"
    done = CliRunner().invoke(main, ["tune", str(file), "--workers", "1", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "at most 31 days in 80 %" in done.output
    assert (out / "trials.csv").exists()
    assert (out / "figures" / "pareto.png").exists()


def test_an_interrupted_tuning_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = Tune(metric=FINISH, statistic="p50", trials=6, fresh_runs=2)
    asked = design({"week": Input(paths=(POWER,), values=(3, 4, 5, 6))}, wanted)
    whole, performed, tried = tune_design(asked, workers=1), run_series, 0

    def interrupted(*args: object) -> object:
        nonlocal tried
        tried += 1
        found = performed(*args)  # type: ignore[arg-type]
        if tried == 2:
            raise KeyboardInterrupt
        return found

    monkeypatch.setattr(tuning, "run_series", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tune_design(asked, workers=1, out=tmp_path / "tuned")
    assert len(list((tmp_path / "tuned.partial").glob("chunk-*"))) >= 2
    monkeypatch.setattr(tuning, "run_series", performed)
    seeds, replicate = [], SweepSeries.simulate_chunk

    def counted(case: SweepSeries, seed: int, first: int, count: int) -> Chunk:
        seeds.append(seed)
        return replicate(case, seed, first, count)

    monkeypatch.setattr(SweepSeries, "simulate_chunk", counted)
    again = tune_design(asked, workers=0, out=tmp_path / "tuned", resume=True)
    assert set(seeds) == {asked.study.seed + tuning.FRESH_SEED_OFFSET}  # no design is performed again
    assert again.trials.equals(whole.trials)
    assert again.fresh.equals(whole.fresh)
    assert not (tmp_path / "tuned.partial").exists()


def test_a_tuning_of_something_else_is_not_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    inputs = {"week": Input(paths=(POWER,), values=(3, 4))}
    with monkeypatch.context() as patched:
        patched.setattr(tuning, "_rerun_on_fresh_seeds", killed)
        with pytest.raises(KeyboardInterrupt):
            tune_design(design(inputs, Tune(metric=FINISH, fresh_runs=2)), workers=1, out=tmp_path / "tuned")
    with pytest.raises(Changed):
        tune_design(design(inputs, Tune(metric=FINISH, fresh_runs=3)), workers=1, out=tmp_path / "tuned", resume=True)
