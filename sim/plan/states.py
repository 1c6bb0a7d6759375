"""What a unit holds and has signalled when it comes to a step: the same whatever way it took (rule 6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from sim.plan.compile import AGAIN, FREE, HOLD, NONE, SIGNAL, Compiled


@dataclass(frozen=True)
class Conflict:
    """Two ways to one step on which a unit holds, or has signalled, different things."""

    unit: str
    step: int
    one: dict[str, int]
    other: dict[str, int]


State = tuple[dict[int, int], dict[int, int]]


def states(plan: Compiled, unit: int) -> tuple[dict[int, State], list[Conflict]]:
    """Return per reachable step of a unit its (pools held, gates signalled), and where two ways disagree.

    Freed tokens and supplies count as negative holdings, so that the balance of a route can be read at its end.
    The step number behind the last one stands for the end of the route.
    """
    first, end = int(plan.first[unit]), int(plan.first[unit + 1])
    reached: dict[int, State] = {first: ({}, {})}
    conflicts: list[Conflict] = []
    todo = [first]
    while todo:
        at = todo.pop()
        if at >= end:
            continue
        after = _after(plan, at, reached[at])
        for to in _next(plan, at):
            if to not in reached:
                reached[to] = after
                todo.append(to)
            elif reached[to] != after:
                conflicts.append(_conflict(plan, unit, to, reached[to], after))
    return reached, conflicts


def _next(plan: Compiled, at: int) -> Iterator[int]:
    operation, to, chance, limit, gate, _ = plan.rows[at].tolist()
    if operation == AGAIN:
        yield to
    always = operation == AGAIN and chance == NONE and gate == NONE and limit == NONE
    if not always:
        yield at + 1


def _after(plan: Compiled, at: int, state: State) -> State:
    """Return what is held and signalled behind a step; signals of repeated work count once."""
    operation, a, b, _, _, _ = plan.rows[at].tolist()
    held, signalled = state
    if operation in (HOLD, FREE):
        sign = 1 if operation == HOLD else -1
        counts = Counter(held)
        counts.update({pool: sign * count for pool, count in plan.bundles[a]})
        return {pool: count for pool, count in counts.items() if count}, signalled
    if operation == SIGNAL:
        return held, {**signalled, a: signalled.get(a, 0) + b}
    return state


def _conflict(plan: Compiled, unit: int, step: int, one: State, other: State) -> Conflict:
    def named(state: State) -> dict[str, int]:
        held, signalled = state
        return {plan.pools[p]: n for p, n in held.items()} | {plan.gates[g]: n for g, n in signalled.items()}

    return Conflict(plan.units[unit], step, named(one), named(other))
