"""Every field of every section with its least and greatest value, zero, one step outside, null, empty and a wrong type."""

from __future__ import annotations

import copy
import datetime
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args, get_origin

import numpy as np

from sim.config.load import checked, load_as
from sim.config.project import Project
from sim.config.sections.base import Bounds
from sim.config.source_positions import Address, allowed_at, value_at
from sim.engine.backends import COMPILED, SIMPY
from sim.errors import SimError
from sim.jit import available
from sim.report.plan_check import describe_plan
from sim.study.case import prepare_case
from sim.study.chunk import OK
from sim.study.executors.memory_estimate import steps_allowed
from tests.faults.processes import ROOT, TINY

WHOLE = ROOT / "configs" / "one_block.yaml"
"""A project with everything that the tiny one leaves out: weather, camp, risks, learning, suppliers."""
MAX_STEPS = 20_000
"""Steps of a plan that is still run here, twenty times the larger project's: a test of values, not of size."""
ANY = (None, "", [], {}, "text", True, -1, 1.5, "2026-02-30", {"value": None}, [None], math.nan)
"""What is tried in every field, right or wrong."""


@dataclass(frozen=True)
class SchemaCase:
    """One value at one address of one of the projects."""

    project: str
    address: Address
    value: Any

    def __str__(self) -> str:
        """Name the case so that it can be looked up."""
        return f"{self.project}:{'.'.join(map(str, self.address))}={self.value!r}"[:200]


@cache
def tree_of(project: str) -> dict[str, Any]:
    """The tree of a project with its base."""
    return load_as(Project, {"tiny": TINY, "whole": WHOLE}[project]).tree


def cases() -> list[SchemaCase]:
    """One case for every value of every field: of the tiny project, and of the whole one what that leaves out."""
    found: list[SchemaCase] = []
    seen: set[tuple[str, ...]] = set()
    for project in ("tiny", "whole"):
        tree = tree_of(project)
        for address in _addresses(tree, ()):
            if (field := _field(address)) in seen:
                continue
            seen.add(field)
            found += [SchemaCase(project, address, value) for value in _values(address, value_at(tree, address))]
    return found


def _addresses(node: Any, above: Address) -> Iterator[Address]:
    """Every place of a tree, with fields that could be there and are not."""
    here = allowed_at(Project, above)
    names = {*(node if isinstance(node, dict) else ()), *(here.fields() if isinstance(node, dict) else ())}
    parts: list[str | int] = (
        sorted(names) if isinstance(node, dict) else list(range(len(node))) if isinstance(node, list) else []
    )
    for part in parts:
        address = (*above, part)
        yield address
        yield from _addresses(value_at(node, (part,)), address)


def _field(address: Address) -> tuple[str, ...]:
    """The section that an address is a field of, and the field: all steps of all networks have the same ones."""
    above = allowed_at(Project, address[:-1])
    if address[-1] not in above.fields():
        return ("element of", *_field(address[:-1])) if len(address) > 1 else ("Project", str(address[-1]))
    return (*sorted(getattr(kind, "__name__", str(kind)) for kind in above.types), str(address[-1]))


def _values(address: Address, stated: Any) -> Iterator[Any]:
    """What to try at an address, each value once."""
    once = {repr(value): value for value in [*ANY, *_typical(address), *_of_stated(stated)]}
    return iter(once.values())


def _typical(address: Address) -> Iterator[Any]:
    """The ends of the range, a step outside them, and what is between; every option of a choice."""
    allowed = allowed_at(Project, address)
    for kind in allowed.types:
        if get_origin(kind) is Literal:
            yield from get_args(kind)
        elif kind is datetime.date:
            yield from ("0001-01-01", "1900-01-01", "2024-02-29", "9999-12-31")
        elif kind is datetime.time:
            yield from ("00:00", "23:59", "24:00", "24:01")
        elif kind is bool:
            yield False
        elif kind is str:
            yield from ("ZZ", "x" * 65, "[/nope]", "\x1b[31m", "=1+1", "../x")
    if allowed.bounds is not None:
        whole = int in allowed.types
        estimate = any(hasattr(kind, "shape") or "shape" in getattr(kind, "model_fields", {}) for kind in allowed.types)
        yield from _numbers(allowed.bounds, whole=whole, estimate=estimate)


def _numbers(bounds: Bounds, *, whole: bool, estimate: bool) -> Iterator[Any]:
    """Numbers at and around the ends of a range; as estimates of every shape where they may be uncertain."""
    low, high = bounds.low or 0, bounds.high if bounds.high is not None else 1e12
    step = 1 if whole else 1e-9
    some = [low, low + step, high, high - step, low - step, high + step, 0, 1, 2]
    yield from (int(number) if whole else number for number in some)
    if not whole:
        yield from (0.0004, 1e-300, 5e-324, -0.0)
    if estimate:
        yield {"low": low, "high": high}
        yield {"low": low, "mode": low, "high": low}
        yield {"low": low, "mode": high, "high": high, "shape": "triangular"}
        yield {"median": max(low, 1e-6), "p90": high}
        yield {"values": [low, high], "weights": [0, 1]}


def _of_stated(stated: Any) -> Iterator[Any]:
    """Variations of what is there: an element twice or none, a section without each of its keys."""
    if isinstance(stated, list) and stated:
        yield stated[:1]
        yield [stated[0], stated[0]]
        yield [*stated, stated[-1]]
    if isinstance(stated, dict):
        for key in stated:
            yield {name: value for name, value in stated.items() if name != key}


def outcome(case: SchemaCase) -> str:
    """How a case ends: refused, stopped while it is checked or run, stalled or ok; any other error comes through."""
    tree = copy.deepcopy(tree_of(case.project))
    section = value_at(tree, case.address[:-1])
    section[case.address[-1]] = case.value
    try:
        project = checked(Project, tree)
    except SimError as error:
        return _ended("refused", error, code=2)
    try:
        with steps_allowed(MAX_STEPS):
            return _run(project)
    except SimError as error:
        return _ended("ended", error)


def _ended(how: str, error: SimError, code: int | None = None) -> str:
    """Hold an error to having words and one of the codes of wrong input and of stalls and budgets."""
    assert str(error)
    assert error.exit_code in ({code} if code else {2, 3})
    return f"{how} with code {error.exit_code}"


def _run(project: Project) -> str:
    """Check a project and run it by both engines; their numbers are numbers, and the same."""
    case = prepare_case(project, WHOLE.parent, engine=COMPILED if available() else SIMPY)
    describe_plan(case)
    chunk = case.simulate_chunk(1, 0, 2)
    done = chunk.runs["status"] == OK
    names = [name for name, values in chunk.runs.items() if not np.isfinite(values[done]).all()]
    assert not names, f"no finite number: {names}"
    assert all(np.isfinite(curve).all() for curve in chunk.curves.values())
    return "ok" if (chunk.runs["status"] == OK).all() else "stalled"
