"""Validation errors in a planner's words: where each mistake stands, what is allowed there, what was probably meant.

`faults_of` translates the errors of pydantic and of the cross checks. `further_faults` looks behind them: the checks
of a whole section cannot run while one of its values is wrong, so one slip would hide a cycle of steps. The tree is
therefore validated twice more, with two different stand-ins for each wrong value; only a fault that appears both
times, in the same words and not about a stand-in, is reported.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError

from sim.config.sections.base import NAME_PATTERN, Bounds, OutOfRange, unit_hint
from sim.config.source_positions import (
    Address,
    Allowed,
    Fault,
    Positions,
    Unread,
    allowed_at,
    child,
    has,
    nearest_position,
    short_text,
    value_at,
)
from sim.config.units import days_meant, hint_for_text
from sim.errors import NOTHING, Finding, Refused, closest, did_you_mean, without_thousands

Validate = Callable[[type[BaseModel], dict[str, Any]], object]
"""Reads a tree as a model; raises ValidationError, or Refused where sections contradict each other."""

UNKNOWN = "is not a known key"
_MISSING = "is missing"
_DID_YOU_MEAN = "did you mean "
_PATTERNS = {
    NAME_PATTERN: "a name of 1 to 64 letters, digits, dots, hyphens and underscores",
    "^[A-Z]{2}$": "two capital letters such as US",
    "^[A-Z]{3}$": "three capital letters such as EUR",
    "^[A-Z0-9]{1,3}$": "a code of capital letters and digits such as TX",
    r"^[a-z_]+(:.+)?$": "what it hits, such as factory or factory:compute",
}
_BOOLEANS = {"yes": "true", "on": "true", "no": "false", "off": "false"}
_SIZES = {"greater_than", "greater_than_equal", "less_than", "less_than_equal", "multiple_of"}
_NUMBER_TYPES = {"int_type", "int_from_float", "int_parsing", "float_type", "float_parsing", "finite_number"}
_SECTION = "a section of `key: value` lines"
_DAY = "a day of the calendar like 2026-11-23"
_TIME = "a time of day like 07:30"
_EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "text",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": _SECTION,
    "mapping_type": _SECTION,
    "model_type": _SECTION,
    "model_attributes_type": _SECTION,
    "date_type": _DAY,
    "date_parsing": _DAY,
    "date_from_datetime_parsing": _DAY,
    "date_from_datetime_inexact": _DAY,
    "datetime_parsing": _DAY,
    "time_type": _TIME,
    "time_parsing": _TIME,
    "none_required": "nothing (null)",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "multiple_of": "a multiple of {multiple_of}",
    "too_short": "at least {min_length} of them",
    "too_long": "at most {max_length} of them",
    "string_too_short": "text of at least {min_length} characters",
    "string_too_long": "text of at most {max_length} characters",
    "literal_error": "one of {expected}",
    "enum": "one of {expected}",
    "union_tag_invalid": "one of {expected_tags}",
}


@dataclass(frozen=True)
class _LocatedError:
    """A mistake with its address; `one_reading` where it comes from one of several types that a value may have."""

    fault: Fault
    one_reading: bool = False


def faults_of(error: ValidationError | Refused, model: type[BaseModel], tree: Any, positions: Positions) -> list[Fault]:
    """Every mistake the validator or the cross-checks found, located and worded; one for each thing to mend."""
    translator = _ErrorTranslator(model, tree, positions)
    if isinstance(error, Refused):
        return [translator.from_finding((), finding) for finding in error.findings]
    errors = [located for detail in error.errors(include_url=False) for located in translator.translate(dict(detail))]
    return _without_consequences(_merge_alternatives(errors))


def tree_address(tree: Any, loc: Sequence[str | int]) -> Address:
    """The part of a validator's location that exists in the tree, without its words for union branches."""
    if not loc:
        return ()
    taken = (loc[0], *tree_address(child(tree, loc[0]), loc[1:])) if has(tree, loc[0]) else ()
    skipped = () if len(taken) == len(loc) else tree_address(tree, loc[1:])
    return taken if len(taken) >= len(skipped) else skipped


def unknown_keys(faults: Iterable[Fault]) -> list[Fault]:
    """Those of the faults that are keys no section has."""
    return [fault for fault in faults if fault.message == UNKNOWN]


class _ErrorTranslator:
    """Turns errors of pydantic into faults with an address, a position and a message for planners."""

    def __init__(self, model: type[BaseModel], tree: Any, positions: Positions) -> None:
        """Take what was validated and where it stands."""
        self.model = model
        self.tree = tree
        self.positions = positions

    def translate(self, detail: dict[str, Any]) -> list[_LocatedError]:
        """The faults in one error of pydantic; none for a value that was already refused on reading."""
        kind, context = detail["type"], detail.get("ctx", {})
        loc = tuple(key for key in detail["loc"] if key != "[key]")
        if kind in ("missing", "union_tag_not_found"):
            return [self._missing(loc if kind == "missing" else (*loc, context["discriminator"].strip("'")))]
        address = tree_address(self.tree, loc)
        one_reading = len(address) < len(loc)
        if isinstance(value_at(self.tree, address), Unread):
            return []
        if kind == "too_short" and len(detail["input"]) >= context["min_length"]:
            return []  # its elements are wrong, which is told by itself
        if kind == "extra_forbidden":
            return [_LocatedError(self._unknown(address))]
        cause = context.get("error")
        if isinstance(cause, Refused):
            return [_LocatedError(self.from_finding(address, finding), one_reading) for finding in cause.findings]
        return [_LocatedError(self._wrong_value(address, detail), one_reading)]

    def _fault(self, address: Address, value: object, message: str, hint: str = "") -> Fault:
        """A fault at an address, placed where it or its section stands."""
        return Fault(address, nearest_position(self.positions, address), value, message, hint)

    def _missing(self, loc: tuple[str | int, ...]) -> _LocatedError:
        """A key that must be there, with what it is for."""
        section = tree_address(self.tree, loc[:-1])
        allowed = allowed_at(self.model, (*section, loc[-1]))
        wanted = ", ".join(part for part in (allowed.description, allowed.range_and_unit()) if part)
        message = f"{_MISSING}: {wanted}" if wanted else _MISSING
        fault = self._fault((*section, loc[-1]), NOTHING, message, self._other_entry(section))
        return _LocatedError(fault, len(section) < len(loc) - 1)

    def _other_entry(self, section: Address) -> str:
        """The entry beside this one that was probably meant, where entries have free names: electricians, not electrician."""
        beside = value_at(self.tree, section[:-1]) if section else None
        if not isinstance(beside, dict) or allowed_at(self.model, section[:-1]).fields():
            return ""
        near = closest(str(section[-1]), [str(name) for name in beside if name != section[-1]], cutoff=0.85)
        return f"{_DID_YOU_MEAN}{near}?" if near else ""

    def _unknown(self, address: Address) -> Fault:
        """A key no section has here, and the nearest that one has."""
        fields = allowed_at(self.model, address[:-1]).fields()
        hint = _cut_by_comma(self.tree, self.positions, address)
        return self._fault(address, NOTHING, UNKNOWN, hint or did_you_mean(str(address[-1]), fields))

    def from_finding(self, address: Address, finding: Finding) -> Fault:
        """What a section or a range found in itself."""
        part = address
        for depth, key in enumerate(finding.path):
            if not has(value_at(self.tree, part), key):
                part += finding.path[depth:] if isinstance(value_at(self.tree, part), dict) else ()
                break
            part = (*part, key)
        if not isinstance(finding, OutOfRange):
            message = finding.message
            if finding.beside:
                message = message.replace("{beside}", str(nearest_position(self.positions, finding.beside)))
            unit = allowed_at(self.model, part).unit
            hint = finding.hint or (hint_for_text(finding.value, unit) if isinstance(finding.value, str) else "")
            return self._fault(part, finding.value, message, hint)
        allowed = allowed_at(self.model, part)
        hint = finding.hint or unit_hint(finding.value, allowed.unit, allowed.bounds)
        return self._fault(part, finding.value, f"{finding.message} {allowed.unit}".strip(), hint)

    def _wrong_value(self, address: Address, detail: dict[str, Any]) -> Fault:
        """A value of the wrong kind or size."""
        kind, context, value = detail["type"], detail.get("ctx", {}), detail["input"]
        if kind == "union_tag_invalid":
            address, value = (*address, context["discriminator"].strip("'")), context["tag"]
        if kind in ("value_error", "assertion_error"):
            text = str(context["error"]) or "is not valid"
            return self._fault(address, NOTHING if _is_section(value) else value, text)
        allowed = allowed_at(self.model, address)
        options = re.findall(r"'([^']*)'", str(context.get("expected", context.get("expected_tags", ""))))
        hint = did_you_mean(value, options) if isinstance(value, str) and closest(value, options) else ""
        return self._fault(
            address, value, _expected(kind, detail, allowed), hint or _how_to_write(kind, value, allowed.unit)
        )


def _expected(kind: str, detail: dict[str, Any], allowed: Allowed) -> str:
    """What is allowed, in place of the validator's message; for a number with its range and unit."""
    context = {
        key: short_text(value) if isinstance(value, float) else str(value).replace("'", "")
        for key, value in detail.get("ctx", {}).items()
    }
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(context["pattern"], f"text of the form {context['pattern']}")
    words = _EXPECTED[kind].format(**context) if kind in _EXPECTED else str(detail["msg"]).lower()
    measure = allowed.range_and_unit() if kind in _NUMBER_TYPES else allowed.unit if kind in _SIZES else ""
    between = (" from " if allowed.bounds and " to " in measure else ", ") if kind in _NUMBER_TYPES else " "
    return f"{words}{between}{measure}" if measure else words


def _cut_by_comma(tree: Any, positions: Positions, address: Address) -> str:
    """How to write the number that a comma has cut in two: `{capacity_mw: 1,000}` is 1 and a key 000."""
    section, rest, here = value_at(tree, address[:-1]), str(address[-1]), positions.get(address)
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", rest) or section[address[-1]] is not None or here is None:
        return ""
    beside = [(*address[:-1], key) for key in section]
    before = [(positions[one], one[-1]) for one in beside if one in positions and positions[one][:2] == here[:2]]
    _, key = max((pair for pair in before if pair[0] < here), default=(here, ""))
    point = "" if re.match(r"[0-9]{3}(?![0-9])", rest) else "."  # 1,000 is a thousand, 120,5 has a comma for a point
    whole = f"{section.get(key)}{point}{rest}"
    return f"a comma ends a value here: write {key}: {whole}" if _is_plain_number(section.get(key)) else ""


def _is_plain_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _how_to_write(kind: str, value: object, unit: str = "") -> str:
    """How to write what was meant: yes as true, a number that is text or has a needless fraction."""
    if kind == "bool_type" and str(value).lower() in _BOOLEANS:
        return f"write {_BOOLEANS[str(value).lower()]}"
    if kind.startswith("date_") and isinstance(value, str):
        days = days_meant(value)
        return f"write {' or '.join(map(str, days))}" if days else ""
    if kind not in _NUMBER_TYPES:
        return ""
    if isinstance(value, float) and value.is_integer():
        return f"write {int(value)}"
    if isinstance(value, str) and (hint := hint_for_text(value, unit)):
        return hint
    plain = without_thousands(value) if isinstance(value, str) else ""
    plain = re.sub(r",(?=[0-9])", "." if kind.startswith("float") else " ", plain)
    number = re.match(r"-?[0-9]+(\.[0-9]+)?", plain)
    return f"write {number[0]}" if number else ""


def _is_section(value: object) -> bool:
    """Whether a value is too large to show beside a message about the whole of it."""
    return isinstance(value, dict | list | tuple | BaseModel)


def _merge_alternatives(errors: list[_LocatedError]) -> list[Fault]:
    """Where a value can be read in several ways, keep the deepest complaint, or join those at one place."""
    readings = [error.fault for error in errors if error.one_reading]
    kept = [error.fault for error in errors if not error.one_reading]
    for address in dict.fromkeys(fault.address for fault in readings):
        if any(other.address[: len(address)] == address != other.address for other in readings):
            continue
        here = [fault for fault in readings if fault.address == address]
        hint = next((fault.hint for fault in here if fault.hint), "")
        message = " or ".join(dict.fromkeys(fault.message for fault in here))
        kept.append(replace(here[0], message=message, hint=hint))
    return kept


def _without_consequences(faults: list[Fault]) -> list[Fault]:
    """Leave out what is missing only because its key is misspelt."""
    intended = {(*fault.address[:-1], fault.hint[len(_DID_YOU_MEAN) : -1]) for fault in unknown_keys(faults)}
    return [fault for fault in faults if not (fault.message.startswith(_MISSING) and fault.address in intended)]


# --- further faults, found with stand-ins for wrong values ------------------------------------------------------------


_STAND_INS: dict[Any, tuple[Any, Any]] = {
    bool: (False, True),
    str: ("a", "b"),
    date: ("2026-01-01", "2027-01-01"),
}


class _NoStandIn(Exception):
    """A whole section or list is wrong: whatever stood in for it would be guessed."""


def further_faults(
    found: Sequence[Fault], model: type[BaseModel], tree: dict[str, Any], positions: Positions, validate: Validate
) -> list[Fault]:
    """Faults that show once the `found` ones are out of the way; none where a whole section would have to be guessed."""
    try:
        first, second = (_faults_with_stand_ins(found, model, tree, positions, choice, validate) for choice in (0, 1))
    except _NoStandIn:
        return []
    return [fault for fault in first if fault in second]


def _faults_with_stand_ins(
    found: Sequence[Fault],
    model: type[BaseModel],
    tree: dict[str, Any],
    positions: Positions,
    choice: int,
    validate: Validate,
) -> list[Fault]:
    """Faults of the tree with stand-ins, without those about the stand-ins."""
    mended, places = copy.deepcopy(tree), dict(positions)
    misspelt = unknown_keys(found)
    for fault in misspelt:
        _fix_spelling(mended, places, fault.address, model)
    unread = [address for address in positions if isinstance(value_at(mended, address), Unread)]
    wrong = [fault.address for fault in found if fault not in misspelt] + unread
    # Neighbours go opposite ways, so that a sum of several stand-ins is not at one extreme both times.
    touched = [_put_stand_in(mended, address, model, (choice + i) % 2) for i, address in enumerate(wrong)]
    try:
        validate(model, mended)
    except (ValidationError, Refused) as error:
        found_again = faults_of(error, model, mended, places)
        return [fault for fault in found_again if not _lies_within(fault.address, touched)]
    return []


def _lies_within(address: Address, touched: Iterable[Address]) -> bool:
    """Whether an address lies at or within one that was changed."""
    return any(address[: len(place)] == place for place in touched)


def _fix_spelling(tree: dict[str, Any], positions: Positions, address: Address, model: type[BaseModel]) -> None:
    """Give a value the nearest free key of its section, or drop it; both in place."""
    section = value_at(tree, address[:-1])
    value = section.pop(address[-1])
    unit_hint = closest(str(address[-1]), allowed_at(model, address[:-1]).fields())
    if not unit_hint or has(section, unit_hint):
        return
    section[unit_hint] = value
    moved = {place: where for place, where in positions.items() if place[: len(address)] == address}
    new = (*address[:-1], unit_hint)
    positions.update({(*new, *place[len(address) :]): where for place, where in moved.items()})


def _put_stand_in(tree: dict[str, Any], address: Address, model: type[BaseModel], choice: int) -> Address:
    """Put a stand-in at an address, in place; gives back the address of all that changed."""
    while len(address) > 1 and _is_number(allowed_at(model, address[:-1])):
        address = address[:-1]
    section = value_at(tree, address[:-1])
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
