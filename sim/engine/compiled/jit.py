"""How the kernel's pieces are compiled: each small function melts into the one that calls it.

A typed shim, as numba's decorators have no types. No Python object is touched inside, so threads may run side by
side. Machine code is kept on disk by numba; what it is kept under includes every file of this package, because
numba itself looks only at the file in which the outermost function stands.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import njit, types
from numba.extending import intrinsic

Function = TypeVar("Function", bound=Callable[..., Any])

_INSIDE = {"nogil": True, "error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def piece(function: Function) -> Function:
    """Compile a function into each of its callers."""
    return cast(Function, njit(**_INSIDE, forceinline=True)(function))


def part(function: Function) -> Function:
    """Compile a function that is called from several places, once."""
    return cast(Function, njit(**_INSIDE)(function))


def whole(function: Function) -> Function:
    """Compile an outermost function and keep its machine code on disk."""
    return cast(Function, njit(nogil=True, error_model="numpy", cache=True)(function))


@intrinsic
def pointer(_: Any, array: Any) -> Any:
    """Return where an array's first number stands: indexing that costs neither a count of owners nor a check."""

    def first(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.make_array(signature.args[0])(context, builder, arguments[0]).data

    return types.CPointer(array.dtype)(array), first


def fingerprint() -> str:
    """Return a digest of every source file of this package: machine code of other sources must not be used."""
    digest = sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
