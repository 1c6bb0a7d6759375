"""Inside a worker process: it is sent its case once, runs chunks of it, and ends when its parent does.

Ctrl-C, and the polite request to end (SIGTERM) a batch system sends: both stop a run in one line.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import connection, parent_process
from multiprocessing.context import SpawnProcess
from multiprocessing.process import BaseProcess
from types import FrameType, ModuleType
from typing import Any

from sim.errors import SimError
from sim.study.chunk import CaseLike, Chunk, concatenated, failed, validated

# --- working ----------------------------------------------------------------------------------------------------------


_PR_SET_PDEATHSIG = 1
_main_hidden = threading.Lock()


class WorkerProcess(SpawnProcess):
    """A process that does not import its parent's main module, of which a worker needs nothing.

    Python's own would run a script once more in every worker, and a script without `if __name__ == "__main__"` would
    start workers there again; one that is typed in or piped has no file to import at all.
    """

    @staticmethod
    def _Popen(process_obj: BaseProcess) -> Any:  # noqa: N802 (multiprocessing calls it so)
        """Start the process while the main module is an empty one: what is sent is worked out from it."""
        with _main_hidden:
            main, sys.modules["__main__"] = sys.modules["__main__"], ModuleType("__main__")
            try:
                return SpawnProcess._Popen(process_obj)  # noqa: SLF001 (the one hook there is)
            finally:
                sys.modules["__main__"] = main


@dataclass(frozen=True)
class Outcome:
    """What a worker sends back: a chunk and how long it took, or the reason to end the whole study."""

    chunk: Chunk | None
    seconds: float
    refusal: SimError | None = None

    def get(self) -> Chunk:
        """The chunk, or the refusal raised."""
        if self.chunk is None:
            raise self.refusal or ValueError("neither a chunk nor a refusal")
        return self.chunk


_at_work: dict[str, tuple[CaseLike, int]] = {}


def initialize_worker(case: CaseLike, seed: int, started: ctypes.c_bool) -> None:
    """Take the case, leave Ctrl-C to the parent, make sure not to outlive it, and report for work."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent()
    _at_work["case"] = (case, seed)
    started.value = True


def die_with_parent() -> None:
    """Ask the kernel (Linux) to end this process with its parent; watch for it ourselves everywhere."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_watch_parent, daemon=True, name="watch parent").start()


def _watch_parent() -> None:
    """End this process as soon as its parent has ended."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def run_sent_chunk(first: int, count: int) -> Outcome:
    """Run a chunk of the case that was sent."""
    case, seed = _at_work["case"]
    return run_chunk(case, seed, range(first, first + count))


def run_chunk(case: CaseLike, seed: int, span: range) -> Outcome:
    """Run a chunk; a replication that raises becomes a failed row, wrong input ends the study."""
    began = time.perf_counter()
    try:
        chunk = _run_chunk(case, seed, span)
    except SimError as refusal:
        return Outcome(None, 0.0, refusal)
    return Outcome(chunk, time.perf_counter() - began)


def _run_chunk(case: CaseLike, seed: int, span: range) -> Chunk:
    """Run a chunk; if it raises, each replication of it alone to find which."""
    try:
        return validated(case.simulate_chunk(seed, span.start, len(span)), span, case)
    except SimError:
        raise
    except Exception as error:  # noqa: BLE001 -- whatever a model raises is a failed row, counted and shown
        if len(span) == 1:
            return failed(span, case.metrics, f"{type(error).__name__}: {error}")
    return concatenated([_run_chunk(case, seed, range(r, r + 1)) for r in span])


# --- interrupting -----------------------------------------------------------------------------------------------------


class Interrupted(SimError):
    """The person at the keyboard, or the system, ended the run; what was finished and kept is still there."""

    exit_code = 130


@contextmanager
def interruptible(message: str = "interrupted") -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the block as Interrupted, with `message` as its line."""
    before = _on_terminate()
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(message) from None
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)


def _on_terminate() -> signal.Handlers | None:
    """Treat SIGTERM like Ctrl-C unless the program around us has plans of its own for it."""
    if threading.current_thread() is not threading.main_thread():
        return None
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return None
    signal.signal(signal.SIGTERM, _raise)
    return signal.SIG_DFL


def _raise(_number: int, _frame: FrameType | None) -> None:
    """Do for SIGTERM what Python does for Ctrl-C."""
    raise KeyboardInterrupt


@contextmanager
def sigint_blocked() -> Iterator[None]:
    """Hold Ctrl-C back for a moment; a process started meanwhile never receives it (its parent decides)."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
