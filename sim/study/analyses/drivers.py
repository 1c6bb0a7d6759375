"""Which risk matters: what is saved, in days, dollars and people, when one cause is switched off."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.arguments import checked_arguments
from sim.config.load import ConfigLike, as_config
from sim.display import Displayed
from sim.engine.backends import AUTO
from sim.metrics.registry import DIRECTIONS
from sim.study.analyses.case_series import saved
from sim.study.analyses.switch_off import Cause, Switches, SwitchOffSeries, combined_causes
from sim.study.api import SEED, cores, result_of
from sim.study.case import Case, prepare_case
from sim.study.chunk import Columns
from sim.study.compare import Difference, compare
from sim.study.executors.memory_estimate import require_memory
from sim.study.result import Result, frame, write_result
from sim.study.runner import ReportProgress
from sim.study.runner import run as replicate
from sim.study.sample import Sample, samples_by_case
from sim.study.storage.input_files import input_files
from sim.study.storage.output_directory import output_lock
from sim.study.storage.results import RESULT, require_place

if TYPE_CHECKING:
    import pandas as pd

RUNS = 200
METRICS = ("lead_time_full_days", "lead_time_mw_weighted_days", "capital_total_usd", "peak_workforce_onsite")
"""What is asked of every cause; the first that a project has is what causes are ranked by."""
Watch = Callable[[str], AbstractContextManager[ReportProgress | None]]


@dataclass(frozen=True, repr=False)
class Drivers(Displayed):
    """The result of a project with everything on, and what each cause costs it.

    >>> causes = sim.drivers(sim.load("configs/hybrid.yaml"), runs=200)
    >>> causes.table()[["name", "kind", f"{causes.metric}_p80"]]
    """

    result: Result

    def headline(self) -> str:
        """Return what it holds in one line."""
        return self.result.headline()

    @cached_property
    def metric(self) -> str:
        """Return the metric by which causes are ranked."""
        return next(metric for metric in METRICS if f"{metric}_p80" in self.result.switched)

    def table(self) -> pd.DataFrame:
        """Return a row a cause, largest first: id, kind, name, and per metric what is saved.

        METRIC_p50, METRIC_p80 and METRIC_mean are base less switched off; each has its 95 % interval, _low and _high.
        """
        table = frame(self.result.switched)
        order = table[f"{self.metric}_p80"].sort_values(ascending=False, kind="stable").index
        return table.reindex(order).reset_index(drop=True)


@checked_arguments
def drivers(
    config: ConfigLike,
    *,
    runs: int = RUNS,
    seed: int = SEED,
    workers: int | None = None,
    engine: str = AUTO,
    out: str | Path | None = None,
    watch: Watch | None = None,
    extras: Callable[[Result, Path], object] | None = None,
) -> Drivers:
    """Run a project, and again with each risk driver and each group of uncertainty switched off, on the same random numbers.

    Every saving is that of one cause alone; causes overlap, so savings do not add up. With `out`, the result is
    written there with the table of causes. `watch(name)` opens a progress bar. Raises SimError.

    >>> causes = sim.drivers(sim.load("configs/hybrid.yaml"), runs=200)
    >>> causes.table()
    """
    target = None if out is None else Path(out).absolute()
    if target is not None:
        require_place(target, RESULT)
    case = prepare_case(config, engine=engine)
    processes = cores() if workers is None else workers
    # locked first: a directory that is taken or read-only is refused now, not after the simulation
    with nullcontext() if target is None else output_lock(target):
        with _bar(watch, "everything on") as progress:
            base = replicate(case, seed=seed, runs=runs, workers=processes, progress=progress)
        rows = [_row(cause, base, off) for cause, off in _switched(case, seed, runs, processes, watch)]
        result = replace(result_of(case, seed, base, input_files(as_config(config))), switched=_columns(rows))
        if target is not None:
            write_result(result, target, None if extras is None else partial(extras, result))
    return Drivers(result)


def _switched(case: Case, seed: int, runs: int, processes: int, watch: Watch | None) -> list[tuple[Cause, Sample]]:
    """Return (cause, its sample) for each cause switched off alone, then for all causes of a kind switched off together.

    Where there are enough causes, a chunk is all replications of one cause, as each must be prepared first.
    """
    causes = Switches(case, seed).causes
    switch_offs = [*((cause, (cause,)) for cause in causes), *combined_causes(causes)]
    if not switch_offs:
        return []
    require_memory(case, len(switch_offs) * runs, processes, on_disk=False)
    metrics = tuple(metric for metric in METRICS if metric in case.metrics)
    switched = SwitchOffSeries(runs, metrics, case, seed, tuple(switched_off for _, switched_off in switch_offs))
    chunk = runs if len(switch_offs) >= 2 * processes else None
    with _bar(watch, f"{len(switch_offs)} times without a cause") as progress:
        all_samples = replicate(
            switched, seed=seed, runs=len(switch_offs) * runs, workers=processes, chunk=chunk, progress=progress
        )
    return [(cause, sample) for (cause, _), sample in zip(switch_offs, samples_by_case(all_samples, runs), strict=True)]


def _bar(watch: Watch | None, name: str) -> AbstractContextManager[ReportProgress | None]:
    """Open a progress bar, where one is wanted."""
    return watch(name) if watch else nullcontext()


def _row(cause: Cause, base: Sample, without_cause: Sample) -> dict[str, Any]:
    """Return what switching a cause off saves: the base less the case without it, pair by pair."""
    metrics = {metric: DIRECTIONS[metric] for metric in METRICS}
    row: dict[str, Any] = {"id": cause.id, "kind": cause.kind, "name": cause.name}
    for difference in compare({"on": base, "off": without_cause}, metrics, base="on"):
        row |= _saved(difference)
    return row


def _saved(found: Difference) -> dict[str, float]:
    """Return a difference the other way round: in the mean, at P50 and at P80, each with its interval."""
    return {f"{found.metric}_{name}": value for name, value in saved(asdict(found)).items()}


def _columns(rows: list[dict[str, Any]]) -> Columns:
    """Return rows as columns; texts stay texts where there are no rows."""
    names = rows[0] if rows else dict.fromkeys(["id", "kind", "name", f"{METRICS[0]}_p50", f"{METRICS[0]}_p80"], "")
    texts = {"id", "kind", "name"}
    return {name: np.array([row[name] for row in rows], object if name in texts else np.float64) for name in names}
