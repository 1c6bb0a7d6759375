"""Inside a worker process: it is sent its case once, runs chunks of it, and ends when its parent does."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from sim.errors import SimError
from sim.study.chunk import CaseLike, Chunk, concatenated, failed, validated
from sim.study.executors.worker_process import begin_work


@dataclass(frozen=True)
class Outcome:
    """What a worker sends back: a chunk and how long it took, or the reason to end the whole study."""

    chunk: Chunk | None
    seconds: float
    refusal: SimError | None = None

    def get(self) -> Chunk:
        """Return the chunk, or the refusal raised."""
        if self.chunk is None:
            raise self.refusal or ValueError("neither a chunk nor a refusal")
        return self.chunk


@dataclass(frozen=True)
class OfCase:
    """What a worker is asked besides chunks: a function of the case that it has, and of its seed."""

    function: Callable[[Any, int], object]


def serve_chunks(pipe: Connection, inherited: tuple[CaseLike, int] | None = None) -> None:
    """Receive a case, confirm it, and run the chunks or functions that are asked for until the pipe is closed.

    `inherited` are case and seed where the process is a fork of its parent, and has them.
    """
    begin_work()
    with suppress(EOFError, OSError):  # the parent has gone
        try:
            case, seed = inherited or pipe.recv()
        except (EOFError, OSError):
            raise
        except Exception as error:  # noqa: BLE001 -- whatever putting a case together again may raise
            pipe.send(SimError(f"a worker cannot read the case ({type(error).__name__}: {error})"))
            return
        pipe.send(None)
        while True:
            request = pipe.recv()
            if isinstance(request, OfCase):
                request = partial(request.function, case, seed)
            pipe.send(run_chunk(case, seed, request) if isinstance(request, range) else called(request))


def called(function: Callable[[], object]) -> object:
    """Call what is to be done besides chunks, figures for example; the error, as text, where it raises one."""
    try:
        return function()
    except Exception as error:  # noqa: BLE001 -- whoever asked does it again where the error can be seen
        return f"{type(error).__name__}: {error}"


def run_chunk(case: CaseLike, seed: int, replications: range) -> Outcome:
    """Run a chunk; a replication that raises becomes a failed row, wrong input ends the study."""
    began = time.perf_counter()
    try:
        chunk = _run_chunk(case, seed, replications)
    except SimError as refusal:
        return Outcome(None, 0.0, refusal)
    return Outcome(chunk, time.perf_counter() - began)


def _run_chunk(case: CaseLike, seed: int, replications: range) -> Chunk:
    """Run a chunk; where it raises, run each of its replications alone, to find the one that does."""
    try:
        return validated(case.simulate_chunk(seed, replications.start, len(replications)), replications, case)
    except SimError:
        raise
    except Exception as error:  # noqa: BLE001 -- whatever a model raises is a failed row, counted and shown
        if len(replications) == 1:
            return failed(replications, case.metrics, f"{type(error).__name__}: {error}")
    return concatenated([_run_chunk(case, seed, range(r, r + 1)) for r in replications])
