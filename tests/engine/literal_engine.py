"""The rules of the engine once more, minute by minute and as slowly as they are written: no SimPy, no arrays.

It reads the plan itself, not its compiled form, so that it checks the compiler too. Whatever the rules leave
open within a minute (who of those that are ready moves first) can be turned round with `order`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from math import floor
from typing import Literal

from sim.plan.compile import natural
from sim.plan.compiled_plan import CompiledPlan
from sim.plan.draws import SampledInputs
from sim.plan.vocabulary import (
    LEAVING_PRIORITY,
    Free,
    Hold,
    Jump,
    Label,
    NetLevelCondition,
    Note,
    Plan,
    Route,
    Signal,
    Step,
    Until,
    Wait,
    Work,
)
from sim.world.roads import duty_finish
from sim.world.working_time import Calendar

Draw = Callable[[str, int], int]
"""(activity/unit, attempt) → minutes, or 0/1 for a decision."""

Entry = tuple[int, str, int, int | None]
"""(minute done, unit, number of the step in its route, x); x is None where a row says nothing of its own."""

MAX_MOVES = 5_000


class EndlessLoop(Exception):
    """Units perform steps for ever within one minute."""


class TooLate(Exception):
    """Work that is not done before its calendar ends."""


@dataclass
class Walker:
    """A unit on its way."""

    name: str
    rank: int
    steps: list[Step]
    labels: dict[str, int]
    at: int = 0
    doing: Literal["ready", "asking", "waiting", "dated", "starting", "working"] = "ready"
    since: int = 0
    ends: int = 0
    performed: Counter[int] = field(default_factory=Counter)

    @property
    def step(self) -> Step:
        """The step it stands at."""
        return self.steps[self.at]

    @property
    def wants(self) -> str:
        """The beginning of what it waits for, in words."""
        step = self.step
        return f"{step.gate} to reach {step.level}" if isinstance(step, Wait) else ""

    @property
    def over(self) -> bool:
        """Whether it is at the end of its route."""
        return self.at == len(self.steps)


@dataclass
class Naive:
    """A plan and everything that changes while it is performed."""

    plan: Plan
    draw: Draw
    order: Callable[[list[Walker]], list[Walker]] = list
    now: int = 0
    log: list[Entry] = field(default_factory=list)
    queued: int = 0
    """Minutes that everybody together has waited for pools."""
    net_levels: list[Counter[str]] = field(default_factory=list)
    """By minute that is over what was free less what was asked for, of every pool."""
    moves: int = 0
    """Steps completed in this minute; a plan that goes round for ever is given up after many."""

    def __post_init__(self) -> None:
        """Put every unit at the start of its route."""
        names = sorted(self.plan.units, key=natural)
        self.units = [_walker(name, rank, self.plan.units[name]) for rank, name in enumerate(names)]
        self.free = {name: pool.initial for name, pool in self.plan.pools.items()}
        self.level: Counter[str] = Counter()
        self.before: Counter[str] = Counter()
        self.first_attempts: Counter[str] = Counter()
        self.people: Counter[str] = Counter()
        self.open = {name: _open_minutes(calendar) for name, calendar in self.plan.calendars.items()}

    def run(self, last: int) -> str:
        """Play minute after minute; return "finished", "stalled" or, after minute `last`, "late"."""
        gate, level = self.plan.completion
        while self.now <= last:
            self.before, self.moves = self.level.copy(), 0
            self.minute()
            if self.level[gate] >= level:
                return "finished"
            if not any(unit.doing in {"working", "dated"} for unit in self.units):
                return "stalled"
            self.net_levels.append(self.net_level())
            self.queued += sum(unit.doing == "asking" for unit in self.units)
            self.now += 1
        return "late"

    def minute(self) -> None:
        """Rule 1: settle, then start; once more if something that was started is over in this same minute."""
        while True:
            while True:
                self.settle()
                if not self.grant():
                    break
            if not self.start():
                return

    def settle(self) -> None:
        """Rule 1 (i): everything due completes, and units perform zero-time steps until none can."""
        moving = True
        while moving:
            moving = False
            for unit in self.order(self.units):
                while not unit.over and self.advance(unit):
                    moving = True

    def advance(self, unit: Walker) -> bool:
        """Complete the unit's step if that needs no grant and no further time."""
        step, over = unit.step, False
        if unit.doing == "ready":
            unit.since = self.now
        match step:
            case Hold():
                unit.doing = "asking"
            case Work():
                over = self.is_over(unit, step)
            case Wait(gate, level):
                unit.doing = "waiting"
                over = self.level[gate] >= level
            case Until(event, net_level=condition):
                unit.doing = "dated"
                date = self.draw(f"{event}/{unit.name}", 0)
                over = date <= self.now if condition is None else self.has_been(condition, max(date, unit.since))
                if condition is not None and not over and self.now >= condition.last:
                    unit.doing = "waiting"
            case _:
                return self.at_once(unit, step)
        return over and self.done(unit, unit.since)

    def has_been(self, condition: NetLevelCondition, begun: int) -> bool:
        """Whether a net level was so at the end of every one of its minutes, all of them since `begun`."""
        first = self.now - condition.minutes
        if first < begun or self.now > condition.last:
            return False
        values = [sum(minute[pool] for pool in condition.pools) for minute in self.net_levels[first : self.now]]
        return all((value < condition.threshold) == condition.below for value in values)

    def net_level(self) -> Counter[str]:
        """By pool what is free less what is asked for, by those who do not ask in order to leave."""
        net_level = Counter(self.free)
        for unit in self.units:
            if unit.doing == "asking" and isinstance(unit.step, Hold) and unit.step.priority < LEAVING_PRIORITY:
                net_level.subtract({pool: count for pool, count in unit.step.pools.items() if count})
        return net_level

    def is_over(self, unit: Walker, step: Work) -> bool:
        """Whether a work ends now; if so, its people leave their area."""
        if unit.doing != "working":
            unit.doing = "starting"
            return False
        if unit.ends == self.now and step.area:
            self.people[step.area] -= sum(step.people.values())
        return unit.ends == self.now

    def at_once(self, unit: Walker, step: Step) -> bool:
        """Perform a step that takes no time."""
        match step:
            case Free(pools):
                for pool, count in pools.items():
                    self.free[pool] += count
                return self.done(unit, None)
            case Signal(gate, amount):
                self.level[gate] += amount
                return self.done(unit, amount)
            case Jump(to):
                jumps = self.jumps(unit, step)
                return self.done(unit, int(jumps), unit.labels[to] if jumps else None)
            case Note(amount=amount):
                return self.done(unit, amount)
        raise TypeError(step)

    def done(self, unit: Walker, x: int | None, to: int | None = None) -> bool:
        """Log the step and go to the next one, or to where a jump leads."""
        self.moves += 1
        if self.moves > MAX_MOVES:
            raise EndlessLoop
        self.log.append((self.now, unit.name, unit.at, x))
        unit.at = unit.at + 1 if to is None else to
        unit.doing = "ready"
        return True

    def grant(self) -> bool:
        """Rules 2 and 3: one pass over all that wait, in one order; return whether anything was granted."""
        asking = [(unit, unit.step) for unit in self.units if unit.doing == "asking" and isinstance(unit.step, Hold)]
        asking.sort(key=lambda asked: (asked[1].priority, asked[0].since, asked[0].rank))
        left, refused, granted = dict(self.free), set[frozenset[tuple[str, int]]](), False
        for unit, hold in asking:
            counts = {pool: count for pool, count in hold.pools.items() if count}
            kind = frozenset(counts.items())
            first_of_its_kind = kind not in refused
            if all(left[pool] >= count for pool, count in counts.items()):
                for pool, count in counts.items():
                    self.free[pool] -= count
                    left[pool] -= count
                granted = self.done(unit, unit.since)
            elif first_of_its_kind:
                refused.add(kind)
                if hold.patience is not None and self.now - unit.since >= hold.patience:
                    for pool, count in counts.items():
                        left[pool] -= count
        return granted

    def start(self) -> bool:
        """Rules 1 (iv) and 10: begin works in name order; return whether one of them is over at once."""
        over = False
        for unit in self.units:
            if unit.doing == "starting" and isinstance(unit.step, Work):
                unit.doing, unit.since = "working", self.now
                unit.ends = self.finish(unit.step, self.minutes(unit, unit.step))
                over = over or unit.ends == self.now
        return over

    def minutes(self, unit: Walker, step: Work) -> int:
        """Return drawn × learning × crowding, rounded half up after each."""
        attempt = unit.performed[unit.at]
        unit.performed[unit.at] += 1
        minutes = self.draw(f"{step.activity}/{unit.name}", attempt)
        if step.learning and attempt == 0:
            minutes = _times(minutes, self.plan.learning[step.learning], self.first_attempts[step.learning])
            self.first_attempts[step.learning] += 1
        if step.area:
            self.people[step.area] += sum(step.people.values())
            minutes = _times(minutes, self.plan.areas[step.area], self.people[step.area])
        return minutes

    def finish(self, step: Work, minutes: int) -> int:
        """Return the minute at which work that begins now is over, found by counting minutes."""
        calendar = self.plan.calendars[step.calendar]
        if minutes == 0:
            return self.now
        if step.mode == "duty":
            return duty_finish(self.now, minutes, calendar)
        worked = 0
        for minute in range(self.now, calendar.horizon):
            if minute in self.open[step.calendar]:
                worked += 1
            elif step.mode == "whole":
                worked = 0
            if worked == minutes:
                return minute + 1
        raise TooLate

    def jumps(self, unit: Walker, step: Jump) -> bool:
        """Rules 8 and 9: decide a jump by its limit, by chance, by a gate before this minute, or always."""
        attempt = unit.performed[unit.at]
        unit.performed[unit.at] += 1
        if step.limit is not None and attempt >= step.limit:
            return False
        if step.chance is not None:
            return self.draw(f"{step.decision}/{unit.name}", attempt) == 1
        return step.gate is None or self.before[step.gate] >= step.level


def drawing(compiled: CompiledPlan, luck: SampledInputs) -> Draw:
    """Look luck up by name."""
    number = {name: place for place, name in enumerate(compiled.inputs.names)}

    def draw(name: str, attempt: int) -> int:
        return luck.values[number[name]] if attempt == 0 else luck.at_attempt(number[name], attempt)

    return draw


def _walker(name: str, rank: int, route: Route) -> Walker:
    """Take the labels out of a route."""
    labels: dict[str, int] = {}
    steps: list[Step] = []
    for step in route:
        if isinstance(step, Label):
            labels[step.name] = len(steps)
        else:
            steps.append(step)
    return Walker(name, rank, steps, labels)


def _times(minutes: int, millionths: tuple[int, ...], position: int) -> int:
    """Multiply by the factor at a position, the last one staying, and round half up."""
    factor = millionths[position] if position < len(millionths) else millionths[-1]
    return floor(minutes * Fraction(factor, 1_000_000) + Fraction(1, 2))


@cache
def _open_minutes(calendar: Calendar) -> set[int]:
    """Return every single minute that is worked."""
    stretches = zip(calendar.starts.tolist(), calendar.ends.tolist(), strict=True)
    return {minute for start, end in stretches for minute in range(start, end)}
