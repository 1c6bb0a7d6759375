"""A configuration with a few values changed: set by path, scaled by a factor, paths with `*` expanded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from json import dumps
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from sim.config.load import SCHEMA_VERSION, Loaded, checked, set_value
from sim.config.project import Continuation
from sim.config.source_positions import Address, Position, allowed_at, child, value_at
from sim.config.yaml_reader import Document, read_file
from sim.errors import ConfigError, Problem, closest, did_you_mean

M = TypeVar("M", bound=BaseModel)
SCALED = ("value", "low", "mode", "high", "median", "p90")
Origins = Mapping[str, Position]
"""Where a change was asked for, by its path; a change without an origin is reported as `--set`."""


def with_settings(loaded: Loaded[M], settings: Mapping[str, Any], places: Origins | None = None) -> Loaded[M]:
    """Return a configuration with values set by path; ConfigError with all problems, at the `places` if given."""
    model = type(loaded.value)
    document = Document(deepcopy(loaded.tree), dict(loaded.positions))
    try:
        for path, value in settings.items():
            text = f"{path}={dumps(value, ensure_ascii=False)}"
            set_value(document, text, lambda address: allowed_at(model, address).fields())
        value = checked(model, document.tree, document.positions, document.faults)
    except ConfigError as error:
        raise ConfigError(_at_origin(problem, places or {}) for problem in error.problems) from None
    return replace(loaded, value=value, tree=document.tree, positions=document.positions)


def continued(loaded: Loaded[M], status: object, *, learning: bool = True, logic: str | None = None) -> Loaded[M]:
    """Return a configuration that goes on from a status, wherever it is run: in a run, a sweep, a comparison."""
    return replace(loaded, continuation=Continuation(status, loaded, learning, logic))


def _at_origin(problem: Problem, places: Origins) -> Problem:
    """The problem where the change was asked for."""
    path = problem.file.removeprefix("--set ")
    if path == problem.file or path not in places:
        return problem
    file, line, column = places[path]
    shown = path if problem.path in ("", path) else problem.path
    return replace(problem, file=file, line=line, column=column, path=shown)


def expand_wildcards(loaded: Loaded[M], paths: Sequence[str], places: Origins | None = None) -> list[str]:
    """Paths without stars: `fleets.*.trucks` is one path for every fleet; ConfigError if a star finds nothing."""
    found = []
    for path in paths:
        here = list(_expand(loaded.tree, [], path.split(".")))
        if not here:
            file, line, column = (places or {}).get(path, Position(f"--set {path}", 0, 0))
            raise ConfigError([Problem(file, line, column, path, "", "no key is there that `*` could stand for")])
        found += here
    return found


def _expand(node: Any, done: list[str], words: list[str]) -> Iterable[str]:
    """Every path that a path with stars stands for."""
    if "*" not in words:
        yield ".".join([*done, *words])
        return
    word, rest = words[0], words[1:]
    for key in _keys(node) if word == "*" else [word]:
        below = _child(node, key)
        if below is not None:
            yield from _expand(below, [*done, key], rest)


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
    return address_in(loaded.tree, path)


def address_in(tree: Any, path: str) -> Address:
    """The address of a path in a tree, whose list elements go by their ids or places."""
    address: Address = ()
    for word in path.split("."):
        node = value_at(tree, address)
        key: str | int = word
        if isinstance(node, list):
            ids = [child(element, "id") for element in node]
            key = ids.index(word) if word in ids else int(word) if word.isdecimal() else word
        address = (*address, key)
    return address


def takes_integers(loaded: Loaded[M], path: str) -> bool:
    """Whether only whole numbers may stand at a path."""
    types = allowed_at(type(loaded.value), address_of(loaded, path)).types
    return int in types and float not in types


def scaled(loaded: Loaded[M], path: str, factor: float) -> Any:
    """What stands at a path, times a factor: a number, or all numbers of an estimate; ConfigError if nothing does."""
    stated = value_at(loaded.tree, address_of(loaded, path))
    if isinstance(stated, Mapping):
        numbers = {key: stated[key] * factor for key in SCALED if isinstance(stated.get(key), int | float)}
        listed = {"values": [value * factor for value in stated["values"]]} if "values" in stated else {}
        return {**stated, **numbers, **listed}
    if isinstance(stated, int | float) and not isinstance(stated, bool):
        return round_if_integer(loaded, path, stated * factor)
    words = path.split(".")
    above = value_at(loaded.tree, address_of(loaded, ".".join(words[:-1]))) if words[1:] else loaded.tree
    hint = did_you_mean(words[-1], _keys(above))
    raise ConfigError(
        [Problem(f"--set {path}", 0, 0, "", "", "there is no number here that a factor could change", hint)]
    )


def round_if_integer(loaded: Loaded[M], path: str, number: float) -> float | int:
    """A number as it may stand at a path: whole where only whole ones may."""
    return round(number) if takes_integers(loaded, path) else number


def placed(tree: Any, key: Sequence[str], value: Mapping[str, Any]) -> tuple[list[str], Any]:
    """Return the path to write at, and what stands there then, so that a value comes to a key of a tree.

    A list is written whole, with the one element (by its id) changed; a duration is written as `{days: …}`. ConfigError
    for a key that is none, with what there is.
    """
    node, path = tree, list[str]()
    for place, word in enumerate(key):
        if isinstance(node, list):
            ids = [str(child(element, "id") or number) for number, element in enumerate(node)]
            number = ids.index(_known(word, ids, key[:place]))
            _, inner = placed(node[number], key[place + 1 :], value)
            changed = _merged(node[number], key[place + 1 :], inner)
            return path, [changed if at == number else element for at, element in enumerate(node)]
        path.append(_known(word, list(node) if isinstance(node, Mapping) else [], key[:place]))
        node = node[word]
    return path, {**node, "days": dict(value)} if isinstance(node, Mapping) and "days" in node else dict(value)


def _known(word: str, known: Sequence[str], above: Sequence[str]) -> str:
    """A word of a path if it is there; ConfigError otherwise."""
    if word in known:
        return word
    path = ".".join([*above, word])
    near = closest(word, known)
    message = f"no {word!r} in {'.'.join(above) or 'the configuration'}; there is {', '.join(known) or 'nothing'}"
    raise ConfigError([Problem("--key", 0, 0, path, "", message, f"did you mean {near}?" if near else "")])


def _merged(element: Any, rest: Sequence[str], value: Any) -> Any:
    """An element of a list with a value in it."""
    return {**element, rest[0]: _merged(element.get(rest[0], {}), rest[1:], value)} if rest else value


# --- as a file --------------------------------------------------------------------------------------------------------


def extended(path: Path, changes: Mapping[str, Any], suffix: str, comment: str) -> str:
    """Return a configuration as YAML, to be kept beside `path`: that one with changes, by their dotted paths.

    It has the other one's name with a suffix, and begins with a comment of one line.
    """
    own = dict(read_file(path).tree)
    name = f"{own.get('name', path.stem)}{suffix}"
    if "extends" not in own:
        own = {"extends": path.name, "schema_version": SCHEMA_VERSION}
    tree = {**own, "name": name}
    for dotted, value in changes.items():
        _put(tree, dotted.split("."), value)
    lines = [f"# {comment}", *_lines(tree, "")]
    return "\n".join(lines) + "\n"


def _put(tree: dict[str, Any], keys: list[str], value: Any) -> None:
    """Set a value, with the sections on the way to it; what is there already stays as it is."""
    for key in keys[:-1]:
        tree[key] = dict(tree.get(key) or {})
        tree = tree[key]
    tree[keys[-1]] = value


def _lines(tree: Mapping[str, Any], indent: str) -> Iterator[str]:
    """Yield a mapping as YAML; single values and lists are written as JSON, which is YAML too."""
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield f"{indent}{key}:"
            yield from _lines(value, f"{indent}  ")
        else:
            yield f"{indent}{key}: {dumps(value, ensure_ascii=False)}"
