"""From a file on disk to a validated configuration, or to every problem in it at once.

A configuration has several sources: the file, the base that it `extends`, and `--set` values; they are merged into one
tree that remembers the position of every value. The tree is validated by its model and by the cross checks.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Generic, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from sim.config.cross_checks import broken_references
from sim.config.project import Project
from sim.config.sections.estimates import states_an_estimate
from sim.config.source_positions import (
    Address,
    Fault,
    Position,
    Positions,
    allowed_at,
    child,
    did_you_mean,
    has,
    nearest_position,
    problem_of,
    value_at,
)
from sim.config.validation_errors import faults_of, further_faults
from sim.config.yaml_reader import Document, read_file, read_text
from sim.errors import NOTHING, ConfigError, Refused

# --- merge file, base and overrides -----------------------------------------------------------------------------------


SCHEMA_VERSION = 1
FOLDERS_UP = 2

FieldsAt = Callable[[Address], Iterable[str]]
"""Names the model knows at an address; none where keys are free."""


@dataclass
class MergedSources:
    """The merged document and the files it came from, the extending one first."""

    document: Document
    files: tuple[Path, ...]


def merge_sources(path: Path, overrides: Sequence[str], fields_at: FieldsAt) -> MergedSources:
    """Read a file with its base and apply the overrides in order; ConfigError if a file cannot be used."""
    document = _section_file(path)
    files: tuple[Path, ...] = (path,)
    if "extends" in document.tree:
        base_path = _base_path(path, document)
        base = _section_file(base_path)
        if "extends" in base.tree:
            message = f"a base cannot extend another file, and {path.name} extends this one"
            _refuse(base, ("extends",), NOTHING, message)
        del document.tree["extends"]
        document, files = merge(base, document), (path, base_path)
    for override in overrides:
        set_value(document, override, fields_at)
    return MergedSources(document, files)


def _section_file(path: Path) -> Document:
    """A file that holds sections and states the version of the format it is written in."""
    document = read_file(path)
    if document.tree is None:
        _refuse(document, (), NOTHING, "is empty")
    if not isinstance(document.tree, dict):
        _refuse(document, (), document.tree, "sections of `key: value` lines")
    version = document.tree.get("schema_version", NOTHING)
    if version is NOTHING:
        message = f"is missing: write `schema_version: {SCHEMA_VERSION}` at the top of the file"
        near = difflib.get_close_matches("schema_version", document.tree, n=1, cutoff=0.7)
        _refuse(document, ("schema_version",), NOTHING, message, f"{near[0]} is not it" if near else "")
    if version != SCHEMA_VERSION or isinstance(version, bool | float):
        _refuse(document, ("schema_version",), version, f"this program reads version {SCHEMA_VERSION}")
    return document


def _base_path(path: Path, document: Document) -> Path:
    """The file named by `extends`: relative, YAML, and at most two folders above the file that names it."""
    name = document.tree["extends"]
    allowed = "the name of one YAML file, relative to this file"
    if not isinstance(name, str) or "\\" in name or PurePosixPath(name).suffix not in (".yaml", ".yml"):
        _refuse(document, ("extends",), name, allowed)
    if PurePosixPath(name).is_absolute() or ":" in name:
        _refuse(document, ("extends",), name, allowed)
    folder = path.resolve().parent
    highest = [folder, *folder.parents][: FOLDERS_UP + 1][-1]
    target = path.parent / name
    if not target.resolve().is_relative_to(highest):
        _refuse(document, ("extends",), name, f"a file at most {FOLDERS_UP} folders up")
    if not target.is_file():
        near = did_you_mean(target.name, _yaml_files(target.parent, but=path))
        _refuse(document, ("extends",), name, "a file that exists", near)
    # without a/../ in it, because the name stands in every message about the base
    return Path(os.path.normpath(target))


def _yaml_files(folder: Path, but: Path) -> list[str]:
    """The other YAML files of a folder."""
    return [file.name for file in folder.glob("*.y*ml") if file.name != but.name] if folder.is_dir() else []


def _refuse(document: Document, address: Address, value: object, message: str, hint: str = "") -> NoReturn:
    """Give up on a file, naming the place."""
    fault = Fault(address, nearest_position(document.positions, address), value, message, hint)
    raise ConfigError([problem_of(fault, document.tree)])


def merge(base: Document, over: Document) -> Document:
    """Lay one document over another: mappings merge, everything else replaces, positions follow the winner.

    A mapping that is a whole estimate replaces the one below it, source and all: half of one estimate and
    half of another is neither.
    """
    positions = dict(base.positions)
    tree = _overlay(base.tree, over.tree, (), positions, over.positions)
    return Document(tree, positions, over.faults + base.faults)


def _overlay(under: Any, over: Any, address: Address, positions: Positions, winning: Positions) -> Any:
    """The winning value at an address; `positions` is brought up to date in place."""
    if isinstance(under, dict) and isinstance(over, dict) and not states_an_estimate(over):
        positions[address] = winning[address]
        result = dict(under)
        for key, value in over.items():
            result[key] = _overlay(under.get(key), value, (*address, key), positions, winning)
        return result
    if isinstance(under, dict | list):
        _drop_positions(positions, address)
    else:
        positions.pop(address, None)
    positions.update(
        _positions_within(winning, address) if isinstance(over, dict | list) else {address: winning[address]}
    )
    return over


def _positions_within(positions: Positions, address: Address) -> Positions:
    """The places of a value and of all its parts."""
    return {place: found for place, found in positions.items() if place[: len(address)] == address}


def _drop_positions(positions: Positions, address: Address) -> None:
    """Drop the places of a value and of all its parts."""
    for place in _positions_within(positions, address):
        del positions[place]


def set_value(document: Document, override: str, fields_at: FieldsAt) -> None:
    """Apply one `path=value` in place; what is wrong with it is noted among the document's faults.

    The value is YAML on one line and replaces what was there. A list element is addressed by its `id` or by
    its index. Only what is there, or what the model knows, can be set: new names belong in a file.
    """
    dotted, equals, text = override.partition("=")
    dotted = dotted.strip()
    place = Position(f"--set {dotted}", 0, 0)
    if not equals or not dotted:
        document.faults.append(Fault((), place, NOTHING, "is not of the form section.key=value"))
        return
    found = _resolve_path(document.tree, dotted.split("."), place, fields_at)
    if isinstance(found, Fault):
        document.faults.append(found)
        return
    try:
        value = read_text(text, place.file)
    except ConfigError as error:
        document.faults += [Fault(found, place, NOTHING, problem.message) for problem in error.problems]
        return
    _set_at(document.tree, found, value.tree)
    _drop_positions(document.positions, found)
    document.positions.update({(*found, *below): place for below in value.positions})
    document.faults = [fault for fault in document.faults if fault.address[: len(found)] != found]
    document.faults += [Fault((*found, *f.address), place, f.value, f.message, f.hint) for f in value.faults]


def _resolve_path(tree: Any, words: list[str], place: Position, fields_at: FieldsAt) -> Address | Fault:
    """The address meant by a dotted path; a Fault that names the first word which leads nowhere."""
    address: Address = ()
    while words:
        node = value_at(tree, address)
        key, used = _match_key(node, words)
        if not used and words[0] in fields_at(address) and (node is None or isinstance(node, dict)):
            key, used = words[0], 1
        if not used:
            return _not_found(node, (*address, words[0]), place, fields_at(address))
        address, words = (*address, key), words[used:]
    return address


def _match_key(node: Any, words: list[str]) -> tuple[str | int, int]:
    """The key or index that the first words stand for (names may contain dots), and how many they are."""
    for used in range(1, len(words) + 1):
        word = ".".join(words[:used])
        if isinstance(node, dict) and word in node:
            return word, used
        if isinstance(node, list) and word in _ids(node):
            return _ids(node).index(word), used
    if isinstance(node, list) and words[0].isascii() and words[0].isdigit() and has(node, int(words[0][:9])):
        return int(words[0]), 1
    return "", 0


def _ids(elements: list[Any]) -> list[str]:
    """The `id` of each element, empty for one that has none."""
    return [str(child(element, "id") or "") for element in elements]


def _not_found(node: Any, address: Address, place: Position, fields: Iterable[str]) -> Fault:
    """Why a word of an override's path was not found."""
    word = str(address[-1])
    if isinstance(node, list):
        known = [name for name in _ids(node) if name] or [f"0 to {len(node) - 1}"]
        return Fault(address, place, NOTHING, "there is no such element", did_you_mean(word, known))
    if node is not None and not isinstance(node, dict):
        return Fault(address, place, NOTHING, "the value above it is a single one and has no parts")
    keys = {*(node or {}), *fields}
    return Fault(address, place, NOTHING, "there is no such key", did_you_mean(word, keys))


def _set_at(tree: Any, address: Address, value: Any) -> None:
    """Set a value, making the optional sections on the way to it."""
    for key in address[:-1]:
        if child(tree, key) is None:
            tree[key] = {}
        tree = tree[key]
    tree[address[-1]] = value


# --- validate ---------------------------------------------------------------------------------------------------------


M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class Loaded(Generic[M]):
    """A configuration that holds together, and where each of its values was written."""

    value: M
    tree: dict[str, Any]
    positions: Positions
    files: tuple[Path, ...]


def load_as(model: type[M], path: str | Path, overrides: Sequence[str] = ()) -> Loaded[M]:
    """Read a file with its base and `--set` overrides as a model; ConfigError with all problems.

    Checks of a whole section (its model validators) only run on sections whose fields are right. So that
    they can speak in the same round, they are also asked with stand-ins for what is wrong (see validation_errors.py);
    what depends on the stand-ins is left for the next round.
    """

    def fields(address: Address) -> Iterable[str]:
        """The fields the model has at an address."""
        return allowed_at(model, address).fields()

    merged = merge_sources(Path(path), overrides, fields)
    found = merged.document
    value = checked(model, found.tree, found.positions, found.faults)
    return Loaded(value, found.tree, found.positions, merged.files)


def checked(
    model: type[M], tree: dict[str, Any], positions: Positions | None = None, faults: Sequence[Fault] = ()
) -> M:
    """A tree of plain values as a model; ConfigError with its problems and the `faults` met before."""
    places = positions or {}
    plain = _without_version(model, tree)
    found = list(faults)
    try:
        value = _validated(model, plain)
        if not found:
            return value
    except (ValidationError, Refused) as error:
        wrong = faults_of(error, model, plain, places)
        found += wrong + further_faults(wrong, model, plain, places, _validated)
    first = nearest_position(places, ()).file
    raise ConfigError(problem_of(fault, tree) for fault in _in_file_order(found, first))


def _validated(model: type[M], tree: dict[str, Any]) -> M:
    """Read a tree as a model; for a project, check its sections against each other too."""
    value = model.model_validate(tree)
    if isinstance(value, Project) and (broken := broken_references(value)):
        raise broken
    return value


def _without_version(model: type[BaseModel], tree: dict[str, Any]) -> dict[str, Any]:
    """The tree for a model that leaves the format version to the loader."""
    if "schema_version" in model.model_fields:
        return tree
    return {key: value for key, value in tree.items() if (key, value) != ("schema_version", SCHEMA_VERSION)}


def _in_file_order(faults: Iterable[Fault], first: str) -> list[Fault]:
    """Faults as they stand, the `first` file before its base, overrides last; the same one only once."""
    once = {(fault.position, fault.address, fault.message): fault for fault in faults}

    def place(fault: Fault) -> tuple[bool, bool, Position]:
        """Sort key of a fault."""
        return fault.position.line == 0, fault.position.file != first, fault.position

    return sorted(once.values(), key=place)
