"""The compiled engine as others use it: found without being loaded, one machine code for all plans, in threads."""

from __future__ import annotations

import subprocess
import sys
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import sleep
from typing import Any

import numpy as np
import pytest

from sim import jit as machine
from sim.engine.numba_engine import kernel
from sim.engine.numba_engine import simulate as performing
from sim.engine.numba_engine.simulate import load_kernel, simulate_many
from sim.jit import gc_paused
from sim.plan.compile import compile_plan
from tests.engine.numba_engine.any_plans import any_plan
from tests.engine.numba_engine.both import KernelPlan, simulate

ROOT = Path(__file__).parents[3]


def test_asking_whether_it_is_there_does_not_load_it() -> None:
    asked = "import sys; from sim import jit; assert jit.available(); print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_it_is_not_there_without_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "find_spec", lambda _: None)
    assert not machine.available()


def test_threads_do_not_disturb_each_other() -> None:
    plan = compile_plan(any_plan(7, 30, 6, sound=True))
    prepared = KernelPlan(plan)

    def logs(first: int) -> list[np.ndarray[Any, Any]]:
        return [done.log for done in simulate_many(prepared, 1, first, 40, lambda _: plan.base_calendars)]

    alone = [logs(first) for first in (0, 40, 80, 120)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(logs, (0, 40, 80, 120)))
    for one, other in zip(alone, together, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_a_plan_is_freed_as_soon_as_nobody_needs_it() -> None:
    plan = compile_plan(any_plan(7, 30, 6, sound=True))
    prepared = KernelPlan(plan)
    list(simulate_many(prepared, 1, 0, 2, lambda _: plan.base_calendars))
    freed = weakref.ref(prepared)
    with gc_paused():  # as while crews are planned: only what no cycle holds is freed then
        del prepared
        assert freed() is None


def test_the_draws_of_a_seed_are_made_ready_once() -> None:
    prepared = KernelPlan(compile_plan(any_plan(7, 30, 6, sound=True)))
    first = prepared.draw_tables(1)
    assert prepared.draw_tables(1) is first
    for seed in range(2, 9):
        assert prepared.draw_tables(seed).seed == seed
    assert prepared.draw_tables(1) is not first  # the latest are kept, so that a study of many seeds keeps few


def test_all_plans_share_one_machine_code() -> None:
    for seed in range(5):
        plan = compile_plan(any_plan(seed, 3, 3, sound=True))
        simulate(KernelPlan(plan), 0, 0, plan.base_calendars)
    whole: Any = kernel.run_kernel
    assert len(whole.signatures) == 1


def test_getting_ready_is_announced_only_if_it_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    load_kernel(told.append)
    told.clear()
    assert load_kernel(told.append) < 1
    assert told == []
    monkeypatch.setattr(performing, "LOAD_SECONDS", 0.0)
    monkeypatch.setattr(performing, "simulate_given", lambda *_: sleep(0.2))
    load_kernel(told.append)
    assert told == [performing.COMPILING]
