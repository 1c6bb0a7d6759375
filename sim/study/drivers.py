"""Which risk matters: what is saved, in days, dollars and people, when one cause is switched off on the same luck."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.config.project import Project
from sim.study.case import prepare
from sim.study.chunk import Columns
from sim.study.compare import Difference, compare
from sim.study.directions import DIRECTIONS
from sim.study.result import Result, frame
from sim.study.room import require_room
from sim.study.runner import Progress
from sim.study.runner import run as replicate
from sim.study.running import SEED, Config, cores, result_of
from sim.study.sample import Sample
from sim.study.switching import Cause, Switches, all_of

if TYPE_CHECKING:
    import pandas as pd

RUNS = 200
METRICS = ("lead_time_full_days", "lead_time_mw_weighted_days", "capital_total_usd", "peak_workforce_onsite")
"""What is asked of every cause; the first that a project has is what causes are ranked by."""
Watch = Callable[[str], AbstractContextManager[Progress | None]]


@dataclass(frozen=True)
class Drivers:
    """The result of a project with everything on, and what each cause costs it."""

    result: Result

    @cached_property
    def metric(self) -> str:
        """Return the metric by which causes are ranked."""
        return next(metric for metric in METRICS if f"{metric}_p80" in self.result.switched)

    def table(self) -> pd.DataFrame:
        """Return a row a cause, largest first: id, kind, name, and per metric what is saved.

        METRIC_p50, METRIC_p80 and METRIC_mean are base less switched off; _p80_low and _p80_high their 95 % interval.
        """
        found = frame(self.result.switched)
        order = found[f"{self.metric}_p80"].sort_values(ascending=False, kind="stable").index
        return found.reindex(order).reset_index(drop=True)


def drivers(
    config: Config | Project,
    *,
    runs: int = RUNS,
    seed: int = SEED,
    workers: int | None = None,
    out: str | Path | None = None,
    watch: Watch | None = None,
    extras: Callable[[Result, Path], object] | None = None,
) -> Drivers:
    """Run a project, and again with each risk driver and each group of uncertainty switched off on the same luck.

    Every saving is that of one cause alone; causes overlap, so savings do not add up. With `out`, the result is
    written there with the table of causes. `watch(name)` opens a progress bar. Raises SimError.
    """
    case = prepare(config)
    switches, hands = Switches(case, seed), cores() if workers is None else workers
    base = _sample(case, "everything on", seed, runs, hands, watch)
    rows = [_row(cause, base, _sample(switches.without(off), cause.name, seed, runs, hands, watch))
            for cause, off in _switched(switches)]  # fmt: skip
    result = replace(result_of(case, seed, base), switched=_columns(rows))
    if out is not None:
        result.save(out, (lambda directory: _add(extras, result, directory)) if extras else None)
    return Drivers(result)


def _switched(switches: Switches) -> Iterator[tuple[Cause, tuple[Cause, ...]]]:
    """Yield what is switched off: every cause alone, then all of a kind."""
    yield from ((cause, (cause,)) for cause in switches.causes)
    yield from all_of(switches.causes)


def _sample(case: Any, name: str, seed: int, runs: int, workers: int, watch: Watch | None) -> Sample:
    """Run a case; a progress bar names it."""
    require_room(case, runs, workers, on_disk=False)
    with watch(name) if watch else nullcontext() as progress:
        return replicate(case, seed=seed, runs=runs, workers=workers, progress=progress)


def _row(cause: Cause, base: Sample, off: Sample) -> dict[str, Any]:
    """Return what switching a cause off saves: the base less the case without it, pair by pair."""
    metrics = {metric: DIRECTIONS[metric] for metric in METRICS}
    row: dict[str, Any] = {"id": cause.id, "kind": cause.kind, "name": cause.name}
    for found in compare({"on": base, "off": off}, metrics, base="on"):
        row |= _saved(found)
    return row


def _saved(found: Difference) -> dict[str, float]:
    """Return a difference the other way round, in the mean, at P50 and at P80 with its interval."""
    saved = {"mean": -found.mean, "p50": -found.p50, "p80": -found.p80}
    saved |= {"p80_low": -found.p80_high, "p80_high": -found.p80_low}
    return {f"{found.metric}_{name}": value + 0.0 for name, value in saved.items()}


def _columns(rows: list[dict[str, Any]]) -> Columns:
    """Return rows as columns; texts stay texts where there are no rows."""
    names = rows[0] if rows else dict.fromkeys(["id", "kind", "name", f"{METRICS[0]}_p50", f"{METRICS[0]}_p80"], "")
    texts = {"id", "kind", "name"}
    return {name: np.array([row[name] for row in rows], object if name in texts else np.float64) for name in names}


def _add(extras: Callable[[Result, Path], object] | None, result: Result, directory: Path) -> None:
    """Add figures and the like to the directory that is being filled."""
    if extras is not None:
        extras(result, directory)
