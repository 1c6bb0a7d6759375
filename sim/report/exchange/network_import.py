"""A planner's network on its way into a configuration: activities, what they follow, and the YAML they become.

Our step networks are finish-to-start; what they cannot say is refused by name instead of bent.

XML from strangers: read without document types, entities, or more than a stated size and depth.

A document type is where entities are declared, and entities are what XML bombs and stolen files are made of; no
schedule needs one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from json import dumps
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from sim.config.load import checked
from sim.config.sections.systems import Network
from sim.errors import SimError

# --- network ----------------------------------------------------------------------------------------------------------


NETWORKS = ("site_works", "shell", "pad")
MOST_ACTIVITIES = 20_000
DAYS_OF_A_WEEK = 7
_LISTED = 10


class WrongFile(SimError):
    """A planner's file that cannot be read, or that says something a step network cannot."""

    exit_code = 2


@dataclass(frozen=True)
class Link:
    """What an activity follows, and how many calendar days later."""

    before: str
    lag_days: float = 0.0


@dataclass(frozen=True)
class Activity:
    """One activity: its key in the file, name, length in working days, links, and what could not be taken over."""

    key: str
    name: str
    days: float
    after: tuple[Link, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Working:
    """How much a calendar works: minutes of a working day, working days of a week."""

    day_minutes: float
    days_a_week: float

    def days_of(self, minutes: float, own: Working) -> float:
        """Minutes on a calendar of its `own` as working days of this one, taking as long by the clock."""
        return minutes / own.day_minutes * self.days_a_week / own.days_a_week

    def calendar_days(self, minutes: float) -> float:
        """Working minutes of a lag as days of the calendar."""
        return round(minutes / self.day_minutes * DAYS_OF_A_WEEK / self.days_a_week, 2)


ROUND_THE_CLOCK = Working(1440, DAYS_OF_A_WEEK)


def fragment(activities: Sequence[Activity], file: str, network: str) -> str:
    """Write activities as one network of a configuration; WrongFile if it says what a network cannot."""
    if not activities:
        raise WrongFile(f"{file}: there is no activity in it")
    if len(activities) > MOST_ACTIVITIES:
        raise WrongFile(f"{file}: {len(activities):,} activities; at most {MOST_ACTIVITIES:,} are read")
    refuse(file, "follow what is not in the file", _lost(activities))
    refuse(file, "follow several activities with different lags", [a.name for a in activities if _lags(a) > 1])
    ids = identifiers(activities)
    steps = [_step(activity, ids, file) for activity in activities]
    checked(Network, {"steps": steps})
    lines = [
        f"# {len(steps)} steps from {_one_line(file)}. Durations are most likely values: give them ranges.",
        f"{network}:",
    ]
    lines += ["  steps:", *(f"    - {_flow(step)}" for step in steps)]
    return "\n".join(lines) + "\n"


def refuse(file: str, what: str, names: Sequence[str]) -> None:
    """Refuse a file for what some of its activities do, naming the first of them."""
    if names:
        more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
        raise WrongFile(f"{file}: {len(names)} activities {what}: {', '.join(names[:_LISTED])}{more}")


def _lost(activities: Sequence[Activity]) -> list[str]:
    """Activities with a link to nothing."""
    known = {activity.key for activity in activities}
    return [activity.name for activity in activities if any(link.before not in known for link in activity.after)]


def _lags(activity: Activity) -> int:
    """How many different lags an activity has."""
    return len({link.lag_days for link in activity.after})


def identifiers(activities: Iterable[Activity]) -> dict[str, str]:
    """A name for each step that a configuration can use, unlike every other."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for activity in activities:
        plain = re.sub(r"[^a-z0-9]+", "_", activity.name.lower()).strip("_")[:48] or "step"
        name, number = plain, 1
        while name in taken:
            number += 1
            name = f"{plain}_{number}"
        taken.add(name)
        found[activity.key] = name
    return found


def _step(activity: Activity, ids: Mapping[str, str], file: str) -> dict[str, object]:
    """One step of the network."""
    step: dict[str, object] = {"id": ids[activity.key], "days": round(activity.days, 3)}
    if activity.after:
        step["after"] = [ids[link.before] for link in activity.after]
        if lag := activity.after[0].lag_days:
            step["lag_days"] = lag
    step["source"] = f"{_one_line(file)}: {_one_line(activity.name)}"
    if activity.note:
        step["note"] = _one_line(activity.note)
    return step


def _flow(step: Mapping[str, object]) -> str:
    """A step on one line of YAML."""
    return "{" + ", ".join(f"{key}: {dumps(value, ensure_ascii=False)}" for key, value in step.items()) + "}"


def _one_line(text: str) -> str:
    """A text without breaks and without characters nobody can see."""
    return "".join(character if character.isprintable() else " " for character in text)[:200]


# --- xml reading ------------------------------------------------------------------------------------------------------


MOST_BYTES = 64_000_000
DEEPEST = 40
MOST_ELEMENTS = 3_000_000


def read_xml(data: bytes, file: str) -> Element:
    """Read a document as a tree whose tags have no namespace; WrongFile if it is not one we read."""
    if len(data) > MOST_BYTES:
        raise WrongFile(f"{file}: {len(data):,} bytes; at most {MOST_BYTES:,} are read")
    builder = _Builder(file)
    parser = expat.ParserCreate(namespace_separator="}")
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.tree.data
    parser.StartDoctypeDeclHandler = builder.refuse_doctype
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise WrongFile(f"{file}:{error.lineno}: not XML: {expat.ErrorString(error.code)}") from error
    return builder.tree.close()


class _Builder:
    """Builds the tree and counts."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.tree = TreeBuilder()
        self.depth = self.elements = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Begin an element."""
        self.depth += 1
        self.elements += 1
        if self.depth > DEEPEST or self.elements > MOST_ELEMENTS:
            raise WrongFile(f"{self.file}: nested too deeply or too long to be a schedule")
        self.tree.start(tag.rpartition("}")[2], attributes)

    def end(self, tag: str) -> None:
        """End an element."""
        self.depth -= 1
        self.tree.end(tag.rpartition("}")[2])

    def refuse_doctype(self, name: str, *_: object) -> None:
        """Refuse a document type."""
        raise WrongFile(f"{self.file}: has a document type ({name}); schedules have none, and entities are not read")
