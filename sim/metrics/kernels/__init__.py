"""Measuring by machine code: twins of the slow passes of `sim.metrics`, equal to them in every bit."""
