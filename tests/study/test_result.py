from __future__ import annotations

import subprocess
import sys
from math import inf

import numpy as np
import pytest

from sim.errors import SimError
from sim.study.result import EVENT_COLUMNS, Result
from sim.study.runner import run
from sim.study.sample import COLUMNS, bands
from sim.study.storage.sealed_files import json_value, number
from tests.study.toy_case import DAYS, Toy


@pytest.fixture(scope="module")
def result() -> Result:
    return Result({"name": "toy"}, run(Toy(), seed=1, runs=200))


def test_runs_are_a_row_a_replication(result: Result) -> None:
    assert list(result.runs.columns) == ["replication", "status", *Toy().metrics]
    assert len(result.runs) == 200


def test_summary_is_a_row_a_metric(result: Result) -> None:
    table = result.summary()
    assert list(table.columns) == list(COLUMNS)
    assert list(table.index) == list(Toy().metrics)
    lead = np.sort(result.sample.runs["lead_time_full_days"])
    # binomial(200, 0.8): the 2.5 % and 97.5 % points are 149 and 171
    row = table.to_dict("index")["lead_time_full_days"]
    assert [row[name] for name in ("p50", "p80", "p80_low", "p80_high")] == lead[[99, 159, 148, 171]].tolist()
    assert row["mean"] == pytest.approx(lead.mean())


def test_a_curve_is_a_row_a_day(result: Result) -> None:
    curve = result.curve("mw_online")
    assert curve.index.tolist() == list(range(DAYS))
    ordered = curve[["p5", "p10", "p20", "p50", "p80", "p90", "p95"]].to_numpy()
    assert (np.diff(ordered, axis=1) >= 0).all()
    with pytest.raises(SimError, match="there are headcount, mw_online"):
        result.curve("mw_onlin")


def test_without_a_log_there_is_an_empty_table(result: Result) -> None:
    assert list(result.events.columns) == list(EVENT_COLUMNS)


def test_bands_of_a_known_sample() -> None:
    values = np.random.default_rng(1).permuted(np.tile(np.arange(1.0, 1001.0)[:, None], (1, 3)), axis=0)
    band = bands(values.astype(np.float32))
    for name, expected in {"p5": 50, "p50": 500, "p80": 800, "p95": 950, "mean": 500.5}.items():
        assert band[name].tolist() == [expected] * 3
    # binomial(1000, 0.5): 469 and 531
    assert (band["p50_low"][0], band["p50_high"][0]) == (469, 532)


@pytest.mark.parametrize("randomisations", [None, np.arange(60) // 20])
def test_days_that_are_as_the_day_before_have_the_bands_of_that_day(randomisations: np.ndarray | None) -> None:
    drawn = np.random.default_rng(3)
    still = drawn.normal(size=(60, 1)).cumsum(axis=1)
    curves = np.concatenate(
        [np.repeat(still, 30, axis=1), drawn.normal(size=(60, 9)), np.repeat(still, 40, axis=1)], axis=1
    )
    curves[7, 5] = np.nan
    together = bands(curves.astype(np.float32), randomisations)
    for day in range(curves.shape[1]):
        alone = bands(curves[:, day : day + 1].astype(np.float32), randomisations)
        assert all(np.array_equal(together[name][[day]], alone[name], equal_nan=True) for name in together), day


def test_what_json_cannot_say() -> None:
    said = json_value({"a": np.float64(inf), "b": (float("nan"), np.int64(3)), 4: [-inf]})
    assert said == {"a": "inf", "b": [None, 3], "4": ["-inf"]}
    assert number("inf") == inf
    assert np.isnan(number(None))


def test_importing_a_study_stays_light() -> None:
    script = (
        "import sys, sim.study.result, sim.study.runner, sim.study.compare, sim.study.analyses.baseline;"
        "print([m for m in ('pandas', 'scipy', 'pyarrow', 'matplotlib') if m in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
