"""The long passes over a run, in numpy and compiled; `interface` says what both promise."""
