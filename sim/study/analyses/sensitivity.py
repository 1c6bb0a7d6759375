"""Which inputs matter: each moved from low to high by itself, elementary effects (Morris), or shares of variance (Sobol).

The answer that is explained is one number of many replications, P80 of the finish say; every point is run on
the same random numbers, so differences between points are due to the inputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.config.load import ConfigLike
from sim.config.study import Scalar
from sim.display import Displayed
from sim.errors import SimError
from sim.study.analyses.design import Design, NoDesign, at_shares, of_python, read_study, text_of
from sim.study.analyses.sweep import Sweep, identity, run_series, sweep_series
from sim.study.chunk import Floats
from sim.study.compare import compare
from sim.study.runner import Progress
from sim.study.storage.checkpoint import open_checkpoint
from sim.study.storage.results import STUDY, require_place, write_study

if TYPE_CHECKING:
    import pandas as pd

KIND = "sensitivity"
LEVELS = 4
"""Of Morris's grid: each input takes 0, 1/3, 2/3 and 1 of its range."""
UNITS = [0.0, 1.0]


class NotEnough(SimError):
    """An analysis that cannot be made of these points, or without a library."""

    exit_code = 2


@dataclass(frozen=True, repr=False)
class Found(Displayed):
    """What an analysis found: a row an input, and the points it rests on."""

    manifest: dict[str, Any]
    table: pd.DataFrame
    points: Sweep

    def headline(self) -> str:
        """Return what it holds in one line."""
        wanted = self.manifest["sensitivity"]
        return f"{wanted['method']}, {wanted['statistic']} of {wanted['metric']}, {len(self.table)} inputs"


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
    progress: Progress | None = None,
) -> Found:
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
        wanted = {"method": method, "metric": metric, "statistic": statistic, "size": size}
        design = of_python(config, inputs or {}, ranges=True, runs=runs, seed=seed, sensitivity=wanted)
    return analyse(design, workers=workers, out=out, resume=resume, progress=progress)


def analyse(
    design: Design,
    *,
    workers: int | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    extras: Any = None,
) -> Found:
    """Run a study's sensitivity analysis; with `out` it is kept there, resumable, and `extras(found, place)` adds to it."""
    shares = _shares(design)
    settings = _one_by_one(design) if shares is None else [at_shares(design.study.inputs, row) for row in shares]
    case = sweep_series(design, design.crossed(settings), design.study.runs)
    if out is None:
        return _found(design, run_series(case, design.study.seed, workers, progress), shares)
    target = Path(out).absolute()
    method = design.study.sensitivity.model_dump()
    require_place(target, STUDY)
    with open_checkpoint(target, {**identity(case, design.study.seed), "sensitivity": method}, resume=resume) as store:
        found = _found(design, run_series(case, design.study.seed, workers, progress, store), shares)
        parts = {"sensitivity": found.table, "points": found.points.points, "summary": found.points.summary()}
        write_study(target, KIND, found.manifest, parts, lambda place: extras and extras(found, place))
        store.discard()
    return found


def _shares(design: Design) -> Floats | None:
    """The points of Morris or Sobol as shares of each input's range; None for one at a time."""
    wanted = design.study.sensitivity
    if len(design.bases) != 1:
        raise NoDesign("a sensitivity analysis is made of one configuration; the study names several")
    if not design.study.inputs:
        raise NoDesign("a sensitivity analysis needs `inputs`")
    if wanted.method == "low_high":
        return None
    if wanted.method == "sobol" and wanted.size & (wanted.size - 1):
        raise NoDesign(f"Sobol's sequence needs a power of two as `sensitivity.size`; {wanted.size} is none")
    problem = _problem(list(design.study.inputs))
    if wanted.method == "morris":
        sample = _salib().sample.morris.sample(problem, wanted.size, num_levels=LEVELS, seed=design.study.seed)
    else:
        sample = _salib().sample.sobol.sample(
            problem, wanted.size, calc_second_order=False, scramble=True, seed=design.study.seed
        )
    return np.asarray(sample, dtype=np.float64)


def _salib() -> Any:
    """SALib, which is asked for only here."""
    try:
        import SALib
        import SALib.analyze.morris
        import SALib.analyze.sobol
        import SALib.sample.morris
        import SALib.sample.sobol
    except ImportError as error:
        raise NotEnough(
            "Morris and Sobol need SALib: pip install SALib, or this package with its extra sensitivity"
        ) from error
    return SALib


def _problem(names: Sequence[str]) -> dict[str, Any]:
    """The inputs as SALib has them: each a share of its range."""
    return {"num_vars": len(names), "names": list(names), "bounds": [UNITS] * len(names)}


def _one_by_one(design: Design) -> list[dict[str, Scalar]]:
    """The configuration as it is, then each input at its low and its high end by itself."""
    ends = [
        (name, at_shares({name: varied}, [share])) for name, varied in design.study.inputs.items() for share in UNITS
    ]
    return [{}, *(settings for _, settings in ends)]


def _found(design: Design, points: Sweep, shares: Floats | None) -> Found:
    """Work the table out of the points."""
    wanted = design.study.sensitivity
    if wanted.metric not in points.samples[0].metrics:
        raise NotEnough(f"there is no metric {wanted.metric!r}; there are {', '.join(points.samples[0].metrics)}")
    stated = {**points.manifest, "sensitivity": wanted.model_dump()}
    table = _low_high(design, points) if shares is None else _indices(design, shares, _answers(design, points))
    return Found(stated, table, points)


def _answers(design: Design, points: Sweep) -> Floats:
    """The number that is explained, of every point; NotEnough where a point has none."""
    wanted = design.study.sensitivity
    answers = points.table(wanted.metric, wanted.statistic)[wanted.metric].to_numpy(dtype=np.float64)
    if lost := int((~np.isfinite(answers)).sum()):
        raise NotEnough(
            f"{lost} of {len(answers)} points have no {wanted.statistic} of {wanted.metric} (stalled, failed or too "
            "few runs); indices need every point: narrow the ranges"
        )
    return answers


def _indices(design: Design, shares: Floats, answers: Floats) -> pd.DataFrame:
    """Indices with the half-width of their 95 % intervals, the largest first."""
    import pandas as pd

    names, wanted = list(design.study.inputs), design.study.sensitivity
    columns = (
        ("mu_star", "mu_star_conf", "mu", "sigma") if wanted.method == "morris" else ("ST", "ST_conf", "S1", "S1_conf")
    )
    if np.ptp(answers) == 0:  # nothing varies: nothing matters, and dividing by the variance would give no number
        return pd.DataFrame({"input": names, **dict.fromkeys(columns, 0.0)})
    problem, seed = _problem(names), design.study.seed
    if wanted.method == "morris":
        found = _salib().analyze.morris.analyze(problem, shares, answers, num_levels=LEVELS, seed=seed)
    else:
        # centred: the estimator of first-order indices is biased by a large mean
        centred = answers - answers.mean()
        found = _salib().analyze.sobol.analyze(problem, centred, calc_second_order=False, seed=seed)
    table = pd.DataFrame({"input": names, **{column: np.asarray(found[column], dtype=float) for column in columns}})
    return table.sort_values(columns[0], ascending=False, kind="stable", ignore_index=True)


def _low_high(design: Design, points: Sweep) -> pd.DataFrame:
    """Each input's low and high end against the configuration as it is, pair by pair, the widest first."""
    import pandas as pd

    wanted = design.study.sensitivity
    rows = []
    for place, name in enumerate(design.study.inputs):
        ends: dict[str, Any] = {}
        for end, number in (("low", 1 + 2 * place), ("high", 2 + 2 * place)):
            ends |= _against_base(points, number, end, wanted.metric, wanted.statistic)
            setting = text_of(points.points[name][number])
            ends[f"{end}_setting"] = f"× {setting}" if design.study.inputs[name].times else setting
        rows.append({"input": name, "swing": abs(ends["high"] - ends["low"]), **ends})
    base = points.table(wanted.metric, wanted.statistic)[wanted.metric][0]
    table = pd.DataFrame(rows).sort_values("swing", ascending=False, kind="stable", ignore_index=True)
    return table.assign(base=base)


def _against_base(points: Sweep, number: int, end: str, metric: str, statistic: str) -> Mapping[str, Any]:
    """The difference of one point to the first, with its interval."""
    pair = {"base": points.samples[0], "changed": points.samples[number]}
    found = compare(pair, {metric: -1})[0]
    names = {f"{end}{bound}": getattr(found, f"{statistic}{bound}") for bound in ("", "_low", "_high")}
    return {name: float(value) for name, value in names.items()}
