"""From a file on disk to a checked configuration, or to every problem in it at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from sim.config.allowed import allowed_at
from sim.config.merging import SCHEMA_VERSION, gather
from sim.config.positions import Address, Fault, Position, Positions, nearest, problem_of
from sim.config.problems import faults_of
from sim.config.repairs import hidden
from sim.errors import ConfigError

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
    they can speak in the same round, they are also asked with stand-ins for what is wrong (see repairs.py);
    what depends on the stand-ins is left for the next round.
    """

    def fields(address: Address) -> Iterable[str]:
        """The fields the model has at an address."""
        return allowed_at(model, address).fields()

    gathered = gather(Path(path), overrides, fields)
    found = gathered.document
    value = checked(model, found.tree, found.positions, found.faults)
    return Loaded(value, found.tree, found.positions, gathered.files)


def checked(
    model: type[M], tree: dict[str, Any], positions: Positions | None = None, faults: Sequence[Fault] = ()
) -> M:
    """A tree of plain values as a model; ConfigError with its problems and the `faults` met before."""
    places = positions or {}
    plain = _without_version(model, tree)
    found = list(faults)
    try:
        value = model.model_validate(plain)
        if not found:
            return value
    except ValidationError as error:
        wrong = faults_of(error, model, plain, places)
        found += wrong + hidden(wrong, model, plain, places)
    first = nearest(places, ()).file
    raise ConfigError(problem_of(fault, tree) for fault in _in_file_order(found, first))


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
