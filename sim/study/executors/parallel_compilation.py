"""The first run on a machine: two processes compile what every later run loads.

One compiles the engine and what plans crews, the other what draws weather and measures runs: about half of it each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection

from sim.config.load import load_as
from sim.config.project import Project
from sim.config.shipped import shipped
from sim.engine.backends import SIMPY
from sim.jit import available, gc_paused, load_numba
from sim.plan.plan_context import ResourcePlan
from sim.study.crew_planning.manning import manning
from sim.study.crew_planning.rehearsal import Rehearsal
from sim.study.executors.worker_process import WorkerConnection, WorkerLost, begin_work, can_fork

SMALL_PROJECT = "one_block"
"""A shipped project: kernels are compiled for types, and these are the same for every plan."""


@contextmanager
def parallel_compilation(engine: str, compile_metrics: Callable[[], None]) -> Iterator[None]:
    """Where nothing is compiled yet, have another process compile half of all kernels beside a `with` block.

    The block compiles the engine, the other process what `compile_metrics` calls.
    """
    helper = WorkerConnection(_work, compile_metrics, fork=True) if _is_nothing_compiled(engine) else None
    try:
        yield
        if helper is not None:
            _compile_crew_planning()
            with suppress(WorkerLost):  # then this process compiles the rest when it is needed
                helper.receive()
    finally:
        if helper is not None:
            helper.close()


def _is_nothing_compiled(engine: str) -> bool:
    """Return whether all kernels are to be compiled for this engine, and another process can do half of that."""
    if engine == SIMPY or not available() or not can_fork() or not shipped(SMALL_PROJECT):
        return False
    load_numba()
    from sim.jit import toolkit  # noqa: F401 (it finds the folder, and numba reads the switch as it is loaded)
    from sim.jit.cache import is_empty

    return is_empty()


def _compile_crew_planning() -> None:
    """Have numba compile what plans crews, where the crews of the block's own project were kept from an earlier command."""
    rehearsal = Rehearsal(load_as(Project, SMALL_PROJECT).value, ResourcePlan())
    manning(rehearsal, rehearsal.log), rehearsal.latest_for(rehearsal.finish)


@gc_paused()
def _work(pipe: Connection, compile_metrics: Callable[[], None]) -> None:
    """Compile in the helper, and say when it is done."""
    begin_work()
    compile_metrics()
    pipe.send(None)
