"""What no run may break, whatever its luck: checked in every replication where SIM_CHECK is set, as in the tests.

Each identity is worked out a second way, from the rows of the log alone: nothing is taken that is not there,
nobody is in two places, nobody works who is not on site, no skid is set before it is made, no cent is lost.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sim.errors import CheckFailed
from sim.metrics.conservation.money import money
from sim.metrics.conservation.people import people
from sim.metrics.conservation.pools import pools, queues
from sim.metrics.conservation.skids import skids
from sim.metrics.conservation.steps import steps

if TYPE_CHECKING:
    from sim.metrics.conservation.found import Found

SWITCH = "SIM_CHECK"
SHOWN = 5


def switched_on() -> bool:
    """Whether every replication is to be checked."""
    return os.environ.get(SWITCH, "") not in ("", "0")


def violations(found: Found) -> Iterator[str]:
    """Yield what does not hold of a run, in words."""
    for identity in (steps, pools, queues, people, skids, money):
        yield from (f"{identity.__name__}: {told}" for told in identity(found))


def require_conserved(found: Found) -> None:
    """Raise CheckFailed with the first identities that do not hold."""
    broken = list(violations(found))
    if broken:
        more = f"\n  … and {len(broken) - SHOWN} more" if len(broken) > SHOWN else ""
        raise CheckFailed("what a run must conserve is not:\n  " + "\n  ".join(broken[:SHOWN]) + more)
