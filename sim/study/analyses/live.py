"""Interactive what-if analysis: dates, strategy, crews, lines, trucks, yard, cranes, shifts, reaction and risks of a project.

Each snapshot is the same project with a few values changed, on the same random numbers.
A snapshot begins with few replications and grows. While sliders move, the calls of crews and the dates of orders stay
those of the baseline: planning them takes rehearsals, seconds for a large project. `replan` does that, and
then gives exactly the results of `sim run`. With a status, the project is continued from its facts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import cached_property
from itertools import pairwise
from json import dumps
from math import isfinite
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from sim.config.load import Continuation, Loaded
from sim.config.overrides import extended
from sim.config.project import Project
from sim.config.sections.labour import Pattern
from sim.config.yaml_reader import read_text
from sim.engine.backends import AUTO
from sim.errors import SimError
from sim.plan.mechanisms.crews import largest_counts
from sim.plan.plan_context import Mobilisation, ResourcePlan
from sim.plan.project import write_plan
from sim.study.analyses.forecast.status import read_status
from sim.study.api import load, run
from sim.study.case import Case, compiled_plan, prepare_case
from sim.study.executors.persistent_pool import PartialSnapshot, PersistentPool
from sim.study.result import Result
from sim.world.project_calendars import day_minutes, project_calendars

# --- levers -----------------------------------------------------------------------------------------------------------


Changes = Mapping[str, Any]
"""The levers that were moved: path in the configuration, and new value."""
RISKS = "risks.without"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
TWO_SHIFTS = [{"start": "06:00", "end": "16:00"}, {"start": "16:00", "end": "02:00"}]


class UnknownLever(SimError):
    """A change of a value that is no lever of the page, or to a value that the lever cannot have."""

    exit_code = 2


@dataclass(frozen=True)
class Lever:
    """One value that the page can change: its path in the configuration, its label, and which values it can have.

    `kind` is slider (from `low` to `high`), choice (of `choices`, each a label and a value), date (`2026-01-05`), target
    (days after the decision) or risks (switches; the value is the list of those that are off). `replan`: the
    baseline's crews and orders do not fit what it changes, so they are planned again.
    """

    path: str
    group: str
    label: str
    kind: str
    value: Any
    low: int = 0
    high: int = 0
    choices: tuple[tuple[str, Any], ...] = ()
    replan: bool = False

    def takes(self, value: Any) -> bool:
        """Return whether a value has the type that the lever takes; the configuration checks its range."""
        if self.kind == "slider":
            return isinstance(value, int) and not isinstance(value, bool)
        if self.kind == "date":
            return isinstance(value, str) and is_day(value)
        if self.kind == "target":
            return isinstance(value, int) and not isinstance(value, bool)
        if self.kind == "risks":
            return isinstance(value, list) and all(isinstance(name, str) for name in value)
        return value == self.value or any(value == choice for _, choice in self.choices)

    def document(self) -> dict[str, Any]:
        """Return it as the page reads it."""
        return asdict(self)


def is_day(text: str) -> bool:
    """Return whether a text is a date such as `2026-01-05`."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def levers(project: Project, resource_plan: ResourcePlan, min_crews: Mapping[str, int]) -> tuple[Lever, ...]:
    """Return what there is to move, at the values of a project; of a trade at least `min_crews`, which one step takes."""
    first, last = (*_dates(project), *_strategy(project)), (*_shifts(project), *_reaction(project), *_risks(project))
    return (*first, *_crews(resource_plan, min_crews), *_factories(project), *_site(project), *last)


def _slider(path: str, group: str, label: str, value: int, low: int = 1) -> Lever:
    return Lever(path, group, label.replace("_", " "), "slider", value, low, max(3 * value, value + 4))


def _dates(project: Project) -> Iterator[Lever]:
    """Yield the decision and the target."""
    yield Lever("scale.start_date", "dates", "decision", "date", project.scale.start_date.isoformat())
    yield Lever("scale.target_days", "dates", "target", "target", int(project.scale.target_days))


def _strategy(project: Project) -> Iterator[Lever]:
    """Yield where each system (electrical, mechanical, compute) is made: in a factory or on site."""
    choices = (("skids from a factory", "factory"), ("built on site", "site"))
    for name, system in project.by_system.items():
        yield Lever(f"systems.{name}.scope", "strategy", name, "choice", system.scope, choices=choices, replan=True)


def _reaction(project: Project) -> Iterator[Lever]:
    """Yield how the site reacts to a slip, where a policy is stated."""
    if (policy := project.labour.acceleration) is not None:
        choices = (("goes on as planned", False), ("overtime and further crews", True))
        path = "labour.acceleration.active"
        yield Lever(path, "reaction", "after a slip the site", "choice", policy.active, choices=choices, replan=True)


def _crews(resource_plan: ResourcePlan, min_crews: Mapping[str, int]) -> Iterator[Lever]:
    """Yield the crews of every trade: at least as many as one step takes at once."""
    for trade, stays in sorted(resource_plan.mobilisations.items()):
        yield _slider(f"labour.trades.{trade}.crews", "crews", trade, len(stays), max(1, min_crews.get(trade, 1)))


def _factories(project: Project) -> Iterator[Lever]:
    """Yield lines, trucks and yard places of every system that is made in a factory."""
    fleets, yard = project.logistics.fleets, project.logistics.laydown
    in_factories = [name for name, system in project.by_system.items() if system.scope == "factory"]
    for name in in_factories:
        lines = project.by_system[name].factory.lines
        yield _slider(f"systems.{name}.factory.lines", "factory lines", name, lines)
    for name in in_factories:
        yield _slider(f"logistics.fleets.{name}.trucks", "trucks", name, getattr(fleets, name).trucks)
    for name in in_factories:
        low = project.by_system[name].skid.per_block
        yield _slider(f"logistics.laydown.{name}", "yard places", name, getattr(yard, name), low)


def _site(project: Project) -> Iterator[Lever]:
    """Yield cranes and gates."""
    yield _slider("logistics.cranes", "site", "cranes", project.logistics.cranes)
    yield _slider("logistics.gates", "site", "gates", project.logistics.gates)


def _shifts(project: Project) -> Iterator[Lever]:
    """Yield the shift patterns to choose from, or days and shifts of the site's week where that is stated."""
    labour, site_week = project.labour, project.calendars.site
    if site_week.days is None or site_week.shifts is None:
        patterns = tuple((_week(pattern), name) for name, pattern in labour.patterns.items())
        yield Lever("labour.pattern", "shifts", "pattern", "choice", labour.pattern, choices=patterns)
        return
    if labour.pattern is not None:  # both say the same week: neither can be moved alone
        return
    weeks = [(f"{number} days a week", list(DAYS[:number])) for number in (5, 6, 7)]
    yield Lever("calendars.site.days", "shifts", "days", "choice", list(site_week.days), choices=tuple(weeks))
    if len(site_week.shifts) == 1:
        one_shift = [shift.model_dump(mode="json") for shift in site_week.shifts]
        shift_choices = (("one shift, as stated", one_shift), ("two shifts of 10 h", TWO_SHIFTS))
        yield Lever("calendars.site.shifts", "shifts", "shifts", "choice", one_shift, choices=shift_choices)


def _week(pattern: Pattern) -> str:
    """Write a pattern of work as a planner says it: `6 days a week, 07:00 to 17:00`."""
    hours = " and ".join(f"{shift.start} to {shift.end}" for shift in pattern.shifts)
    rota = f", {pattern.weeks_on} weeks on and {pattern.weeks_off} off" if pattern.weeks_on else ""
    return f"{len(pattern.days)} days a week, {hours}{rota}"


def _risks(project: Project) -> Iterator[Lever]:
    """Yield the levers on the risk register: its mode, and which of its drivers may happen."""
    risks = project.risks
    if risks.drivers:
        modes = (("as things are", "inherent"), ("after mitigation", "mitigated"), ("no risk event", "none"))
        yield Lever("risks.mode", "risks", "register", "choice", risks.mode, choices=modes)
    if risks.drivers and risks.mode != "none":
        probabilities = {driver.id: f" ({100 * state.probability.value:.0f} %)" for driver, state in risks.active()}
        choices = tuple((f"{driver.name}{probabilities.get(driver.id, '')}", driver.id) for driver in risks.drivers)
        yield Lever(RISKS, "risks", "risk drivers", "risks", list(risks.without), choices=choices)


def as_overrides(changes: Changes, offered: tuple[Lever, ...]) -> list[str]:
    """Return changes as overrides for `--set`; UnknownLever for what the page does not offer."""
    levers_by_path = {lever.path: lever for lever in offered}
    for path, value in changes.items():
        if path not in levers_by_path:
            raise UnknownLever(f"{path} is nothing that can be moved here")
        if not levers_by_path[path].takes(value):
            raise UnknownLever(f"{path}: {value!r} is nothing that it can be moved to")
    return [
        f"{path}={value if levers_by_path[path].kind == 'date' else json.dumps(value)}"
        for path, value in changes.items()
    ]


def with_changed_crews(resource_plan: ResourcePlan, changes: Changes) -> ResourcePlan:
    """Return the baseline's resource plan with the numbers of crews that were changed.

    Of fewer crews the first to be called remain; additional ones come and go with the last.
    """
    mobilisations = dict(resource_plan.mobilisations)
    for path, value in changes.items():
        if path.startswith("labour.trades.") and path.endswith(".crews"):
            trade = path.split(".")[2]
            mobilisations[trade] = _with_crew_count(mobilisations[trade], int(value))
    crews = {**resource_plan.crews, **{trade: len(crew) for trade, crew in mobilisations.items()}}
    return replace(resource_plan, crews=crews, mobilisations=mobilisations)


def _with_crew_count(mobilisations: tuple[Mobilisation, ...], count: int) -> tuple[Mobilisation, ...]:
    return mobilisations[:count] + mobilisations[-1:] * max(0, count - len(mobilisations))


# --- live -------------------------------------------------------------------------------------------------------------


SHARES = (0.1, 0.5, 0.9)
FIRST_RUNS, RANGE_RUNS = 50, 50
"""Replications of the first snapshot, over all workers, and of every further range that a worker is given."""
CACHED_SNAPSHOTS = 12
"""Finished snapshots that are cached, so that a former setting is shown at once."""
CURVE_POINTS = 300

StillWanted = Callable[[], bool]
"""Whether the snapshot is still asked for."""


class Live:
    """A project on the screen: its configuration before any change (the baseline), its sliders, and worker processes."""

    def __init__(
        self,
        path: Path,
        overrides: Sequence[str] = (),
        *,
        runs: int,
        seed: int,
        workers: int,
        status: Path | None = None,
    ) -> None:
        """Plan crews and orders of the baseline: the configuration before any change, continued from `status` if given.

        Processes are started with the first snapshot.
        """
        self.path, self.overrides, self.runs, self.seed, self.workers = path, tuple(overrides), runs, seed, workers
        self.status = None if status is None else read_status(status, load(path, overrides).value.scale.start_date)
        self.base: Case = self._replanned(load(path, overrides), engine=AUTO)
        self.pool = PersistentPool(workers, self.base.engine)
        self._snapshots: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> Self:
        """Nothing more is needed."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the worker processes."""
        self.pool.close()

    @cached_property
    def levers(self) -> tuple[Lever, ...]:
        """Return the inputs that the page has a slider for."""
        project = self.base.project
        plan = write_plan(project, project_calendars(project), day_minutes(project), self.base.crew_plan.resource_plan)
        return levers(project, self.base.crew_plan.resource_plan, largest_counts(plan.units, project.labour.trades))

    def loaded(self, changes: Changes) -> Loaded[Project]:
        """Return the configuration as it is on screen; ConfigError where that cannot be."""
        return load(self.path, [*self.overrides, *as_overrides(changes, self.levers)])

    def project(self, changes: Changes) -> Project:
        """Return the project as it is on screen; ConfigError where that cannot be."""
        return self.loaded(changes).value

    def _replanned(self, config: Loaded[Project], *, engine: str) -> Case:
        """Return a project whose crews and orders are planned for it, continued from the status where there is one."""
        return prepare_case(self._from_here(config), engine=engine)

    def _from_here(self, config: Loaded[Project]) -> Loaded[Project]:
        """Return a configuration that continues from the status, whose past is read against the baseline's plan."""
        if self.status is None:
            return config
        return replace(config, continuation=Continuation(self.status, load(self.path, self.overrides)))

    def report(self, changes: Changes, out: Path, extras: Callable[[Result, Path], object]) -> None:
        """Run what is on screen as `sim run` would, or continue it from the status, and write it with its report."""
        config = self._from_here(self.loaded(changes))
        run(config, runs=self.runs, seed=self.seed, workers=0, out=out, extras=extras)

    def as_config(self, changes: Changes) -> str:
        """Return the YAML of what is on screen, which is right beside the configuration it came from."""
        self.project(changes)
        words = (override.partition("=") for override in self.overrides)
        settings = {path.strip(): read_text(text, path).tree for path, _, text in words}
        comment = f"What was on the screen of: sim live {self.path.name}. Keep it in the same folder."
        return extended(self.path, {**settings, **changes}, "_live", comment)

    def snapshots(
        self, changes: Changes, still_wanted: StillWanted, *, replan: bool = False
    ) -> Iterator[dict[str, Any]]:
        """Yield snapshots of the changed project, of ever more replications, as long as they are wanted."""
        setting = dumps([changes, replan and bool(changes)], sort_keys=True)
        if (cached := self._snapshots.get(setting)) is not None and cached["runs"] == self.runs:
            yield cached
            return
        case = self._case(changes, replan=replan)
        if not still_wanted():
            return
        parts: list[PartialSnapshot] = []
        ranges = list(self._ranges())
        for ranges_done, part in enumerate(self.pool.run(case, self.seed, ranges), 1):
            if not still_wanted():
                return
            parts.append(part)
            if ranges_done % self.workers == 0 or ranges_done == len(ranges):
                latest_snapshot = snapshot(parts)
                if ranges_done == len(ranges):
                    self._keep_snapshot(setting, latest_snapshot)
                yield latest_snapshot

    def _keep_snapshot(self, setting: str, finished: dict[str, Any]) -> None:
        """Cache a finished snapshot, and drop the oldest where there are too many."""
        self._snapshots[setting] = finished
        for oldest in [*self._snapshots][: max(0, len(self._snapshots) - CACHED_SNAPSHOTS)]:
            del self._snapshots[oldest]

    def _ranges(self) -> Iterator[range]:
        """Yield the ranges of replications to simulate: small ones first, so that there is soon something to show."""
        # the same number for every worker, at the end too: else one has a range more while the others wait
        first_runs = min(FIRST_RUNS, self.runs)
        rounds = -(-(self.runs - first_runs) // (RANGE_RUNS * self.workers))
        for first, end, count in ((0, first_runs, self.workers), (first_runs, self.runs, self.workers * rounds)):
            bounds = [first + (end - first) * number // max(1, count) for number in range(count + 1)]
            yield from (range(start, stop) for start, stop in pairwise(bounds) if start < stop)

    def _case(self, changes: Changes, *, replan: bool) -> Case:
        """Return the changed project ready to run: with the baseline's crews and orders, or planned again."""
        if not changes:
            return self.base
        config, levers_by_path = self.loaded(changes), {lever.path: lever for lever in self.levers}
        project = config.value
        if replan or self.status is not None or any(levers_by_path[path].replan for path in changes):
            return self._replanned(config, engine=self.base.engine)
        resource_plan = with_changed_crews(self.base.crew_plan.resource_plan, changes)
        crew_plan = replace(self.base.crew_plan, resource_plan=resource_plan)
        plan = compiled_plan(project, resource_plan)
        return Case(project, crew_plan, plan, self.base.weather, engine=self.base.engine)


def snapshot(parts: Sequence[PartialSnapshot]) -> dict[str, Any]:
    """Return what the page shows of some replications: the values of each metric, and quantiles of each curve by day."""
    metrics = {name: _plain(np.concatenate([part.metrics[name] for part in parts])) for name in parts[0].metrics}
    curves = {name: np.concatenate([part.curves[name] for part in parts]) for name in parts[0].curves}
    days = next(iter(curves.values())).shape[1]
    shown_days = np.unique(np.linspace(0, days - 1, min(CURVE_POINTS, days)).astype(int))
    bands = {
        name: [_plain(band) for band in np.quantile(lines[:, shown_days], SHARES, axis=0, method="inverted_cdf")]
        for name, lines in curves.items()
    }
    runs = len(next(iter(metrics.values())))
    return {
        "runs": runs,
        "stalled": sum(part.stalled for part in parts),
        "days": shown_days.tolist(),
        "metrics": metrics,
        "curves": bands,
    }


def _plain(values: np.ndarray) -> list[float | None]:
    """Return numbers as JSON can hold them: what never happens is null."""
    return [value if isfinite(value) else None for value in np.asarray(values, np.float64).tolist()]
