"""Whoever performs it, a study holds the same bytes; and where the engines part, it stops and says where."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.engine import backends as either
from sim.engine.backends import COMPILED, SIMPY, EnginesDiffer, Replication, WrongEngine, select_backend
from sim.jit import available
from sim.metrics import measure as measures
from sim.metrics.measure import measure
from sim.study import case as cases
from sim.study.api import load, run
from sim.study.case import Case, prepare_case
from sim.study.executors import process_pool
from sim.world.streams import choose_sampling
from tests.tiny_project import TINY, tiny

ROOT = Path(__file__).parents[3]
needs_numba = pytest.mark.skipif(not available(), reason="the compiled engine is an extra that is not installed")


@pytest.fixture(scope="module")
def block() -> Case:
    """One block with all its luck."""
    return prepare_case(load(ROOT / "configs" / "one_block.yaml").value)


def alike(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """The columns in which two tables differ, in any bit."""
    assert list(one) == list(other)
    return [name for name in one if one[name].tobytes() != other[name].tobytes()]


@needs_numba
@pytest.mark.parametrize("method", ["mc", "lhs", "sobol", "sobol-all"])
def test_both_engines_fill_a_chunk_with_the_same_bytes(block: Case, method: str) -> None:
    spread = replace(block, sampling=choose_sampling(method, 128))
    slow = spread.simulate_chunk(1, 3, 8)
    fast = replace(spread, engine=COMPILED).simulate_chunk(1, 3, 8)
    assert alike(slow.runs, fast.runs) == []
    assert alike(slow.curves, fast.curves) == []
    assert len(np.unique(slow.runs["lead_time_full_days"])) == 8


@needs_numba
def test_story_ledger_and_planned_run_are_those_of_the_reference(block: Case) -> None:
    fast = replace(block, engine=COMPILED)
    (one,), (other,) = (case.replications(1, 5, 1) for case in (block, fast))
    assert alike(block.event_table(one), fast.event_table(other)) == []
    assert alike(block.ledger(1, 5), fast.ledger(1, 5)) == []
    assert block.as_planned[0] == fast.as_planned[0]


@needs_numba
def test_a_run_says_who_performed_it_and_is_the_same_on_disk(tmp_path: Path) -> None:
    for engine in (SIMPY, COMPILED):
        result = run(tiny(), runs=5, workers=0, engine=engine, out=tmp_path / engine)
        assert result.manifest["engine"] == engine
    for table in ("runs", "curves", "events"):
        one, other = ((tmp_path / engine / f"{table}.parquet").read_bytes() for engine in (SIMPY, COMPILED))
        assert one == other


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A compiled engine that does one thing a minute late; returns the replications it has performed."""
    performed: list[int] = []

    def run_numba(*asked: Any) -> Iterator[Replication]:
        for done in either.run_numba(*asked):
            performed.append(done.replication)
            log = done.outcome.log.copy()
            log[len(log) // 2, 0] += 1
            yield replace(done, outcome=replace(done.outcome, log=log))

    monkeypatch.setattr(cases, "run_numba", run_numba)
    return performed


@needs_numba
def test_engines_that_part_stop_the_run_with_both_timelines(late: list[int]) -> None:
    with pytest.raises(EnginesDiffer, match="the engines part at minute") as stopped:
        run(tiny(), runs=50, workers=0, engine=COMPILED)
    assert stopped.value.exit_code == 1
    assert "\n  simpy:\n" in str(stopped.value)
    assert "\n  compiled:\n" in str(stopped.value)
    assert late == [0]


@needs_numba
def test_a_process_that_comes_later_checks_its_first_replication(late: list[int]) -> None:
    case = prepare_case(tiny(), engine=COMPILED)
    with pytest.raises(EnginesDiffer, match="replication 70: "):
        case.simulate_chunk(1, 70, 5)


@needs_numba
def test_the_first_replication_of_a_run_and_of_a_process_is_checked_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checked: list[int] = []
    monkeypatch.setattr(cases, "require_same", lambda plan, reference, twin: checked.append(twin.replication))
    case = prepare_case(tiny(), engine=COMPILED)
    for first in (40, 0, 50):
        case.simulate_chunk(1, first, 10)
    assert checked == [40, 0]


def test_an_engine_nobody_has_is_named() -> None:
    with pytest.raises(WrongEngine, match="there are auto, simpy, compiled") as refused:
        select_backend("fortran")
    assert refused.value.exit_code == 2


def without_numba(script: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a few lines on a machine where numba cannot be imported."""
    blocked = f"import sys; sys.modules['numba'] = None\n{script}"
    return subprocess.run(
        [sys.executable, "-c", blocked, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_without_numba_everything_works_with_simpy_and_says_so_once(tmp_path: Path) -> None:
    script = "import sim\nfor out in sys.argv[2:]: sim.run(sim.load(sys.argv[1]), runs=3, workers=1, out=out)"
    done = without_numba(script, str(TINY), str(tmp_path / "one"), str(tmp_path / "two"))
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("numba is not installed") == 1
    assert "extra fast" in done.stderr
    run(load(TINY), runs=3, workers=0, out=tmp_path / "here")
    first, *others = ((tmp_path / name / "runs.parquet").read_bytes() for name in ("here", "one", "two"))
    assert others == [first, first]


def test_asking_for_what_is_not_installed_is_wrong_input() -> None:
    done = without_numba("from sim.cli import main; main()", "run", str(TINY), "--runs", "1", "--engine", "compiled")
    assert done.returncode == 2
    assert done.stderr.strip().splitlines() == [
        "--engine compiled: numba is not installed; pip install numba, or this package with its extra fast"
    ]


@pytest.mark.parametrize("replication", range(3))
def test_metrics_do_not_depend_on_who_comes_first_within_a_minute(
    replication: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measures, "switched_on", lambda: False)  # that books are kept needs causes before effects
    case = prepare_case(
        load(ROOT / "configs" / "hybrid.yaml", ["scale.capacity_mw=25", "energization.units.count=2"]).value
    )
    (done,) = case.replications(1, replication, 1)
    log, unit_of = done.outcome.log, case.plan.unit_of
    expected = measure(case.metric_context, case.record(done))
    for seed in range(2):
        rank = np.random.default_rng(seed).permutation(len(case.plan.units))[unit_of[log[:, 1]]]
        mixed = log[np.lexsort((rank, log[:, 0]))]
        assert not np.array_equal(mixed, log)
        found = measure(case.metric_context, case.record(replace(done, outcome=replace(done.outcome, log=mixed))))
        assert found[0] == expected[0]
        assert alike(dict(found[1]), dict(expected[1])) == []


@needs_numba
def test_a_fork_beside_one_that_compares_does_not(block: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    fast = replace(block, engine=COMPILED)
    fast.make_ready(1)
    other = fast.without_comparison()
    assert other.kernel_plan is fast.kernel_plan  # nothing is worked out anew
    monkeypatch.setattr(cases, "run_simpy", lambda *_: pytest.fail("simulated with SimPy"))
    other.simulate_chunk(1, 1, 2)
    # the first of a run whoever has it, and whatever the fork that compares begins with
    for case, first in ((other, 0), (fast, 1)):
        with pytest.raises(pytest.fail.Exception):
            case.simulate_chunk(1, first, 2)


def test_forks_after_the_first_have_the_further_case(block: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []

    def start(inherited: Any, *, fork: bool) -> None:
        given.append(inherited)

    monkeypatch.setattr(process_pool, "CaseWorker", start)
    further = block.without_comparison()
    for fork in (True, False):
        monkeypatch.setattr(process_pool, "can_fork", lambda fork=fork: fork)
        source = process_pool.CaseSource(block, 1, further)
        for _ in range(3):
            source.worker()
    assert [case if case is None else case[0] for case in given] == [block, further, further, None, None, None]
