"""What a change touches: a crew plan is used again for a project that differs only in what crews are not planned from.

Crews and order dates come from durations, counts, capacities, calendars and the target date. Risks, weather, most of the
money, limits, contract milestones and sources are no part of that: of a sweep over them, crews are planned once. Planning
is given a project in which these parts cannot be read, so that what is used again cannot depend on them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from hashlib import sha256
from json import dumps
from typing import Any, NoReturn

from sim.config.project import Project
from sim.config.sections.risks import Risks
from sim.study.crew_planning.crew_plan import CrewPlan, plan_crews
from sim.world.weather.model import WeatherModel

KEPT = 16
"""Crew plans that a process keeps, the ones used last."""
NOT_PLANNED_FROM = ("weather", "limits", "milestones", "expect")
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
    key = planning_key(project.model_dump(mode="json"))
    if key not in _known:
        try:
            _known[key] = _planned(project)
        except PartRead:  # then it is this project's alone
            return plan_crews(project, weather)
        while len(_known) > KEPT:
            _known.popitem(last=False)
    _known.move_to_end(key)
    return _known[key]


def planning_key(tree: Mapping[str, Any]) -> str:
    """Return a fingerprint of all that planning can read of a project, given as a tree."""
    read = {name: part for name, part in tree.items() if name not in {*NOT_PLANNED_FROM, "risks"}}
    read["money"] = {name: part for name, part in tree["money"].items() if name not in MONEY_NOT_PLANNED_FROM}
    return sha256(dumps(_numbers(read), sort_keys=True).encode()).hexdigest()


def _numbers(tree: Any) -> Any:
    """Return a tree without the words on where its numbers are from."""
    if isinstance(tree, Mapping):
        return {key: _numbers(value) for key, value in tree.items() if key not in WORDS}
    return [_numbers(value) for value in tree] if isinstance(tree, list) else tree


def _planned(project: Project) -> CrewPlan:
    """Plan crews without the parts that are not planned from; raises PartRead where one of them is read."""
    money = project.money.model_copy(update=dict.fromkeys(MONEY_NOT_PLANNED_FROM, _Unreadable()))
    unreadable = dict.fromkeys(NOT_PLANNED_FROM, _Unreadable())
    return plan_crews(project.model_copy(update={**unreadable, "money": money, "risks": Risks()}))
