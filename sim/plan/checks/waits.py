"""Who waits in vain: gates that nobody opens, or not so far, and units that wait for each other in a ring."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from sim.plan.checks.reach import Reach
from sim.plan.checks.remarks import Finding, Severity
from sim.plan.compile import WAIT, Compiled
from sim.plan.kinds import several
from sim.plan.needs import Needs


def in_vain(plan: Compiled, needs: Needs, reach: Reach) -> Iterator[Finding]:
    """Yield why units can never finish, as far as it is gates; and whether the project can."""
    severity: Severity = "warning" if reach.finishes else "error"
    yield from _never_opened(plan, needs, reach, severity)
    yield from _rings(plan, needs, reach, severity)
    if not reach.finishes:
        gate, level = plan.completion
        sentence = f"the project can never finish: {plan.gates[gate]} comes to {reach.level[gate]} of {level} at most"
        yield Finding("error", plan.gates[gate], sentence)


def _never_opened(plan: Compiled, needs: Needs, reach: Reach, severity: Severity) -> Iterator[Finding]:
    """Yield gates that nobody signals, or not often enough; one finding for all units of a kind."""
    found: dict[tuple[int, int, int, int], list[tuple[str, str]]] = defaultdict(list)
    for unit, gate, level in _waiting(needs, reach):
        kind = needs.kind_of[unit]
        total = sum(raised * len(k.units) for k, raised in _raisers(needs, gate).values())
        if total < level:
            key = (kind.units[0], level, total, 0)
            found[key].append((plan.units[unit], plan.gates[gate]))
    for (_, level, total, _), pairs in found.items():
        gates = several(dict.fromkeys(gate for _, gate in pairs))
        why = f"only comes to {total:,} of {level:,}" if total else "is never opened by anybody"
        yield Finding(severity, pairs[0][1], f"{{who}}: waits for {gates}, which {why}", tuple(who for who, _ in pairs))
