"""Plans that no mechanism would write: ties, patience, jumps, curves, storms, everything at once, from one number.

Minutes are few and durations short, so that many things happen in the same minute: that is where engines differ.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from hypothesis import strategies as st

from sim.plan.vocabulary import (
    LEAVING_PRIORITY,
    Chance,
    Free,
    Hold,
    Jump,
    Label,
    Mode,
    NetLevelCondition,
    Note,
    Plan,
    Signal,
    Span,
    Step,
    Until,
    Wait,
    Work,
)
from sim.world.distributions import Discrete, Distribution, Fixed, Lognormal, Pert, Triangular, Uniform
from sim.world.working_time import Calendar

HORIZON = 30_000
DONE = "done"
GATES = ("roof", "power")
DOOR, OPENINGS = "door", 3
"""A gate that is surely opened, and how often: many may wait for it, who then go on in the same minute."""
POOLS = ("crane", "crew", "yard", "tokens")
FACTORS = ("haste", "storm", "luck")
MILLIONTHS = (1_000_000, 850_000, 1_333_333, 500_000, 0)

MINUTES: tuple[Distribution, ...] = (
    *map(Fixed, (0, 0, 1, 2, 5, 7)),
    Uniform(0, 6),
    Triangular(0, 2, 9),
    Pert(1, 3, 20),
    Lognormal(3, 8),
    Discrete((0, 2, 7), (1, 2, 1)),
)
SHARES = (Fixed(1.5), Uniform(0.5, 1.5), Discrete((0, 1, 1.2), (1, 2, 1)), Triangular(0.8, 1, 1.5))

Passage = list[Step]


class Writer:
    """Writes one random plan. Sound routes give back what they took and wait only for what is going to come."""

    def __init__(self, seed: int, units: int, passages: int, *, sound: bool) -> None:
        self.random, self.units, self.passages, self.sound = Random(seed), units, passages, sound
        self.pick, self.number = self.random.choice, 0
        self.initial = {pool: self.random.randint(1 if sound else 0, 4) for pool in POOLS}

    def plan(self) -> Plan:
        """The plan; it is finished when all of its units, or most of them, are at their ends."""
        plan = Plan((DONE, self.units if self.sound else self.random.randint(1, self.units + 1)))
        plan.works_on(self.calendars())
        for pool, count in self.initial.items():
            plan.pool(pool, count, "passed" if pool == "tokens" else "returned")
        for gate in (DONE, *GATES, DOOR):
            plan.gate(gate)
        for factor in FACTORS:
            plan.factor(factor, self.pick(SHARES))
        if self.pick((True, False)):
            plan.only_with["luck"] = "storm"
        plan.delays["strike"] = Span(self.pick(MINUTES), 2.0, losses=self.some_factors())
        for curve in ("curve", "other"):
            plan.learns(curve, self.curve())
        plan.area("hall", self.curve())
        for number in range(self.units):
            plan.unit(f"{self.pick('bht')}{number}", self.route())
        plan.unit("porter", self.opening())
        for number in range(self.pick((0, 1, 2, 4))):
            plan.unit(f"watcher{number}", self.watching())
        return plan

    def watching(self) -> Passage:
        """What one does who takes something away when it is spare for a while, and brings it back."""
        pools = self.pick((("crew",), ("crane", "tokens")))
        away = Hold({pools[0]: 1}, self.pick((0, LEAVING_PRIORITY)))
        away_for = Until(
            self.name(), Span(Fixed(0)), net_level=self.net_level(pools, below=self.pick((True, True, False)))
        )
        spare = Until(self.name(), self.span(), net_level=self.net_level(pools, below=False))
        return [
            Label("again"),
            spare,
            away,
            away_for,
            Free(away.pools),
            Jump("again", limit=self.random.randint(0, 3)),
        ]

    def net_level(self, pools: tuple[str, ...], *, below: bool) -> NetLevelCondition:
        """A net level that comes soon, late or never."""
        minutes, last = self.pick((1, 1, 2, 5, 13)), self.pick((50, HORIZON // 2))
        return NetLevelCondition(pools, self.pick((-1, 0, 1, 2, 2, 3)), minutes, last, below)

    def calendars(self) -> dict[str, Calendar]:
        """One that never closes, one of short stretches, one for the road; hardly two alike."""
        made = {"always": Calendar.of("always", [(0, HORIZON)], HORIZON)}
        for name, longest in (("shift", 60), ("road", 900)):
            pairs, at = [], 0
            while at < HORIZON:
                at += self.random.randint(0, longest)
                pairs.append((at, at := at + self.random.randint(1, longest)))
            made[name] = Calendar.of(name, pairs, HORIZON)
        return made

    def curve(self) -> tuple[int, ...]:
        """A curve of one to four points."""
        return tuple(self.random.choices(MILLIONTHS, k=self.random.randint(1, 4)))

    def name(self) -> str:
        """A name that nothing else has; every input needs its own."""
        self.number += 1
        return f"n{self.number}"

    def some_factors(self) -> tuple[str, ...]:
        """None, one or two of the common factors."""
        return tuple(self.random.sample(FACTORS, self.pick((0, 0, 1, 2))))

    def span(self, minutes: float = 1.0) -> Span:
        """A drawn number of minutes, half of them with factors and a delay."""
        if self.pick((True, False)):
            return Span(self.pick(MINUTES), minutes)
        delays = self.pick(((), ("strike",)))
        return Span(self.pick(MINUTES), minutes, self.some_factors(), self.some_factors(), delays)

    def route(self) -> Passage:
        """A unit's route, signalled at its end."""
        passages = [self.passage() for _ in range(self.random.randint(1, self.passages))]
        return [*(step for passage in passages for step in passage), Signal(DONE)]

    def opening(self) -> Passage:
        """What a porter does, who waits for nobody: the door is opened again and again."""
        dates = [Until(self.name(), self.span(self.pick((1.0, 5.0)))) for _ in range(OPENINGS)]
        return [step for date in dates for step in (date, Signal(DOOR))]

    def passage(self) -> Passage:
        """A few steps, done once, repeated or skipped."""
        kinds: list[Callable[[], Passage]] = [self.job, self.job, self.handed_on, self.single]
        kinds += [] if self.sound else [self.wild]
        steps, label = self.pick(kinds)(), self.name()
        way = self.pick(("on", "on", "repeat", "skip"))
        if way == "repeat":
            return [Label(label), *steps, self.again(label)]
        return [self.again(label), *steps, Label(label)] if way == "skip" else steps

    def job(self) -> Passage:
        """Take something, work, give it back."""
        hold = self.hold()
        return [hold, self.work(), Free(hold.pools)]

    def handed_on(self) -> Passage:
        """Take the next thing before the last one is given back: in unsound plans, as two may wait for each other."""
        if self.sound:
            return [*self.job(), *self.job()]
        one, other = self.hold(), self.hold()
        return [one, self.work(), other, Free(one.pools), self.work(), Free(other.pools)]

    def single(self) -> Passage:
        """A step that holds nothing."""
        wait = Wait(self.pick(GATES), self.pick((1, 1, 2)))
        kinds: tuple[Passage, ...] = (
            [Signal(wait.gate, self.random.randint(1, 2)), Signal(wait.gate), wait],
            [Signal(self.pick(GATES), self.random.randint(0, 2))],
            [Until(self.name(), self.span(self.pick((1.0, 10.0))))],
            [Note("milestone", self.pick(("", "skid")), self.random.randint(-2, 9))],
            [self.work()],
            [Wait(DOOR, self.random.randint(1, OPENINGS))],
        )
        return self.pick(kinds)

    def wild(self) -> Passage:
        """Take what is never given back, give what was never taken, wait for what may never come."""
        steps: tuple[Step, ...] = (
            self.hold(),
            Free(self.hold().pools),
            Hold({"tokens": 1}, patience=0),
            Free({"tokens": 1}),
            Wait(self.pick((DONE, *GATES)), self.random.randint(0, 4)),
        )
        return self.random.sample(steps, self.random.randint(1, 3))

    def hold(self) -> Hold:
        """Ask for up to three pools with some patience; now and then for none, or for more than there may be."""
        most = 0 if self.sound or self.pick(range(20)) else 9
        pools = self.random.sample(POOLS, self.pick((0, 1, 1, 1, 2, 2, 3)))
        counts = {pool: min(self.pick((0, 1, 1, 1, 2, 3)), self.initial[pool] + most) for pool in pools}
        priority = self.pick((0, 0, 0, 1, -1, LEAVING_PRIORITY))
        return Hold(counts, priority, self.pick((None, None, 0, 1, 4, 30)))

    def work(self) -> Work:
        """An activity in any mode, with a curve and an area or without."""
        mode: Mode = self.pick(("pausing", "pausing", "whole", "duty"))
        calendar = self.pick({"pausing": ("always", "shift", "road"), "whole": ("road", "always")}.get(mode, ("road",)))
        span = self.span(self.pick((20.0, 150.0)) if mode == "duty" else self.pick((1.0, 1.0, 0.5, 3.0)))
        people = {"fitters": self.random.randint(0, 2)}
        learning, area = self.pick((None, None, "curve", "other")), self.pick((None, None, "hall"))
        return Work(self.name(), span, calendar, mode, people, True, learning, area)

    def again(self, to: str) -> Jump:
        """A jump by chance, on a gate, or always; rarely without a limit."""
        limit = self.pick((0, 1, 2, 3)) if self.sound or self.pick(range(12)) else None
        kind = self.pick(("chance", "gate", "always"))
        if kind == "chance":
            chance = Chance(self.pick((0.0, 0.3, 0.5, 1.0)), self.some_factors(), self.pick((True, False)))
            return Jump(to, self.name(), chance, limit)
        if kind == "gate":
            return Jump(to, limit=limit, gate=self.pick((DONE, *GATES)), level=self.random.randint(0, 3))
        return Jump(to, limit=limit)


def any_plan(seed: int, units: int, passages: int, *, sound: bool) -> Plan:
    """The plan that belongs to a number: so many units of up to so many passages."""
    return Writer(seed, units, passages, sound=sound).plan()


PLANS = st.builds(any_plan, st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 6), sound=st.booleans())
