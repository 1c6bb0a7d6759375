"""Simulation of a plan by the rules of the engine, and nothing else: by SimPy processes, or by a compiled kernel."""
