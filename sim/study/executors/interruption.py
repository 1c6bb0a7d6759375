"""Ctrl-C, and the polite request to end (SIGTERM) a batch system sends: both stop a command in one line, and soon.

Python runs a signal's handler between two of its own instructions, so a long call into a library would hold Ctrl-C up
for as long as it takes. `ends_soon` notices the signal in a thread and ends the process itself where the main thread
does not: workers end with their parent, and what is written appears whole or not at all.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from sim.errors import SimError

GRACE_SECONDS = 4.0
"""Seconds after Ctrl-C or SIGTERM in which the program may end by itself."""
RESEND_SECONDS = 0.02
"""Seconds after which a signal is sent once more that came where Python passes no exception on."""
_SIGNALS = frozenset({int(signal.SIGINT), int(signal.SIGTERM)})


class Interrupted(SimError):
    """The person at the keyboard ended the run; what was finished and kept is still there."""

    exit_code = 128 + signal.SIGINT


class Terminated(Interrupted):
    """The system ended the run (SIGTERM); what was finished and kept is still there."""

    exit_code = 128 + signal.SIGTERM


class TerminationRequest(KeyboardInterrupt):
    """What SIGTERM raises, as Python raises KeyboardInterrupt for Ctrl-C."""


@contextmanager
def interruptible(message: str = "interrupted") -> Iterator[None]:
    """Raise Interrupted where Ctrl-C ends the block, and Terminated where SIGTERM does, with `message` as their text."""
    previous_handler = _on_terminate()
    try:
        yield
    except TerminationRequest:
        raise Terminated(message) from None
    except KeyboardInterrupt:
        raise Interrupted(message) from None
    finally:
        if previous_handler is not None:
            signal.signal(signal.SIGTERM, previous_handler)


def _on_terminate() -> signal.Handlers | None:
    """Handle SIGTERM like Ctrl-C; return the handler before, None where another one than the default stays."""
    if threading.current_thread() is not threading.main_thread():
        return None
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return None
    signal.signal(signal.SIGTERM, _raise)
    return signal.SIG_DFL


def _raise(_number: int, _frame: FrameType | None) -> None:
    """Do for SIGTERM what Python does for Ctrl-C."""
    raise TerminationRequest


class WatchSignals(threading.Thread):
    """The thread that waits for signals; it holds no lock, so a process may fork beside it."""


@contextmanager
def ends_soon(patience: float = GRACE_SECONDS) -> Iterator[None]:
    """End the process `patience` seconds after Ctrl-C or SIGTERM if the block has not ended by then; main thread only.

    Whatever error the block ends in after such a signal is Interrupted: some libraries make one of their own of the exception
    that Python raises (pydantic does, where it calls a function of ours).
    """
    if os.name != "posix" or threading.current_thread() is not threading.main_thread():
        yield
        return
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    finished, received = threading.Event(), list[int]()
    previous_descriptor, previous_hook = signal.set_wakeup_fd(write_end, warn_on_full_buffer=False), sys.unraisablehook
    WatchSignals(
        target=_watch, args=(read_end, finished, patience, received), daemon=True, name="watch signals"
    ).start()

    def unraisable(exception: sys.UnraisableHookArgs) -> None:
        """Send a signal again that came while something was thrown away: Python prints its exception and goes on."""
        if not issubclass(exception.exc_type, KeyboardInterrupt):
            previous_hook(exception)
            return
        number = signal.SIGTERM if issubclass(exception.exc_type, TerminationRequest) else signal.SIGINT
        WatchSignals(target=_send_again, args=(number, finished), daemon=True, name="signal again").start()

    sys.unraisablehook = unraisable
    try:
        yield
    except SimError:
        raise
    except Exception:
        finished.wait(RESEND_SECONDS)  # the thread that watches may not have had its turn yet
        if received:
            raise (Terminated if received[0] == signal.SIGTERM else Interrupted)("interrupted") from None
        raise
    finally:
        finished.set()
        sys.unraisablehook = previous_hook
        signal.set_wakeup_fd(previous_descriptor)
        os.close(write_end)


def _watch(read_end: int, finished: threading.Event, patience: float, received: list[int]) -> None:
    """Read the numbers of signals as they come; after one that ends the program, note it, wait, and then end the program."""
    while number := os.read(read_end, 1):
        if number[0] not in _SIGNALS:
            continue
        received.append(number[0])
        if not finished.wait(patience):
            with suppress(OSError):
                os.write(2, b"interrupted\n")
            os._exit(128 + number[0])
    os.close(read_end)


def _send_again(number: int, finished: threading.Event) -> None:
    """Send this process a signal once more, unless the program has ended by then."""
    if not finished.wait(RESEND_SECONDS):
        os.kill(os.getpid(), number)


@contextmanager
def signals_blocked() -> Iterator[None]:
    """Hold Ctrl-C and SIGTERM back for a moment; a process that is started meanwhile receives neither until it asks."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    previous_mask = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    # the mask is that of this thread: another one may take the signal, and Python's handler then runs here all the same
    received: list[int] = []
    handlers = {}
    if threading.current_thread() is threading.main_thread():
        handlers = {number: signal.signal(number, lambda number, _: received.append(number)) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, previous_mask)
        for number in received:
            signal.raise_signal(number)
