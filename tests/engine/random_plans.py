"""Plans nobody would think of: random routes over a few pools, gates, curves and areas, from one number each."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

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
    Pool,
    Signal,
    Span,
    Step,
    Until,
    Wait,
    Work,
)
from sim.world.distributions import Discrete, Distribution, Fixed, Uniform
from sim.world.working_time import Calendar, always

LAST = 4_000
"""The calendars' horizon."""
OVER = "over"
POOLS = ("crew", "crane", "yard")
GATES = ("g0", "g1")
MINUTES = (0, 0, 1, 2, 2, 3, 5, 5, 8, 13)
"""Few values, so that many things happen in the same minute."""
SHAPES: tuple[Distribution, ...] = (*map(Fixed, MINUTES), Uniform(0, 9), Discrete((0, 2, 7), (1, 2, 1)))
FACTORS = (500_000, 850_000, 1_000_000, 1_250_000, 1_333_333)
CHANCES = (Chance(0.5), Chance(0.3, otherwise=True), Chance(1.0), Chance(0.0))
PEOPLE: tuple[dict[str, int], ...] = ({}, {"fitters": 1}, {"fitters": 1, "riggers": 2})

# A day of twenty minutes with a break, so that nights come often.
SHIFT = [(day + begin, day + begin + 7) for day in range(0, LAST, 20) for begin in (2, 10)]
CALENDARS = {"always": always(LAST), "shift": Calendar.of("shift", SHIFT, LAST)}

Passage = list[Step]


class Writer:
    """Writes a random plan; sound routes give back exactly what they took, whatever way they go."""

    def __init__(self, seed: int, units: int, passages: int, *, sound: bool) -> None:
        self.random, self.units, self.passages, self.sound = Random(seed), units, passages, sound
        self.number = 0
        self.initial = {pool: self.random.randint(1, 4) for pool in POOLS}

    def plan(self) -> Plan:
        """Return the plan; it is finished when all units, or only a part of them, are at their ends."""
        pick = self.random
        plan = Plan((OVER, pick.choice([self.units, self.units, -(-self.units // 2)])))
        plan.works_on(CALENDARS)
        for pool, count in self.initial.items():
            plan.pool(pool, count)
        plan.pools["token"] = Pool(pick.randint(0, 2), "passed")
        for gate in (OVER, *GATES):
            plan.gate(gate)
        plan.learns("curve", self.factors())
        plan.area("hall", self.factors())
        for unit in range(self.units):
            plan.unit(f"u{unit}", [*self.route(), Signal(OVER)])
        for unit in range(pick.choice([0, 1, 1, 2, 3])):
            plan.unit(f"w{unit}", self.watching())
        return plan

    def watching(self) -> Passage:
        """Return the route of one who takes something away when it is spare for a while, and brings it back."""
        pick, pools = self.random, self.random.choice([("crew",), ("crane", "token")])
        away = Hold({pools[0]: 1}, pick.choice([0, LEAVING_PRIORITY]))
        return [
            Label("again"),
            Until(self.name(), Span(Fixed(pick.choice([0, 0, 7]))), net_level=self.net_level(pools, below=False)),
            away,
            Until(self.name(), Span(Fixed(0)), net_level=self.net_level(pools, below=pick.random() < 0.8)),
            Free(away.pools),
            Jump("again", limit=pick.randint(0, 3)),
        ]

    def net_level(self, pools: tuple[str, ...], *, below: bool) -> NetLevelCondition:
        """Return a net level that may come soon, late or never."""
        pick = self.random
        return NetLevelCondition(
            pools, pick.randint(-1, 3), pick.choice([1, 1, 2, 5, 13]), pick.choice([30, LAST // 2]), below
        )

    def factors(self) -> tuple[int, ...]:
        """Return a curve of one to four points."""
        return tuple(self.random.choices(FACTORS, k=self.random.randint(1, 4)))

    def name(self) -> str:
        """Return a name nothing else has."""
        self.number += 1
        return f"n{self.number}"

    def route(self) -> Passage:
        """Return a few passages, some of them repeated or skipped by a jump."""
        route: Passage = []
        for _ in range(self.random.randint(1, self.passages)):
            passage, label = self.passage(), self.name()
            way = self.random.choice(["on", "on", "on", "repeat", "skip"])
            if way == "repeat":
                route += [Label(label), *passage, self.again(label)]
            elif way == "skip":
                route += [self.again(label), *passage, Label(label)]
            else:
                route += passage
        return route

    def passage(self) -> Passage:
        """Return a passage of one kind."""
        pick = self.random
        kinds: list[Callable[[], Passage]] = [self.job] * 6 + [self.handed_on] * 3
        kinds += [
            lambda: [self.work()],
            lambda: [Signal(pick.choice(GATES), pick.randint(1, 2))],
            lambda: [Signal(pick.choice(GATES)), Wait(pick.choice(GATES), pick.choice([1, 1, 2, 3]))],
            lambda: [Until(self.name(), Span(Fixed(pick.choice([0, 3, 5, 20, 40]))))],
            lambda: [Note("milestone")],
        ]
        return self.wild() if not self.sound and pick.random() < 0.25 else pick.choice(kinds)()

    def job(self) -> Passage:
        """Take something, work, give it back."""
        hold = self.hold()
        return [hold, self.work(), Free(hold.pools)]

    def handed_on(self) -> Passage:
        """Take the next thing before the last one is given back."""
        one, other = self.hold(), self.hold()
        return [one, self.work(), other, Free(one.pools), self.work(), Free(other.pools)]

    def wild(self) -> Passage:
        """Take what is never given back, and give what was never taken."""
        steps: list[Callable[[], Step]] = [
            self.hold,
            self.work,
            lambda: Free(self.hold().pools),
            lambda: Free({"token": 1}),
            lambda: Hold({"token": 1}, patience=0),
        ]
        return [self.random.choice(steps)() for _ in range(self.random.randint(1, 4))]

    def hold(self) -> Hold:
        """Ask for one to three pools; now and then for none, or for more than there may ever be."""
        pick = self.random
        pools = pick.sample(POOLS, pick.choice([1, 1, 1, 2, 2, 3]))
        most = 9 if pick.random() < 0.01 else 0
        counts = {pool: min(pick.choice([0, 1, 1, 1, 2, 3]), self.initial[pool] + most) for pool in pools}
        priority = pick.choice([0] * 6 + [1, -1, LEAVING_PRIORITY])
        return Hold(counts, priority, pick.choice([None, None, 0, 3, 10]))

    def work(self) -> Work:
        """Return a work of few minutes in any mode; one in one piece fits into a stretch of the shift."""
        pick = self.random
        mode: Mode = pick.choice(["pausing", "pausing", "whole", "duty"])
        learning = pick.choice([None, None, "curve"])
        if mode != "duty" and pick.random() < 0.4:
            short = mode == "whole"
            shape = Fixed(pick.randint(0, 5)) if short else pick.choice(SHAPES)
            area = None if short else pick.choice([None, "hall"])
            return Work(self.name(), Span(shape), "shift", mode, pick.choice(PEOPLE), True, learning, area)
        area = pick.choice([None, None, "hall"])
        people = pick.choice(PEOPLE)
        return Work(self.name(), Span(pick.choice(SHAPES)), "always", mode, people, True, learning, area)

    def again(self, to: str) -> Jump:
        """Return a jump by chance, on a gate or always, with a limit."""
        pick, limit = self.random, self.random.randint(0, 3)
        kind = pick.choice(["chance", "gate", "always"])
        if kind == "chance":
            return Jump(to, self.name(), pick.choice(CHANCES), limit)
        if kind == "gate":
            return Jump(to, limit=limit, gate=pick.choice(GATES), level=pick.randint(1, 4))
        return Jump(to, limit=limit)


def random_plan(seed: int, units: int, passages: int, *, sound: bool = False) -> Plan:
    """Return the plan that belongs to a number: so many units of up to so many passages."""
    return Writer(seed, units, passages, sound=sound).plan()
