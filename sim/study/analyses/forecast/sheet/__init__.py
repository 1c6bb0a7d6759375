"""The sheet of a status: as it is written for a planner to fill in, and the checks of what he filled in."""
