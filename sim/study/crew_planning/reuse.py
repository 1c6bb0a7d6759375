"""What a change touches: a crew plan is used again for a project that differs only in what crews are not planned from.

Crews and order dates come from durations, counts, capacities, calendars, weather and the target date. Risks, most of the
money, limits, contract milestones and sources are no part of that: of a sweep over them, crews are planned once. Planning
is given a project in which these parts cannot be read, so that what is used again cannot depend on them.

The same holds from one command to the next: crew plans are kept in the user's cache (`sim.study.storage.disk_cache`)
under a fingerprint of all that they are planned from. Planning anew gives the same plan.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields
from hashlib import sha256
from typing import Any, NoReturn

import numpy as np

from sim.config.project import Project
from sim.config.sections.risks import Risks
from sim.plan.plan_context import CalledAfter, Mobilisation, ResourcePlan, Review, TradeReviews
from sim.study.crew_planning.crew_plan import CrewPlan, Window, plan_crews
from sim.study.crew_planning.manning import Manning
from sim.study.storage.disk_cache import PLANNING, DiskCache
from sim.world.weather.project_weather import WeatherModel, fingerprint

MAX_CACHED = 16
"""Crew plans in the cache of a process, the ones used last."""
NOT_PLANNED_FROM = ("limits", "milestones", "expect")
MONEY_NOT_PLANNED_FROM = ("contractor", "contingency", "cost_of_capital", "finance", "business", "ownership")
PROVENANCE = frozenset({"source", "confidence"})
"""Keys of a number that say where it is from."""

_plan_by_key: OrderedDict[str, CrewPlan] = OrderedDict()


class PartRead(Exception):
    """Planning has read a part of a project that it was thought to do without."""


class _Unreadable:
    """Stands in a project for a part that planning does without."""

    def __getattribute__(self, name: str) -> NoReturn:
        raise PartRead(name)

    def __iter__(self) -> NoReturn:
        raise PartRead

    def __bool__(self) -> NoReturn:
        raise PartRead


def crew_plan_of(project: Project, weather: WeatherModel = None) -> CrewPlan:
    """Return the crew plan of a project, planned now or for another project that is the same to planning.

    Where the site reacts to a slip, reviews are planned from risks and `weather` as well, and nothing is used again.
    """
    policy = project.labour.acceleration
    if policy is not None and policy.active:
        return plan_crews(project, weather)
    key = planning_key(project.model_dump(mode="json")) + fingerprint(weather)
    if key not in _plan_by_key:
        plan = _read(key)
        if plan is None:
            try:
                plan = _planned(project, weather)
            except PartRead:  # then it is this project's alone
                return plan_crews(project, weather)
            _write(key, plan)
        _plan_by_key[key] = plan
        while len(_plan_by_key) > MAX_CACHED:
            _plan_by_key.popitem(last=False)
    _plan_by_key.move_to_end(key)
    return _plan_by_key[key]


def planning_key(tree: Mapping[str, Any]) -> str:
    """Return a fingerprint of all parts of a project (as nested mappings) that planning can read."""
    readable = {name: part for name, part in tree.items() if name not in {*NOT_PLANNED_FROM, "risks"}}
    readable["money"] = {name: part for name, part in tree["money"].items() if name not in MONEY_NOT_PLANNED_FROM}
    return sha256(json.dumps(_numbers(readable), sort_keys=True).encode()).hexdigest()


def _numbers(tree: Any) -> Any:
    """Return nested mappings and lists without the sources of their numbers and how sure these are."""
    if isinstance(tree, Mapping):
        return {key: _numbers(value) for key, value in tree.items() if key not in PROVENANCE}
    return [_numbers(value) for value in tree] if isinstance(tree, list) else tree


def _planned(project: Project, weather: WeatherModel) -> CrewPlan:
    """Plan crews without the parts that are not planned from; raises PartRead where one of them is read."""
    money = project.money.model_copy(update=dict.fromkeys(MONEY_NOT_PLANNED_FROM, _Unreadable()))
    unreadable = dict.fromkeys(NOT_PLANNED_FROM, _Unreadable())
    return plan_crews(project.model_copy(update={**unreadable, "money": money, "risks": Risks()}), weather)


# --- from one command to the next -------------------------------------------------------------------------------------


CREW_PLANS = DiskCache("crew_plans", PLANNING, 64)
"""Crew plans by planning key: some 200 KB each, 2 MB for 2 GW."""


def _read(key: str) -> CrewPlan | None:
    """Return a crew plan that an earlier command wrote; None where there is none."""
    document = CREW_PLANS.read(key)
    plan = None if document is None else _from_json(json.loads(document))
    return plan if isinstance(plan, CrewPlan) else None


def _write(key: str, plan: CrewPlan) -> None:
    """Write a crew plan for later commands."""
    with suppress(TypeError):
        CREW_PLANS.write(key, json.dumps(_to_json(plan), separators=(",", ":")).encode())


PARTS = {
    part.__name__: part
    for part in (CrewPlan, Manning, Mobilisation, CalledAfter, ResourcePlan, Review, TradeReviews, Window)
}
"""What a crew plan is made of; a tuple is a list in its file, an array and a part a mapping that says so."""
KIND = "is"


def _to_json(value: Any) -> Any:
    """Return a crew plan, or a part of it, as JSON values; TypeError for a type that no crew plan has in it."""
    if type(value) in PARTS.values():
        return {
            KIND: type(value).__name__, **{field.name: _to_json(getattr(value, field.name)) for field in fields(value)}
        }  # fmt: skip
    if isinstance(value, np.ndarray):
        return {KIND: value.dtype.str, "shape": value.shape, "numbers": value.ravel().tolist()}
    if isinstance(value, tuple):
        return [_to_json(item) for item in value]
    if isinstance(value, Mapping):
        return {name: _to_json(item) for name, item in value.items()}
    if type(value) not in (int, float, str, bool, type(None)):
        raise TypeError(f"a crew plan with {type(value)}")
    return value


def _from_json(value: Any) -> Any:
    """Return the crew plan, or the part of it, that `_to_json` turned into JSON values."""
    if isinstance(value, list):
        return tuple(_from_json(item) for item in value)
    if not isinstance(value, dict):
        return value
    kind = value.pop(KIND, None)
    if kind is None:
        return {name: _from_json(item) for name, item in value.items()}
    if kind in PARTS:
        return PARTS[kind](**{name: _from_json(item) for name, item in value.items()})
    return np.array(value["numbers"], kind).reshape(value["shape"])
