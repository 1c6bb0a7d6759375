"""Validation errors in a planner's words: where each mistake stands, what is allowed there, what was probably meant.

`faults_of` translates the errors of pydantic and of the cross checks. `further_faults` finds those hidden by them: the
checks of a whole section cannot run while one of its values is wrong, so one slip would hide a cycle of steps. The tree
is therefore validated twice more, with two different placeholders for each wrong value; only a fault that appears both
times, in the same words and not about a placeholder, is reported.
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
from sim.errors import NOTHING, Mistake, Refused, closest, did_you_mean, without_thousands

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
    """A fault; `of_alternative` where it comes from one of several types that a value may have."""

    fault: Fault
    of_alternative: bool = False


def faults_of(error: ValidationError | Refused, model: type[BaseModel], tree: Any, positions: Positions) -> list[Fault]:
    """Return the mistakes that the validator or the cross checks found, with address and message; one per thing to mend."""
    translator = _ErrorTranslator(model, tree, positions)
    if isinstance(error, Refused):
        return [translator.from_finding((), finding) for finding in error.findings]
    errors = [located for detail in error.errors(include_url=False) for located in translator.translate(dict(detail))]
    return _without_consequences(_merge_alternatives(errors))


def tree_address(tree: Any, loc: Sequence[str | int]) -> Address:
    """Return the keys of a pydantic error location that exist in the tree, without its words for branches of a union."""
    if not loc:
        return ()
    with_first = (loc[0], *tree_address(child(tree, loc[0]), loc[1:])) if has(tree, loc[0]) else ()
    without_first = () if len(with_first) == len(loc) else tree_address(tree, loc[1:])
    return with_first if len(with_first) >= len(without_first) else without_first


def unknown_keys(faults: Iterable[Fault]) -> list[Fault]:
    """Return those of the faults that are about keys which no section has."""
    return [fault for fault in faults if fault.message == UNKNOWN]


class _ErrorTranslator:
    """Turns errors of pydantic into faults with an address, a position and a message for planners."""

    def __init__(self, model: type[BaseModel], tree: Any, positions: Positions) -> None:
        """Keep the tree that was validated, its model and the positions of its values."""
        self.model = model
        self.tree = tree
        self.positions = positions

    def translate(self, detail: dict[str, Any]) -> list[_LocatedError]:
        """Return the faults in one error of pydantic; none for a value that was already refused on reading."""
        kind, context = detail["type"], detail.get("ctx", {})
        loc = tuple(key for key in detail["loc"] if key != "[key]")
        if kind in ("missing", "union_tag_not_found"):
            return [self._missing(loc if kind == "missing" else (*loc, context["discriminator"].strip("'")))]
        address = tree_address(self.tree, loc)
        of_alternative = len(address) < len(loc)
        if isinstance(value_at(self.tree, address), Unread):
            return []
        if kind == "too_short" and len(detail["input"]) >= context["min_length"]:
            return []  # its elements are wrong, which is reported by itself
        if kind == "extra_forbidden":
            return [_LocatedError(self._unknown(address))]
        cause = context.get("error")
        if isinstance(cause, Refused):
            return [_LocatedError(self.from_finding(address, finding), of_alternative) for finding in cause.findings]
        return [_LocatedError(self._wrong_value(address, detail), of_alternative)]

    def _fault(self, address: Address, value: object, message: str, hint: str = "") -> Fault:
        """Return a fault at an address, with the position of its value or of the section around it."""
        return Fault(address, nearest_position(self.positions, address), value, message, hint)

    def _missing(self, loc: tuple[str | int, ...]) -> _LocatedError:
        """Return the fault of a key that is missing at a location, with what it is for."""
        section = tree_address(self.tree, loc[:-1])
        allowed = allowed_at(self.model, (*section, loc[-1]))
        meaning = ", ".join(part for part in (allowed.description, allowed.range_and_unit()) if part)
        message = f"{_MISSING}: {meaning}" if meaning else _MISSING
        fault = self._fault((*section, loc[-1]), NOTHING, message, self._similar_entry(section))
        return _LocatedError(fault, len(section) < len(loc) - 1)

    def _similar_entry(self, section: Address) -> str:
        """Return a hint at an entry of a similar name, where names are free: electricians in place of electrician."""
        entries = value_at(self.tree, section[:-1]) if section else None
        if not isinstance(entries, dict) or allowed_at(self.model, section[:-1]).fields():
            return ""
        suggestion = closest(str(section[-1]), [str(name) for name in entries if name != section[-1]], cutoff=0.85)
        return f"{_DID_YOU_MEAN}{suggestion}?" if suggestion else ""

    def _unknown(self, address: Address) -> Fault:
        """Return the fault of a key that no section has here, with a hint at the nearest that there is."""
        fields = allowed_at(self.model, address[:-1]).fields()
        hint = _cut_by_comma(self.tree, self.positions, address)
        return self._fault(address, NOTHING, UNKNOWN, hint or did_you_mean(str(address[-1]), fields))

    def from_finding(self, address: Address, finding: Mistake) -> Fault:
        """Return the fault of a finding by the checks of a section, or of a range, at an address."""
        # as far as the finding's path exists in the tree, and on into keys that are missing from a section
        full_address = address
        for depth, key in enumerate(finding.path):
            if not has(value_at(self.tree, full_address), key):
                full_address += finding.path[depth:] if isinstance(value_at(self.tree, full_address), dict) else ()
                break
            full_address = (*full_address, key)
        allowed = allowed_at(self.model, full_address)
        if isinstance(finding, OutOfRange):
            hint = finding.hint or unit_hint(finding.value, allowed.unit, allowed.bounds)
            return self._fault(full_address, finding.value, f"{finding.message} {allowed.unit}".strip(), hint)
        message = finding.message
        if finding.other_address:
            message = message.replace("{other_position}", str(nearest_position(self.positions, finding.other_address)))
        hint = finding.hint or (hint_for_text(finding.value, allowed.unit) if isinstance(finding.value, str) else "")
        return self._fault(full_address, finding.value, message, hint)

    def _wrong_value(self, address: Address, detail: dict[str, Any]) -> Fault:
        """Return the fault of a value of the wrong type or size."""
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
    """Return what is allowed, in place of pydantic's message; for a number with its range and unit."""
    context = {
        key: short_text(value) if isinstance(value, float) else str(value).replace("'", "")
        for key, value in detail.get("ctx", {}).items()
    }
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(context["pattern"], f"text of the form {context['pattern']}")
    text = _EXPECTED[kind].format(**context) if kind in _EXPECTED else str(detail["msg"]).lower()
    range_or_unit = allowed.range_and_unit() if kind in _NUMBER_TYPES else allowed.unit if kind in _SIZES else ""
    separator = (" from " if allowed.bounds and " to " in range_or_unit else ", ") if kind in _NUMBER_TYPES else " "
    return f"{text}{separator}{range_or_unit}" if range_or_unit else text


def _cut_by_comma(tree: Any, positions: Positions, address: Address) -> str:
    """Return a hint how to write a number that a comma cut in two: YAML reads `{capacity_mw: 1,000}` as 1 and a key 000."""
    section, digits_after, position = value_at(tree, address[:-1]), str(address[-1]), positions.get(address)
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", digits_after) or section[address[-1]] is not None or position is None:
        return ""
    key_positions = {key: positions.get((*address[:-1], key)) for key in section}
    # the number's first part is the value of the last key before it on the same line
    keys_before = [(start, key) for key, start in key_positions.items() if start and start < position]
    _, key = max(((start, key) for start, key in keys_before if start[:2] == position[:2]), default=(position, ""))
    # 1,000 is a thousand; 120,5 has a comma for a decimal point
    point = "" if re.match(r"[0-9]{3}(?![0-9])", digits_after) else "."
    number = f"{section.get(key)}{point}{digits_after}"
    return f"a comma ends a value here: write {key}: {number}" if _is_plain_number(section.get(key)) else ""


def _is_plain_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _how_to_write(kind: str, value: object, unit: str = "") -> str:
    """Return a hint how to write a value of the wrong type: yes as true, a number that is text or has a needless fraction."""
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
    number_text = without_thousands(value) if isinstance(value, str) else ""
    number_text = re.sub(r",(?=[0-9])", "." if kind.startswith("float") else " ", number_text)
    number = re.match(r"(-?[0-9]+(?:\.[0-9]+)?)(?:\s|$)", number_text)  # 100k is not 100, and 2027-05-05 not 2027
    return f"write {number[1]}" if number else ""


def _is_section(value: object) -> bool:
    """Return whether a value is a section or list, too large to show in a message about the whole of it."""
    return isinstance(value, dict | list | tuple | BaseModel)


def _merge_alternatives(errors: list[_LocatedError]) -> list[Fault]:
    """Return the faults of errors; where a value may have several types, the deepest of them, those at one address as one."""
    of_alternatives = [error.fault for error in errors if error.of_alternative]
    faults = [error.fault for error in errors if not error.of_alternative]
    for address in dict.fromkeys(fault.address for fault in of_alternatives):
        if any(other.address[: len(address)] == address != other.address for other in of_alternatives):
            continue  # a deeper one says more
        at_address = [fault for fault in of_alternatives if fault.address == address]
        hint = next((fault.hint for fault in at_address if fault.hint), "")
        message = " or ".join(dict.fromkeys(fault.message for fault in at_address))
        faults.append(replace(at_address[0], message=message, hint=hint))
    return faults


def _without_consequences(faults: list[Fault]) -> list[Fault]:
    """Return faults without those of keys that are missing only because they are misspelt."""
    intended = {(*fault.address[:-1], fault.hint[len(_DID_YOU_MEAN) : -1]) for fault in unknown_keys(faults)}
    return [fault for fault in faults if not (fault.message.startswith(_MISSING) and fault.address in intended)]


# --- further faults, found with placeholders for wrong values ---------------------------------------------------------


# two each: a fault that only one of them causes is none of the file's
_PLACEHOLDERS: dict[Any, tuple[Any, Any]] = {
    bool: (False, True),
    str: ("a", "b"),
    date: ("2026-01-01", "2027-01-01"),
}


class _NoPlaceholder(Exception):
    """A whole section or list is wrong: any placeholder for it would be a guess."""


def further_faults(
    known_faults: Sequence[Fault],
    model: type[BaseModel],
    tree: dict[str, Any],
    positions: Positions,
    validate: Validate,
) -> list[Fault]:
    """Return the faults that appear once known ones are corrected; none where a whole section would be a guess."""
    try:
        with_first_choice, with_second_choice = (
            _faults_with_placeholders(known_faults, model, tree, positions, choice, validate) for choice in (0, 1)
        )
    except _NoPlaceholder:
        return []
    return [fault for fault in with_first_choice if fault in with_second_choice]


def _faults_with_placeholders(
    known_faults: Sequence[Fault],
    model: type[BaseModel],
    tree: dict[str, Any],
    positions: Positions,
    choice: int,
    validate: Validate,
) -> list[Fault]:
    """Return the faults of the tree with placeholders for wrong values, without those about the placeholders."""
    corrected, new_positions = copy.deepcopy(tree), dict(positions)
    misspelt = unknown_keys(known_faults)
    for fault in misspelt:
        _fix_spelling(corrected, new_positions, fault.address, model)
    unread = [address for address in positions if isinstance(value_at(corrected, address), Unread)]
    wrong = [fault.address for fault in known_faults if fault not in misspelt] + unread
    # neighbours get opposite extremes, so that a sum of several placeholders is not at one extreme both times
    replaced = [_put_placeholder(corrected, address, model, (choice + i) % 2) for i, address in enumerate(wrong)]
    try:
        validate(model, corrected)
    except (ValidationError, Refused) as error:
        faults = faults_of(error, model, corrected, new_positions)
        return [fault for fault in faults if not _lies_within(fault.address, replaced)]
    return []


def _lies_within(address: Address, changed: Iterable[Address]) -> bool:
    """Return whether an address lies at or within one that was changed."""
    return any(address[: len(outer)] == outer for outer in changed)


def _fix_spelling(tree: dict[str, Any], positions: Positions, address: Address, model: type[BaseModel]) -> None:
    """Move a value to the nearest free key of its section, or drop it; changes the tree and the positions."""
    section = value_at(tree, address[:-1])
    value = section.pop(address[-1])
    right_key = closest(str(address[-1]), allowed_at(model, address[:-1]).fields())
    if not right_key or has(section, right_key):
        return
    section[right_key] = value
    moved = {old: position for old, position in positions.items() if old[: len(address)] == address}
    new_address = (*address[:-1], right_key)
    positions.update({(*new_address, *old[len(address) :]): position for old, position in moved.items()})


def _put_placeholder(tree: dict[str, Any], address: Address, model: type[BaseModel], choice: int) -> Address:
    """Put one of two placeholders at an address, or for the whole quantity around it; return the address that changed."""
    while len(address) > 1 and _is_quantity(allowed_at(model, address[:-1])):
        address = address[:-1]
    section = value_at(tree, address[:-1])
    if not address or address[-1] == "id" or type(section) not in (dict, list):
        raise _NoPlaceholder
    pair = _placeholders(allowed_at(model, address))
    if pair[0] == pair[1]:
        raise _NoPlaceholder
    section[address[-1]] = pair[choice]
    return address


def _is_quantity(allowed: Allowed) -> bool:
    """Return whether an estimate or a figure is allowed, which is one value however many keys it has."""
    return any(hasattr(kind, "numbers") for kind in allowed.types)


def _placeholders(allowed: Allowed) -> tuple[Any, Any]:
    """Return two allowed values to stand in for a wrong one, so that the rest is checked; different where types allow."""
    bounds = allowed.bounds or Bounds(1, 2)
    low = 1 if bounds.low is None else bounds.low
    high = low + 1 if bounds.high is None else bounds.high
    for kind in allowed.types:
        if get_origin(kind) is Literal:
            return get_args(kind)[0], get_args(kind)[-1]
        if kind in (int, float) or hasattr(kind, "numbers"):
            return ((low + high) / 2 if bounds.above else low), high
        if kind in _PLACEHOLDERS:
            return _PLACEHOLDERS[kind]
    raise _NoPlaceholder
