"""The same configuration with a few values changed, as `--set` would change them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from json import dumps
from typing import Any, TypeVar

from pydantic import BaseModel

from sim.config.load import Loaded, checked, set_value
from sim.config.locations import Address, Position, allowed_at, at, child, did_you_mean
from sim.config.yaml_reader import Document
from sim.errors import ConfigError, Problem

M = TypeVar("M", bound=BaseModel)
SCALED = ("value", "low", "mode", "high", "median", "p90")
Places = Mapping[str, Position]
"""Where a change was asked for, by its path; a change without a place is told as `--set`."""


def changed(loaded: Loaded[M], settings: Mapping[str, Any], places: Places | None = None) -> Loaded[M]:
    """Return a configuration with values set by path; ConfigError with all problems, at the `places` if given."""
    model = type(loaded.value)
    document = Document(deepcopy(loaded.tree), dict(loaded.positions))
    try:
        for path, value in settings.items():
            text = f"{path}={dumps(value, ensure_ascii=False)}"
            set_value(document, text, lambda address: allowed_at(model, address).fields())
        value = checked(model, document.tree, document.positions, document.faults)
    except ConfigError as error:
        raise ConfigError(_placed(problem, places or {}) for problem in error.problems) from None
    return Loaded(value, document.tree, document.positions, loaded.files)


def _placed(problem: Problem, places: Places) -> Problem:
    """The problem where the change was asked for."""
    path = problem.file.removeprefix("--set ")
    if path == problem.file or path not in places:
        return problem
    file, line, column = places[path]
    told = path if problem.path in ("", path) else problem.path
    return replace(problem, file=file, line=line, column=column, path=told)


def expanded(loaded: Loaded[M], paths: Sequence[str], places: Places | None = None) -> list[str]:
    """Paths without stars: `fleets.*.trucks` is one path for every fleet; ConfigError if a star finds nothing."""
    found = []
    for path in paths:
        here = list(_without_stars(loaded.tree, [], path.split(".")))
        if not here:
            file, line, column = (places or {}).get(path, Position(f"--set {path}", 0, 0))
            raise ConfigError([Problem(file, line, column, path, "", "no key is there that `*` could stand for")])
        found += here
    return found


def _without_stars(node: Any, done: list[str], words: list[str]) -> Iterable[str]:
    """Every path that a path with stars stands for."""
    if "*" not in words:
        yield ".".join([*done, *words])
        return
    word, rest = words[0], words[1:]
    for key in _keys(node) if word == "*" else [word]:
        below = _child(node, key)
        if below is not None:
            yield from _without_stars(below, [*done, key], rest)


def _keys(node: Any) -> list[str]:
    """The keys of a mapping, the ids of a list."""
    if isinstance(node, list):
        return [str(child(element, "id")) for element in node if child(element, "id") is not None]
    return list(node) if isinstance(node, Mapping) else []


def _child(node: Any, word: str) -> Any:
    """The part of a node that a word of a path names."""
    if not isinstance(node, list):
        return child(node, word)
    named = [element for element in node if child(element, "id") == word]
    return named[0] if named else child(node, int(word)) if word.isdecimal() else None


def address_of(loaded: Loaded[M], path: str) -> Address:
    """The address of a path in the tree; keys that are not written yet stay as they are."""
    address: Address = ()
    for word in path.split("."):
        node = at(loaded.tree, address)
        key: str | int = word
        if isinstance(node, list):
            ids = [child(element, "id") for element in node]
            key = ids.index(word) if word in ids else int(word) if word.isdecimal() else word
        address = (*address, key)
    return address


def is_whole(loaded: Loaded[M], path: str) -> bool:
    """Whether only whole numbers may stand at a path."""
    types = allowed_at(type(loaded.value), address_of(loaded, path)).types
    return int in types and float not in types


def scaled(loaded: Loaded[M], path: str, factor: float) -> Any:
    """What stands at a path, times a factor: a number, or all numbers of an estimate; ConfigError if nothing does."""
    stated = at(loaded.tree, address_of(loaded, path))
    if isinstance(stated, Mapping):
        numbers = {key: stated[key] * factor for key in SCALED if isinstance(stated.get(key), int | float)}
        listed = {"values": [value * factor for value in stated["values"]]} if "values" in stated else {}
        return {**stated, **numbers, **listed}
    if isinstance(stated, int | float) and not isinstance(stated, bool):
        return rounded(loaded, path, stated * factor)
    words = path.split(".")
    above = at(loaded.tree, address_of(loaded, ".".join(words[:-1]))) if words[1:] else loaded.tree
    hint = did_you_mean(words[-1], _keys(above))
    raise ConfigError(
        [Problem(f"--set {path}", 0, 0, "", "", "there is no number here that a factor could change", hint)]
    )


def rounded(loaded: Loaded[M], path: str, number: float) -> float | int:
    """A number as it may stand at a path: whole where only whole ones may."""
    return round(number) if is_whole(loaded, path) else number
