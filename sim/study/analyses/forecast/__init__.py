"""A project under way: its status, its state at the data date, and the forecast that continues from there."""
