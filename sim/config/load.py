"""From a file on disk to a validated configuration, or to every problem in it at once.

A configuration has several sources: the file, the base that it `extends`, and `--set` values; they are merged into one
tree that remembers the position of every value. The tree is validated by its model and by the cross checks.
"""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, NoReturn, TypeVar, cast

from pydantic import BaseModel, ValidationError

from sim.config.cross_checks import broken_references
from sim.config.project import Project
from sim.config.sections.display_units import shown_as
from sim.config.sections.estimates import states_an_estimate
from sim.config.shipped import ENDINGS, find_config, is_name, shipped, shipped_names
from sim.config.source_positions import (
    Address,
    Fault,
    Position,
    Positions,
    addresses_in,
    allowed_at,
    child,
    has,
    in_file_order,
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
MAX_BASES = 10
DICTIONARY = "dictionary"
"""What messages call a configuration that was given as a dictionary of Python."""
NOT_INHERITED = ("label", "is_base")
"""Keys of a base that do not hold for files that extend it."""
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
    document = _section_file(source) if isinstance(source, Path) else _from_dictionary(source)
    path = source if isinstance(source, Path) else Path(DICTIONARY)
    document, files = _with_bases(path, document, ())
    for override in overrides:
        set_value(document, override, fields_at)
    return MergedSources(document, files)


def _from_dictionary(tree: Mapping[str, Any]) -> Document:
    """Return a dictionary of Python as the document of a file; the version of the format may be left out."""
    document = read_text(json.dumps({"schema_version": SCHEMA_VERSION, **tree}, default=_as_yaml_value), DICTIONARY)
    position = Position(DICTIONARY, 0, 0)
    document.positions = dict.fromkeys(document.positions, position)
    document.faults = [replace(fault, position=position) for fault in document.faults]
    return document


def _as_yaml_value(value: Any) -> Any:
    """Return a value that JSON does not know as YAML has it: dates and times as text, numpy's numbers as numbers."""
    return value.item() if hasattr(value, "item") else str(value)


def _with_bases(path: Path, document: Document, extended_by: tuple[Path, ...]) -> tuple[Document, tuple[Path, ...]]:
    """Return a document merged over its base, which may extend another one in turn, and all files, its own first.

    `extended_by` are the files that extend this one, directly or in turn.
    """
    if not isinstance(document.tree, dict) or "extends" not in document.tree:
        return document, (path,)
    base_path = _base_path(path, document)
    chain = (*extended_by, path)
    if base_path.resolve() in [file.resolve() for file in chain]:
        names = " extends ".join(file.name for file in (*chain, base_path))
        _refuse(document, ("extends",), NOTHING, f"goes round in a circle: {names}")
    if len(chain) > MAX_BASES:
        _refuse(document, ("extends",), NOTHING, f"is one base too many: at most {MAX_BASES} in a row")
    base, files = _with_bases(base_path, _section_file(base_path), chain)
    del document.tree["extends"]
    for key in NOT_INHERITED:
        base.tree.pop(key, None)
        base.positions.pop((key,), None)
    return merge(base, document), (path, *files)


def _section_file(path: Path) -> Document:
    """Return the document of a file; ConfigError unless it holds sections and the version of the format it is written in."""
    document = read_file(path)
    if document.tree is None:
        _refuse(document, (), NOTHING, "is empty")
    if not isinstance(document.tree, dict):
        _refuse(document, (), document.tree, "sections of `key: value` lines")
    version = document.tree.get("schema_version", NOTHING)
    if version is NOTHING:
        message = f"is missing: write `schema_version: {SCHEMA_VERSION}` at the top of the file"
        matches = difflib.get_close_matches("schema_version", document.tree, n=1, cutoff=0.7)
        _refuse(document, ("schema_version",), NOTHING, message, f"{matches[0]} is not it" if matches else "")
    if version != SCHEMA_VERSION or isinstance(version, bool | float):
        _refuse(document, ("schema_version",), version, f"version {SCHEMA_VERSION}, which this program reads")
    return document


def _base_path(path: Path, document: Document) -> Path:
    """Return the file named by `extends`: a shipped one by its name, or a YAML file, relative to this one or absolute."""
    name = document.tree["extends"]
    if not isinstance(name, str) or "\\" in name or not (is_name(name) or Path(name).suffix in ENDINGS):
        _refuse(document, ("extends",), name, BASE_FORMS)
    if is_name(name):
        hint = did_you_mean(name, shipped_names())
        return shipped(name) or _refuse(document, ("extends",), name, BASE_FORMS, hint)
    try:
        target = Path(os.path.normpath(path.parent / Path(name).expanduser()))
        exists = target.is_file()
    except (OSError, RuntimeError) as error:  # a name too long for the disk, or ~ of a user that is not there
        reason = getattr(error, "strerror", None) or str(error)
        _refuse(document, ("extends",), name, f"a file that exists: {reason}")
    if not exists:
        hint = did_you_mean(target.name, _yaml_files(target.parent, except_file=path))
        if target.stem in shipped_names():
            hint = f"the shipped one is extended by its name alone: `extends: {target.stem}`"
        _refuse(document, ("extends",), name, "a file that exists", hint)
    return target


def _yaml_files(folder: Path, except_file: Path) -> list[str]:
    """Return the names of the YAML files of a folder, but for one."""
    return [file.name for file in folder.glob("*.y*ml") if file.name != except_file.name] if folder.is_dir() else []


def _refuse(document: Document, address: Address, value: object, message: str, hint: str = "") -> NoReturn:
    """Raise ConfigError for a value of a file, at its position."""
    fault = Fault(address, nearest_position(document.positions, address), value, message, hint)
    raise ConfigError([problem_of(fault, document.tree)])


def merge(base: Document, overlay: Document) -> Document:
    """Return a document merged over a base: mappings merge, everything else replaces, each value keeps its position.

    A mapping that is a whole estimate replaces that of the base, source and all: half of one estimate and
    half of another is neither.
    """
    positions = dict(base.positions)
    tree = _merge_trees(base.tree, overlay.tree, (), positions, overlay.positions)
    return Document(tree, positions, overlay.faults + base.faults)


def _merge_trees(base: Any, overlay: Any, address: Address, positions: Positions, overlay_positions: Positions) -> Any:
    """Return the merged value at an address; `positions`, those of the base, are updated in place."""
    if isinstance(base, dict) and isinstance(overlay, dict) and not states_an_estimate(overlay):
        positions[address] = overlay_positions[address]
        new_mapping = dict(base)
        for key, value in overlay.items():
            new_mapping[key] = _merge_trees(base.get(key), value, (*address, key), positions, overlay_positions)
        return new_mapping
    _drop_positions(positions, base, address)
    positions.update({part: overlay_positions[part] for part in addresses_in(overlay, address)})
    return overlay


def _drop_positions(positions: Positions, value: Any, address: Address) -> None:
    """Drop the positions of a value and of all its parts."""
    for part in addresses_in(value, address):
        positions.pop(part, None)


def set_value(document: Document, override: str, fields_at: FieldsAt) -> None:
    """Apply one `path=value` in place; faults of it are added to those of the document.

    The value is YAML on one line and replaces the present one. A list element is addressed by its `id` or by
    its index. Only a key that exists, or that the model knows, can be set: new names belong in a file.
    """
    dotted, equals, text = override.partition("=")
    dotted = dotted.strip()
    position = Position(f"--set {dotted}", 0, 0)
    if not equals or not dotted:
        document.faults.append(Fault((), position, NOTHING, "is not of the form section.key=value"))
        return
    address = _resolve_path(document.tree, dotted.split("."), position, fields_at)
    if isinstance(address, Fault):
        document.faults.append(address)
        return
    try:
        value = read_text(text, position.file)
    except ConfigError as error:
        document.faults += [Fault(address, position, NOTHING, problem.message) for problem in error.problems]
        return
    _drop_positions(document.positions, value_at(document.tree, address), address)
    _set_at(document.tree, address, value.tree)
    document.positions.update({(*address, *part): position for part in value.positions})
    document.faults = [fault for fault in document.faults if fault.address[: len(address)] != address]
    document.faults += [replace(fault, address=(*address, *fault.address), position=position) for fault in value.faults]


def _resolve_path(tree: Any, words: list[str], position: Position, fields_at: FieldsAt) -> Address | Fault:
    """Return the address of a dotted path (its words); a Fault at the first word that names nothing."""
    address: Address = ()
    while words:
        node = value_at(tree, address)
        key, words_used = _match_key(node, words)
        if not words_used and words[0] in fields_at(address) and (node is None or isinstance(node, dict)):
            key, words_used = words[0], 1
        if not words_used:
            return _not_found(node, (*address, words[0]), position, fields_at(address))
        address, words = (*address, key), words[words_used:]
    return address


def _match_key(node: Any, words: list[str]) -> tuple[str | int, int]:
    """Return the key or index that the first words stand for, and how many words: names may contain dots; 0 if none."""
    for words_used in range(1, len(words) + 1):
        word = ".".join(words[:words_used])
        if isinstance(node, dict) and word in node:
            return word, words_used
        if isinstance(node, list) and word in _ids(node):
            return _ids(node).index(word), words_used
    if isinstance(node, list) and words[0].isascii() and words[0].isdigit() and has(node, int(words[0][:9])):
        return int(words[0]), 1
    return "", 0


def _ids(elements: list[Any]) -> list[str]:
    """Return the `id` of each element, empty for one that has none."""
    return [str(child(element, "id") or "") for element in elements]


def _not_found(node: Any, address: Address, position: Position, fields: Iterable[str]) -> Fault:
    """Return the fault of an override whose path has a word, the last one of `address`, that names nothing."""
    word = str(address[-1])
    if isinstance(node, list):
        known_names = [name for name in _ids(node) if name] or [f"0 to {len(node) - 1}"]
        return Fault(address, position, NOTHING, "there is no such element", did_you_mean(word, known_names))
    if node is not None and not isinstance(node, dict):
        return Fault(address, position, NOTHING, "the value above it is a single one and has no parts")
    keys = {*(node or {}), *fields}
    longer_paths = paths_to(node, word) if len(address) == 1 else ""
    return Fault(address, position, NOTHING, "there is no such key", longer_paths or did_you_mean(word, keys))


def _set_at(tree: Any, address: Address, value: Any) -> None:
    """Set the value at an address, adding optional sections above it that are missing."""
    for key in address[:-1]:
        if child(tree, key) is None:
            tree[key] = {}
        tree = tree[key]
    tree[address[-1]] = value


# --- validate ---------------------------------------------------------------------------------------------------------


M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, repr=False)
class Loaded(Generic[M]):
    """A validated configuration, with its tree of plain values and the position of each."""

    value: M
    tree: dict[str, Any]
    positions: Positions
    files: tuple[Path, ...]
    continuation: Continuation | None = None
    """The status from which it continues, where it is a project under way."""

    def __repr__(self) -> str:
        """Name the type, the project and its files on one line."""
        files = f" from {' over '.join(str(file) for file in self.files)}" if self.files else ""
        return f"<{type(self.value).__name__} {getattr(self.value, 'name', '')!r}{files}>"

    def _repr_html_(self) -> str:
        """Return a tree of all values with units and sources, for notebooks."""
        from sim.config.html_tree import tree_html

        with shown_as(getattr(self.value, "display", None)):
            return tree_html(repr(self)[1:-1], self.tree, type(self.value))


@dataclass(frozen=True)
class Continuation:
    """The status from which a project under way continues, how that is read, and the plan that the past is seen by.

    `status` is the path of a status or the status itself, whose type comes later in the flow of imports; `base` is the
    configuration before anything in it was changed to see what it does from here.
    """

    status: object
    base: Loaded[Project]
    learning: bool = True
    logic: str | None = None


def load_as(model: type[M], source: str | Path | Mapping[str, Any], overrides: Sequence[str] = ()) -> Loaded[M]:
    """Read a file, what it extends and `--set` overrides as a model; ConfigError with all problems.

    `source` is a path, the name of a shipped project, or a dictionary with the keys of a file.

    Checks of a whole section (its model validators) only run on sections whose fields are right. So that all problems
    are reported at once, they are run with placeholders for wrong values as well (see validation_errors.py); what they
    find because of a placeholder is left out.
    """

    def fields(address: Address) -> Iterable[str]:
        """Return the fields that the model has at an address."""
        return allowed_at(model, address).fields()

    file_or_dictionary = source if isinstance(source, Mapping) else find_config(source)
    sources = merge_sources(file_or_dictionary, overrides, fields)
    document = sources.document
    convert_units(document, model)
    value = checked(model, document.tree, document.positions, document.faults)
    return Loaded(value, document.tree, document.positions, sources.files)


ConfigLike = Loaded[Project] | Project | str | Path | Mapping[str, Any]
"""What is taken wherever a configuration is: one that is loaded, a path, a shipped project's name, a dictionary."""


def as_config(source: ConfigLike) -> Loaded[Project] | Project:
    """Return a configuration that is loaded already as it is, anything else loaded; ConfigError as `load_as`."""
    return source if isinstance(source, Loaded | Project) else load_as(Project, source)


def as_loaded(source: ConfigLike) -> Loaded[Project]:
    """Return any configuration as a loaded one, so that its values can be changed by path; ConfigError as `load_as`."""
    config = as_config(source)
    if isinstance(config, Loaded):
        return config
    return Loaded(config, config.model_dump(mode="json", exclude_none=True), {}, (Path(config.name),))


def require_runnable(config: Loaded[Project] | Project) -> None:
    """Raise ConfigError for a base, which states what projects share and is no project itself."""
    project = config.value if isinstance(config, Loaded) else config
    if project.is_base:
        file = str(config.files[0]) if isinstance(config, Loaded) else project.name
        message = "is a base for projects, not one to run: extend it in a file of your own (`sim init NAME` writes one)"
        raise ConfigError([Problem(file, 0, 0, "", "", message)])


def checked(
    model: type[M], tree: dict[str, Any], positions: Positions | None = None, faults: Sequence[Fault] = ()
) -> M:
    """Return a tree of plain values as a validated model; ConfigError with its problems and the `faults` of reading it."""
    places = positions or {}
    without_version = _without_version(model, tree)
    all_faults = list(faults)
    try:
        value = _validated(model, without_version)
        if not all_faults:
            return value
    except (ValidationError, Refused) as error:
        invalid = faults_of(error, model, without_version, places)
        all_faults += invalid + further_faults(invalid, model, without_version, places, _validated)
    first_file = nearest_position(places, ()).file
    raise ConfigError(problem_of(fault, tree) for fault in in_file_order(all_faults, first_file))


def _validated(model: type[M], tree: dict[str, Any]) -> M:
    """Return a tree as a model, a project's sections checked against each other; ValidationError or Refused."""
    value = model.model_validate(tree)
    if isinstance(value, Project) and (broken := broken_references(value)):
        raise broken
    # checked as it is written: steps that exist already may be named
    return cast("M", value.without_existing()) if isinstance(value, Project) else value


def _without_version(model: type[BaseModel], tree: dict[str, Any]) -> dict[str, Any]:
    """Return the tree without the version of the format, for a model that has no such field."""
    if "schema_version" in model.model_fields:
        return tree
    return {key: value for key, value in tree.items() if (key, value) != ("schema_version", SCHEMA_VERSION)}
