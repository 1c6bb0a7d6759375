"""What a change touches: a crew plan is used again for a project that differs only in what crews are not planned from.

Crews and order dates come from durations, counts, capacities, calendars, weather and the target date. Risks, most of the
money, limits, contract milestones and sources are no part of that: of a sweep over them, crews are planned once. Planning
is given a project in which these parts cannot be read, so that what is used again cannot depend on them.

The same holds from one command to the next: crew plans are kept in the user's cache under a fingerprint of all that they
are planned from, with the sources and libraries that plan them, so that nothing stale can be read. Planning anew gives
the same plan; `SIM_CACHE_DIR` names another folder, and nothing is kept where it is empty.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from sim import files
from sim.config.project import Project
from sim.config.sections.risks import Risks
from sim.errors import SimError
from sim.jit import user_cache
from sim.plan.context import Mobilisation, Progress, ResourcePlan, Review, TradeReviews
from sim.study.crew_planning.crew_plan import CrewPlan, Window, plan_crews
from sim.study.crew_planning.manning import Manning
from sim.world.weather.climate import CLIMATES
from sim.world.weather.model import WeatherModel, fingerprint

KEPT = 16
"""Crew plans that a process keeps, the ones used last."""
NOT_PLANNED_FROM = ("limits", "milestones", "expect")
MONEY_NOT_PLANNED_FROM = ("contractor", "contingency", "cost_of_capital", "finance", "business", "ownership")
WORDS = frozenset({"source", "confidence"})
"""Keys of a number that say where it is from."""

_known: OrderedDict[str, CrewPlan] = OrderedDict()


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
    if key not in _known:
        found = _read(key)
        if found is None:
            try:
                found = _planned(project, weather)
            except PartRead:  # then it is this project's alone
                return plan_crews(project, weather)
            _write(key, found)
        _known[key] = found
        while len(_known) > KEPT:
            _known.popitem(last=False)
    _known.move_to_end(key)
    return _known[key]


def planning_key(tree: Mapping[str, Any]) -> str:
    """Return a fingerprint of all that planning can read of a project, given as a tree."""
    read = {name: part for name, part in tree.items() if name not in {*NOT_PLANNED_FROM, "risks"}}
    read["money"] = {name: part for name, part in tree["money"].items() if name not in MONEY_NOT_PLANNED_FROM}
    return sha256(json.dumps(_numbers(read), sort_keys=True).encode()).hexdigest()


def _numbers(tree: Any) -> Any:
    """Return a tree without the words on where its numbers are from."""
    if isinstance(tree, Mapping):
        return {key: _numbers(value) for key, value in tree.items() if key not in WORDS}
    return [_numbers(value) for value in tree] if isinstance(tree, list) else tree


def _planned(project: Project, weather: WeatherModel) -> CrewPlan:
    """Plan crews without the parts that are not planned from; raises PartRead where one of them is read."""
    money = project.money.model_copy(update=dict.fromkeys(MONEY_NOT_PLANNED_FROM, _Unreadable()))
    unreadable = dict.fromkeys(NOT_PLANNED_FROM, _Unreadable())
    return plan_crews(project.model_copy(update={**unreadable, "money": money, "risks": Risks()}), weather)


# --- from one command to the next -------------------------------------------------------------------------------------


FOLDER = "SIM_CACHE_DIR"
"""The variable that names the folder in which crew plans are kept; nothing is kept where it is empty."""
KEPT_ON_DISK = 64
"""Crew plans that stay in the folder, the newest: some 200 KB each, 2 MB for 2 GW."""
PLANNED_BY = ("config", "engine", "jit", "metrics", "plan", "study/crew_planning", "world")
"""Folders of `sim` that crews are planned by."""
LIBRARIES = ("numpy", "scipy", "simpy", "holidays", "astral", "pydantic")


def _folder() -> Path | None:
    """Return the folder of crew plans; None where nothing is kept."""
    stated = os.environ.get(FOLDER)
    if stated == "":
        return None
    try:
        return Path(stated) if stated else user_cache() / "crew_plans"
    except RuntimeError:  # no home
        return None


@cache
def planners() -> str:
    """Return a fingerprint of the sources, climates and libraries that plan crews: some 150 files, a hundredth second."""
    found = sha256(f"{sys.version} {platform.machine()} {[version(name) for name in LIBRARIES]}".encode())
    root = Path(__file__).parents[2]
    for folder in PLANNED_BY:
        for path in sorted((root / folder).rglob("*.py")):
            found.update(files.read(path))
    for path in sorted(path for folder in CLIMATES for path in folder.glob("*.csv")):
        found.update(files.read(path))
    return found.hexdigest()


def _place(folder: Path, key: str) -> Path:
    """Return the file of a crew plan."""
    return folder / f"{sha256(f'{planners()} {key}'.encode()).hexdigest()[:32]}.crews"


def _read(key: str) -> CrewPlan | None:
    """Return a crew plan that an earlier command kept; None where there is none, or it is damaged."""
    folder = _folder()
    try:
        data = b"" if folder is None else files.read(_place(folder, key))
    except SimError:
        return None
    stated, plan = data[:64], data[64:]
    if len(stated) < 64 or files.digest(plan).encode() != stated:
        return None
    found = _from_json(json.loads(plan))
    return found if isinstance(found, CrewPlan) else None


def _write(key: str, plan: CrewPlan) -> None:
    """Keep a crew plan for the next command, and the newest of the others; where that cannot be, nothing is lost but time."""
    folder = _folder()
    if folder is None:
        return
    try:
        data = json.dumps(_to_json(plan), separators=(",", ":")).encode()
        folder.mkdir(parents=True, exist_ok=True)
        files.write(_place(folder, key), files.digest(data).encode() + data)
        there = sorted(folder.glob("*.crews"), key=lambda one: one.stat().st_mtime, reverse=True)
        for old in there[KEPT_ON_DISK:]:
            files.remove(old)
    except (OSError, SimError, TypeError):
        return


PARTS = {
    one.__name__: one for one in (CrewPlan, Manning, Mobilisation, Progress, ResourcePlan, Review, TradeReviews, Window)
}
"""What a crew plan is made of; a tuple is a list in its file, an array and a part a mapping that says so."""
KIND = "is"


def _to_json(value: Any) -> Any:
    """Return a crew plan, or something in it, as it is written; TypeError for what it has never had in it."""
    if type(value) in PARTS.values():
        return {KIND: type(value).__name__, **{one.name: _to_json(getattr(value, one.name)) for one in fields(value)}}
    if isinstance(value, np.ndarray):
        return {KIND: value.dtype.str, "shape": value.shape, "numbers": value.ravel().tolist()}
    if isinstance(value, tuple):
        return [_to_json(one) for one in value]
    if isinstance(value, Mapping):
        return {name: _to_json(one) for name, one in value.items()}
    if type(value) not in (int, float, str, bool, type(None)):
        raise TypeError(f"a crew plan with {type(value)}")
    return value


def _from_json(value: Any) -> Any:
    """Return what was written as it was."""
    if isinstance(value, list):
        return tuple(_from_json(one) for one in value)
    if not isinstance(value, dict):
        return value
    kind = value.pop(KIND, None)
    if kind is None:
        return {name: _from_json(one) for name, one in value.items()}
    if kind in PARTS:
        return PARTS[kind](**{name: _from_json(one) for name, one in value.items()})
    return np.array(value["numbers"], kind).reshape(value["shape"])
