"""The long passes over a run, in numpy and compiled; `interface` has what both promise."""
