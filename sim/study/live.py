"""Moving a slider and looking: the same project with a few values changed, on the same luck, a picture at a time.

A picture begins with few replications and grows. While sliders move, the calls of crews and the dates of orders stay
those of the baseline: working them out anew takes rehearsals, seconds for a large project. `anew` does that, and is
then exactly what `sim run` says of the configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from json import dumps
from math import isfinite
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from sim.config.project import Project
from sim.config.reading import read_text
from sim.engine.either import AUTO
from sim.plan.compile import compile_plan
from sim.plan.crews import largest_counts
from sim.plan.project import write_plan
from sim.study.beforehand import ready
from sim.study.case import Case, prepare
from sim.study.hands import Hands, Piece
from sim.study.levers import Changes, Lever, as_config, as_overrides, kept, levers
from sim.study.running import load
from sim.undisturbed import nothing_thrown_away
from sim.world.clock import calendars, day_minutes

SHARES = (0.1, 0.5, 0.9)
AT_ONCE, PIECE = 50, 50
"""Replications of the first picture, shared out among the workers, and of every further piece of work."""
REMEMBERED = 12
"""Finished pictures that are kept: who goes back to a setting sees it at once."""
POINTS = 300

Wanted = Callable[[], bool]
"""Whether anybody still wants to see it."""


class Live:
    """A project on the screen: its baseline, what can be moved, and the processes that perform it."""

    def __init__(self, path: Path, overrides: Sequence[str] = (), *, runs: int, seed: int, workers: int) -> None:
        """Size the baseline; processes are started with the first picture."""
        self.path, self.overrides, self.runs, self.seed, self.workers = path, tuple(overrides), runs, seed, workers
        with ready(AUTO) as self.engine:
            self.base: Case = replace(prepare(load(path, overrides)), engine=self.engine)
        self.hands = Hands(workers, self.engine)
        self._seen: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> Self:
        """Nothing more is needed."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Send the processes home."""
        self.hands.close()

    @cached_property
    def levers(self) -> tuple[Lever, ...]:
        """Return what can be moved."""
        project = self.base.project
        plan = write_plan(project, calendars(project), day_minutes(project), self.base.sizing.agreed)
        return levers(project, self.base.sizing.agreed, largest_counts(plan.units))

    def project(self, changes: Changes) -> Project:
        """Return the project as it is on screen; ConfigError where that cannot be."""
        return load(self.path, [*self.overrides, *as_overrides(changes, self.levers)]).value

    def as_config(self, changes: Changes) -> str:
        """Return the YAML of what is on screen, which is right beside the configuration it came from."""
        self.project(changes)
        words = (override.partition("=") for override in self.overrides)
        given = {path.strip(): read_text(text, path).tree for path, _, text in words}
        return as_config(self.path, {**given, **changes})

    def pictures(self, changes: Changes, wanted: Wanted, *, anew: bool = False) -> Iterator[dict[str, Any]]:
        """Yield pictures of the project on screen, of ever more replications, as long as they are wanted."""
        setting = dumps([changes, anew and bool(changes)], sort_keys=True)
        if (known := self._seen.get(setting)) is not None and known["runs"] == self.runs:
            yield known
            return
        case = self._case(changes, anew=anew)
        if not wanted():
            return
        pieces: list[Piece] = []
        spans = list(self._spans())
        for at, piece in enumerate(self.hands.perform(case, self.seed, spans), 1):
            if not wanted():
                return
            pieces.append(piece)
            if at % self.workers == 0 or at == len(spans):
                drawn = picture(pieces)
                if at == len(spans):
                    self._remember(setting, drawn)
                yield drawn

    def _remember(self, setting: str, drawn: dict[str, Any]) -> None:
        """Keep a finished picture, and forget the oldest where there are too many."""
        self._seen[setting] = drawn
        for old in [*self._seen][: max(0, len(self._seen) - REMEMBERED)]:
            del self._seen[old]

    def _spans(self) -> Iterator[range]:
        """Yield the pieces of work: small ones first, so that there is something to see."""
        first, number = 0, 0
        while first < self.runs:
            share = -(-AT_ONCE // self.workers)
            size = min(share if number < self.workers else PIECE, self.runs - first)
            yield range(first, first + size)
            first, number = first + size, number + 1

    def _case(self, changes: Changes, *, anew: bool) -> Case:
        """Return the project on screen ready to run, with the baseline's calls and orders or with its own."""
        if not changes:
            return self.base
        project = self.project(changes)
        if anew:
            return replace(prepare(project, self.path.parent), engine=self.engine)
        with nothing_thrown_away():
            agreed = kept(self.base.sizing.agreed, changes)
            plan = compile_plan(write_plan(project, calendars(project), day_minutes(project), agreed))
            sizing = replace(self.base.sizing, agreed=agreed)
            return Case(project, sizing, plan, self.base.weather, engine=self.engine)


def picture(pieces: Sequence[Piece]) -> dict[str, Any]:
    """Return replications as the page draws them: values of metrics, and bands of curves by day."""
    metrics = {name: _plain(np.concatenate([piece.metrics[name] for piece in pieces])) for name in pieces[0].metrics}
    curves = {name: np.concatenate([piece.curves[name] for piece in pieces]) for name in pieces[0].curves}
    days = next(iter(curves.values())).shape[1]
    shown = np.unique(np.linspace(0, days - 1, min(POINTS, days)).astype(int))
    bands = {
        name: [_plain(band) for band in np.quantile(lines[:, shown], SHARES, axis=0, method="inverted_cdf")]
        for name, lines in curves.items()
    }
    runs = len(next(iter(metrics.values())))
    return {
        "runs": runs,
        "stalled": sum(piece.stalled for piece in pieces),
        "days": shown.tolist(),
        "metrics": metrics,
        "curves": bands,
    }


def _plain(values: np.ndarray) -> list[float | None]:
    """Return numbers as JSON can say them: what never happens is null."""
    return [value if isfinite(value) else None for value in np.asarray(values, np.float64).tolist()]
