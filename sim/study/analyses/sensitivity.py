"""Which inputs matter: each moved from low to high by itself, elementary effects (Morris), or shares of variance (Sobol).

What is explained is one number of many replications, such as the P80 of the finish; every point is run on
the same random numbers, so differences between points are due to the inputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.arguments import checked_arguments
from sim.config.load import ConfigLike
from sim.config.study import Scalar
from sim.display import Displayed
from sim.errors import SimError
from sim.study.analyses.design import StudyDesign, at_shares, design_of_call, read_study, text_of
from sim.study.analyses.sweep import Sweep, identity, run_series, sweep_series
from sim.study.chunk import Floats
from sim.study.compare import compare
from sim.study.runner import ReportProgress
from sim.study.storage.checkpoint import open_checkpoint
from sim.study.storage.results import STUDY, require_place, write_study

if TYPE_CHECKING:
    import pandas as pd

KIND = "sensitivity"
GRID_LEVELS = 4
"""Levels of Morris's grid: each input takes 0, 1/3, 2/3 and 1 of its range."""
UNIT_BOUNDS = [0.0, 1.0]


class AnalysisNotPossible(SimError):
    """An analysis that is not possible with these points, or without SALib."""

    exit_code = 2


@dataclass(frozen=True, repr=False)
class SensitivityResult(Displayed):
    """The result of a sensitivity analysis: a table with a row an input, and the points that it is worked out from.

    `table` is a DataFrame and no method: `found.table`, where a `Comparison`, a `Sweep` and `Drivers` have `table()`.
    """

    manifest: dict[str, Any]
    table: pd.DataFrame
    points: Sweep

    def headline(self) -> str:
        """Return what it holds in one line."""
        wanted = self.manifest["sensitivity"]
        return f"{wanted['method']}, {wanted['statistic']} of {wanted['metric']}, {len(self.table)} inputs"


@checked_arguments
def sensitivity(
    config: ConfigLike,
    inputs: Mapping[str | tuple[str, ...], Sequence[Any]] | None = None,
    *,
    method: str = "low_high",
    metric: str = "lead_time_full_days",
    statistic: str = "p80",
    size: int = 10,
    runs: int = 200,
    seed: int = 1,
    workers: int | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    progress: ReportProgress | None = None,
) -> SensitivityResult:
    """Find which inputs matter for one number, every point on the same random numbers.

    inputs     (low, high) or a list of values, by path as for `--set` (`*` stands for every key)
    method     low_high: one input at a time; morris: elementary effects; sobol: shares of the variance (the last two
               need the extra `sensitivity`, and `size` trajectories or base samples)
    metric     what is explained (`sim.metrics_table()` lists them); statistic: mean, p50 or p80 of it
    runs       replications a point

    Instead of a configuration and inputs, the path of a study file may be given; it states all but workers and out.
    Returns an object with `table` (a row an input) and `points` (a Sweep). With `out`, finished work is kept beside
    that directory and `resume` goes on from it. Raises SimError, ConfigError.

    >>> found = sim.sensitivity(sim.load("configs/hybrid.yaml"), {"logistics.cranes": (2, 4)}, runs=200)
    >>> found.table[["input", "low", "high"]]

    Source of Morris and Sobol: Saltelli and others, Global Sensitivity Analysis: The Primer (2008), as in SALib.
    """
    if isinstance(config, str | Path) and inputs is None:
        design = read_study(config)
    else:
        settings = {"method": method, "metric": metric, "statistic": statistic, "size": size}
        design = design_of_call(config, inputs or {}, ranges=True, runs=runs, seed=seed, sensitivity=settings)
    return analyse(design, workers=workers, out=out, resume=resume, progress=progress)


def analyse(
    design: StudyDesign,
    *,
    workers: int | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    progress: ReportProgress | None = None,
    extras: Any = None,
) -> SensitivityResult:
    """Run a study's sensitivity analysis; with `out` it is kept there, resumable, and `extras(found, place)` adds to it."""
    unit_points = _unit_points(design)
    settings = (
        _low_high_settings(design)
        if unit_points is None
        else [at_shares(design.study.inputs, row) for row in unit_points]
    )
    case = sweep_series(design, design.all_points(settings), design.study.runs)
    if out is None:
        return _result_of_points(design, run_series(case, design.study.seed, workers, progress), unit_points)
    target = Path(out).absolute()
    method = design.study.sensitivity.model_dump()
    require_place(target, STUDY)
    with open_checkpoint(target, {**identity(case, design.study.seed), "sensitivity": method}, resume=resume) as store:
        result = _result_of_points(design, run_series(case, design.study.seed, workers, progress, store), unit_points)
        parts = {"sensitivity": result.table, "points": result.points.points, "summary": result.points.summary()}
        write_study(target, KIND, result.manifest, parts, lambda place: extras and extras(result, place))
        store.discard()
    return result


def _unit_points(design: StudyDesign) -> Floats | None:
    """Return the points of Morris or Sobol in 0 … 1, shape (points, inputs); None for one input at a time."""
    settings = design.study.sensitivity
    if len(design.bases) != 1:
        message = "a sensitivity analysis is made of one configuration; the study names several"
        raise design.invalid(("configs",), f"configs: {message}")
    if not design.study.inputs:
        raise design.invalid((), "a sensitivity analysis needs `inputs`")
    if settings.method == "low_high":
        return None
    if settings.method == "sobol" and settings.size & (settings.size - 1):
        message = f"Sobol's sequence needs a power of two as `sensitivity.size`; {settings.size} is none"
        raise design.invalid(("sensitivity", "size"), message)
    problem = _problem(list(design.study.inputs))
    if settings.method == "morris":
        sample = _salib().sample.morris.sample(problem, settings.size, num_levels=GRID_LEVELS, seed=design.study.seed)
    else:
        sample = _salib().sample.sobol.sample(
            problem, settings.size, calc_second_order=False, scramble=True, seed=design.study.seed
        )
    return np.asarray(sample, dtype=np.float64)


def _salib() -> Any:
    """Return SALib, which only this analysis needs."""
    try:
        import SALib
        import SALib.analyze.morris
        import SALib.analyze.sobol
        import SALib.sample.morris
        import SALib.sample.sobol
    except ImportError as error:
        raise AnalysisNotPossible(
            "Morris and Sobol need SALib: pip install SALib, or this package with its extra sensitivity"
        ) from error
    return SALib


def _problem(names: Sequence[str]) -> dict[str, Any]:
    """Return the inputs as SALib has them: each a share of its range."""
    return {"num_vars": len(names), "names": list(names), "bounds": [UNIT_BOUNDS] * len(names)}


def _low_high_settings(design: StudyDesign) -> list[dict[str, Scalar]]:
    """Return the configuration as it is, then each input at its low and its high end by itself."""
    low_and_high = [
        (name, at_shares({name: varied}, [share]))
        for name, varied in design.study.inputs.items()
        for share in UNIT_BOUNDS
    ]
    return [{}, *(settings for _, settings in low_and_high)]


def _result_of_points(design: StudyDesign, points: Sweep, unit_points: Floats | None) -> SensitivityResult:
    """Return the result of an analysis, worked out from its points."""
    settings = design.study.sensitivity
    if settings.metric not in points.samples[0].metrics:
        raise AnalysisNotPossible(
            f"there is no metric {settings.metric!r}; there are {', '.join(points.samples[0].metrics)}"
        )
    result_manifest = {**points.manifest, "sensitivity": settings.model_dump()}
    table = (
        _low_high(design, points)
        if unit_points is None
        else _indices(design, unit_points, _explained_values(design, points))
    )
    return SensitivityResult(result_manifest, table, points)


def _explained_values(design: StudyDesign, points: Sweep) -> Floats:
    """Return the number that is explained for every point; AnalysisNotPossible where a point has none."""
    settings = design.study.sensitivity
    values = points.table(settings.metric, settings.statistic)[settings.metric].to_numpy(dtype=np.float64)
    if missing := int((~np.isfinite(values)).sum()):
        raise AnalysisNotPossible(
            f"{missing} of {len(values)} points have no {settings.statistic} of {settings.metric} (stalled, failed or too "
            "few runs); indices need every point: narrow the ranges"
        )
    return values


def _indices(design: StudyDesign, unit_points: Floats, values: Floats) -> pd.DataFrame:
    """Return a table of indices with the half-widths of their 95 % intervals, the largest first."""
    import pandas as pd

    names, settings = list(design.study.inputs), design.study.sensitivity
    columns = (
        ("mu_star", "mu_star_conf", "mu", "sigma")
        if settings.method == "morris"
        else ("ST", "ST_conf", "S1", "S1_conf")
    )
    if np.ptp(values) == 0:  # without variance no input matters, and dividing by it would give not-a-number
        return pd.DataFrame({"input": names, **dict.fromkeys(columns, 0.0)})
    problem, seed = _problem(names), design.study.seed
    if settings.method == "morris":
        estimates = _salib().analyze.morris.analyze(problem, unit_points, values, num_levels=GRID_LEVELS, seed=seed)
    else:
        # centred: the estimator of first-order indices is biased by a large mean
        centred = values - values.mean()
        estimates = _salib().analyze.sobol.analyze(problem, centred, calc_second_order=False, seed=seed)
    table = pd.DataFrame({"input": names, **{column: np.asarray(estimates[column], dtype=float) for column in columns}})
    return table.sort_values(columns[0], ascending=False, kind="stable", ignore_index=True)


def _low_high(design: StudyDesign, points: Sweep) -> pd.DataFrame:
    """Return the effect of each input's low and high end against the configuration as it is, the largest swing first."""
    import pandas as pd

    settings = design.study.sensitivity
    rows = []
    for position, name in enumerate(design.study.inputs):
        effects: dict[str, Any] = {}
        for end, number in (("low", 1 + 2 * position), ("high", 2 + 2 * position)):
            effects |= _against_base(points, number, end, settings.metric, settings.statistic)
            setting = text_of(points.points[name][number])
            effects[f"{end}_setting"] = f"× {setting}" if design.study.inputs[name].times else setting
        rows.append({"input": name, "swing": abs(effects["high"] - effects["low"]), **effects})
    base = points.table(settings.metric, settings.statistic)[settings.metric][0]
    table = pd.DataFrame(rows).sort_values("swing", ascending=False, kind="stable", ignore_index=True)
    return table.assign(base=base)


def _against_base(points: Sweep, number: int, prefix: str, metric: str, statistic: str) -> Mapping[str, Any]:
    """Return the difference of one point to the first, with its interval."""
    pair = {"base": points.samples[0], "changed": points.samples[number]}
    difference = compare(pair, {metric: -1})[0]
    names = {f"{prefix}{bound}": getattr(difference, f"{statistic}{bound}") for bound in ("", "_low", "_high")}
    return {name: float(value) for name, value in names.items()}
