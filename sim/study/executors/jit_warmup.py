"""Machine code made beforehand: on a new machine other processes compile it while this one plans.

The engine and the measuring take some ten seconds each, the planning of a large project as long. So each has a
process of its own, which leaves the code where numba keeps it, and here it is only loaded. Nothing depends on
these processes: what they have not left there is compiled when it is needed, as if they had never been.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pkgutil import iter_modules
from threading import Thread
from time import perf_counter
from typing import Any

from sim.engine.backends import COMPILED, Name, resolve_backend, select_backend

log = logging.getLogger(__name__)
COMPILING = "compiling the fast engine for this machine: once, for about fifteen seconds"
ENGINE, MEASURING = "engine", "measuring"


@contextmanager
def ready(engine: str) -> Iterator[Name]:
    """Tell which engine a name means; while the block is at something else, others compile what it lacks.

    Afterwards it is ready to be used. Whatever ends the block ends them.
    """
    by = resolve_backend(engine)
    with _helpers(_lacking() if by == COMPILED else []) as helpers:
        yield by
        for helper in helpers:
            helper.wait()
    select_backend(engine)


# --- this process ---------------------------------------------------------------------------------------------------


def _lacking() -> list[str]:
    """Return the parts whose machine code is not on this machine yet."""
    from sim.engine.numba_engine.kernel import run_kernel
    from sim.jit.toolkit import lacking

    measuring = [function for function, _ in _measuring()]
    parts = {ENGINE: [run_kernel], MEASURING: measuring}
    return [part for part, functions in parts.items() if any(lacking(function) for function in functions)]


@contextmanager
def _helpers(parts: list[str]) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Have a process for every part, for the time of a block; say on stderr what they do, and how long it took."""
    began, helpers = perf_counter(), [helper for part in parts if (helper := _helper(part))]
    if helpers:
        log.warning(COMPILING)
    try:
        yield helpers
    finally:
        for helper in helpers:
            helper.kill()
            helper.communicate()
    if helpers and not any(helper.returncode for helper in helpers):
        log.warning("the fast engine is ready after %.1f s", perf_counter() - began)


def _helper(part: str) -> subprocess.Popen[bytes] | None:
    """Start a process that compiles a part, and ends when its standard input does; None where none can be started."""
    silent = subprocess.DEVNULL
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, sys.path))}
    with suppress(OSError):
        return subprocess.Popen(  # noqa: S603 -- itself
            [sys.executable, "-m", __name__, part], env=environment, stdin=subprocess.PIPE, stdout=silent, stderr=silent
        )
    return None


# --- the other one --------------------------------------------------------------------------------------------------


def compile_part(part: str) -> None:
    """Compile one part, if the process that wants it lives so long."""
    Thread(target=_end_with_parent, daemon=True).start()
    MAKING[part]()


def _end_with_parent() -> None:
    """End this process as soon as nobody holds the other end of its standard input any more."""
    os.read(0, 1)
    os._exit(1)


def _make_engine() -> None:
    from sim.engine.numba_engine.simulate import ready

    ready()


def _make_measuring() -> None:
    from sim.jit.toolkit import make

    for function, types in _measuring():
        make(function, types)


MAKING: dict[str, Callable[[], None]] = {ENGINE: _make_engine, MEASURING: _make_measuring}


def _measuring() -> list[tuple[Any, str]]:
    """Return the outermost functions of measuring and of the weather, and their arguments."""
    from sim.jit.toolkit import stated
    from sim.metrics import kernels

    for module in (
        "sim.world.kernels",
        *(module.name for module in iter_modules(kernels.__path__, "sim.metrics.kernels.")),
    ):
        import_module(module)
    return stated


if __name__ == "__main__":
    compile_part(sys.argv[1])
