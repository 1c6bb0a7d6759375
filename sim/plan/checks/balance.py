"""Whether there is enough: for the largest hold, for all that is used up, and for who comes after the crews leave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from sim.plan.checks.remarks import Finding
from sim.plan.compile import SIGNAL, Compiled
from sim.plan.kinds import Kind
from sim.plan.needs import Needs
from sim.plan.risks import AWAY

Gone = tuple[int, tuple[tuple[int, int], ...]]
"""A count that leaves a pool again, and the (gate, level) it waits for before it does; none if it never leaves."""


def too_large(plan: Compiled, kinds: Sequence[Kind], needs: Needs) -> Iterator[tuple[Kind, int, str]]:
    """Yield every (kind, step, sentence) at which more is taken at once than there can ever be."""
    for kind in kinds:
        for step, pool, count, held in kind.takes():
            kept = 0 if pool in needs.slots else max(0, held)  # a place may have come back through others
            room = room_of(plan, needs, pool)
            if count + kept > room:
                before = f" with the {kept} it has" if kept else ""
                there = f"there are {room}" if room else "there is none"
                yield kind, step, f"{{who}}: takes {count} of {plan.pools[pool]}{before}, of which {there} at most"


def room_of(plan: Compiled, needs: Needs, pool: int) -> int:
    """Return how many of a pool can ever be there at once."""
    room = int(plan.initial[pool])
    if pool not in needs.slots:
        room += sum(count for _, _, count in needs.supplies[pool])
    return room


def used_up(plan: Compiled, kinds: Sequence[Kind]) -> Iterator[Finding]:
    """Yield pools of which more is taken for good than ever comes (rule 6)."""
    coming, taken = Counter(dict(enumerate(plan.initial.tolist()))), Counter[int]()
    takers: dict[int, list[str]] = {}
    for kind in kinds:
        for pool, count in (kind.end or {}).items():
            if count < 0:
                coming[pool] -= count * len(kind.units)
            elif plan.pool_kinds[pool] != "returned":
                taken[pool] += count * len(kind.units)
                takers.setdefault(pool, []).extend(plan.units[unit] for unit in kind.units)
    endless = {pool for kind in kinds if kind.end is None for _, pool, _ in kind.supplies()}
    for pool, count in taken.items():
        if count > coming[pool] and pool not in endless:
            name, short = plan.pools[pool], f"{coming[pool]:,} of it ever come"
            sentence = f"{name}: {{who}} together take {count:,} of it for good, but only {short}"
            yield Finding("error", name, sentence, tuple(takers[pool]))


def gone_too_early(plan: Compiled, kinds: Sequence[Kind], needs: Needs) -> Iterator[Finding]:
    """Yield work for which too little of a pool may be left when those who supply it have gone (rule 5)."""
    leaving = _leaving(kinds, needs)
    for kind in (kind for kind in kinds if not kind.name.startswith(AWAY)):
        for step, pool, count, held in kind.takes():
            if pool in leaving and held >= 0:
                after = _signalled_after(kind, step)
                stays = int(plan.initial[pool]) + sum(
                    number
                    for number, waits in leaving[pool]
                    if not waits or any(level > needs.least[gate] - after[gate] for gate, level in waits)
                )
                if stays < count + held:
                    sentence = (
                        f"{{who}}: takes {count} of {plan.pools[pool]}, of which all but {stays} may have left by then"
                    )
                    yield Finding("warning", plan.pools[pool], sentence, tuple(plan.units[u] for u in kind.units))


def _leaving(kinds: Sequence[Kind], needs: Needs) -> dict[int, list[Gone]]:
    """Return, for pools that somebody supplies and leaves again, what is supplied and when it leaves."""
    found: dict[int, list[Gone]] = {}
    for kind in kinds:
        leaves = {pool: step for step, pool, _, held in kind.takes() if held < 0}
        for _, pool, count in kind.supplies():
            for unit in kind.units:
                waits = tuple(needs.waits(unit, leaves[pool])) if pool in leaves else ()
                found.setdefault(pool, []).append((count, waits))
    return {pool: gone for pool, gone in found.items() if any(waits for _, waits in gone)}


def _signalled_after(kind: Kind, step: int) -> Counter[int]:
    """Return by gate what the first unit of a kind signals after a step."""
    signalled: Counter[int] = Counter()
    for later in kind.does(SIGNAL):
        if later > step:
            signalled[kind.rows[later][1]] += kind.rows[later][2]
    return signalled
