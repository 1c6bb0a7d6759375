"""A case: one project made ready to be run many times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sim.config.project import Project
from sim.engine.processes import Performance, Prepared, perform
from sim.metrics.measure import CURVES, Yardstick, ledger_of, measure
from sim.metrics.record import Record
from sim.metrics.story import driving, story
from sim.plan.compile import Compiled, compile_plan
from sim.plan.layout import lay_out
from sim.plan.luck import Draws, Luck, planned
from sim.plan.project import write_plan
from sim.plan.spreading import Spreader
from sim.study.chunk import OK, STALLED, Chunk, Columns
from sim.study.sizing import Sizing, size
from sim.world.calendars import Calendar
from sim.world.clock import SHIFT, calendars, day_minutes
from sim.world.replication import calendars_of
from sim.world.sampling import PLAIN, Sampling

AT_ONCE = 64
"""Replications whose inputs are drawn together: enough for numpy, little enough for memory."""


@dataclass(frozen=True)
class Case:
    """One project, its plan as arrays, and what was agreed before it was written."""

    project: Project
    sizing: Sizing
    plan: Compiled
    sampling: Sampling = PLAIN

    def __getstate__(self) -> dict[str, object]:
        """Travel to another process without what can be worked out again there."""
        return {"project": self.project, "sizing": self.sizing, "plan": self.plan, "sampling": self.sampling}

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
        site = self.plan.base_calendars[self.plan.calendars.index(SHIFT)]
        layout = lay_out(self.project, self.sizing.agreed.released)
        plain = Yardstick.of(self.project, layout, self.plan, site)
        planned, content = self.perform(self.planned).log, self.planned.content
        return plain.budgeted(Record.of(plain.index, planned, content, self.plan.base_calendars, self.planned.factors))

    @cached_property
    def planned(self) -> Luck:
        """Return the luck of the deterministic run."""
        return planned(self.plan.inputs)

    def draws(self, seed: int) -> Draws:
        """Return where the luck of its replications comes from; the same draws for the same seed, so far as made."""
        if seed not in self._draws:
            self._draws[seed] = Draws(self.plan.inputs, seed, Spreader(self.plan.inputs, seed, self.sampling))
        return self._draws[seed]

    @cached_property
    def _draws(self) -> dict[int, Draws]:
        """Return the draws already made ready, by seed."""
        return {}

    def hours_of(self, seed: int, replication: int) -> tuple[Calendar, ...]:
        """Return the calendars of a replication, in the plan's order."""
        base = dict(zip(self.plan.calendars, self.plan.base_calendars, strict=True))
        return tuple(calendars_of(self.project, base, seed, replication).values())

    def perform(self, luck: Luck, hours: Sequence[Calendar] | None = None) -> Performance:
        """Perform the project once, on the stated calendars if no others are given."""
        return perform(self.prepared, luck, hours or self.plan.base_calendars)

    def measured(
        self, luck: Luck, performance: Performance, hours: Sequence[Calendar] | None = None
    ) -> tuple[dict[str, float], dict[str, np.ndarray]]:
        """Return the metrics and daily curves of a performance on those calendars."""
        hours = hours or self.plan.base_calendars
        record = Record.of(self.yardstick.index, performance.log, luck.content, hours, luck.factors)
        return measure(self.yardstick, record)

    def story(self, seed: int, replication: int) -> Columns:
        """Return the log of one replication as people read it."""
        luck = next(self.draws(seed).chunk(replication, 1))
        hours = self.hours_of(seed, replication)
        log = self.perform(luck, hours).log
        record = Record.of(self.yardstick.index, log, luck.content, hours, luck.factors)
        return dict(story(record, self.project.scale.start_date))

    def driving(self, seed: int, replication: int) -> Columns:
        """Return why a replication ended when it did: its driving chain as people read it."""
        luck = next(self.draws(seed).chunk(replication, 1))
        hours = self.hours_of(seed, replication)
        log = self.perform(luck, hours).log
        return driving(Record.of(self.yardstick.index, log, luck.content, hours, luck.factors))

    def ledger(self, seed: int, replication: int) -> Columns:
        """Return the ledger of one replication as people read it: day, item, event, usd."""
        luck = next(self.draws(seed).chunk(replication, 1))
        hours = self.hours_of(seed, replication)
        log = self.perform(luck, hours).log
        return ledger_of(self.yardstick, Record.of(self.yardstick.index, log, luck.content, hours, luck.factors))

    def replicate(self, seed: int, first: int, count: int) -> Chunk:
        """Perform replications first … first + count − 1 and measure them."""
        draws = self.draws(seed)
        runs = {metric: np.empty(count) for metric in self.metrics}
        status = np.full(count, OK, np.int8)
        curves = {curve: np.empty((count, self.days), np.float32) for curve in CURVES}
        for begin in range(first, first + count, AT_ONCE):
            for luck in draws.chunk(begin, min(AT_ONCE, first + count - begin)):
                row = luck.replication - first
                hours = self.hours_of(seed, luck.replication)
                performance = self.perform(luck, hours)
                status[row] = OK if performance.stuck is None else STALLED
                metrics, daily = self.measured(luck, performance, hours)
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
