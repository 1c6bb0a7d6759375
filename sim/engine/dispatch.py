"""Who gets what: everything that is free is granted at the end of an instant, in one global order.

SimPy's own resources hand things on in the middle of an instant, before everybody who becomes ready at the
same minute has asked; then the result depends on the order of the event list. Here a minute is played out
first.
Rules are numbered as in `docs/engine.md`.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable

import simpy

from sim.errors import Stalled
from sim.plan.compile import Compiled

AT_END_OF_INSTANT, WHEN_SETTLED, WHEN_OVER = 2, 3, 4
"""Places within a minute, behind SimPy's own 0 and 1: grants, works that begin once all is settled, stop."""

ROUNDS_A_MINUTE = 100_000
"""Grant passes within one minute after which a plan counts as going round for ever."""

Bundle = tuple[tuple[int, int], ...]
Request = tuple[int, int, int, int, int, simpy.Event]
"""(priority, minute asked, rank of the unit, bundle, minute from which it withholds or -1, granted)."""


class GoesRound(Stalled):
    """Units that go round within one minute for ever."""


class Dispatcher:
    """The free counts of all pools and everyone who waits for some of them."""

    def __init__(self, env: simpy.Environment, plan: Compiled) -> None:
        """Start with what the plan's pools have at the start."""
        self.env, self.bundles, self.units = env, plan.bundles, plan.units
        self.free: list[int] = plan.initial.tolist()
        self.waiting: list[Request] = []
        self._due = False
        self._minute, self._rounds = -1, 0

    def ask(self, rank: int, bundle: int, priority: int, patience: int) -> simpy.Event:
        """Join the queue for a bundle of pools; the event happens when all of it is granted together."""
        now = int(self.env.now)
        granted = simpy.Event(self.env)
        withholds = -1 if patience < 0 else now + patience
        insort(self.waiting, (priority, now, rank, bundle, withholds, granted))
        self._grant_later()
        return granted

    def give(self, bundle: int) -> None:
        """Give a bundle of pools back (or supply it); it can be granted at the end of this instant."""
        _add(self.free, self.bundles[bundle], 1)
        self._grant_later()

    def _grant_later(self) -> None:
        """See to it that there is a grant pass when nobody can go on without one."""
        if not self._due and self.waiting:
            self._due = True
            happening(self.env, self._grant_pass, AT_END_OF_INSTANT)

    def _grant_pass(self, _: simpy.Event) -> None:
        """Go once through all requests by (priority, minute asked, rank) and grant what is free (rule 2).

        What fails once in a pass fails for every later request of the same bundle too, as counts only fall:
        so only the first request of a kind withholds (rule 3).
        """
        self._due = False
        now, left = int(self.env.now), self.free.copy()
        short: set[int] = set()
        kept: list[Request] = []
        granted: list[Request] = []
        for request in self.waiting:
            bundle, withholds = request[3], request[4]
            counts = self.bundles[bundle]
            if bundle not in short and all(left[pool] >= count for pool, count in counts):
                _add(left, counts, -1)
                granted.append(request)
                continue
            if bundle not in short and 0 <= withholds <= now:
                _add(left, counts, -1)
            short.add(bundle)
            kept.append(request)
        self.waiting = kept
        self._hand_over(granted)

    def _hand_over(self, granted: list[Request]) -> None:
        """Give every granted request what it asked for; stop who does so for ever within one minute."""
        for _, _, _, bundle, _, event in granted:
            _add(self.free, self.bundles[bundle], -1)
            event.succeed()
        now = int(self.env.now)
        self._rounds = self._rounds + 1 if now == self._minute else 1
        self._minute = now
        if self._rounds > ROUNDS_A_MINUTE:
            who = ", ".join(self.units[request[2]] for request in granted[:5])
            raise GoesRound(f"minute {now}: {who} and others go round for ever while no time passes")


def _add(free: list[int], counts: Bundle, sign: int) -> None:
    """Add a bundle's counts to free ones, or take them away."""
    for pool, count in counts:
        free[pool] += sign * count


def happening(env: simpy.Environment, do: Callable[[simpy.Event], None], place: int) -> None:
    """Have something done in this minute, at a place within it."""
    event = simpy.Event(env)
    event._ok, event._value = True, None
    event.callbacks = [do]
    env.schedule(event, place)  # type: ignore[arg-type]  # SimPy types only its own two places
