"""How a mistake is planted: a function of the model is written anew with one place changed, for one test only."""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import _lru_cache_wrapper
from types import FunctionType, ModuleType
from typing import Any

import pytest

from sim.study.crew_planning import reuse


def plant(monkeypatch: pytest.MonkeyPatch, function: Callable[..., Any], right: str, wrong: str) -> None:
    """Replace a function or method everywhere it is known by its name with one that has a mistake in it."""
    source = textwrap.dedent(inspect.getsource(function))
    assert source.count(right) == 1, f"{right!r} stands {source.count(right)} times in {function.__qualname__}"
    home = sys.modules[function.__module__]
    changed = _compiled(home, function.__qualname__, source.replace(right, wrong))
    if isinstance(function, FunctionType) and not (function.__code__.co_freevars or changed.__code__.co_freevars):
        # then whoever holds the function has the mistake: a table of kernels, a default, another name
        monkeypatch.setattr(function, "__code__", changed.__code__)
        return
    for owner, name in _owners(home, function):
        monkeypatch.setattr(owner, name, changed)


def _compiled(home: ModuleType, qualified: str, source: str) -> Any:
    """Compile a function's source in the namespace of its module."""
    code = compile(f"from __future__ import annotations\n{source}", f"<mutant of {qualified}>", "exec")
    made: dict[str, Any] = {}
    exec(code, home.__dict__, made)
    return made[qualified.rpartition(".")[2]]


@contextmanager
def nothing_remembered() -> Iterator[None]:
    """Within, nothing is known that was planned, prepared or computed outside, nor outside what was within.

    A plan that is remembered from before a mistake was planted would hide it, and one from within would spread it.
    """
    _forget()
    try:
        yield
    finally:
        _forget()


def _forget() -> None:
    """Empty the crew plans that are used again and every cache of a function of the model or its tests."""
    reuse._plan_by_key.clear()
    for _, _, value in _known():
        if isinstance(value, _lru_cache_wrapper):
            value.cache_clear()


def _owners(home: ModuleType, function: Callable[..., Any]) -> Iterator[tuple[Any, str]]:
    """Yield who knows a function: its class, or every module of the model and its tests that has imported it."""
    owner, _, name = function.__qualname__.rpartition(".")
    if owner:
        yield getattr(home, owner), name
        return
    for module, known, value in _known():
        if value is function:
            yield module, known


def _known() -> Iterator[tuple[ModuleType, str, Any]]:
    """Yield what every module of the model and its tests knows by a name."""
    for module in [module for key, module in sys.modules.items() if key.partition(".")[0] in ("sim", "tests")]:
        for name, value in list(vars(module).items()):
            yield module, name, value
