"""How the kernel is compiled: many small functions become one piece of machine code, kept on disk.

A typed shim, as numba's decorators have no types that say what we need. No Python object is touched inside the
kernel, so threads may run side by side.

Arrays as machine code sees them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias, TypeVar, cast

import numpy as np
from numba import njit, types
from numba.core import cgutils, sigutils
from numba.extending import intrinsic
from numpy.typing import NDArray

# --- numbers ----------------------------------------------------------------------------------------------------------


Ints: TypeAlias = NDArray[np.int64]
Words: TypeAlias = NDArray[np.uint64]
Floats: TypeAlias = NDArray[np.float64]


class Numbers(Protocol):
    """An array of integers: numbers at places."""

    def __getitem__(self, place: int) -> int:
        """Read one number."""

    def __setitem__(self, place: int, number: int) -> None:
        """Write one number."""


class Figures(Protocol):
    """An array of floats: figures at places."""

    def __getitem__(self, place: int) -> float:
        """Read one figure."""

    def __setitem__(self, place: int, figure: float) -> None:
        """Write one figure."""


# --- jit --------------------------------------------------------------------------------------------------------------


Function = TypeVar("Function", bound=Callable[..., Any])

stated: list[tuple[Any, str]] = []
"""Outermost functions whose arguments are stated, so that they can be compiled before they are needed."""

_compile: Any = njit
_make_intrinsic: Any = intrinsic
_llvm: Any = cast(Any, cgutils).ir
_plain = {"nogil": True, "error_model": "numpy"}
_inside = {**_plain, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def piece(function: Function) -> Function:
    """Write a function into each of its callers: right for one that has a single caller, or a single line."""
    return cast(Function, _compile(**_inside, inline="always")(function))


def part(function: Function) -> Function:
    """Compile a function once and call it; it cannot be called from Python."""
    compiled = _compile(**_inside)(function)
    compiled.get_call_template = _for_types_alone(compiled.get_call_template)
    return cast(Function, compiled)


def _for_types_alone(template: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Have a function compiled for the types it is called with; numba would compile it anew for every constant."""
    without_value: Any = types.unliteral

    def typed(given: Any, named: Any) -> Any:
        kinds = {name: without_value(kind) for name, kind in dict(named).items()}
        return template(tuple(without_value(kind) for kind in given), kinds)

    return typed


def whole(function: Function) -> Function:
    """Compile an outermost function and keep its machine code on disk, where there is a place for it."""
    try:
        return cast(Function, _compile(**_plain, cache=True)(function))
    except RuntimeError:  # neither this folder nor the user's cache can be written
        return cast(Function, _compile(**_plain)(function))


def whole_of(types_: str) -> Callable[[Function], Function]:
    """Compile an outermost function like `whole`; its arguments are stated in numba's words, as `i8[::1], f8`."""

    def outermost(function: Function) -> Function:
        compiled = whole(function)
        stated.append((compiled, types_))
        return compiled

    return outermost


def make(function: Any, types_: str) -> None:
    """Compile an outermost function for stated arguments, and leave its machine code on disk."""
    normalized: Any = sigutils.normalize_signature
    function.compile(normalized(f"({types_},)")[0])


def lacking(function: Any) -> bool:
    """Tell whether machine code of an outermost function is not on disk yet, and has a place there.

    Numba has no way to ask, so this looks where it looks itself; False if it looks elsewhere one day.
    """
    try:
        cache = function._cache  # noqa: SLF001
        mine = cache._index_key(None, function.targetctx.codegen())[1:]  # noqa: SLF001
        return all(kept[1:] != mine for kept in cache._cache_file._load_index())  # noqa: SLF001
    except Exception:  # noqa: BLE001 -- whatever the other version of numba does, code is made when it is needed
        return False


@_make_intrinsic  # type: ignore[untyped-decorator]
def _pointer(_: Any, array: Any) -> Any:
    """Return where an array's first number stands: indexing that counts no owners and checks no sign."""
    if array.layout != "C":
        raise TypeError("numbers that do not stand in a row")

    def first(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.make_array(signature.args[0])(context, builder, arguments[0]).data

    pointer: Any = types.CPointer
    return pointer(array.dtype)(array), first


@_make_intrinsic  # type: ignore[untyped-decorator]
def _upper(_: Any, __: Any, ___: Any) -> Any:
    """Return the upper half of the product of two words: one instruction of the processor."""

    def half(_: Any, builder: Any, __: Any, words: Any) -> Any:
        wide = type(words[0].type)(128)
        product = builder.mul(*(builder.zext(word, wide) for word in words))
        return builder.trunc(builder.lshr(product, wide(64)), words[0].type)

    return types.uint64(types.uint64, types.uint64), half


@_make_intrinsic  # type: ignore[untyped-decorator]
def _lowest(_: Any, __: Any) -> Any:
    """Return the place of the lowest bit of a word that is not 0: one instruction of the processor."""

    def place(_: Any, builder: Any, __: Any, words: Any) -> Any:
        return builder.cttz(words[0], _llvm.IntType(1)(1))

    return types.int64(types.int64), place


@_make_intrinsic  # type: ignore[untyped-decorator]
def _bits(_: Any, __: Any) -> Any:
    """Return the 64 bits of a float as an integer."""

    def same(_: Any, builder: Any, __: Any, words: Any) -> Any:
        return builder.bitcast(words[0], _llvm.IntType(64))

    return types.int64(types.float64), same


@_make_intrinsic  # type: ignore[untyped-decorator]
def _float(_: Any, __: Any) -> Any:
    """Return the float that has these 64 bits."""

    def same(_: Any, builder: Any, __: Any, words: Any) -> Any:
        return builder.bitcast(words[0], _llvm.DoubleType())

    return types.float64(types.int64), same


@_make_intrinsic  # type: ignore[untyped-decorator]
def _fetch(_: Any, numbers: Any, __: Any) -> Any:
    """Have the processor bring a number near before it is asked for; nothing waits for it."""

    def ask(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        byte, word = _llvm.IntType(8).as_pointer(), _llvm.IntType(32)
        kind = _llvm.FunctionType(_llvm.VoidType(), [byte, word, word, word])
        prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        address = builder.bitcast(builder.gep(arguments[0], [arguments[1]]), byte)
        builder.call(prefetch, [address, word(0), word(3), word(1)])
        return arguments[1]

    return types.int64(numbers, types.int64), ask


numbers_of = cast(Callable[[NDArray[np.integer[Any]]], Numbers], _pointer)
figures_of = cast(Callable[[Floats], Figures], _pointer)
fetch = cast(Callable[[Numbers, int], int], _fetch)
lowest = cast(Callable[[int], int], _lowest)
bits_of = cast(Callable[[float], int], _bits)
float_of = cast(Callable[[int], float], _float)
upper = cast(Callable[[np.uint64, np.uint64], np.uint64], _upper)
