"""What kernels are written with: decorators for numba, arrays as pointers, and a few instructions of the processor.

A kernel is an entry point and the functions it calls. An entry point takes numpy arrays and turns them into views at
once: `int_view(array)[index]` is one load, without the reference counts and the checks of negative indices that numba
adds to every access. Kernels touch no Python object, so threads may run them side by side.

numba's decorators have no types that strict mypy accepts; these are typed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias, TypeVar, cast

import numpy as np
from numba import njit, types, version_info
from numba.core import cgutils, runtime
from numba.extending import intrinsic
from numpy.typing import NDArray

from sim.jit import load_numba
from sim.jit.cache import use_cache

Ints: TypeAlias = NDArray[np.int64]
Words: TypeAlias = NDArray[np.uint64]
Floats: TypeAlias = NDArray[np.float64]


class IntView(Protocol):
    """The integers of an array, of any shape, end to end and without bounds."""

    def __getitem__(self, index: int) -> int:
        """Read one."""

    def __setitem__(self, index: int, number: int) -> None:
        """Write one."""


class FloatView(Protocol):
    """The floats of an array, of any shape, end to end and without bounds."""

    def __getitem__(self, index: int) -> float:
        """Read one."""

    def __setitem__(self, index: int, number: float) -> None:
        """Write one."""


# --- decorators -------------------------------------------------------------------------------------------------------


Function = TypeVar("Function", bound=Callable[..., Any])

_compile: Any = njit
_make_intrinsic: Any = intrinsic
_llvm: Any = cast(Any, cgutils).ir
_runtime: Any = cast(Any, runtime).rtsys
TESTED = (0, 68)
"""The newest release of numba whose insides are known here; a newer one compiles in its own way, in twice the time."""


def _compilers() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return numba's options with which entry points are compiled, and functions inside kernels."""
    if version_info.short > TESTED:
        return {}, {}
    from sim.jit.kernel_compiler import InnerCompiler, KernelCompiler  # a newer numba may lack what it is made of

    return {"pipeline_class": KernelCompiler}, {"pipeline_class": InnerCompiler}


_for_entry_points, _for_inner = _compilers()
# numpy's rules for a division by zero: no exception has to be set up, so loops stay simple enough to be vectorized
_plain = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}
_inside = {**_plain, "no_cpython_wrapper": True, **_for_inner}
_cached = use_cache()  # before the first kernel is compiled: numba asks where the cache is when it sees a function


def inline(function: Function) -> Function:
    """Mark a function for inlining into its callers: for functions with a single caller or a single line."""
    # by LLVM: numba's own `inline="always"` reads the function anew for each caller, a sixth of all compiling
    return _compiled(function, forceinline=True)


def jit(function: Function) -> Function:
    """Compile a function that other compiled functions call; it cannot be called from Python."""
    return _compiled(function)


def _compiled(function: Function, **options: Any) -> Function:
    """Return a function that other compiled functions call, compiled once for each list of argument types."""
    compiled = _compile(**_inside, **options)(function)
    # a literal argument is a type of its own to numba: `f(run, 0)` and `f(run, n)` would be compiled twice
    compiled.get_call_template = _without_literals(compiled.get_call_template)
    return cast(Function, compiled)


def _without_literals(get_call_template: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return numba's `get_call_template` with literal types replaced by plain ones: one compilation for all constants."""
    plain_type: Any = types.unliteral

    def get_template_of_types(arguments: Any, keywords: Any) -> Any:
        keyword_types = {name: plain_type(argument) for name, argument in dict(keywords).items()}
        return get_call_template(tuple(plain_type(argument) for argument in arguments), keyword_types)

    return get_template_of_types


def entry_point(function: Function) -> Function:
    """Compile a function that Python calls with arrays, at its first call; the machine code is saved on disk."""
    compiled = _compile(**_plain, **_for_entry_points, cache=_cached)(function)
    _load_before_compiling(getattr(compiled, "_cache", None))
    return cast(Function, compiled)


def _load_before_compiling(cache: Any) -> None:
    """Let a function's cache read machine code from disk before numba initializes its compiler (0.1 s of processor time).

    numba initializes the compiler first and reads then, though loaded machine code needs only the runtime. A function
    that is not on disk is compiled as usual.
    """
    if not hasattr(cache, "_load_overload"):  # there is no cache, or numba is of another version
        return
    initialize_and_load = cache.load_overload

    def load(signature: Any, context: Any) -> Any:
        _runtime.initialize(context)
        with cache._guard_against_spurious_io_errors():  # noqa: SLF001 (numba's own `load_overload` does the same)
            machine_code = cache._load_overload(signature, context)  # noqa: SLF001
        if machine_code is None:
            load_numba(to_compile=True)
        return machine_code or initialize_and_load(signature, context)

    cache.load_overload = load


# --- intrinsics -------------------------------------------------------------------------------------------------------


@_make_intrinsic  # type: ignore[untyped-decorator]
def _pointer(_: Any, array: Any) -> Any:
    """Return a pointer to an array's first element."""
    # a view has no strides: of an array with another layout it would read the wrong elements
    if array.layout != "C":
        raise TypeError("only C-contiguous arrays can be viewed")

    def write_pointer(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.make_array(signature.args[0])(context, builder, arguments[0]).data

    pointer: Any = types.CPointer
    return pointer(array.dtype)(array), write_pointer


@_make_intrinsic  # type: ignore[untyped-decorator]
def _upper(_: Any, __: Any, ___: Any) -> Any:
    """Return the upper half of the product of two 64-bit words: one instruction of the processor."""

    def write_product(_: Any, builder: Any, __: Any, words: Any) -> Any:
        # a product of 128 bits is one instruction; numba's own integers end at 64
        wide = type(words[0].type)(128)
        product = builder.mul(*(builder.zext(word, wide) for word in words))
        return builder.trunc(builder.lshr(product, wide(64)), words[0].type)

    return types.uint64(types.uint64, types.uint64), write_product


@_make_intrinsic  # type: ignore[untyped-decorator]
def _lowest(_: Any, __: Any) -> Any:
    """Return the position of the lowest set bit of a word that is not 0: one instruction of the processor."""

    def write_count(_: Any, builder: Any, __: Any, words: Any) -> Any:
        # the argument 1 leaves the result for a word of 0 undefined, which saves a branch: callers never pass 0
        return builder.cttz(words[0], _llvm.IntType(1)(1))

    return types.int64(types.int64), write_count


@_make_intrinsic  # type: ignore[untyped-decorator]
def _bits(_: Any, __: Any) -> Any:
    """Return the 64 bits of a float as an integer."""

    def write_bitcast(_: Any, builder: Any, __: Any, words: Any) -> Any:
        return builder.bitcast(words[0], _llvm.IntType(64))

    return types.int64(types.float64), write_bitcast


@_make_intrinsic  # type: ignore[untyped-decorator]
def _float(_: Any, __: Any) -> Any:
    """Return the float that has these 64 bits."""

    def write_bitcast(_: Any, builder: Any, __: Any, words: Any) -> Any:
        return builder.bitcast(words[0], _llvm.DoubleType())

    return types.float64(types.int64), write_bitcast


@_make_intrinsic  # type: ignore[untyped-decorator]
def _prefetch(_: Any, numbers: Any, __: Any) -> Any:
    """Prefetch element i of an array into the processor's cache, without waiting for it; return i."""

    def write_prefetch(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        array, index = arguments
        byte_pointer, int32 = _llvm.IntType(8).as_pointer(), _llvm.IntType(32)
        signature = _llvm.FunctionType(_llvm.VoidType(), [byte_pointer, int32, int32, int32])
        prefetch = cgutils.get_or_insert_function(builder.module, signature, "llvm.prefetch.p0")
        # for reading (0), highest locality (3), data (1). A wrong address is ignored, so bounds need no check
        address = builder.bitcast(builder.gep(array, [index]), byte_pointer)
        builder.call(prefetch, [address, int32(0), int32(3), int32(1)])
        return index

    return types.int64(numbers, types.int64), write_prefetch


int_view = cast(Callable[[NDArray[np.integer[Any]]], IntView], _pointer)
float_view = cast(Callable[[Floats], FloatView], _pointer)
prefetch = cast(Callable[[IntView, int], int], _prefetch)
lowest_bit = cast(Callable[[int], int], _lowest)
float_to_bits = cast(Callable[[float], int], _bits)
bits_to_float = cast(Callable[[int], float], _float)
multiply_high = cast(Callable[[np.uint64, np.uint64], np.uint64], _upper)


# --- random numbers ---------------------------------------------------------------------------------------------------
# Philox4x64-10, the random numbers of `sim.world.streams`, equal to the bit: Salmon, Moraes, Dror, Shaw, "Parallel
# random numbers: as easy as 1, 2, 3", SC 2011. A block of four words is a keyed bijection of a counter of four words,
# so a draw is computed where it is needed and no state is carried along.


_MULTIPLIER = np.uint64(0xD2E7470EE14C6C93)
_OTHER_MULTIPLIER = np.uint64(0xCA5A826395121157)
_WEYL = np.uint64(0x9E3779B97F4A7C15)
_OTHER_WEYL = np.uint64(0xBB67AE8584CAA73B)
_DROPPED = np.uint64(11)
"""A float has 53 bits of the 64."""
_ZERO = np.uint64(0)
_STEP = 2.0**-53
_TOP = 1.0 - _STEP
"""The largest draw: the last of the 2**53 cells would round up to 1.0, which has no quantile."""

Block = tuple[np.uint64, np.uint64, np.uint64, np.uint64]


@inline
def block(k0: np.uint64, k1: np.uint64, c0: np.uint64, c1: np.uint64, c2: np.uint64) -> Block:
    """Return the four words for a key and the counter (c0, c1, c2, 0)."""
    c3 = _ZERO
    for _ in range(10):
        # Python's integers have no 64-bit overflow, numba's do: the low half of a product is just the product
        high, low = multiply_high(_MULTIPLIER, c0), _MULTIPLIER * c0
        c0, c1 = multiply_high(_OTHER_MULTIPLIER, c2) ^ c1 ^ k0, _OTHER_MULTIPLIER * c2
        c2, c3 = high ^ c3 ^ k1, low
        # after the round, not before: the key of the first round is the key itself
        k0, k1 = k0 + _WEYL, k1 + _OTHER_WEYL
    return c0, c1, c2, c3


@jit
def to_unit(word: np.uint64) -> float:
    """Return the middle of the cell of (0, 1) that a word names, strictly between the two."""
    # by half a cell, so that 0 cannot come up: quantiles at 0 and 1 may be infinite
    return min((np.int64(word >> _DROPPED) + 0.5) * _STEP, _TOP)
