"""Compiled code: whether numba is installed, where its machine code is kept, and what keeps it from being made twice.

Every metric and every rule of the engine is written in plain Python and numpy. Where that is slow there is a kernel
beside it: the same passes as loops that numba compiles, about ten times faster and equal to the last bit. numba is an
extra of the installation, so importing this package does not load it; `sim.jit.toolkit` does, and only kernels import
that. Whether a case runs its kernels is decided in `sim.engine.backends`, and handed down from there.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

DISABLE_JIT = "NUMBA_DISABLE_JIT"
"""The variable by which numba is switched off."""


def available() -> bool:
    """Return whether numba is installed, and not switched off (`NUMBA_DISABLE_JIT=1`)."""
    return find_spec("numba") is not None and not switched_off()


def loaded() -> bool:
    """Return whether numba is loaded already: what is quick in numpy, too, does not load it for itself alone."""
    return "numba" in sys.modules and not switched_off()


def switched_off() -> bool:
    """Return whether numba is told not to compile (`NUMBA_DISABLE_JIT=1`): kernels would run, hundreds of times slower."""
    return os.environ.get(DISABLE_JIT, "0") not in {"", "0"}


BLAS, COVERAGE = "scipy.linalg.cython_blas", "coverage"
"""What numba looks for as it is loaded: it asks whether the one is there, and measures covered lines with the other."""


def load_numba(*, to_compile: bool = False) -> None:
    """Load numba without linear algebra and coverage: no kernel multiplies matrices.

    What only compiling needs is loaded with `to_compile` alone. A compiled function outside this project that multiplies
    matrices still finds its BLAS, which numba loads when it compiles that function.
    """
    module_to_load = "numba.np.arraymath" if to_compile else "numba"
    if module_to_load in sys.modules:
        return
    placeholders = [name for name in (BLAS, COVERAGE) if name not in sys.modules]
    for name in placeholders:
        # numba only checks whether BLAS can be imported: an empty module will do. `None` marks a module as not importable
        sys.modules[name] = ModuleType(name) if name == BLAS else None  # type: ignore[assignment]
    try:
        import_module(module_to_load)
    finally:
        for name in placeholders:
            sys.modules.pop(name, None)


SPECIAL = "scipy.special"


def special_functions() -> ModuleType:
    """Return scipy's special functions (`ndtri`, `betaincinv`, `bdtr`, …), without the rest of their package.

    The package loads linear algebra, orthogonal polynomials and the interfaces of other array libraries first: 0.2 s of
    processor time, of which the functions themselves take 0.02 s. A later `import scipy.special` still loads the whole
    package, with the same functions.
    """
    if SPECIAL not in sys.modules and f"{SPECIAL}._ufuncs" not in sys.modules:
        # an empty package in its place for the moment, so that importing the submodule does not run the package's own code
        placeholder = ModuleType(SPECIAL)
        placeholder.__path__ = [str(Path(str(import_module("scipy").__file__)).with_name("special"))]
        sys.modules[SPECIAL] = placeholder
        try:
            import_module(f"{SPECIAL}._ufuncs")
        except ImportError:  # another version of scipy, with other submodules: the whole package is imported below
            sys.modules.pop(f"{SPECIAL}._ufuncs", None)
        finally:
            del sys.modules[SPECIAL]
    return sys.modules.get(f"{SPECIAL}._ufuncs") or import_module(SPECIAL)


@contextmanager
def gc_paused() -> Iterator[None]:
    """Switch cyclic garbage collection off for a `with` block; reference counting goes on.

    Building a plan creates hundreds of thousands of objects that all stay in use: the collector would examine them again
    and again and free nothing.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def user_cache() -> Path:
    """Return this project's cache folder, where the operating system expects one: its files can be made again."""
    home = Path.home()
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "hybrid-dc-sim"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home) / "hybrid-dc-sim" / "Cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "hybrid-dc-sim"
