"""A worker process and the pipe to it: how it is started, what it is sent, and how it came to its end.

Python hands a new process its data through a pipe that holds 64 KB, and keeps the reading end open meanwhile: a process
that is killed before it has read more leaves its parent waiting for ever. So a process is started with no more than an
end of a pipe of our own; what it needs follows through that, and writing to somebody who is gone is an error.

Where it is safe a process is forked: it then has its parent's modules, machine code and prepared case from its first
moment, in shared memory, where a new interpreter takes two seconds of processor time to come as far.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from multiprocessing import connection, get_context, parent_process, resource_tracker, spawn
from multiprocessing.context import ForkProcess, SpawnProcess
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import ForkingPickler
from types import ModuleType
from typing import Any, TypeVar
from weakref import WeakSet

from sim.errors import SimError
from sim.study.executors.interruption import signals_blocked

START_ATTEMPTS = 3
"""Workers in a row that may end while they start, before the run is given up or goes on without them."""
_JOIN_SECONDS = 5.0
_PR_SET_PDEATHSIG = 1
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""Numbers of glibc's `malloc.h`."""
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


class ForkedProcess(ForkProcess):
    """A copy of this process; what it is given it has without a pipe."""

    @staticmethod
    def _Popen(process_obj: BaseProcess) -> Any:  # noqa: N802 (multiprocessing calls it so)
        """Fork; Python warns of any other thread, and `can_fork` has looked at them one by one."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return ForkProcess._Popen(process_obj)  # noqa: SLF001 (the one hook there is)


HARMLESS_THREADS = frozenset({"WatchSignals", "_RefreshThread"})
"""Classes of threads beside which a process may fork: they hold no lock that a worker asks for (signals, rich's bar)."""


def can_fork() -> bool:
    """Return whether workers can be copies of this process: on Linux, where no thread may hold a lock for ever.

    A fork copies the calling thread alone; a lock that another one holds at that moment is never opened in the copy.
    """
    other_threads = [thread for thread in threading.enumerate() if thread is not threading.current_thread()]
    return sys.platform == "linux" and all(type(thread).__name__ in HARMLESS_THREADS for thread in other_threads)


_living: WeakSet[WorkerConnection] = WeakSet()


class WorkerLost(Exception):
    """A worker process has ended; the text says how."""


class WorkerConnection:
    """One worker process, and this end of the pipe to it."""

    def __init__(self, target: Callable[..., None], *args: Any, fork: bool = False) -> None:
        """Start a process that calls `target(pipe, *args)`; what is sent with it here is small, but to a forked one."""
        if not fork:
            _require_executable()
            resource_tracker.ensure_running()  # or it would be started with the first process, and let Ctrl-C through
        self.lost, self._unanswered = "", 0
        self.pipe, worker_end = get_context("spawn").Pipe()
        _living.add(self)
        if fork:
            self._process: BaseProcess = ForkedProcess(target=_forked, args=(target, worker_end, *args), daemon=True)
        else:
            self._process = WorkerProcess(target=target, args=(worker_end, *args), daemon=True)
        try:
            with signals_blocked():
                self._process.start()
        except BaseException as error:  # Ctrl-C, too, is delivered once the process has started
            self.close()
            if isinstance(error, OSError):
                raise cannot_start(str(error)) from error
            raise
        finally:
            worker_end.close()

    def send(self, message: bytes) -> None:
        """Send what `packed` has made, and wait until it is read; whether the worker is gone, `receive` says."""
        self._unanswered += 1
        try:
            self.pipe.send_bytes(message)
        except OSError:
            self._note_loss()

    def receive(self) -> Any:
        """Wait for what the worker sends. Raises WorkerLost."""
        if not self.lost:
            try:
                message = self.pipe.recv()
                self._unanswered -= 1
                return message
            except (EOFError, OSError):
                self._note_loss()
        raise WorkerLost(self.lost)

    @property
    def answers(self) -> bool:
        """Return whether it has answered all that it was sent, and is there: it may be asked for something else."""
        return not self.lost and self._unanswered <= 0

    def _note_loss(self) -> None:
        """Note how the process came to its end; its pipe is closed, so it has ended or is about to."""
        self._process.join(_JOIN_SECONDS)
        self.lost = _cause(self._process.exitcode)
        self.close()

    def close(self) -> None:
        """End the process, whatever it is at."""
        if self._process.pid is not None:
            self._process.kill()
            self._process.join(_JOIN_SECONDS)
        self.pipe.close()


@atexit.register
def _close_all() -> None:
    """End what nobody has ended: Python would ask with SIGTERM, which is not for workers, and wait."""
    for worker in list(_living):
        worker.close()


W = TypeVar("W", bound=WorkerConnection)
T = TypeVar("T")
Item = TypeVar("Item")


def answering(connections: Iterable[W]) -> list[W]:
    """Wait until some workers have sent something or are lost; return those."""
    waited_for = list(connections)
    if lost_workers := [worker for worker in waited_for if worker.lost]:
        return lost_workers
    ready_pipes = connection.wait([worker.pipe for worker in waited_for])
    return [worker for worker in waited_for if worker.pipe in ready_pipes]


def in_fork(work: Callable[..., T], *args: Any, nice: int = 0, fork: bool = True) -> Callable[[], T]:
    """Start a call in a fork of this process; return a function that waits for its result.

    `nice` lowers the priority of the fork. Without `fork`, where processes cannot be forked, or where the fork is lost, that
    function computes the result itself, in this process.
    """
    local_call = partial(work, *args)
    if not fork or not can_fork():
        return local_call
    return partial(_received, WorkerConnection(_send_result, local_call, nice, fork=True), local_call)


def in_two_halves(work: Callable[[Sequence[Item]], Iterable[T]], items: Sequence[Item], *, fork: bool) -> list[T]:
    """Return the results of a call on some items, in order; with `fork` another process works on the second half.

    A single item is worked on here, so that no call has nothing to do.
    """
    first_half_size = (len(items) + 1) // 2 if fork else len(items)
    other_half = in_fork(work, items[first_half_size:]) if first_half_size < len(items) else list
    return [*work(items[:first_half_size]), *other_half()]


def in_two_forks(
    work: Callable[[Sequence[Item]], Iterable[T]], items: Sequence[Item], *, fork: bool
) -> Callable[[], list[T]]:
    """Start a call on each half of some items in a fork; return a function that waits for the results, in order."""
    middle = (len(items) + 1) // 2 if fork else len(items)
    halves = [in_fork(work, half, fork=fork) for half in (items[:middle], items[middle:]) if len(half)]
    return lambda: [result for wait_for_half in halves for result in wait_for_half()]


def _received(worker: WorkerConnection, local_call: Callable[[], T]) -> T:
    """Return the result of a forked process; where it was lost, compute it in this process."""
    try:
        result: T = worker.receive()
    except WorkerLost:
        return local_call()
    finally:
        worker.close()
    return result


def packed(message: object) -> bytes:
    """Return a message as it goes through pipes; TypeError or AttributeError where it cannot be sent."""
    return bytes(ForkingPickler.dumps(message))


def unpacked(message: bytes) -> Any:
    """Return what `packed` has made of something, as it was."""
    return ForkingPickler.loads(message)


def cannot_start(cause: str) -> SimError:
    """Return the error for workers that end before they have begun."""
    return SimError(f"worker processes cannot start: {cause}; --workers 1 needs none")


def _require_executable() -> None:
    """Refuse an interpreter that cannot be executed: a process of it would only be seen to end."""
    executable = os.fsdecode(spawn.get_executable() or "python")
    if not os.access(executable, os.X_OK):
        raise cannot_start(f"{executable} may not be executed")


def _cause(code: int | None) -> str:
    """In words, how a process ended."""
    if code is None:
        return "without an answer"
    if code == -signal.SIGKILL:
        return "killed, by hand or because memory ran out"
    return f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended itself with code {code}"


# --- inside the process -----------------------------------------------------------------------------------------------


def _forked(target: Callable[..., None], pipe: connection.Connection, *args: Any) -> None:
    """Begin as a copy of the parent: let go of what is the parent's, and call `target(pipe, *args)`."""
    signal.set_wakeup_fd(-1)  # the parent's watch over its own signals
    for worker in list(_living):
        worker.pipe.close()  # a pipe whose other end is open here as well would never be seen to end
    gc.freeze()  # the collector writes into every object that it looks at, and memory that is written to is copied
    target(pipe, *args)


def _send_result(pipe: connection.Connection, work: Callable[[], object], nice: int) -> None:
    """Work something out for the parent."""
    begin_work()
    os.nice(nice)
    try:
        result = work()
    except Exception:  # noqa: BLE001 -- the parent does it again, where the error can be seen
        return
    with suppress(OSError):  # the parent has gone
        pipe.send(result)


def begin_work() -> None:
    """Leave Ctrl-C and SIGTERM to the parent, which both may reach at once, and make sure not to outlive it."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    keep_freed_memory()
    end_with_parent()
    threading.Thread(target=_watch_parent, daemon=True, name="watch parent").start()


def keep_freed_memory() -> None:
    """Have the C library (glibc) keep up to 16 MB of freed memory, and take arrays of less than 4 MB from it.

    Otherwise every replication returns the memory of its arrays to the operating system and fetches it again: 290 page
    faults, a tenth of its time. Those of a campus of 2 GW are larger: 32 MB kept would take its processes over 400 MB.
    """
    if sys.platform == "linux":
        with suppress(AttributeError, OSError):  # another C library has no such options
            libc = ctypes.CDLL(None)
            libc.mallopt(_M_MMAP_THRESHOLD, 4 << 20)
            libc.mallopt(_M_TRIM_THRESHOLD, 16 << 20)


def end_with_parent() -> None:
    """Have Linux end this process with its parent, however that ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _watch_parent() -> None:
    """End this process as soon as its parent has ended."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
