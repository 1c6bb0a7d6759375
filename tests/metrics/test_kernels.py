"""Measured by machine code, every metric and every curve is the same to the bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sim.jit import available
from sim.metrics.conservation import SWITCH
from sim.metrics.critical_chain import DrivingChain, chain_summary
from sim.metrics.event_log import PlanIndex, Record
from sim.metrics.kernels import interface
from sim.metrics.measure import kernels_for, measure
from sim.plan.compiled_plan import MODES
from sim.study.api import load
from sim.study.case import Case, prepare_case
from tests.engine.random_plans import random_plan
from tests.engine.small_plans import Told, told
from tests.tiny_project import tiny_case

if not available():
    pytest.skip("numba is an extra that is not installed", allow_module_level=True)

TERMS = (
    "money.finance.draw=equity_first",
    "money.business.minimum_cluster_blocks=3",
    "money.damages={promised_days: 20, usd_per_mw_day: 1000, cap_usd: 5000000, long_stop_days: 60}",
)


KERNELS = tuple(kernels_for(use_numba=use_numba) for use_numba in (False, True))


@pytest.fixture(autouse=True)
def _unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SWITCH, raising=False)  # half a log conserves nothing


def require_same(case: Case, records: list[Record]) -> None:
    """Measure runs both ways, and expect the same bits."""
    for given in records:
        twins, chains = [], []
        for kernels in KERNELS:
            context = replace(case.metric_context, kernels=kernels)
            record = context.record(given.log, given.content, given.calendars, given.factors)
            twins.append(measure(context, record))
            chains.append(chain_summary(record))
        (slow, slow_curves), (fast, fast_curves) = twins
        assert chains[0].minutes == chains[1].minutes
        assert set(chains[0].steps.tolist()) == set(chains[1].steps.tolist())
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
        plan_index = case.metric_context.plan_index
        found += [Record.of(plan_index, log, done.content, done.calendars, done.factors) for log in logs]
    return found


@pytest.mark.parametrize("overrides", [(), TERMS, ("systems.electrical.scope=site",)])
def test_a_small_project_is_measured_alike(overrides: tuple[str, ...]) -> None:
    case = tiny_case(*overrides)
    require_same(case, runs(case, 20))


def test_a_block_with_everything_on_is_measured_alike() -> None:
    case = prepare_case(load("configs/one_block.yaml"))
    require_same(case, runs(case, 10))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["hybrid", "stick_built", "modular", "incremental_hybrid", "horizon_2gw"])
def test_a_shipped_project_is_measured_alike(name: str) -> None:
    case = prepare_case(load(f"configs/{name}.yaml"))
    require_same(case, runs(case, 3 if name == "horizon_2gw" else 10))


def chain_of(outcome: Told) -> DrivingChain:
    plan = outcome.compiled
    return DrivingChain(Record.of(PlanIndex.of(plan), outcome.outcome.log, outcome.draws.content, plan.base_calendars))


def test_the_chains_of_random_plans_are_the_same() -> None:
    finished = 0
    for seed in range(200):
        chain = chain_of(told(random_plan(seed, units=6, passages=5, sound=True)))
        found = [DrivingChain(replace(chain.record, kernels=kernels)).days() for kernels in KERNELS]
        np.testing.assert_equal(found[1], found[0])
        finished += bool(chain.segments)
    assert finished > 40


def test_modes_are_those_of_the_plan() -> None:
    assert {"pausing": interface.PAUSING, "whole": interface.WHOLE}.items() <= MODES.items()


def test_both_scans_of_a_log_find_the_same() -> None:
    case = tiny_case()
    for given in runs(case, 5):
        slow, fast = (kernels.scan_log(given.log, given.plan_index.step_groups) for kernels in KERNELS)
        for name in slow._fields:
            np.testing.assert_array_equal(getattr(slow, name), getattr(fast, name), err_msg=name)


@pytest.mark.parametrize("latest", [1, 3000, 2**20, 2**31, 2**32, 2**45, 2**62])
@pytest.mark.parametrize("first", [0, -5])
def test_minutes_of_any_size_are_ordered_stably(latest: int, first: int) -> None:
    minutes = np.random.Generator(np.random.Philox(3)).integers(first, latest, 2000, endpoint=True)
    minutes[::3] = minutes[0]  # many alike keep their order
    slow, fast = KERNELS
    assert np.array_equal(fast.stable_order(minutes), slow.stable_order(minutes))
    assert np.array_equal(fast.stable_order(-1 - minutes), slow.stable_order(-1 - minutes))
    assert len(fast.stable_order(minutes[:0])) == 0
