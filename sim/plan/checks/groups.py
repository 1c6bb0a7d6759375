"""Places that come back only when several have taken theirs: temporary power, until a whole hall has been tested."""

from __future__ import annotations

from collections.abc import Iterator
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
    taken: tuple[int, ...]
    least: int


def groups(needs: Needs, pool: int) -> list[Group]:
    """Return who gives back places that others have taken, with what those must have taken, least first."""
    found = []
    for unit, step, _ in needs.supplies[pool]:
        taken = sorted(_counts(needs, unit, step, pool, surely=False))
        back = [-count for count in taken if count < 0]
        taken = taken[len(back) :]
        for count in back[: len(taken)]:
            taken.remove(count if count in taken else taken[-1])
        surely = _counts(needs, unit, step, pool, surely=True)
        found.append(Group(unit, step, tuple(taken), 0 if back else sum(surely)))
    return found


def _counts(needs: Needs, unit: int, step: int, pool: int, *, surely: bool) -> list[int]:
    """Return what others than a unit must have taken of a pool, or given back (negative), before it comes to a step."""
    behind = needs.behind(needs.waits(unit, step), pool, surely=surely)
    held = ((needs.kind_of[other].held[at] or {}).get(pool, 0) for other, at in behind.items() if other != unit)
    return [count for count in held if count]


def stuck_in_groups(plan: Compiled, needs: Needs) -> Iterator[tuple[Finding, list[Group]]]:
    """Yield places of which so many must be taken before any come back that none ever do, or perhaps none do.

    With each finding come the groups that can never give anything back.
    """
    for pool in sorted(needs.slots):
        room, all_groups = int(plan.initial[pool]), groups(needs, pool)
        several = [group for group in all_groups if len(group.taken) > 1]
        begun = sum(sum(group.taken) - group.taken[0] for group in several)
        next_one = max((group.taken[-1] for group in several), default=0)
        least = 0 if _comes_back_singly(needs, pool) else min(group.least for group in all_groups)
        if least > room:
            told = f"comes back only when {least:,} of it have been taken, and there are {room:,}"
            yield _finding(plan, pool, "error", all_groups, told), all_groups
        elif begun + next_one > room:
            told = f"comes back only when several have taken theirs; of {room:,} too many can begin and none finish"
            yield _finding(plan, pool, "warning", several, told), []


def _comes_back_singly(needs: Needs, pool: int) -> bool:
    """Tell whether somebody gives back himself what he took."""
    held = ((kind, step, kind.held[step] or {}) for kind in needs.kinds for step in kind.does(FREE))
    freed = (kind.plan.bundles[kind.rows[step][1]] for kind, step, has in held if has.get(pool, 0) > 0)
    return any(other == pool for bundle in freed for other, _ in bundle)


def _finding(plan: Compiled, pool: int, severity: Severity, of: list[Group], told: str) -> Finding:
    name = plan.pools[pool]
    return Finding(severity, name, f"{{who}}: {name} {told}", tuple(plan.units[group.unit] for group in of))
