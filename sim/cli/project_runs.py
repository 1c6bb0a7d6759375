"""Runs of several projects for `sim compare`: simulated one after the other, their files written side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.cli.options import stored_manifest, tell_replaced, watched, write_files

if TYPE_CHECKING:
    from sim.report.figures.drawing import FigureDrawing
    from sim.study.api import Config, SampledRun
    from sim.study.executors.worker_process import WorkerConnection
    from sim.study.result import Result

OnSample = Callable[[str, "Result"], object]
MAX_WAITING_STEPS = 200_000
"""Steps of a plan whose files may wait for other runs; what a larger one holds in memory is needed by the next."""
WRITTEN_TOGETHER = 4
"""Results that are written at the same time at most, each by a process."""
LOADED_BEFORE_FORKS = ("pyarrow.parquet", "sim.report.html_report.run_report")
"""Modules that write a result: loaded once, not by each process."""


@dataclass(frozen=True)
class UnwrittenRun:
    """A run whose replications are there, and the figures of its result, which are being drawn."""

    sampled: SampledRun
    drawing: FigureDrawing

    @property
    def may_wait(self) -> bool:
        """Return whether its files can be written later, by another process: then it asks nobody for more figures."""
        from sim.report.figures.drawing import ALL

        is_small = len(self.sampled.case.plan.rows) <= MAX_WAITING_STEPS
        return is_small and not self.drawing.needs_idle_workers and self.drawing.choice != ALL

    def written(self, workers: int | None = None) -> Result:
        """Return the result with its details, written where it belongs."""
        extras = partial(write_files, drawing=self.drawing)
        return self.sampled.finished(extras=extras, on_details=self.drawing.go_on, workers=workers)


def run_all(
    configs: Mapping[str, Config], out: Path, drawers: FigureDrawing, on_sample: OnSample, *, resume: bool,
    runs: int, seed: int, sampling: str, **options: Any,
) -> dict[str, Result]:  # fmt: skip
    """Run several projects and write the files of all side by side; return their results.

    `on_sample(name, result)` is called as soon as the replications of a project are there. With `resume` a stored result
    that a run would give again is taken, and an interrupted run is gone on with.
    """
    results = reusable_results(configs, out, runs=runs, seed=seed, sampling=sampling) if resume else {}
    for name, result in results.items():
        on_sample(name, result)
    waiting: dict[str, UnwrittenRun] = {}
    before = {name: stored_manifest(out / name) for name in configs}
    with ExitStack() as places:
        with completed_on_error(waiting):
            for name in [name for name in configs if name not in results]:
                drawing = drawers.of_another()
                sampled = simulated(
                    name, configs[name], drawing, [*waiting.values()], on_sample, out=out / name, resume=resume, runs=runs,
                    seed=seed, sampling=sampling, **options,
                )  # fmt: skip
                with ExitStack() as place:
                    run = UnwrittenRun(place.enter_context(sampled), drawing)
                    if run.may_wait:
                        waiting[name] = run
                        places.enter_context(place.pop_all())
                    else:
                        results[name] = run.written()
                        run.sampled.discard_chunks()
        results |= written_together(waiting)
    for name in configs:
        tell_replaced(before[name], results[name], out / name)
    return results


def reusable_results(configs: Mapping[str, Config], out: Path, **options: Any) -> dict[str, Result]:
    """Return the stored results, by name, that runs with these options would give again."""
    from sim.study.api import reusable_result
    from sim.study.storage.checkpoint import remove_checkpoint

    found = {name: reusable_result(out / name, config, **options) for name, config in configs.items()}
    results = {name: result for name, result in found.items() if result is not None}
    for name in results:
        # of a command that ended after the result was written, and before that was removed
        remove_checkpoint((out / name).absolute())
    return results


@contextmanager
def simulated(
    name: str, config: Config, drawing: FigureDrawing, waiting: Sequence[UnwrittenRun], on_sample: OnSample,
    **options: Any,
) -> Iterator[SampledRun]:  # fmt: skip
    """Simulate one of several projects, and have its figures drawn."""
    from sim.study.api import sampled_run

    with ExitStack() as bar:
        progress = bar.enter_context(watched(name))

        def answer(result: Result, idle: Sequence[WorkerConnection]) -> None:
            """Have figures drawn, and tell that the sample is there."""
            for run in waiting:
                run.drawing.collect()  # a process that waits to be read does not read what it is asked next
            drawing.begin(result, idle)
            bar.close()
            on_sample(name, result)

        kept = drawing.needs_idle_workers
        with sampled_run(config, progress=progress, on_sample=answer, keep_workers=kept, **options) as sampled:
            yield sampled


@contextmanager
def completed_on_error(waiting: Mapping[str, UnwrittenRun]) -> Iterator[None]:
    """Write the runs that wait where a later project cannot be run, but not where somebody interrupts."""
    from sim.errors import SimError
    from sim.study.executors.interruption import Interrupted

    try:
        yield
    except Interrupted:
        raise
    except SimError:
        written_together(waiting)
        raise


def written_together(waiting: Mapping[str, UnwrittenRun]) -> dict[str, Result]:
    """Return the results of runs by name, written side by side, each by a process."""
    from sim.study.executors.worker_process import in_fork

    results: dict[str, Result] = {}
    names = [*waiting]
    for module in LOADED_BEFORE_FORKS if len(names) > 1 else ():
        import_module(module)
    for first in range(0, len(names), WRITTEN_TOGETHER):
        # the last one here, as its figures are still being drawn, for this process
        *others, name = names[first : first + WRITTEN_TOGETHER]
        for other in others:
            waiting[other].drawing.collect()
        written_by_others = {other: in_fork(waiting[other].written, 1) for other in others}
        results[name] = waiting[name].written(1 if others else None)
        waiting[name].sampled.discard_chunks()
        for other, written in written_by_others.items():
            results[other] = written()
            waiting[other].sampled.discard_chunks()
    return results
