"""What else is wrong behind a mistake: the checks of whole sections, asked with stand-ins for wrong values.

A section's own checks cannot run while one of its values is wrong, so one slip would hide a cycle of steps.
The tree is therefore tried again twice, with two different stand-ins for each wrong value; only what is said
both times, in the same words and about something else, is reported.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError

from sim.config.allowed import Allowed, allowed_at, closest
from sim.config.positions import Address, Fault, Positions, Unread, at, has
from sim.config.problems import faults_of, unknown_keys
from sim.config.section import Bounds

_STAND_INS: dict[Any, tuple[Any, Any]] = {
    bool: (False, True),
    str: ("a", "b"),
    date: ("2026-01-01", "2027-01-01"),
}


class _NoStandIn(Exception):
    """A whole section or list is wrong: whatever stood in for it would be guessed."""


def hidden(found: Sequence[Fault], model: type[BaseModel], tree: dict[str, Any], positions: Positions) -> list[Fault]:
    """Faults that show once the `found` ones are out of the way; none where that cannot be told."""
    try:
        first, second = (_retold(found, model, tree, positions, choice) for choice in (0, 1))
    except _NoStandIn:
        return []
    return [fault for fault in first if fault in second]


def _retold(
    found: Sequence[Fault], model: type[BaseModel], tree: dict[str, Any], positions: Positions, choice: int
) -> list[Fault]:
    """Faults of the tree with stand-ins, without those about the stand-ins."""
    mended, places = copy.deepcopy(tree), dict(positions)
    misspelt = unknown_keys(found)
    for fault in misspelt:
        _respell(mended, places, fault.address, model)
    unread = [address for address in positions if isinstance(at(mended, address), Unread)]
    wrong = [fault.address for fault in found if fault not in misspelt] + unread
    # Neighbours go opposite ways, so that a sum of several stand-ins is not at one extreme both times.
    touched = [_mend(mended, address, model, (choice + i) % 2) for i, address in enumerate(wrong)]
    try:
        model.model_validate(mended)
    except ValidationError as error:
        retold = faults_of(error, model, mended, places)
        return [fault for fault in retold if not _touches(fault.address, touched)]
    return []


def _touches(address: Address, touched: Iterable[Address]) -> bool:
    """Whether an address lies at or within one that was changed."""
    return any(address[: len(place)] == place for place in touched)


def _respell(tree: dict[str, Any], positions: Positions, address: Address, model: type[BaseModel]) -> None:
    """Give a value the nearest free key of its section, or drop it; both in place."""
    section = at(tree, address[:-1])
    value = section.pop(address[-1])
    meant = closest(str(address[-1]), allowed_at(model, address[:-1]).fields())
    if not meant or has(section, meant):
        return
    section[meant] = value
    moved = {place: where for place, where in positions.items() if place[: len(address)] == address}
    new = (*address[:-1], meant)
    positions.update({(*new, *place[len(address) :]): where for place, where in moved.items()})


def _mend(tree: dict[str, Any], address: Address, model: type[BaseModel], choice: int) -> Address:
    """Put a stand-in at an address, in place; gives back the address of all that changed."""
    while len(address) > 1 and _is_number(allowed_at(model, address[:-1])):
        address = address[:-1]
    section = at(tree, address[:-1])
    if not address or address[-1] == "id" or type(section) not in (dict, list):
        raise _NoStandIn
    pair = _stand_ins(allowed_at(model, address))
    if pair[0] == pair[1]:
        raise _NoStandIn
    section[address[-1]] = pair[choice]
    return address


def _is_number(allowed: Allowed) -> bool:
    """Whether an estimate or a figure stands here, which is one value however many keys it has."""
    return any(hasattr(kind, "numbers") for kind in allowed.types)


def _stand_ins(allowed: Allowed) -> tuple[Any, Any]:
    """Two different values that are valid here."""
    bounds = allowed.bounds or Bounds(1, 2)
    low = 1 if bounds.low is None else bounds.low
    high = low + 1 if bounds.high is None else bounds.high
    for kind in allowed.types:
        if get_origin(kind) is Literal:
            return get_args(kind)[0], get_args(kind)[-1]
        if kind in (int, float) or hasattr(kind, "numbers"):
            return ((low + high) / 2 if bounds.above else low), high
        if kind in _STAND_INS:
            return _STAND_INS[kind]
    raise _NoStandIn
