"""Measured by machine code, every metric and every curve is the same to the bit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sim.engine.backends import COMPILED
from sim.jit import available, by_machine, door
from sim.metrics import kernels as compiled
from sim.metrics.conservation import SWITCH
from sim.metrics.critical_chain import DrivingChain
from sim.metrics.measure import measure
from sim.metrics.record import GROUP_BITS, Index, Record
from sim.plan.compile import MODES
from sim.study.api import load
from sim.study.case import Case, prepare
from tests.engine.random_plans import random_plan
from tests.engine.small_plans import Told, told
from tests.tiny_project import tiny_case

if not available():
    pytest.skip("numba is an extra that is not installed", allow_module_level=True)

from numba.core import sigutils

from sim.jit import toolkit as jit
from sim.metrics.kernels import critical_chain as walking
from sim.metrics.kernels import log as reading
from sim.metrics.kernels import log as weather

TERMS = (
    "money.finance.draw=equity_first",
    "money.business.minimum_cluster_blocks=3",
    "money.damages={promised_days: 20, usd_per_mw_day: 1000, cap_usd: 5000000, long_stop_days: 60}",
)


JIT_AND_TYPES = {"from sim.jit.toolkit"}


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv(SWITCH, raising=False)  # half a log conserves nothing
    with door(by_machine()):
        yield


def require_same(case: Case, records: list[Record]) -> None:
    """Measure runs both ways, and expect the same bits."""
    for given in records:
        twins = []
        for opened in (False, True):
            with door(opened):
                assert by_machine() == opened
                yard = case.metric_context
                fresh = Record.of(yard.index, given.log, given.content, given.calendars, given.factors)
                twins.append(measure(yard, fresh))
        (slow, slow_curves), (fast, fast_curves) = twins
        assert list(slow) == list(fast)
        assert {name for name in slow if not np.array_equal(slow[name], fast[name], equal_nan=True)} == set()
        assert list(slow_curves) == list(fast_curves)
        assert {name for name, line in slow_curves.items() if not np.array_equal(line, fast_curves[name])} == set()


def runs(case: Case, count: int) -> list[Record]:
    """Replications as they are measured, and each as it would be had it stopped somewhere on the way."""
    found = []
    for done in case.replications(1, 0, count):
        log = done.outcome.log
        rows = (len(log), (done.replication * 131) % len(log))
        logs = (log[:count].copy() for count in rows)
        index = case.metric_context.index
        found += [Record.of(index, log, done.content, done.hours, done.factors) for log in logs]
    return found


@pytest.mark.parametrize("overrides", [(), TERMS, ("systems.electrical.scope=site",)])
def test_a_small_project_is_measured_alike(overrides: tuple[str, ...]) -> None:
    case = tiny_case(*overrides)
    require_same(case, runs(case, 20))


def test_a_block_with_everything_on_is_measured_alike() -> None:
    case = prepare(load("configs/one_block.yaml"))
    require_same(case, runs(case, 10))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["hybrid", "stick_built", "modular", "incremental_hybrid", "horizon_2gw"])
def test_a_shipped_project_is_measured_alike(name: str) -> None:
    case = prepare(load(f"configs/{name}.yaml"))
    require_same(case, runs(case, 3 if name == "horizon_2gw" else 10))


def chain_of(outcome: Told) -> DrivingChain:
    plan = outcome.compiled
    return DrivingChain(Record.of(Index.of(plan), outcome.outcome.log, outcome.luck.content, plan.base_calendars))


def test_the_chains_of_random_plans_are_the_same() -> None:
    finished = 0
    for seed in range(200):
        chain = chain_of(told(random_plan(seed, units=6, passages=5, sound=True)))
        found = []
        for opened in (False, True):
            with door(opened):
                found.append(chain.days())
        np.testing.assert_equal(found[1], found[0])
        finished += bool(chain.segments)
    assert finished > 40


def test_machine_code_has_all_its_pieces_in_its_own_file() -> None:
    """Numba would not notice a change in another one, and use what was there before."""
    for path in sorted(Path(compiled.__file__).parent.glob("*.py")):
        source = path.read_text(encoding="utf-8")
        if "@whole" in source:
            taken = [line for line in source.splitlines() if line.startswith("from sim")]
            assert {line.partition(" import ")[0] for line in taken} <= JIT_AND_TYPES, path.name


def test_what_two_files_say_of_the_same_arrays_is_the_same() -> None:
    words = ("BEGUN", "DONE", "LOST", "NOTED")
    assert [getattr(walking, word) for word in words] == [getattr(weather, word) for word in words]
    assert (walking.CALENDAR_OF, walking.MODE_OF) == (weather.CALENDAR, weather.MODE)
    assert {"pausing": weather.PAUSING, "whole": weather.WHOLE}.items() <= MODES.items()
    assert reading.UNIT == GROUP_BITS


def test_arguments_are_stated_as_they_are() -> None:
    """Code that is compiled beforehand for other arguments would be compiled once more when it is needed."""
    case = replace(prepare(load("configs/one_block.yaml", [TERMS[2]])), engine=COMPILED)
    case.replicate(1, 0, 2)
    called = 0
    for function, types in jit.stated:
        expected, _ = sigutils.normalize_signature(f"({types},)")
        assert set(function.signatures) <= {expected}, function.py_func.__name__
        called += bool(function.signatures)
    assert called > len(jit.stated) / 2
