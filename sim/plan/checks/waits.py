"""Who waits in vain: for gates that nobody opens, or not so far, or in a ring for each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from sim.plan.checks.reach import Reach
from sim.plan.checks.remarks import Finding, Severity
from sim.plan.compile import HOLD, WAIT, Compiled
from sim.plan.kinds import Kind, several
from sim.plan.needs import Needs

LONGEST_RING = 6
"""Units of a ring that are told; in longer ones the middle is left out."""


def in_vain(plan: Compiled, needs: Needs, reach: Reach) -> Iterator[Finding]:
    """Yield why units can never finish, as far as it is each other; and whether the project can."""
    severity: Severity = "warning" if reach.finishes else "error"
    yield from _never_opened(plan, needs, reach, severity, "")
    yield from _in_rings(plan, needs, reach, severity, "")
    if not reach.finishes:
        gate, level = plan.completion
        sentence = f"the project can never finish: {plan.gates[gate]} comes to {reach.level[gate]} of {level} at most"
        yield Finding("error", plan.gates[gate], sentence)


def out_of_luck(plan: Compiled, needs: Needs, reach: Reach, worst: Reach) -> Iterator[Finding]:
    """Yield why units can never finish that take the wrong way at a jump; `worst` is how far all come on every way."""
    worst.stuck = {unit: steps for unit, steps in worst.stuck.items() if unit not in reach.stuck}
    yield from _never_opened(plan, needs, worst, "warning", " on one of its ways")
    yield from _in_rings(plan, needs, worst, "warning", " on one of their ways")


def has_choices(kinds: Sequence[Kind]) -> bool:
    """Tell whether anybody waits for something on some ways only."""
    return any(
        not kind.surely[-1] >> step & 1 for kind in kinds if kind.end is not None for step in kind.does(WAIT, HOLD)
    )


def _never_opened(plan: Compiled, needs: Needs, reach: Reach, severity: Severity, where: str) -> Iterator[Finding]:
    """Yield gates that nobody signals, or not often enough; one finding for all units of a kind."""
    found: dict[tuple[int, int, int], list[tuple[str, str]]] = defaultdict(list)
    for unit, steps in sorted(reach.stuck.items()):
        kind = needs.kind_of[unit]
        for step in steps:
            operation, gate, level, *_ = kind.row(unit, step)
            if operation == WAIT and needs.total[gate] < level and not _endless(needs, gate):
                found[kind.units[0], level, needs.total[gate]].append((plan.units[unit], plan.gates[gate]))
    for (_, level, total), pairs in found.items():
        gates = several(dict.fromkeys(gate for _, gate in pairs))
        why = f"only comes to {total:,} of {level:,}" if total else "nobody ever opens"
        sentence = f"{{who}}: waits{where} for {gates}, which {why}"
        yield Finding(severity, pairs[0][1], sentence, tuple(who for who, _ in pairs))


def _endless(needs: Needs, gate: int) -> bool:
    """Tell whether a gate is signalled by a unit that goes round, so that nobody can say how often."""
    return any(needs.kind_of[unit].conflicts for unit, _, _ in needs.signals[gate])


def _in_rings(plan: Compiled, needs: Needs, reach: Reach, severity: Severity, where: str) -> Iterator[Finding]:
    """Yield units that wait for each other in a ring, one finding for all rings of the same kinds of unit."""
    for_whom = {unit: _awaited(needs, reach, unit, steps) for unit, steps in sorted(reach.stuck.items())}
    known: set[int] = set()
    for start in for_whom:
        way: dict[int, str] = {}
        unit: int | None = start
        while unit is not None and unit not in known and unit not in way:
            other = for_whom[unit]
            way[unit] = f"{plan.units[unit]} waits for {plan.units[other[0]]} ({other[1]})" if other else ""
            unit = other[0] if other else None
        if unit in way:
            ring = list(way)[list(way).index(unit) :]
            yield _ring(plan, severity, ring, [way[member] for member in ring], where)
        known.update(way)


def _awaited(needs: Needs, reach: Reach, unit: int, steps: list[int]) -> tuple[int, str] | None:
    """Return someone stuck whom a stuck unit waits for, and by which gate or pool; None if it is nobody."""
    plan, kind = needs.plan, needs.kind_of[unit]
    for step in (step for step in steps if (kind.units[0], step) not in reach.hopeless):
        operation, a, _, *_ = kind.row(unit, step)
        sources = [(plan.gates[a], needs.signals[a])] if operation == WAIT else []
        if operation == HOLD:
            sources = [(plan.pools[pool], needs.supplies[pool]) for pool, _ in plan.bundles[a]]
        for name, source in sources:
            for other, at, _ in source:
                if other in reach.stuck and not reach.passed(other, at):
                    return other, name
    return None


def _ring(plan: Compiled, severity: Severity, ring: list[int], told: list[str], where: str) -> Finding:
    if len(ring) == 1:
        return Finding(severity, plan.units[ring[0]], f"a unit waits for itself{where}: {told[0]}")
    if len(told) > LONGEST_RING:
        told = [*told[: LONGEST_RING - 1], f"and so on through {len(told) - LONGEST_RING} more", told[-1]]
    return Finding(severity, plan.units[ring[0]], f"units wait for each other{where}: {', '.join(told)}")
