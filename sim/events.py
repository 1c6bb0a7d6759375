"""The event log: a closed vocabulary of small integer rows (minute done, step, x).

What x means depends on the operation of the step: the minute begun (hold, work, wait, until), the branch taken
(again: 1 is the jump), or the amount (signal, note); a free has its bundle. Unit, activity and pools are looked
up in the plan. Rows of one minute have the canonical order (unit, place in the unit's route as performed).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

HOLD, FREE, WORK, WAIT, UNTIL, SIGNAL, AGAIN, NOTE = range(8)
OPERATIONS = ("hold", "free", "work", "wait", "until", "signal", "again", "note")
BEGUN = (HOLD, WORK, WAIT, UNTIL)

Log = NDArray[np.int64]
"""Shape (rows, 3), in the order in which it was performed."""


def canonical(log: Log, unit_of: NDArray[np.int64]) -> Log:
    """Return a log in canonical order: by minute, then unit; rows of one unit keep their order."""
    return log[np.lexsort((unit_of[log[:, 1]], log[:, 0]))]
