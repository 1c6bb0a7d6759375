"""Which sources the kernel is made of: machine code of other sources must never be used."""

from __future__ import annotations

from hashlib import sha256
from inspect import getsource
from pathlib import Path

from sim import events
from sim.machine import jit
from sim.plan import compile as compiling
from sim.plan import inputs
from sim.world import driving, quantiles


def fingerprint() -> str:
    """Return a digest of all sources of the kernel: this package, and the modules whose pieces and constants it knows.

    Numba notices a change only in the file in which the outermost function stands.
    """
    digest = sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    for module in (events, jit, compiling, inputs, quantiles, driving):
        digest.update(getsource(module).encode())
    return digest.hexdigest()
