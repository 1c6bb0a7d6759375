"""The second engine: the same plan, performed by machine code on integer arrays, equal to the reference in every row.

Written from the rules of the engine and independent of the SimPy processes; the two share leaf arithmetic only.
Importing this package does not load numba; `sim.engine.compiled.performing` does.
"""

from __future__ import annotations

from importlib.util import find_spec


def available() -> bool:
    """Whether the compiled engine can be used here: it needs numba, an extra of the installation."""
    return find_spec("numba") is not None
