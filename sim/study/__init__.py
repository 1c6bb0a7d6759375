"""Many projects instead of one: replications, their spread, comparisons, what is kept."""
