"""The figures of a run as files, drawn by worker processes that have nothing else to do while the rest is written.

What the sample alone shows is begun as soon as the sample is there; what shows the representative run follows it. Where
processes can be forked, those that draw are started before the run: they load matplotlib while crews are planned.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
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
from sim.report.result_view import ResultView, RunData
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
from sim.study.statistics.control_variates import CONTROLS

if TYPE_CHECKING:
    import pandas as pd

    from sim.study.result import Result

NONE, FEW, ALL = "none", "few", "all"
KEY_FIGURES = frozenset({"mw_online", "headcount", "finish", "capital"})
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
        """Fork worker processes that load matplotlib and pandas meanwhile; none where processes cannot be forked."""
        if self.choice == NONE or cores < 2 or not can_fork():
            return
        pipes = [Pipe() for _ in range(min(cores, MAX_DRAWERS) - 1)]
        first = WorkerConnection(
            serve_drawing, [worker_end for _, worker_end in pipes], [parent_end for parent_end, _ in pipes], fork=True
        )
        for _, worker_end in pipes:
            worker_end.close()
        self._own = (first, *(SiblingConnection(parent_end) for parent_end, _ in pipes))

    def begin(self, result: Result, workers: Sequence[WorkerConnection] = ()) -> None:
        """Have workers draw what the sample alone shows; `result` has nothing else yet."""
        self._workers = self._own or tuple(workers) if self.choice != NONE else ()
        self._ask(self._requests(result, ()))

    def _ask(self, requests: Mapping[Drawer, partial[Pictures]]) -> None:
        """Send each process its request, and remember it."""
        self._asked = dict(requests)
        for worker, request in requests.items():
            worker.send(packed(request))

    def go_on(self, result: Result) -> None:
        """Have the same workers draw the remaining figures, of the whole result, while this process goes on; at most once."""
        if self.choice != ALL or not self._workers or self._going_on:
            return
        requests = self._requests(result, figure_names(of_sample(result)))
        threads = ThreadPoolExecutor(len(self._workers))
        # by threads: a worker that waits to be read does not read what it is asked next, and nobody should wait for it
        self._going_on = [
            threads.submit(partial(copy_context().run, self._next, worker, request))
            for worker, request in requests.items()
        ]
        threads.shutdown(wait=False)

    def _next(self, worker: Drawer, request: partial[Pictures]) -> None:
        """Ask a worker for more as soon as it has drawn what it was asked before."""
        self._take(worker)
        worker.send(packed(request))
        self._asked[worker] = request

    def _requests(self, result: Result, finished: Sequence[str]) -> dict[Drawer, partial[Pictures]]:
        """Return a request for each worker: its part of the figures of a result that are not `finished`."""
        if not self._workers:
            return {}
        packed_result, parts = packed(_fresh(result)), len(self._workers)  # once for all of them
        return {
            worker: partial(draw_packed_result, packed_result, self.choice, finished, (number, parts))
            for number, worker in enumerate(self._workers)
        }

    @property
    def needs_idle_workers(self) -> bool:
        """Return whether those draw that have simulated: it has no processes of its own."""
        return self.choice != NONE and not self._own

    def write(self, result: Result, directory: Path) -> None:
        """Write all figures into a directory, which is there; what no worker was asked for is drawn here."""
        self.collect()
        for name, data in (self._drawn if self._workers else draw_figures(result, self.choice)).items():
            files.write(directory / name, data)
        if not self._stays:
            self.close()

    def begin_comparison(self, results: Mapping[str, Result], differences: pd.DataFrame) -> Callable[[], Pictures]:
        """Have the figures of a comparison drawn; return a function that waits for them."""
        if self.choice == NONE:
            return dict
        if not self._own:
            return partial(draw_comparison, results, differences)
        compared = packed(({name: of_sample(result) for name, result in results.items()}, differences))
        parts = len(self._own)
        self._ask(
            {
                worker: partial(draw_packed_comparison, compared, (number, parts))
                for number, worker in enumerate(self._own)
            }
        )
        return self.drawn

    def drawn(self) -> Pictures:
        """Return what the processes were asked for, as soon as all of it is drawn."""
        self.collect()
        return self._drawn

    def close(self) -> None:
        """End the processes of its own."""
        for drawer in self._own:
            if isinstance(drawer, WorkerConnection):
                drawer.close()  # and with it those that it has forked

    def of_another(self) -> FigureDrawing:
        """Return the drawing of another result by the same processes, which stay until they are closed."""
        drawing = FigureDrawing(self.choice)
        drawing._own, drawing._stays = self._own, True
        return drawing

    def collect(self) -> None:
        """Take what workers have drawn; what one of them could not is drawn here."""
        for going_on in self._going_on:
            going_on.result()
        for worker in [*self._asked]:
            self._take(worker)

    def _take(self, worker: Drawer) -> None:
        """Take what a worker has drawn."""
        request = self._asked.pop(worker)
        self._drawn |= _answer(worker) or request()


def _answer(worker: Drawer) -> Pictures | None:
    """Return what a worker has drawn; nothing where it was lost or could not."""
    try:
        pictures = worker.receive()
    except WorkerLost:
        return None
    return pictures if isinstance(pictures, dict) else None


# --- processes that draw ----------------------------------------------------------------------------------------------


MAX_DRAWERS = 4
"""There are eleven figures, and one of them takes a fifth of the time."""
RELATIVE_TIMES = {"gantt": 3.4, "mw_online": 1.4, "trades": 1.3, "flowline": 1.2, "flow": 1.2, "joint": 1.1}
"""How many times as long as another a figure takes (hybrid, 1,000 runs)."""
LOADED = (
    "pandas", "sim.report.figures.from_result", "sim.report.figures.comparison", "sim.report.figures.style",
    "matplotlib.style", "matplotlib.backends.backend_agg", "matplotlib.backends.backend_svg", "matplotlib.colors",
)  # fmt: skip
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


def serve_drawing(pipe: Connection, siblings: Sequence[Connection], parent_ends: Sequence[Connection]) -> None:
    """Load what figures are drawn with, fork a copy for each further pipe, and draw what is asked for.

    `parent_ends` are the parent's ends of these pipes: open here as well, they would never be seen to close.
    """
    begin_work()
    for parent_end in parent_ends:
        parent_end.close()
    for name in LOADED:
        import_module(name)
    _draw_nothing()
    own_pipe = pipe
    for sibling in siblings:
        if os.fork() == 0:
            end_with_parent()
            own_pipe = sibling
            break
    for unused_pipe in (pipe, *siblings):
        if unused_pipe is not own_pipe:
            unused_pipe.close()
    _serve(own_pipe)
    if own_pipe is not pipe:
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
            request: Callable[[], object] = pipe.recv()
            pipe.send(called(request))


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
def draw_figures(
    result: Result, choice: str = ALL, finished: Sequence[str] = (), share: tuple[int, int] = (0, 1)
) -> Pictures:
    """Return image files (PNG, SVG) by name of the chosen, not `finished` figures; `share` (k, n): part k of n only."""
    if choice == NONE:
        return {}
    from sim.report.figures import run_figures, style

    view = ResultView.of(result)
    draw_functions = {name: draw for name, draw in run_figures(view).items() if choice == ALL or name in KEY_FIGURES}
    part = part_of_names([name for name in draw_functions if name not in finished], *share, finished)
    return {file: data for name in part for file, data in style.image_files(draw_functions[name](view), name).items()}


def draw_packed_result(packed_result: bytes, choice: str, finished: Sequence[str], share: tuple[int, int]) -> Pictures:
    """Return the pictures of a result that was packed once for several processes, as `draw_figures` does."""
    return draw_figures(unpacked(packed_result), choice, finished, share)


@in_display_units
def draw_comparison(
    results: Mapping[str, RunData], differences: pd.DataFrame, share: tuple[int, int] = (0, 1)
) -> Pictures:
    """Return image files (PNG, SVG) by name of the figures of a comparison; `share` (k, n): part k of n only."""
    from sim.report.figures import figures_of_comparison, style

    draw_functions, (number, parts) = figures_of_comparison(ResultView.of_each(results), differences), share
    names = [*draw_functions][number::parts]
    return {file: data for name in names for file, data in style.image_files(draw_functions[name](), name).items()}


def draw_packed_comparison(compared: bytes, share: tuple[int, int]) -> Pictures:
    """Return the pictures of results and differences that were packed once for several processes."""
    results, differences = unpacked(compared)
    return draw_comparison(results, differences, share)


def part_of_names(names: Sequence[str], number: int, parts: int, before: Sequence[str] = ()) -> list[str]:
    """Return part `number` of names: those that take longest first, each goes to the part with least time so far.

    `before` are names that were divided into the same parts before.
    """
    names_by_part: list[list[str]] = [[] for _ in range(parts)]
    times = [0.0] * parts
    for some_names in (before, names):
        for name in sorted(some_names, key=_relative_time, reverse=True):
            shortest = times.index(min(times))
            times[shortest] += _relative_time(name)
            names_by_part[shortest].append(name)
    return [name for name in names_by_part[number] if name in names]


def _relative_time(name: str) -> float:
    """Return how many times as long as most others a figure takes."""
    return RELATIVE_TIMES.get(name, 1.0)
