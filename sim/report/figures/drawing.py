"""The figures of a run as files, drawn by worker processes that have nothing else to do while the rest is written.

What the sample alone shows is begun as soon as the sample is there; what shows the representative run follows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sim import files
from sim.report.result_view import ResultView
from sim.study.executors.worker_process import WorkerConnection, WorkerLost, packed

if TYPE_CHECKING:
    from sim.study.result import Result

NONE, FEW, ALL = "none", "few", "all"
CHOICES = (NONE, FEW, ALL)
THE_FEW = frozenset({"mw_online", "headcount", "finish", "capital"})
"""The figures of the sample that the key results are about."""

Pictures = dict[str, bytes]
"""Picture files by name."""


class FigureDrawing:
    """The figures of one run in the making; `choice` is none, few (dates, people, capital) or all."""

    def __init__(self, choice: str = ALL) -> None:
        """Draw nothing yet."""
        self.choice = choice
        self._workers: tuple[WorkerConnection, ...] = ()
        self._asked: list[tuple[WorkerConnection, partial[Pictures]]] = []
        self._drawn: Pictures = {}

    def begin(self, result: Result, workers: Sequence[WorkerConnection] = ()) -> None:
        """Have workers draw what the sample alone shows; `result` has nothing else yet."""
        self._workers = tuple(workers) if self.choice != NONE else ()
        self._ask(_fresh(result), ())

    def go_on(self, result: Result) -> None:
        """Have the same workers draw the rest, of the whole result."""
        if self.choice == ALL and self._workers:
            self._collect()  # or a worker that waits to be read would not read what it is asked next
            self._ask(_fresh(result), figure_names(of_sample(result)))

    def _ask(self, result: Result, but: Sequence[str]) -> None:
        """Share the figures of a result out, but those that were begun before."""
        many = len(self._workers)
        for number, worker in enumerate(self._workers):
            wanted = partial(drawn, result, self.choice, but, (number, many))
            worker.send(packed(wanted))
            self._asked.append((worker, wanted))

    def write(self, result: Result, directory: Path) -> None:
        """Write all figures into a directory, which is there; what no worker was asked for is drawn here."""
        self._collect()
        for name, data in (self._drawn if self._workers else drawn(result, self.choice)).items():
            files.write(directory / name, data)

    def _collect(self) -> None:
        """Take what workers have drawn; what one of them could not is drawn here."""
        for worker, wanted in self._asked:
            self._drawn |= _answer(worker) or wanted()
        self._asked = []


def _answer(worker: WorkerConnection) -> Pictures | None:
    """Return what a worker has drawn; nothing where it was lost or could not."""
    try:
        found = worker.receive()
    except WorkerLost:
        return None
    return found if isinstance(found, dict) else None


def of_sample(result: Result) -> Result:
    """Return a result as it is as soon as its sample is there."""
    return replace(result, log={}, driving={}, switched={}, more={})


def _fresh(result: Result) -> Result:
    """Return a result without the tables that were made of it: it is sent to another process."""
    return replace(result)


def figure_names(result: Result) -> list[str]:
    """Return the names of the figures a result has."""
    from sim.report.figures import run_figures

    return [*run_figures(ResultView.of(result))]


def drawn(result: Result, choice: str = ALL, but: Sequence[str] = (), share: tuple[int, int] = (0, 1)) -> Pictures:
    """Return PNG and SVG of the chosen figures of a result; `share` (k, n) is every n-th of them from the k-th on."""
    if choice == NONE:
        return {}
    from sim.report.figures import run_figures, style

    view = ResultView.of(result)
    known = {name: draw for name, draw in run_figures(view).items() if choice == ALL or name in THE_FEW}
    wanted = [name for name in known if name not in but][share[0] :: share[1]]
    return {file: data for name in wanted for file, data in style.pictures(known[name](view), name).items()}
