"""Weather and working time by machine code: twins of the slow passes of `sim.world`, equal to them in every bit."""
