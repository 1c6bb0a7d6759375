"""How a mistake is planted: a function of the model is written anew with one place changed, for one test only."""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest


def plant(monkeypatch: pytest.MonkeyPatch, function: Callable[..., Any], right: str, wrong: str) -> None:
    """Replace a function or method everywhere it is known by its name with one that has a mistake in it."""
    source = textwrap.dedent(inspect.getsource(function))
    assert source.count(right) == 1, f"{right!r} stands {source.count(right)} times in {function.__qualname__}"
    home = sys.modules[function.__module__]
    changed = _compiled(home, function.__qualname__, source.replace(right, wrong))
    for owner, name in _owners(home, function):
        monkeypatch.setattr(owner, name, changed)


def _compiled(home: ModuleType, qualified: str, source: str) -> Any:
    """Compile a function's source in the namespace of its module."""
    code = compile(f"from __future__ import annotations\n{source}", f"<mutant of {qualified}>", "exec")
    made: dict[str, Any] = {}
    exec(code, home.__dict__, made)
    return made[qualified.rpartition(".")[2]]


def _owners(home: ModuleType, function: Callable[..., Any]) -> Iterator[tuple[Any, str]]:
    """Yield who knows a function: its class, or every module of the model and its tests that has imported it."""
    owner, _, name = function.__qualname__.rpartition(".")
    if owner:
        yield getattr(home, owner), name
        return
    for module in [module for key, module in sys.modules.items() if key.partition(".")[0] in ("sim", "tests")]:
        for known, value in list(vars(module).items()):
            if value is function:
                yield module, known
