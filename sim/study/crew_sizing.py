"""The one rule by which every strategy gets its crews, and the one policy by which it orders.

Every trade is sized for the same target date: from its first earliest start to its last latest finish, in the
strategy's own plan with as many crews as anybody asks for; and so that its planned hours fit under a ramp.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from sim.config.project import Project
from sim.config.sections.labour import Trade
from sim.engine.simpy_engine import RunOutcome, SimpyPlan, simulate
from sim.errors import Stalled
from sim.metrics.schedule import NEVER, latest
from sim.plan.compile import CompiledPlan, compile_plan
from sim.plan.context import Mobilisation, ResourcePlan
from sim.plan.draws import SampledInputs, deterministic_draws
from sim.plan.layout import layout_of
from sim.plan.mechanisms.commissioning import ONLINE
from sim.plan.mechanisms.crews import crew, done, largest_counts, mean_over_peak
from sim.plan.mechanisms.orders import PLACED
from sim.plan.project import write_plan
from sim.plan.vocabulary import FREE, HOLD, MINUTES_PER_DAY, MINUTES_PER_WEEK, NOTE, SIGNAL, UNTIL, WORK
from sim.world.calendars.project_calendars import SHIFT, day_minutes, productive_share, project_calendars, stated_share

INDOORS = "interior"
"""The exposure by which the planner judges a way of working."""


@dataclass(frozen=True)
class Window:
    """When a trade is needed: minutes from its first earliest start to its last latest finish, and its hours."""

    trade: str
    start: int
    finish: int
    earned_hours: float


@dataclass(frozen=True)
class Sizing:
    """What was settled before the plan was written, and why.

    `unlimited_days` is the planned finish with as many crews as anybody asks for; `sized_for_days` the date the
    crews are sized for: the target, or the unlimited finish where that is later.
    """

    resource_plan: ResourcePlan
    windows: tuple[Window, ...]
    unlimited_days: float
    sized_for_days: float


def size(project: Project) -> Sizing:
    """Return the crew plan and the order dates of a project, from three rehearsals without luck.

    The first, with as many crews as anybody asks for, gives each trade its window and so its number of crews.
    The second, with that many from the beginning, gives each crew its call: when the work first needs it, and
    when for the last time. The third, with those mobilisations, gives every order the latest date that delays nothing.
    """
    project = project.with_risks("none")  # none occurs without luck
    unlimited = Rehearsal(project, ResourcePlan())
    target = max(unlimited.finish, round(project.scale.target_days * MINUTES_PER_DAY))
    windows = unlimited.windows(target)
    crews = {window.trade: _crews(project, window, unlimited.most[window.trade]) for window in windows}
    there = Rehearsal(project, ResourcePlan(crews))
    resource_plan = ResourcePlan(crews, there.mobilisations(), placed=there.placed())
    if project.procurement.policy == "just_in_time":
        called = Rehearsal(project, resource_plan)
        resource_plan = replace(resource_plan, order_minutes=called.order_minutes(), placed=called.placed())
    if project.orders.policy == "released":
        resource_plan = replace(resource_plan, released=Rehearsal(project, resource_plan).released())
    return Sizing(resource_plan, tuple(windows), unlimited.finish / MINUTES_PER_DAY, target / MINUTES_PER_DAY)


def _crews(project: Project, window: Window, most: int) -> int:
    """Return a trade's crews: hours × (1 + loss) ÷ (weeks × hours a week × utilisation × shape), whole crews.

    Never fewer than one step takes at once (`most`); as many as the planner typed in, if he did. Hours a week are
    those of all shifts, as a crew has a team in each of them.
    """
    labour = project.labour
    trade = labour.trades[window.trade]
    if trade.crews is not None:
        return max(trade.crews, most)
    weeks = max(1.0, (window.finish - window.start) / MINUTES_PER_WEEK)
    week_hours = day_minutes(project)[SHIFT] / 60 * len(project.site_calendar.days)
    hours = window.earned_hours * (1 + labour.planned_loss.value) * _otherwise(project, trade)
    people = hours / (weeks * week_hours * labour.utilisation.value * mean_over_peak(labour.ramp))
    return max(most, round(people / trade.team))


def _otherwise(project: Project, trade: Trade) -> float:
    """Return the hours wanted over those under the conditions for which the losses are stated: 1 under these.

    The planned loss is stated for the same way of working and mix of people as the losses; where the project has
    another one, its planner allows for it in proportion.
    """
    productivity = project.labour.productivity
    if productivity is None:
        return 1 / trade.output
    crowded = 1.0 if productivity.crowding is None else 1 - productivity.crowding.in_losses.value
    stated, own = stated_share(project, INDOORS), productive_share(project, project.pattern, INDOORS)
    return productivity.loss_ratio / crowded * stated / own / trade.output


class Rehearsal:
    """The deterministic run of a plan, from which windows and latest dates are read."""

    def __init__(self, project: Project, resource_plan: ResourcePlan) -> None:
        self.project = project
        plan = write_plan(project, project_calendars(project), day_minutes(project), resource_plan)
        self.most = largest_counts(plan.units, project.labour.trades)
        self.plan: CompiledPlan = compile_plan(plan)
        self.luck: SampledInputs = deterministic_draws(self.plan.inputs)
        outcome = simulate(SimpyPlan(self.plan), self.luck, self.plan.base_calendars)
        self.log = finished(outcome).log
        self.finish = int(self.log[self._online(), 0].max())

    def latest(self, anchors: Mapping[int, int]) -> np.ndarray:
        """Return the latest minute of every row that keeps the anchors."""
        return latest(self.plan, self.log, self.plan.base_calendars, anchors)

    def windows(self, target: int) -> list[Window]:
        """Return the window of every trade when every block may be as late as the last one may, for the target."""
        online = self.plan.gates.index(ONLINE)
        handed_over = [row for row in self._rows(SIGNAL) if self._argument(row, 1) == online]
        bound = self.latest({row: int(self.log[row, 0]) + target - self.finish for row in handed_over})
        works = self._rows(WORK)
        steps = self.log[works, 1]
        found = []
        for number, trade in enumerate(self.plan.trades):
            mine = works[self.plan.people[steps, number] > 0]
            ends = bound[mine][bound[mine] != NEVER]
            hours = self._earned(mine, number)
            # nothing waits for this trade: it may work until the target
            last = int(ends.max()) if len(ends) else target
            found.append(Window(trade, int(self.log[mine, 2].min()), last, hours))
        return found

    def _earned(self, works: np.ndarray, trade: int) -> float:
        steps = self.log[works, 1]
        steps = np.unique(steps[self.plan.earns[steps]])
        minutes = self.luck.content[self.plan.rows[steps, 1]]
        return float((minutes * self.plan.people[steps, trade]).sum()) / 60

    def order_minutes(self) -> dict[str, int]:
        """Return by unit the latest order that delays no block, less the float that is kept on an order."""
        bound = self.latest({row: int(self.log[row, 0]) for row in self._online()})
        kept = round(self.project.procurement.float_weeks.value * MINUTES_PER_WEEK)
        order = self.plan.activities.index("order") if "order" in self.plan.activities else -1
        found: dict[str, int] = {}
        for row in (*self._rows(UNTIL), *self._rows(WORK)):
            step = self.log[row, 1]
            if self.plan.activity_of[step] == order and bound[row] != NEVER:
                minute = max(0, int(bound[row]) - kept)
                found[self.plan.units[self.plan.unit_of[step]]] = minute - minute % MINUTES_PER_DAY
        return found

    def placed(self) -> dict[str, int]:
        """Return when the orders that have no date are placed."""
        gates = {number: gate for number, gate in enumerate(self.plan.gates) if gate.endswith(PLACED)}
        rows = [row for row in self._rows(SIGNAL) if self._argument(row, 1) in gates]
        return {gates[self._argument(row, 1)].removesuffix(PLACED): int(self.log[row, 0]) for row in rows}

    def mobilisations(self) -> dict[str, tuple[Mobilisation, ...]]:
        """Return when each crew of each trade is called, and the hours done after which it is not needed again.

        The k-th crew is called early enough to be at work when for the first time k crews are busy.
        """
        lead = MINUTES_PER_WEEK + 2 * MINUTES_PER_DAY
        return {
            trade: tuple(Mobilisation(max(0, first - lead), level, unit) for first, level, unit in self._needed(trade))
            for trade in self.most
        }

    def _needed(self, trade: str) -> Iterator[tuple[int, int, str]]:
        """Yield for k = 1, 2, … when k crews are first busy, the trade's hours when last, and the unit."""
        pool, gate = self.plan.pools.index(crew(trade)), self.plan.gates.index(done(trade))
        takes = np.array([dict(bundle).get(pool, 0) for bundle in self.plan.bundles])
        sign = np.array([1 if op == HOLD else -1 if op == FREE else 0 for op in range(8)])
        operation, argument = self.plan.rows[self.log[:, 1], 0], self.plan.rows[self.log[:, 1], 1]
        on_bundle = sign[operation] != 0
        change = np.where(on_bundle, sign[operation] * takes[np.where(on_bundle, argument, 0)], 0)
        busy = np.cumsum(change)
        hours = np.cumsum(np.where((operation == SIGNAL) & (argument == gate), self.log[:, 2], 0))
        for number in range(1, int(busy.max()) + 1):
            at = np.flatnonzero(busy >= number)
            unit = self.plan.units[self.plan.unit_of[self.log[at[0], 1]]]
            yield int(self.log[at[0], 0]), max(1, int(hours[at[-1]]) + 1), unit

    def released(self) -> dict[str, int]:
        """Return the day on which every hall and block is released: a fixed time before it is planned to be online.

        Never later than the first thing that is bought or done for it.
        """
        ahead = round(self.project.orders.released_days_ahead.value * MINUTES_PER_DAY)
        layout = layout_of(self.project)
        made = {self.plan.notes[self._argument(row, 1)][1]: int(self.log[row, 0]) for row in self._online()}
        begun = self._begun()
        return {
            place.name: max(0, min(begun.get(place.name, NEVER), min(made[block] for block in place.blocks) - ahead))
            // MINUTES_PER_DAY
            for place in (*layout.halls, *layout.blocks)
        }

    def _begun(self) -> dict[str, int]:
        """Return by place the first minute at which something is ordered or done for it."""
        first: dict[str, int] = {}
        for row in self._rows(NOTE):
            kind, item = self.plan.notes[self._argument(row, 1)]
            if kind == "ordered" and "/" in item and not item.startswith("shell/"):
                first.setdefault(item.partition("/")[2], int(self.log[row, 0]))
        for row in self._rows(WORK):
            place = self.plan.unit_info[self.plan.unit_of[self.log[row, 1]]].place
            first[place] = min(first.get(place, NEVER), int(self.log[row, 2]))
        return first

    def _online(self) -> list[int]:
        return [row for row in self._rows(NOTE) if self.plan.notes[self._argument(row, 1)][0] == ONLINE]

    def _rows(self, operation: int) -> np.ndarray:
        return np.flatnonzero(self.plan.rows[self.log[:, 1], 0] == operation)

    def _argument(self, row: int, argument: int) -> int:
        return int(self.plan.rows[self.log[row, 1], argument])


def finished(outcome: RunOutcome) -> RunOutcome:
    """Return a performance that reached its end; raises `Stalled` with who waits for what otherwise."""
    if outcome.deadlock is not None:
        raise Stalled(f"the deterministic run {outcome.deadlock.explain()}")
    return outcome
