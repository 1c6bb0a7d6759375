"""What a planner can move while he looks: crews, lines, trucks, yard, cranes, shifts and risks of one project."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sim.config.merging import SCHEMA_VERSION
from sim.config.project import Project
from sim.config.reading import read_file
from sim.errors import SimError
from sim.plan.brief import Agreed, Stay

Changes = Mapping[str, Any]
"""What was moved: the path in the configuration, and the value it is to have."""
RISKS = "risks.without"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
TWO_SHIFTS = [{"start": "06:00", "end": "16:00"}, {"start": "16:00", "end": "02:00"}]


class NoLever(SimError):
    """Something the page does not offer."""

    exit_code = 2


@dataclass(frozen=True)
class Lever:
    """One thing to move: where it stands in the configuration, what it is called, and between what it can be.

    `kind` is slider (from `low` to `high`), choice (of `choices`, each a label and a value) or risks (switches;
    the value is the list of those that are off).
    """

    path: str
    group: str
    label: str
    kind: str
    value: Any
    low: int = 0
    high: int = 0
    choices: tuple[tuple[str, Any], ...] = ()

    def told(self) -> dict[str, Any]:
        """Return it as the page reads it."""
        return asdict(self)


def levers(project: Project, agreed: Agreed, most: Mapping[str, int]) -> tuple[Lever, ...]:
    """Return what there is to move, at the values that a project has; `most` crews of a trade one step takes."""
    return (*_crews(agreed, most), *_factories(project), *_site(project), *_shifts(project), *_risks(project))


def _slider(path: str, group: str, label: str, value: int, low: int = 1) -> Lever:
    return Lever(path, group, label, "slider", value, low, max(3 * value, value + 4))


def _crews(agreed: Agreed, most: Mapping[str, int]) -> Iterator[Lever]:
    """Yield the crews of every trade: at least as many as one step takes at once."""
    for trade, stays in sorted(agreed.stays.items()):
        yield _slider(f"labour.trades.{trade}.crews", "crews", trade, len(stays), max(1, most.get(trade, 1)))


def _factories(project: Project) -> Iterator[Lever]:
    """Yield lines, trucks and yard places of every system that is made in a factory."""
    fleets, yard = project.logistics.fleets, project.logistics.laydown
    made = [name for name, system in project.by_system.items() if system.scope == "factory"]
    for name in made:
        lines = project.by_system[name].factory.lines
        yield _slider(f"systems.{name}.factory.lines", "factory lines", name, lines)
    for name in made:
        yield _slider(f"logistics.fleets.{name}.trucks", "trucks", name, getattr(fleets, name).trucks)
    for name in made:
        low = project.by_system[name].skid.per_block
        yield _slider(f"logistics.laydown.{name}", "yard places", name, getattr(yard, name), low)


def _site(project: Project) -> Iterator[Lever]:
    """Yield cranes and gates."""
    yield _slider("logistics.cranes", "site", "cranes", project.logistics.cranes)
    yield _slider("logistics.gates", "site", "gates", project.logistics.gates)


def _shifts(project: Project) -> Iterator[Lever]:
    """Yield the ways of working to choose from, or days and shifts of the site's week."""
    labour, stated = project.labour, project.calendars.site
    if labour.patterns:
        names: list[tuple[str, Any]] = [(name, name) for name in labour.patterns]
        names = names if labour.pattern is not None else [("as calendars.site", None), *names]
        yield Lever("labour.pattern", "shifts", "pattern", "choice", labour.pattern, choices=tuple(names))
    if labour.pattern is not None:
        return
    weeks = [(f"{number} days a week", list(DAYS[:number])) for number in (5, 6, 7)]
    yield Lever("calendars.site.days", "shifts", "days", "choice", list(stated.days), choices=tuple(weeks))
    if len(stated.shifts) == 1:
        one = [shift.model_dump(mode="json") for shift in stated.shifts]
        both = (("one shift, as stated", one), ("two shifts of 10 h", TWO_SHIFTS))
        yield Lever("calendars.site.shifts", "shifts", "shifts", "choice", one, choices=both)


def _risks(project: Project) -> Iterator[Lever]:
    """Yield the drivers of the register, where any is in force."""
    risks = project.risks
    if risks.drivers and risks.mode != "none":
        named = tuple((driver.name, driver.id) for driver in risks.drivers)
        yield Lever(RISKS, "risks", "risk drivers", "risks", list(risks.without), choices=named)


def as_overrides(changes: Changes, offered: tuple[Lever, ...]) -> list[str]:
    """Return changes as the overrides they are; NoLever for what the page does not offer."""
    known = {lever.path for lever in offered}
    if wrong := [path for path in changes if path not in known]:
        raise NoLever(f"{wrong[0]} is nothing that can be moved here")
    return [f"{path}={json.dumps(value)}" for path, value in changes.items()]


def kept(agreed: Agreed, changes: Changes) -> Agreed:
    """Return what was agreed for the baseline with the numbers of crews that were changed.

    Fewer crews are those that come first; further ones come and go with the last.
    """
    stays = dict(agreed.stays)
    for path, value in changes.items():
        if path.startswith("labour.trades.") and path.endswith(".crews"):
            trade = path.split(".")[2]
            stays[trade] = _so_many(stays[trade], int(value))
    crews = {**agreed.crews, **{trade: len(crew) for trade, crew in stays.items()}}
    return Agreed(crews, stays, agreed.order_minutes, agreed.released, agreed.placed)


def _so_many(stays: tuple[Stay, ...], count: int) -> tuple[Stay, ...]:
    return stays[:count] + stays[-1:] * max(0, count - len(stays))


# --- as a file ------------------------------------------------------------------------------------------------


def as_config(path: Path, changes: Changes) -> str:
    """Return a configuration, to be kept beside `path`, that says what is on screen: that one and the changes."""
    own = dict(read_file(path).tree)
    name = f"{own.get('name', path.stem)}_live"
    if "extends" not in own:
        own = {"extends": path.name, "schema_version": SCHEMA_VERSION}
    tree = {**own, "name": name}
    for dotted, value in changes.items():
        _put(tree, dotted.split("."), value)
    lines = [f"# What was on the screen of: sim live {path.name}. Keep it in the same folder.", *_lines(tree, "")]
    return "\n".join(lines) + "\n"


def _put(tree: dict[str, Any], keys: list[str], value: Any) -> None:
    """Set a value, with the sections on the way to it; what is there already stays as it is."""
    for key in keys[:-1]:
        tree[key] = dict(tree.get(key) or {})
        tree = tree[key]
    tree[keys[-1]] = value


def _lines(tree: Mapping[str, Any], indent: str) -> Iterator[str]:
    """Yield a mapping as YAML; single values and lists are written as JSON, which is YAML too."""
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield f"{indent}{key}:"
            yield from _lines(value, f"{indent}  ")
        else:
            yield f"{indent}{key}: {json.dumps(value, ensure_ascii=False)}"
