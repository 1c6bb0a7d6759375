"""A case: one project made ready to be run many times."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sim.config.project import Project
from sim.engine.processes import Performance, Prepared, perform
from sim.metrics.measure import CURVES, Yardstick, measure
from sim.metrics.record import Record
from sim.metrics.story import story
from sim.plan.compile import Compiled, compile_plan
from sim.plan.layout import lay_out
from sim.plan.luck import Draws, Luck, planned
from sim.plan.project import write_plan
from sim.study.chunk import OK, STALLED, Chunk, Columns
from sim.study.sizing import Sizing, size
from sim.world.clock import calendars, day_minutes

AT_ONCE = 64
"""Replications whose inputs are drawn together: enough for numpy, little enough for memory."""


@dataclass(frozen=True)
class Case:
    """One project, its plan as arrays, and what was agreed before it was written."""

    project: Project
    sizing: Sizing
    plan: Compiled

    def __getstate__(self) -> dict[str, object]:
        """Travel to another process without what can be worked out again there."""
        return {"project": self.project, "sizing": self.sizing, "plan": self.plan}

    @property
    def name(self) -> str:
        """Return the project's name."""
        return self.project.name

    @property
    def days(self) -> int:
        """Return the length of daily curves."""
        return self.project.money.horizon_days

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """Return the names of the metrics, in order."""
        return tuple(self.measured(self.planned, self.perform(self.planned))[0])

    @cached_property
    def prepared(self) -> Prepared:
        """Return the plan as the reference engine reads it."""
        return Prepared(self.plan)

    @cached_property
    def yardstick(self) -> Yardstick:
        """Return what runs are measured with."""
        site = self.plan.base_calendars[self.plan.calendars.index("site.interior")]
        return Yardstick.of(self.project, lay_out(self.project), self.plan, site)

    @cached_property
    def planned(self) -> Luck:
        """Return the luck of the deterministic run."""
        return planned(self.plan.inputs)

    def perform(self, luck: Luck) -> Performance:
        """Perform the project once."""
        return perform(self.prepared, luck, self.plan.base_calendars)

    def measured(self, luck: Luck, performance: Performance) -> tuple[dict[str, float], dict[str, np.ndarray]]:
        """Return the metrics and daily curves of a performance."""
        record = Record.of(self.yardstick.index, performance.log, luck.content, self.plan.base_calendars)
        return measure(self.yardstick, record)

    def story(self, seed: int, replication: int) -> Columns:
        """Return the log of one replication as people read it."""
        luck = next(Draws(self.plan.inputs, seed).chunk(replication, 1))
        return dict(story(self.plan, self.perform(luck).log, self.project.scale.start_date))

    def replicate(self, seed: int, first: int, count: int) -> Chunk:
        """Perform replications first … first + count − 1 and measure them."""
        draws = Draws(self.plan.inputs, seed)
        runs = {metric: np.empty(count) for metric in self.metrics}
        status = np.full(count, OK, np.int8)
        curves = {curve: np.empty((count, self.days), np.float32) for curve in CURVES}
        for begin in range(first, first + count, AT_ONCE):
            for luck in draws.chunk(begin, min(AT_ONCE, first + count - begin)):
                row = luck.replication - first
                performance = self.perform(luck)
                status[row] = OK if performance.stuck is None else STALLED
                metrics, daily = self.measured(luck, performance)
                for metric, values in runs.items():
                    values[row] = metrics[metric]
                for curve, lines in curves.items():
                    lines[row] = daily[curve]
        return Chunk(first, {"status": status, **runs}, curves)


def prepare(project: Project) -> Case:
    """Size the crews of a project, place its orders, write its plan and compile it."""
    sizing = size(project)
    plan = write_plan(project, calendars(project), day_minutes(project), sizing.agreed)
    return Case(project, sizing, compile_plan(plan))
