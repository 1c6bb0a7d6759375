"""The headings of an activity in the work breakdown structure, and its name as planners write it.

Four headings: site works; halls; systems by block; commissioning and power. Below them halls, blocks, factories and
power units in their order, below a block its systems, below those the activities.
"""

from __future__ import annotations

import re
from functools import cache

from sim.config.project import Project
from sim.plan.layout import place_kind, place_number
from sim.plan.mechanisms.commissioning import ONLINE
from sim.plan.vocabulary import NoteInfo, UnitInfo

SITE, HALLS, SYSTEMS, POWER = "Site works", "Halls", "Systems", "Commissioning and power"
_ORDER_OF_HEADINGS = {SITE: 0, HALLS: 1, SYSTEMS: 2, POWER: 3}


class TaskNames:
    """TaskNames and headings of one project's activities."""

    def __init__(self, project: Project) -> None:
        self.systems = tuple(project.by_system)
        self.phases = project.scale.phases
        self.power_phases = 1 if project.energization.shared else self.phases
        self.alone = project.turnover_blocks == 1
        self.risks = {driver.id: driver.name for driver, _ in project.risks.active()}
        last = [step.id for step in project.shell.steps]
        self.dry_in = "dry_in" if "dry_in" in last else (last[-1] if last else "")

    def group(self, info: UnitInfo) -> tuple[str, ...]:
        """Return the headings above the activities of a unit, the outermost first."""
        if info.kind == "skid":
            return (SYSTEMS, "Factory and transport", _words(info.part), self._place_and_system(info))
        if info.kind == "generating_unit":
            return (POWER, "Power", *self._phase(info), self._place_and_system(info))
        kind, place = place_kind(info.place), _place_words(info.place)
        if not kind:
            return (SITE, "Risks" if info.kind == "outage" else _words(info.part or info.kind))
        if kind in {"hall", "turnover"} or info.kind == "commissioning":
            return (HALLS, place) if kind == "hall" else (POWER, "Commissioning", place)
        if kind == "block":
            return (SYSTEMS, "Blocks", place, *([_words(info.part)] if info.part in self.systems else []))
        return (POWER, "Power", *self._phase(info)) if info.kind == "grid_feed" else (SITE, *self._phase(info))

    def _phase(self, info: UnitInfo) -> tuple[str, ...]:
        """Return the phase, where there are several."""
        return (_place_words(info.place),) if self.phases > 1 else ()

    def _of_phase(self, info: UnitInfo) -> str:
        """Return the phase behind a name that every phase has; empty where there is one, or one plant for all."""
        phases = self.power_phases if info.kind == "generating_unit" else self.phases
        return f", phase {place_number(info.place)}" if phases > 1 else ""

    def task(self, unit: str, info: UnitInfo, activity: str) -> tuple[str, str]:
        """Return (place, activity) of a task as a planner reads them."""
        if info.kind == "outage":
            resource = (
                unit.removeprefix(f"risk.{info.part}.").replace("crew.", "crew of ").replace(".", " ").replace("_", " ")
            )
            return f"Risk: {self.risks.get(info.part, info.part)}", f"{resource} away"
        return self._place_and_system(info) or _words(unit), self._short_activity(activity)

    def _place_and_system(self, info: UnitInfo) -> str:
        """Return a unit's place in words, with its system; empty where it has none."""
        if info.kind == "skid":
            return f"{_words(info.part)} skid {info.number}"
        if info.kind == "generating_unit":
            return f"Power unit {info.number}{self._of_phase(info)}"
        if not info.place:
            return ""
        place = "Site" if place_kind(info.place) == "phase" and self.phases == 1 else _place_words(info.place)
        return f"{place} {info.part}" if info.part in self.systems else place

    def _short_activity(self, activity: str) -> str:
        """Return an activity without the network or the system that its place already says."""
        network, dot, step_name = activity.partition(".")
        if dot and (network in ("site_works", "shell", "pad", "generation") or network in self.systems):
            activity = step_name
        else:
            shortened = activity.removeprefix(
                next((f"{name} " for name in self.systems if activity.startswith(name)), "")
            )
            activity = shortened or activity
        return _words(activity)

    def milestone(self, info: UnitInfo, note: NoteInfo) -> str:
        """Return the name of the milestone that a note of a unit stands for; empty if it is none."""
        number = place_number(note.place if note.kind == ONLINE else info.place)  # a turnover hands over several blocks
        if note.kind == ONLINE:
            return f"Block {number} handed over" if self.alone else f"Block {number} online"
        if note.kind == "started" and note.part == "site_works":
            return f"Permits granted{self._of_phase(info)}"
        if note.kind == "installed" and info.part == "shell" and info.step == self.dry_in:
            return f"Hall {number} dry-in"
        if note.kind == "installed" and info.kind == "generating_unit":
            return f"Power unit {info.number} energised{self._of_phase(info)}"
        return ""


def _place_words(place: str) -> str:
    """Return a place as a heading: Block 17."""
    return f"{place_kind(place).capitalize()} {place_number(place)}"


def _words(name: str) -> str:
    """Return a name with blanks and a capital: rack_in becomes Rack in, electrical@north Electrical (north)."""
    first, at, plant = name.partition("@")
    text = first.replace("_", " ").replace(".", ": ").strip()
    return f"{text[:1].upper()}{text[1:]}{f' ({plant})' if at else ''}"


_DIGITS = re.compile(r"s(?= \d+ to \d+)| to \d+|\d+")
"""What tells headings of one kind apart: `Blocks 1 to 3` stands in the same order as `Block 4`."""


@cache
def heading_sort_key(group: tuple[str, ...]) -> tuple[tuple[int, str, int], ...]:
    """Return the sort key of a heading, name by name: known ones in the order of construction, others by words and number."""
    # a natural sort of what people read: nothing but the order hangs on these digits
    return tuple(
        (
            _ORDER_OF_HEADINGS.get(name, 9),
            _DIGITS.sub("", name),
            int(digits[0]) if (digits := re.search(r"\d+", name)) else 0,
        )
        for name in group
    )
