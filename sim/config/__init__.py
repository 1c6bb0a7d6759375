"""What a planner states: typed, closed and frozen, read from YAML with its positions."""
