"""From a file on disk to a validated configuration, or to every problem in it at once.

A configuration has several sources: the file, the base that it `extends`, and `--set` values; they are merged into one
tree that remembers the position of every value. The tree is validated by its model and by the cross checks.
"""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, NoReturn, TypeVar, cast

from pydantic import BaseModel, ValidationError

from sim.config.cross_checks import broken_references
from sim.config.project import Continuation, Project
from sim.config.sections.display_units import shown_as
from sim.config.sections.estimates import states_an_estimate
from sim.config.shipped import ENDINGS, find_config, is_name, shipped, shipped_names
from sim.config.source_positions import (
    Address,
    Fault,
    Position,
    Positions,
    allowed_at,
    child,
    has,
    nearest_position,
    paths_to,
    problem_of,
    value_at,
)
from sim.config.units import convert_units
from sim.config.validation_errors import faults_of, further_faults
from sim.config.yaml_reader import Document, read_file, read_text
from sim.errors import NOTHING, ConfigError, Problem, Refused, did_you_mean

# --- merge file, base and overrides -----------------------------------------------------------------------------------


SCHEMA_VERSION = 1
MOST_BASES = 10
DICTIONARY = "dictionary"
"""What messages call a configuration that was given as a dictionary of Python."""
NOT_INHERITED = ("label", "is_base")
"""What a file says of itself, and not of those that extend it."""
BASE_FORMS = "a shipped project by its name, such as base, or a YAML file: relative to this one, or absolute"

FieldsAt = Callable[[Address], Iterable[str]]
"""Names the model knows at an address; none where keys are free."""


@dataclass
class MergedSources:
    """The merged document and the files it came from, the extending one first."""

    document: Document
    files: tuple[Path, ...]


def merge_sources(source: Path | Mapping[str, Any], overrides: Sequence[str], fields_at: FieldsAt) -> MergedSources:
    """Read a file, or take a dictionary, with its bases and apply the overrides in order; ConfigError if one is unusable."""
    document = _section_file(source) if isinstance(source, Path) else _stated(source)
    path = source if isinstance(source, Path) else Path(DICTIONARY)
    document, files = _with_bases(path, document, ())
    for override in overrides:
        set_value(document, override, fields_at)
    return MergedSources(document, files)


def _stated(tree: Mapping[str, Any]) -> Document:
    """A dictionary from Python as if it stood in a file; the version of the format may be left out."""
    document = read_text(json.dumps({"schema_version": SCHEMA_VERSION, **tree}, default=_written), DICTIONARY)
    place = Position(DICTIONARY, 0, 0)
    document.positions = dict.fromkeys(document.positions, place)
    document.faults = [replace(fault, position=place) for fault in document.faults]
    return document


def _written(value: Any) -> Any:
    """A value of Python as YAML has it: days and times as text, numbers of numpy as numbers."""
    return value.item() if hasattr(value, "item") else str(value)


def _with_bases(path: Path, document: Document, above: tuple[Path, ...]) -> tuple[Document, tuple[Path, ...]]:
    """A document laid over the base that it extends, which may extend another one in turn; and all files."""
    if not isinstance(document.tree, dict) or "extends" not in document.tree:
        return document, (path,)
    base_path = _base_path(path, document)
    chain = (*above, path)
    if base_path.resolve() in [one.resolve() for one in chain]:
        names = " extends ".join(one.name for one in (*chain, base_path))
        _refuse(document, ("extends",), NOTHING, f"goes round in a circle: {names}")
    if len(chain) > MOST_BASES:
        _refuse(document, ("extends",), NOTHING, f"is one base too many: at most {MOST_BASES} in a row")
    base, files = _with_bases(base_path, _section_file(base_path), chain)
    del document.tree["extends"]
    for own in NOT_INHERITED:
        base.tree.pop(own, None)
        base.positions.pop((own,), None)
    return merge(base, document), (path, *files)


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
        _refuse(document, ("schema_version",), version, f"version {SCHEMA_VERSION}, which this program reads")
    return document


def _base_path(path: Path, document: Document) -> Path:
    """The file named by `extends`: a shipped one by its name alone, or a YAML file, relative to this one or absolute."""
    name = document.tree["extends"]
    if not isinstance(name, str) or "\\" in name or not (is_name(name) or Path(name).suffix in ENDINGS):
        _refuse(document, ("extends",), name, BASE_FORMS)
    if is_name(name):
        found = shipped(name)
        return found or _refuse(document, ("extends",), name, BASE_FORMS, did_you_mean(name, shipped_names()))
    try:
        target = Path(os.path.normpath(path.parent / Path(name).expanduser()))
        there = target.is_file()
    except (OSError, RuntimeError) as error:  # a name too long for the disk, or ~ of a user that is not there
        reason = getattr(error, "strerror", None) or str(error)
        _refuse(document, ("extends",), name, f"a file that exists: {reason}")
    if not there:
        near = did_you_mean(target.name, _yaml_files(target.parent, but=path))
        if target.stem in shipped_names():
            near = f"the shipped one is extended by its name alone: `extends: {target.stem}`"
        _refuse(document, ("extends",), name, "a file that exists", near)
    return target


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
    _drop_positions(positions, under, address)
    positions.update({place: winning[place] for place in _addresses(over, address)})
    return over


def _addresses(value: Any, address: Address) -> Iterator[Address]:
    """Yield the address of a value and of all its parts."""
    yield address
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _addresses(part, (*address, key))


def _drop_positions(positions: Positions, value: Any, address: Address) -> None:
    """Drop the places of a value and of all its parts."""
    for place in _addresses(value, address):
        positions.pop(place, None)


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
    _drop_positions(document.positions, value_at(document.tree, found), found)
    _set_at(document.tree, found, value.tree)
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
    deeper = paths_to(node, word) if len(address) == 1 else ""
    return Fault(address, place, NOTHING, "there is no such key", deeper or did_you_mean(word, keys))


def _set_at(tree: Any, address: Address, value: Any) -> None:
    """Set a value, making the optional sections on the way to it."""
    for key in address[:-1]:
        if child(tree, key) is None:
            tree[key] = {}
        tree = tree[key]
    tree[address[-1]] = value


# --- validate ---------------------------------------------------------------------------------------------------------


M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, repr=False)
class Loaded(Generic[M]):
    """A configuration that holds together, and where each of its values was written."""

    value: M
    tree: dict[str, Any]
    positions: Positions
    files: tuple[Path, ...]
    continuation: Continuation | None = None
    """From where it goes on, where it is a project under way."""

    def __repr__(self) -> str:
        """What it is and where it is from, on one line."""
        came = f" from {' over '.join(str(file) for file in self.files)}" if self.files else ""
        return f"<{type(self.value).__name__} {getattr(self.value, 'name', '')!r}{came}>"

    def _repr_html_(self) -> str:
        """A tree of all values with units and sources, for notebooks."""
        from sim.config.html_tree import tree_html

        with shown_as(getattr(self.value, "display", None)):
            return tree_html(repr(self)[1:-1], self.tree, type(self.value))


def load_as(model: type[M], source: str | Path | Mapping[str, Any], overrides: Sequence[str] = ()) -> Loaded[M]:
    """Read a file, what it extends and `--set` overrides as a model; ConfigError with all problems.

    `source` is a path, the name of a shipped project, or a dictionary with the keys of a file.

    Checks of a whole section (its model validators) only run on sections whose fields are right. So that all problems
    are told at once, they are run with placeholders for wrong values as well (see validation_errors.py); what they
    find because of a placeholder is left out.
    """

    def fields(address: Address) -> Iterable[str]:
        """The fields the model has at an address."""
        return allowed_at(model, address).fields()

    given = source if isinstance(source, Mapping) else find_config(source)
    merged = merge_sources(given, overrides, fields)
    found = merged.document
    convert_units(found, model)
    value = checked(model, found.tree, found.positions, found.faults)
    return Loaded(value, found.tree, found.positions, merged.files)


ConfigLike = Loaded[Project] | Project | str | Path | Mapping[str, Any]
"""What is taken wherever a configuration is: one that is loaded, a path, a shipped project's name, a dictionary."""


def as_config(source: ConfigLike) -> Loaded[Project] | Project:
    """Return a configuration that is loaded already as it is, anything else loaded; ConfigError as `load_as`."""
    return source if isinstance(source, Loaded | Project) else load_as(Project, source)


def as_loaded(source: ConfigLike) -> Loaded[Project]:
    """Return any configuration as a loaded one, so that its values can be changed by path; ConfigError as `load_as`."""
    found = as_config(source)
    if isinstance(found, Loaded):
        return found
    return Loaded(found, found.model_dump(mode="json", exclude_none=True), {}, (Path(found.name),))


def require_runnable(config: Loaded[Project] | Project) -> None:
    """Raise ConfigError for a base: it states what projects share, and is none itself."""
    project = config.value if isinstance(config, Loaded) else config
    if project.is_base:
        file = str(config.files[0]) if isinstance(config, Loaded) else project.name
        message = "is a base for projects, not one to run: extend it in a file of your own (`sim init NAME` writes one)"
        raise ConfigError([Problem(file, 0, 0, "", "", message)])


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
    # checked as it is written: what stands already may be named
    return cast("M", value.without_existing()) if isinstance(value, Project) else value


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
