"""How far ahead the weather of a replication is drawn: somewhat further than runs have gone so far.

A horizon is stated generously, and most of its storms come after the last block is online. A run that needs a later
day asks for it and gets the same storms as if they had been there from the beginning: they belong to civil days.
"""

from __future__ import annotations

from math import ceil

DAY = 1440
TO_BEGIN, AGAIN = 1.5, 1.25
"""Times the planned finish, before anything is known; times the latest minute that anybody asked for."""


class Ahead:
    """So many `days`, more with every run that went further."""

    def __init__(self, finish: int) -> None:
        """Begin with the minute of the planned finish."""
        self.days = max(1, ceil(TO_BEGIN * finish / DAY))

    def further(self, minute: int) -> int:
        """Go on beyond a minute that was asked for; return the days."""
        self.days = max(self.days, ceil(AGAIN * minute / DAY))
        return self.days
