"""Places that come back only when several have taken theirs: temporary power, until a whole hall has been tested."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sim.plan.checks.remarks import Finding, Severity
from sim.plan.compile import FREE, Compiled
from sim.plan.needs import Needs


@dataclass(frozen=True)
class Group:
    """A unit that gives places back at a step of its route, and what others must have taken before it can.

    What has come back by then is not counted. `least` are taken for certain, `taken` by those who come first.
    """

    unit: int
    step: int
    members: frozenset[int]
    taken: tuple[int, ...]
    least: int


def stuck_in_groups(plan: Compiled, needs: Needs, possible: Needs) -> Iterator[tuple[Finding, list[Group]]]:
    """Yield places of which so many must be taken before any come back that none ever do, or perhaps none do.

    With each finding come the groups that can never give anything back. `possible` are the needs that may arise.
    """
    for pool in sorted(needs.slots):
        room, everyone = (
            int(plan.initial[pool]),
            [_group(needs, possible, *supply[:2], pool) for supply in needs.supplies[pool]],
        )
        least = 0 if _comes_back_singly(needs, pool) else min(group.least for group in everyone)
        others = _taken_by_others(needs, pool, everyone)
        groups = [group for group in everyone if len(group.taken) > (0 if others else 1)]
        begun = others + sum(sum(group.taken) - group.taken[0] for group in groups)
        if least > room:
            told = f"comes back only when {least:,} of it have been taken, and there are {room:,}"
            yield _finding(plan, pool, "error", everyone, told), everyone
        elif groups and begun + max(group.taken[-1] for group in groups) > room:
            told = f"comes back only when several have taken theirs; of {room:,} too many can begin and none finish"
            yield _finding(plan, pool, "warning", groups, told), []


def _group(needs: Needs, possible: Needs, unit: int, step: int, pool: int) -> Group:
    """Return who must have taken places before a unit gives some back, with their counts, least first."""
    held = _held(possible, unit, step, pool, surely=False)
    back = [-count for count in held.values() if count < 0]
    taken = sorted(count for count in held.values() if count > 0)
    for count in back[: len(taken)]:
        taken.remove(count if count in taken else taken[-1])
    least = 0 if back else sum(_held(needs, unit, step, pool, surely=True).values())
    return Group(unit, step, frozenset(held), tuple(taken), least)


def _held(needs: Needs, unit: int, step: int, pool: int, *, surely: bool) -> dict[int, int]:
    """Return what others than a unit must have taken of a pool, or given back (negative), before it comes to a step."""
    behind = needs.behind(needs.waits(unit, step), pool, surely=surely)
    held = {other: (needs.kind_of[other].held[at] or {}).get(pool, 0) for other, at in behind.items() if other != unit}
    return {other: count for other, count in held.items() if count}


def _taken_by_others(needs: Needs, pool: int, groups: Sequence[Group]) -> int:
    """Return how many places those take who wait for no group, such as skids that lie there for anybody."""
    grouped = frozenset[int]().union(*(group.members for group in groups))
    return sum(kind.most.get(pool, 0) * len(set(kind.units) - grouped) for kind in needs.kinds)


def _comes_back_singly(needs: Needs, pool: int) -> bool:
    """Tell whether somebody gives back himself what he took."""
    held = ((kind, step, kind.held[step] or {}) for kind in needs.kinds for step in kind.does(FREE))
    freed = (kind.plan.bundles[kind.rows[step][1]] for kind, step, has in held if has.get(pool, 0) > 0)
    return any(other == pool for bundle in freed for other, _ in bundle)


def _finding(plan: Compiled, pool: int, severity: Severity, of: Sequence[Group], told: str) -> Finding:
    name = plan.pools[pool]
    return Finding(severity, name, f"{{who}}: {name} {told}", tuple(plan.units[group.unit] for group in of))
