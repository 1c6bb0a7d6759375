"""What may be passed to the functions of `sim`: the kind of each argument, by its name, which is the same everywhere.

A wrong one is told before anything is run, as a wrong value in a file is: what was given, and what is allowed.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable, Mapping, Sized
from dataclasses import dataclass
from functools import cache, wraps
from numbers import Integral, Real
from typing import Any, ParamSpec, TypeVar

from sim.errors import ConfigError, Problem, closest

P = ParamSpec("P")
R = TypeVar("R")
LONGEST = 60
"""Letters of a value that a message shows."""


@dataclass(frozen=True)
class Kind:
    """What is allowed for an argument, in words, and whether a value is of that kind."""

    words: str
    fits: Callable[[Any], bool]


# --- kinds ------------------------------------------------------------------------------------------------------------


def _whole(low: int, high: int) -> Kind:
    """Return the kind of whole numbers within bounds, numpy's as well; True and False are none."""
    words = f"a whole number from {low} to {high:,}"

    def fits(value: Any) -> bool:
        return not isinstance(value, bool) and isinstance(value, Integral) and low <= int(value) <= high

    return Kind(words, fits)


def _object(words: str, *names: str, path: bool = False, mapping: bool = False) -> Kind:
    """Return the kind of objects of classes with these names, which come later in the flow of imports."""

    def fits(value: Any) -> bool:
        is_plain = (path and _is_path(value)) or (mapping and isinstance(value, Mapping))
        return is_plain or any(base.__name__ in names for base in type(value).__mro__)

    return Kind(words, fits)


def _is_path(value: object) -> bool:
    return isinstance(value, str | os.PathLike)


def is_listed(value: object) -> bool:
    """Return whether a value is a list or the like, and no text, which would be taken letter by letter."""
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)


def _is_filled_list(value: Any) -> bool:
    return is_listed(value) and not (isinstance(value, Sized) and len(value) == 0)


def _is_texts(value: Any) -> bool:
    return is_listed(value) and all(isinstance(text, str) for text in value)


COUNT = _whole(1, 1_000_000)
PATH = Kind("a path", lambda value: _is_path(value) and str(value) != "")
TEXT = Kind("text", lambda value: isinstance(value, str))
SWITCH = Kind("True or False", lambda value: isinstance(value, bool))
FUNCTION = Kind("a function", callable)
TEXTS = Kind("a list of texts", _is_texts)
SOURCES = "a path, the name of a shipped project or a dictionary with a file's keys"
KINDS = {
    "config": _object(f"what sim.load returns, {SOURCES}", "Loaded", "Project", path=True, mapping=True),
    "source": _object(SOURCES, path=True, mapping=True),
    "configs": Kind("a list of configurations", _is_filled_list),
    "status": _object("the path of a status file", "Status", path=True),
    "history": _object("the path of a CSV file", "History", path=True),
    "overrides": Kind('a list of texts like "logistics.cranes=3"', _is_texts),
    "inputs": Kind(
        "a dictionary of values by path, like {'logistics.cranes': [2, 3]}", lambda v: isinstance(v, Mapping)
    ),
    "at_most": Kind("a dictionary of limits by metric", lambda value: isinstance(value, Mapping)),
    "metrics": TEXTS,
    "runs": COUNT,
    "max_runs": COUNT,
    "seed": _whole(0, 2**63 - 1),
    "workers": _whole(0, 256),
    "probability": Kind(
        "a share from 0.01 to 0.99", lambda value: isinstance(value, Real) and 0.01 <= float(value) <= 0.99
    ),
    **dict.fromkeys(("out", "directory", "path"), PATH),
    **dict.fromkeys(("resume", "learning"), SWITCH),
    "levers": Kind("True, False or None", lambda value: value is None or isinstance(value, bool)),
    **dict.fromkeys(("progress", "extras", "on_runs", "on_sample", "on_details", "watch"), FUNCTION),
    **dict.fromkeys(("precision", "scheduler", "logic", "metric", "statistic", "against", "column"), TEXT),
    **dict.fromkeys(("method", "design", "question", "name", "row", "by", "case"), TEXT),
    "result": _object("the result of sim.run", "Result"),
    "drivers": _object("what sim.drivers returns", "Drivers", "Result"),
    "comparison": _object("what sim.compare returns", "Comparison"),
    "sweep": _object("what sim.sweep returns", "Sweep"),
    "analysis": _object("what sim.sensitivity returns", "SensitivityResult"),
    "tuning": _object("what sim.tune returns", "TuningResult"),
    "ax": Kind("axes of matplotlib", lambda value: hasattr(value, "set_title")),
}
"""By the name of an argument. What is not here is checked where it is used, such as the values of `inputs`."""


# --- checking ---------------------------------------------------------------------------------------------------------


def refused(name: str, value: object, expected: str, hint: str = "") -> ConfigError:
    """Return the error of a wrong argument: `runs: 0 given, a whole number from 1 to 1,000,000 expected`."""
    text = repr(value)
    shown = text if len(text) <= LONGEST else f"{text[:LONGEST]} …"
    return ConfigError([Problem("", 0, 0, name, shown, expected, hint)])


def require_known(what: str, value: str, known: Iterable[str]) -> None:
    """Raise ConfigError for a name that is not among those that are known, with the nearest of them."""
    names = [*known]
    if value not in names:
        nearest = closest(value, names)
        message = f"there is no {what} {value!r}; there are {', '.join(names) or 'none'}"
        raise ConfigError([Problem("", 0, 0, "", "", message, f"did you mean {nearest}?" if nearest else "")])


def checked_arguments(function: Callable[P, R]) -> Callable[P, R]:
    """Return a function that refuses arguments of a wrong kind; the default of an argument is always allowed."""

    @cache
    def signature() -> inspect.Signature:
        return inspect.signature(function)

    @wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function where all arguments are of their kind."""
        problems: list[Problem] = []
        for name, value in signature().bind(*args, **kwargs).arguments.items():
            kind, default = KINDS.get(name), signature().parameters[name].default
            if kind is not None and value is not default and not kind.fits(value):
                problems += refused(name, value, kind.words).problems
        if problems:
            raise ConfigError(problems)
        return function(*args, **kwargs)

    return checked
