"""The figures of a run as files, drawn by worker processes that have nothing else to do while the rest is written.

What the sample alone shows is begun as soon as the sample is there; what shows the representative run follows it. Where
processes can be forked, those that draw are started before the run: they load matplotlib while crews are planned.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import replace
from functools import partial
from importlib import import_module
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from sim import files
from sim.config.sections.display_units import in_display_units
from sim.report.result_view import ResultView
from sim.study.executors.worker import called
from sim.study.executors.worker_process import (
    WorkerConnection,
    WorkerLost,
    begin_work,
    can_fork,
    end_with_parent,
    packed,
    unpacked,
)
from sim.study.shared_inputs import CONTROLS

if TYPE_CHECKING:
    from sim.study.result import Result

NONE, FEW, ALL = "none", "few", "all"
CHOICES = (NONE, FEW, ALL)
THE_FEW = frozenset({"mw_online", "headcount", "finish", "capital"})
"""The figures of the sample that the key results are about."""

Pictures = dict[str, bytes]
"""Picture files by name."""


class Drawer(Protocol):
    """A process that calls what it is sent, and sends back what comes of it; `receive` raises WorkerLost."""

    def send(self, message: bytes) -> None:
        """Send what `packed` has made."""

    def receive(self) -> object:
        """Wait for what the process sends."""


class FigureDrawing:
    """The figures of one run in the making; `choice` is none, few (dates, people, capital) or all."""

    def __init__(self, choice: str = ALL) -> None:
        """Draw nothing yet."""
        self.choice = choice
        self._own: tuple[Drawer, ...] = ()
        self._workers: tuple[Drawer, ...] = ()
        self._asked: dict[Drawer, partial[Pictures]] = {}
        self._going_on: list[Future[None]] = []
        self._drawn: Pictures = {}
        self._stays = False

    def get_ready(self, cores: int) -> None:
        """Start processes of its own that load what figures are drawn with; none where they would be new interpreters."""
        if self.choice == NONE or cores < 2 or not can_fork():
            return
        pipes = [Pipe() for _ in range(min(cores, MOST_DRAWERS) - 1)]
        first = WorkerConnection(serve_drawing, [there for _, there in pipes], [here for here, _ in pipes], fork=True)
        for _, there in pipes:
            there.close()
        self._own = (first, *(SiblingConnection(here) for here, _ in pipes))

    def begin(self, result: Result, workers: Sequence[WorkerConnection] = ()) -> None:
        """Have workers draw what the sample alone shows; `result` has nothing else yet."""
        self._workers = self._own or tuple(workers) if self.choice != NONE else ()
        self._asked = self._requests(result, ())
        for worker, wanted in self._asked.items():
            worker.send(packed(wanted))

    def go_on(self, result: Result) -> None:
        """Have the same workers draw the rest, of the whole result, while this process goes on with other things; once."""
        if self.choice != ALL or not self._workers or self._going_on:
            return
        wanted = self._requests(result, figure_names(of_sample(result)))
        threads = ThreadPoolExecutor(len(self._workers))
        # by threads: a worker that waits to be read does not read what it is asked next, and nobody should wait for it
        self._going_on = [
            threads.submit(partial(copy_context().run, self._next, worker, more)) for worker, more in wanted.items()
        ]
        threads.shutdown(wait=False)

    def _next(self, worker: Drawer, wanted: partial[Pictures]) -> None:
        """Ask a worker for more as soon as it has drawn what it was asked before."""
        self._take(worker)
        worker.send(packed(wanted))
        self._asked[worker] = wanted

    def _requests(self, result: Result, but: Sequence[str]) -> dict[Drawer, partial[Pictures]]:
        """Share the figures of a result out, but those that were begun before."""
        if not self._workers:
            return {}
        sent, many = packed(_fresh(result)), len(self._workers)  # once for all of them
        return {
            worker: partial(drawn_of_packed, sent, self.choice, but, (number, many))
            for number, worker in enumerate(self._workers)
        }

    def write(self, result: Result, directory: Path) -> None:
        """Write all figures into a directory, which is there; what no worker was asked for is drawn here."""
        self._collect()
        for name, data in (self._drawn if self._workers else drawn(result, self.choice)).items():
            files.write(directory / name, data)
        if not self._stays:
            self.close()

    def close(self) -> None:
        """End the processes of its own."""
        for drawer in self._own:
            if isinstance(drawer, WorkerConnection):
                drawer.close()  # and with it those that it has forked

    def of_another(self) -> FigureDrawing:
        """Return the drawing of another result by the same processes, which stay until they are closed."""
        other = FigureDrawing(self.choice)
        other._own, other._stays = self._own, True
        return other

    def _collect(self) -> None:
        """Take what workers have drawn; what one of them could not is drawn here."""
        for going_on in self._going_on:
            going_on.result()
        for worker in [*self._asked]:
            self._take(worker)

    def _take(self, worker: Drawer) -> None:
        """Take what a worker has drawn."""
        wanted = self._asked.pop(worker)
        self._drawn |= _answer(worker) or wanted()


def _answer(worker: Drawer) -> Pictures | None:
    """Return what a worker has drawn; nothing where it was lost or could not."""
    try:
        found = worker.receive()
    except WorkerLost:
        return None
    return found if isinstance(found, dict) else None


# --- processes that draw ----------------------------------------------------------------------------------------------


MOST_DRAWERS = 4
"""There are eleven figures, and one of them takes a fifth of the time."""
TAKES = {"gantt": 3}
"""How many times as long as another a figure takes."""
LOADED = ("pandas", "sim.report.figures.from_result", "sim.report.figures.style", "matplotlib.style",
          "matplotlib.backends.backend_agg", "matplotlib.backends.backend_svg", "matplotlib.colors")  # fmt: skip
"""Modules that figures are drawn with."""


class SiblingConnection:
    """The pipe to a process that was forked by the first one that draws."""

    def __init__(self, pipe: Connection) -> None:
        """Keep this end."""
        self._pipe = pipe

    def send(self, message: bytes) -> None:
        """Send what `packed` has made; whether the process is gone, `receive` says."""
        with suppress(OSError):
            self._pipe.send_bytes(message)

    def receive(self) -> object:
        """Wait for what the process sends. Raises WorkerLost."""
        try:
            return self._pipe.recv()
        except (EOFError, OSError):
            raise WorkerLost("without an answer") from None


def serve_drawing(pipe: Connection, siblings: Sequence[Connection], ends: Sequence[Connection]) -> None:
    """Load what figures are drawn with, fork a copy for each further pipe, and draw what is asked for.

    `ends` are the parent's ends of these pipes: open here as well, they would never be seen to close.
    """
    begin_work()
    for end in ends:
        end.close()
    for name in LOADED:
        import_module(name)
    _draw_nothing()
    mine = pipe
    for sibling in siblings:
        if os.fork() == 0:
            end_with_parent()
            mine = sibling
            break
    for other in (pipe, *siblings):
        if other is not mine:
            other.close()
    _serve(mine)
    if mine is not pipe:
        os._exit(0)  # a copy has no business with what the process that it was forked from does at its end


def _draw_nothing() -> None:
    """Draw an empty picture: the first one loads fonts and encoders, while nobody waits for it."""
    from sim.report.figures import style

    ax = style.in_house_style(style.canvas)()
    style.title(ax, "MW")
    style.image_files(ax, "nothing")


def _serve(pipe: Connection) -> None:
    """Call what comes along a pipe until it is closed."""
    with suppress(EOFError, OSError):
        while True:
            wanted: Callable[[], object] = pipe.recv()
            pipe.send(called(wanted))


# --- figures ----------------------------------------------------------------------------------------------------------


def of_sample(result: Result) -> Result:
    """Return a result as it is as soon as its sample is there."""
    means = {name: table for name, table in result.more.items() if name == CONTROLS}
    return replace(result, log={}, driving={}, switched={}, more=means)


def _fresh(result: Result) -> Result:
    """Return a result without the tables that were made of it: it is sent to another process."""
    return replace(result)


def figure_names(result: Result) -> list[str]:
    """Return the names of the figures a result has."""
    from sim.report.figures import run_figures

    return [*run_figures(ResultView.of(result))]


@in_display_units
def drawn(result: Result, choice: str = ALL, but: Sequence[str] = (), share: tuple[int, int] = (0, 1)) -> Pictures:
    """Return PNG and SVG of the chosen figures of a result; `share` (k, n) is one of n parts of them."""
    if choice == NONE:
        return {}
    from sim.report.figures import run_figures, style

    view = ResultView.of(result)
    known = {name: draw for name, draw in run_figures(view).items() if choice == ALL or name in THE_FEW}
    wanted = dealt([name for name in known if name not in but], *share)
    return {file: data for name in wanted for file, data in style.image_files(known[name](view), name).items()}


def drawn_of_packed(sent: bytes, choice: str, but: Sequence[str], share: tuple[int, int]) -> Pictures:
    """Return the pictures of a result that was packed once for several processes, as `drawn`."""
    return drawn(unpacked(sent), choice, but, share)


def dealt(names: list[str], number: int, many: int) -> list[str]:
    """Return the names for one of `many`: each, from the last on, which take longest, goes to who has least to do."""
    hands: list[list[str]] = [[] for _ in range(many)]
    for name in reversed(names):
        min(hands, key=lambda hand: sum(TAKES.get(one, 1) for one in hand)).append(name)
    return hands[number]
