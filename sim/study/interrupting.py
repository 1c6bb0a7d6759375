"""Ctrl-C, and the polite request to end (SIGTERM) a batch system sends: both stop a run in one line."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from sim.errors import SimError


class Interrupted(SimError):
    """The person at the keyboard, or the system, ended the run; what was finished and kept is still there."""

    exit_code = 130


@contextmanager
def interruptible(told: str = "interrupted") -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the block as Interrupted, with `told` as its line."""
    before = _on_terminate()
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(told) from None
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
def undisturbed() -> Iterator[None]:
    """Hold Ctrl-C back for a moment; a process started meanwhile never hears it (its parent decides)."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
