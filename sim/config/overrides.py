"""A configuration with a few values changed: set by path, scaled by a factor, paths with `*` expanded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from json import dumps
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from sim.config.load import SCHEMA_VERSION, Continuation, Loaded, checked, set_value
from sim.config.project import Project
from sim.config.source_positions import Address, Position, allowed_at, child, value_at
from sim.config.yaml_reader import Document, read_file
from sim.errors import ConfigError, Problem, closest, did_you_mean

M = TypeVar("M", bound=BaseModel)
SCALED = ("value", "low", "mode", "high", "median", "p90")
Origins = Mapping[str, Position]
"""Where a change was requested, by its path; a change without an origin is reported as `--set`."""


def with_settings(loaded: Loaded[M], settings: Mapping[str, Any], origins: Origins | None = None) -> Loaded[M]:
    """Return a configuration with values set by path; ConfigError with all problems, at the `origins` if given."""
    model = type(loaded.value)
    document = Document(deepcopy(loaded.tree), dict(loaded.positions))
    try:
        for path, value in settings.items():
            text = f"{path}={dumps(value, ensure_ascii=False)}"
            set_value(document, text, lambda address: allowed_at(model, address).fields())
        value = checked(model, document.tree, document.positions, document.faults)
    except ConfigError as error:
        raise ConfigError(_at_origin(problem, origins or {}) for problem in error.problems) from None
    return replace(loaded, value=value, tree=document.tree, positions=document.positions)


def continued(
    loaded: Loaded[Project], status: object, *, learning: bool = True, logic: str | None = None
) -> Loaded[Project]:
    """Return a configuration that continues from a status, wherever it is run: in a run, a sweep, a comparison."""
    return replace(loaded, continuation=Continuation(status, loaded, learning, logic))


def _at_origin(problem: Problem, places: Origins) -> Problem:
    """Return a problem of a `--set` change at the position where the change was requested."""
    path = problem.file.removeprefix("--set ")
    if path == problem.file or path not in places:
        return problem
    file, line, column = places[path]
    reported_path = path if problem.path in ("", path) else problem.path
    return replace(problem, file=file, line=line, column=column, path=reported_path)


def expand_wildcards(loaded: Loaded[M], paths: Sequence[str], origins: Origins | None = None) -> list[str]:
    """Return paths without stars: `fleets.*.trucks` is one path for every fleet; ConfigError if a star matches nothing."""
    expanded = []
    for path in paths:
        matches = list(_expand(loaded.tree, [], path.split(".")))
        if not matches:
            file, line, column = (origins or {}).get(path, Position(f"--set {path}", 0, 0))
            raise ConfigError([Problem(file, line, column, path, "", "no key is there that `*` could stand for")])
        expanded += matches
    return expanded


def _expand(node: Any, prefix: list[str], words: list[str]) -> Iterable[str]:
    """Yield every path that matches a path with stars; `node` is the value at `prefix`, `words` the rest of the path."""
    if "*" not in words:
        yield ".".join([*prefix, *words])
        return
    word, *other_words = words
    for key in _keys(node) if word == "*" else [word]:
        part = _child(node, key)
        if part is not None:
            yield from _expand(part, [*prefix, key], other_words)


def _keys(node: Any) -> list[str]:
    """Return the keys of a mapping, or the ids of the elements of a list."""
    if isinstance(node, list):
        return [str(child(element, "id")) for element in node if child(element, "id") is not None]
    return list(node) if isinstance(node, Mapping) else []


def _child(node: Any, word: str) -> Any:
    """Return the part of a node that a word of a path names: a key, or an element's id or index; None if there is none."""
    if not isinstance(node, list):
        return child(node, word)
    for element in node:
        if child(element, "id") == word:
            return element
    return child(node, int(word)) if word.isdecimal() else None


def address_of(loaded: Loaded[M], path: str) -> Address:
    """Return the address of a path in a configuration's tree; keys that are not written yet stay as they are."""
    return address_in(loaded.tree, path)


def address_in(tree: Any, path: str) -> Address:
    """Return the address of a path in a tree, in which list elements are named by their ids or indices."""
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
    """Return whether only whole numbers are allowed at a path."""
    types = allowed_at(type(loaded.value), address_of(loaded, path)).types
    return int in types and float not in types


def scaled(loaded: Loaded[M], path: str, factor: float) -> Any:
    """Return the value at a path times a factor: a number, or an estimate with all its numbers; ConfigError for others."""
    value = value_at(loaded.tree, address_of(loaded, path))
    if isinstance(value, Mapping):
        numbers = {key: value[key] * factor for key in SCALED if isinstance(value.get(key), int | float)}
        values = {"values": [number * factor for number in value["values"]]} if "values" in value else {}
        return {**value, **numbers, **values}
    if isinstance(value, int | float) and not isinstance(value, bool):
        return round_if_integer(loaded, path, value * factor)
    words = path.split(".")
    section = value_at(loaded.tree, address_of(loaded, ".".join(words[:-1]))) if words[1:] else loaded.tree
    hint = did_you_mean(words[-1], _keys(section))
    raise ConfigError(
        [Problem(f"--set {path}", 0, 0, "", "", "there is no number here that a factor could change", hint)]
    )


def round_if_integer(loaded: Loaded[M], path: str, number: float) -> float | int:
    """Return a number as it is allowed at a path: rounded where only whole numbers are."""
    return round(number) if takes_integers(loaded, path) else number


def change_to_set(tree: Any, key: Sequence[str], value: Mapping[str, Any]) -> tuple[list[str], Any]:
    """Return (path, new value) of the change that sets the value of a key (its words) in a tree.

    A list is replaced as a whole, with the one element (by its id) changed; a duration is written as `{days: …}`.
    ConfigError for a key that does not exist, with those that do.
    """
    node, path = tree, list[str]()
    for depth, word in enumerate(key):
        if isinstance(node, list):
            ids = [str(child(element, "id") or number) for number, element in enumerate(node)]
            index = ids.index(_require_known(word, ids, key[:depth]))
            words_below = key[depth + 1 :]
            _, new_value = change_to_set(node[index], words_below, value)
            new_element = _with_value(node[index], words_below, new_value)
            return path, [*node[:index], new_element, *node[index + 1 :]]
        path.append(_require_known(word, list(node) if isinstance(node, Mapping) else [], key[:depth]))
        node = node[word]
    return path, {**node, "days": dict(value)} if isinstance(node, Mapping) and "days" in node else dict(value)


def _require_known(word: str, known_words: Sequence[str], words_above: Sequence[str]) -> str:
    """Return a word of a path if it is known; else raise ConfigError. `words_above` are the words before it."""
    if word in known_words:
        return word
    path = ".".join([*words_above, word])
    suggestion = closest(word, known_words)
    message = (
        f"no {word!r} in {'.'.join(words_above) or 'the configuration'}; there is {', '.join(known_words) or 'nothing'}"
    )
    raise ConfigError([Problem("--key", 0, 0, path, "", message, f"did you mean {suggestion}?" if suggestion else "")])


def _with_value(element: Any, key: Sequence[str], value: Any) -> Any:
    """Return a copy of an element in which a key (its words) has a value; without a key, the value itself."""
    return {**element, key[0]: _with_value(element.get(key[0], {}), key[1:], value)} if key else value


# --- as a file --------------------------------------------------------------------------------------------------------


def extended(path: Path, changes: Mapping[str, Any], suffix: str, comment: str) -> str:
    """Return the YAML of a configuration that is the one at `path` with changes (by dotted path), for the same folder.

    Its name is that one's with a suffix; it begins with a comment of one line.
    """
    original = dict(read_file(path).tree)
    name = f"{original.get('name', path.stem)}{suffix}"
    if "extends" not in original:
        original = {"extends": path.name, "schema_version": SCHEMA_VERSION}
    tree = {**original, "name": name}
    for dotted, value in changes.items():
        _put(tree, dotted.split("."), value)
    lines = [f"# {comment}", *_lines(tree, "")]
    return "\n".join(lines) + "\n"


def _put(tree: dict[str, Any], keys: list[str], value: Any) -> None:
    """Set the value of a key (its words), adding sections above it that are missing; other values stay."""
    for key in keys[:-1]:
        tree[key] = dict(tree.get(key) or {})
        tree = tree[key]
    tree[keys[-1]] = value


def _lines(tree: Mapping[str, Any], indent: str) -> Iterator[str]:
    """Yield the lines of a mapping as YAML; single values and lists are written as JSON, which is YAML too."""
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield f"{indent}{key}:"
            yield from _lines(value, f"{indent}  ")
        else:
            yield f"{indent}{key}: {dumps(value, ensure_ascii=False)}"
