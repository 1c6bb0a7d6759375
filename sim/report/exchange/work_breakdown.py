"""Where an activity stands in the work breakdown, and what a scheduler would call it.

Four headings: site works; halls; systems by block; commissioning and power. Below them halls, blocks, factories and
power units in their order, below a block its systems, below those the activities.
"""

from __future__ import annotations

import re

from sim.config.project import Project
from sim.plan.mechanisms.commissioning import ONLINE

SITE, HALLS, SYSTEMS, POWER = "Site works", "Halls", "Systems", "Commissioning and power"
_TOP = {SITE: 0, HALLS: 1, SYSTEMS: 2, POWER: 3}
_SKID = re.compile(r"(?P<plant>[^.]+)\.s(?P<number>\d+)")
_PLACE = re.compile(r"(?P<kind>[phtb])(?P<number>\d+)")
_UNIT = re.compile(r"p\d+\.g(?P<number>\d+)")
_WORDS = {"p": "Phase", "h": "Hall", "t": "Turnover", "b": "Block"}


class Names:
    """Names and headings of one project's activities."""

    def __init__(self, project: Project) -> None:
        self.systems = tuple(project.by_system)
        self.phases = project.scale.phases
        self.alone = project.turnover_blocks == 1
        last = [step.id for step in project.shell.steps]
        self.dry_in = "dry_in" if "dry_in" in last else (last[-1] if last else "")

    def group(self, unit: str, activity: str) -> tuple[str, ...]:
        """Return the headings above an activity of a unit, the outermost first."""
        if found := _SKID.fullmatch(unit):
            plant = found["plant"]
            return (SYSTEMS, "Factory and transport", _words(plant), f"{_words(plant)} skid {found['number']}")
        if found := _UNIT.fullmatch(unit):
            return (POWER, "Power", *self._phase(unit), f"Power unit {found['number']}")
        first, _, rest = unit.partition(".")
        found = _PLACE.fullmatch(first)
        if found is None:
            return (SITE, _words(first))
        place = f"{_WORDS[found['kind']]} {found['number']}"
        return self._of_place(found["kind"], place, unit, rest, activity)

    def _of_place(self, kind: str, place: str, unit: str, rest: str, activity: str) -> tuple[str, ...]:
        """Return the headings of what belongs to a phase, a hall, a turnover or a block."""
        if kind == "h":
            return (HALLS, place)
        if kind == "t" or rest.startswith("commissioning"):
            return (POWER, "Commissioning", place)
        if kind == "b":
            system = next((name for name in self.systems if rest.startswith(name)), "")
            return (SYSTEMS, "Blocks", place, *([_words(system)] if system else []))
        power = rest.startswith(("grid", "temporary")) or activity.startswith("generation")
        return (POWER, "Power", *self._phase(unit)) if power else (SITE, *self._phase(unit))

    def _phase(self, unit: str) -> tuple[str, ...]:
        """The phase, where there are several."""
        return (f"Phase {unit.partition('.')[0][1:]}",) if self.phases > 1 else ()

    def task(self, unit: str, activity: str) -> str:
        """Return the name of an activity: where, then what."""
        if found := _SKID.fullmatch(unit):
            return f"{_words(found['plant'])} skid {found['number']}: {self._what(activity)}"
        if found := _UNIT.fullmatch(unit):
            return f"Power unit {found['number']}: {self._what(activity)}"
        first, _, rest = unit.partition(".")
        found = _PLACE.fullmatch(first)
        if found is None:
            return f"{_words(unit)}: {self._what(activity)}"
        system = next((name for name in self.systems if rest.startswith(name) and not activity.startswith("L")), "")
        where = f"{_WORDS[found['kind']]} {found['number']}" if found["kind"] != "p" or self.phases > 1 else "Site"
        return f"{where}{f' {system}' if system else ''}: {self._what(activity)}"

    def _what(self, activity: str) -> str:
        """An activity without the network or the system it belongs to, which its place says already."""
        head, dot, rest = activity.partition(".")
        if dot and (head in ("site_works", "shell", "pad", "generation") or head in self.systems):
            activity = rest
        else:
            plain = activity.removeprefix(next((f"{name} " for name in self.systems if activity.startswith(name)), ""))
            activity = plain or activity
        return _words(activity)

    def milestone(self, unit: str, kind: str, item: str) -> str:
        """Return the name of the milestone that a note of a unit is; empty if it is none."""
        if kind == ONLINE:
            return f"Block {item[1:]} handed over" if self.alone else f"Block {item[1:]} online"
        if kind == "started" and item.startswith("site_works/"):
            phase = item.rpartition("/")[2][1:]
            return f"Permits granted, phase {phase}" if self.phases > 1 else "Permits granted"
        if kind == "installed" and (found := re.fullmatch(r"h(\d+)\.shell\.(.+)", unit)) and found[2] == self.dry_in:
            return f"Hall {found[1]} dry-in"
        if kind == "installed" and (found := _UNIT.fullmatch(unit)):
            return f"Power unit {found['number']} energised"
        return ""


def _words(name: str) -> str:
    """A name with blanks and a capital: rack_in becomes Rack in, electrical@north Electrical (north)."""
    first, at, plant = name.partition("@")
    text = first.replace("_", " ").replace(".", ": ").strip()
    return f"{text[:1].upper()}{text[1:]}{f' ({plant})' if at else ''}"


def order_of(group: tuple[str, ...]) -> tuple[tuple[int, str, int], ...]:
    """Return what sorts headings: the four first ones as they are built, the others by their words and numbers."""
    return tuple(
        (_TOP.get(name, 9), re.sub(r"\d+", "", name), int(found[0]) if (found := re.search(r"\d+", name)) else 0)
        for name in group
    )
