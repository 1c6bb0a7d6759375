"""The second engine: the same plan, simulated by machine code on integer arrays, equal to the reference in every row.

Written from the rules of the engine and independent of the SimPy processes; the two share leaf arithmetic only.
Importing this package does not load numba; `sim.engine.numba_engine.simulate` does.
"""
