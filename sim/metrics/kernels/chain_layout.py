"""Where every number of the driving chain stands: the arrays of the walk, for those who fill and who read them."""

from __future__ import annotations

OTHER, DATE, WORK, WAIT, HOLD, FREE, SIGNAL = range(7)
"""Kinds of steps as the walk sees them; those that are asked for together stand together."""
NONE = -1
FIRST, POOL, AMOUNT, CAUSE, STAYS, STRIKES, STEPS, GATE, BY_RISK, BY_OTHER = range(10)
"""The plan as the walk sees it, one array that begins with these: where in it every table begins, and some numbers.

Bundles, whose pools and amounts stand from `FIRST` on; pools, with their cause (none for tokens) and whether they
stay with who has them; units, and whether they are risk drivers'; steps; the completion gate; two causes.
"""
HEADER = 10
KIND, ARGUMENT, UNIT, CALENDAR, MODE = range(5)
"""What is known of a step."""
WORDS = 5
BEGUN, DONE, CALENDAR_OF, MODE_OF, LOST, STEP, TIMED, WHY, SINCE, OWN = range(10)
"""What is noted of a row on the way: when it was begun and done; its calendar and mode, if it is work.

Then what it lost to weather; its step; whether it is work or a date; a cause or none, and since when that was
short; and its own cause. What it lost and its own cause are noted later, by others.
"""
NOTED = 10
PAUSING, WHOLE = 0, 1
"""The numbers of `sim.plan.compile.MODES`; any other one is driving duty."""
