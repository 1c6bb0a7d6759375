"""Functions inside a kernel are optimized, and made machine code of, with their entry point alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from sim.jit import available

if not available():
    pytest.skip("numba is an extra that is not installed", allow_module_level=True)

from numba import njit  # after the skip

from sim.jit.kernel_compiler import InnerLibrary, KernelCompiler
from sim.jit.toolkit import inline, jit


@inline
def _doubled(number: int) -> int:
    return 2 * number


@jit
def _doubled_to_a_limit(number: int, limit: int) -> int:
    if number > limit:
        raise ValueError("beyond the limit")
    return _doubled(_doubled(number))


@jit
def _told(number: int) -> int:
    print(number)  # noqa: T201
    return number


def compiled(function: Any) -> Any:
    """Compile an entry point, which is not kept on the disk."""
    return cast(Any, njit)(pipeline_class=KernelCompiler)(function)


def library_of(function: Any) -> Any:
    """The library of the one type that a function is compiled for."""
    (result,) = function.overloads.values()
    return result.library


def test_only_the_entry_point_is_optimized_and_has_machine_code() -> None:
    entry = compiled(lambda numbers: _doubled_to_a_limit(numbers[0], 5))
    assert entry(np.array([3])) == 12
    inner = library_of(_doubled_to_a_limit)
    assert isinstance(inner, InnerLibrary)
    calls = [f"call i32 @{name}" for name in _names(library_of(_doubled))]
    assert sum(inner.get_llvm_str().count(call) for call in calls) == 2
    assert sum(library_of(entry).get_llvm_str().count(call) for call in calls) == 0
    assert not any(inner.codegen._engine.is_symbol_defined(name) for name in _names(library_of(_doubled)))


def _names(library: Any) -> list[str]:
    return [function.name for function in library.get_defined_functions()]


def test_what_an_inner_function_raises_reaches_python() -> None:
    entry = compiled(lambda number: _doubled_to_a_limit(number, 5))
    with pytest.raises(ValueError, match="beyond the limit"):
        entry(6)


def test_an_inner_function_that_needs_python_is_refused() -> None:
    with pytest.raises(RuntimeError, match="missing Environment"):
        compiled(lambda number: _told(number))(1)  # noqa: PLW0108 (numba compiles no bare name)


UNKNOWN_NUMBA = """
import sys
import numba
numba.version_info = numba.version_info._replace(short=(99, 0))
sys.modules["sim.jit.kernel_compiler"] = None  # as if it could not be imported
import numpy as np
from sim.jit.toolkit import entry_point, int_view, jit

@jit
def doubled(number):
    return 2 * number

@entry_point
def doubled_first(numbers):
    return doubled(int_view(numbers)[0])

print(doubled_first(np.array([21])))
"""


def test_a_numba_that_is_not_known_compiles_in_its_own_way(tmp_path: Path) -> None:
    (tmp_path / "unknown.py").write_text(UNKNOWN_NUMBA)  # in a file: numba asks where a function that it keeps stands
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, tmp_path / "unknown.py"], capture_output=True, text=True, env=environment, check=False
    )
    assert (done.stdout, done.stderr) == ("42\n", "")
