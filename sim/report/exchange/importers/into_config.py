"""A planner's network as part of a whole configuration: another one's text with its steps in place of what was there.

Other parts of a project wait for steps of a network by name: the shell for grading, commissioning for the cooling
plant. Each of these names becomes a milestone after the activity that the user says provides it.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from json import dumps
from pathlib import Path

from sim import files
from sim.config.cross_checks import networks
from sim.config.project import Project
from sim.config.shipped import is_name, shipped
from sim.config.source_positions import did_you_mean
from sim.errors import ConfigError, Problem
from sim.report.exchange.importers.network_import import (
    RESOURCES,
    Activity,
    PlannerNetwork,
    fragment,
    identifiers,
    listed,
)
from sim.report.exchange.importers.planner_calendars import NAMES, PlannerCalendar
from sim.report.exchange.importers.source_text import WrongFile

MOST_BYTES = 4_000_000
MOST_CREWS = 1_000
UNMAPPED = "resources that the mapping has no trade for, not taken over; of"


# --- resources as trades ----------------------------------------------------------------------------------------------


def read_trades(path: Path, trades: Collection[str]) -> dict[str, tuple[str, float]]:
    """Read which trade a planner's resource is: columns resource, trade, crews (of one unit; 1 if left out).

    ConfigError with line and what is allowed for a trade that the configuration does not have.
    """
    rows = csv.DictReader(files.read(path, MOST_BYTES).decode("utf-8-sig").splitlines())
    if missing := {"resource", "trade"} - set(rows.fieldnames or ()):
        message = f"{listed(sorted(missing))} missing: columns resource, trade and perhaps crews are expected"
        raise ConfigError([Problem(str(path), 1, 1, "", "", message)])
    found: dict[str, tuple[str, float]] = {}
    problems: list[Problem] = []
    for line, row in enumerate(rows, 2):
        resource, trade, crews = ((row.get(name) or "").strip() for name in ("resource", "trade", "crews"))
        if trade not in trades:
            hint = did_you_mean(trade, trades)
            problems.append(Problem(str(path), line, 1, "trade", trade, "a trade of labour.trades", hint))
        if crews and not re.fullmatch(r"\d{1,4}(\.\d{1,6})?", crews):
            problems.append(
                Problem(str(path), line, 1, "crews", crews, "a number of crews for one unit of the resource")
            )
        else:
            found[resource.casefold()] = trade, float(crews or 1)
    if problems:
        raise ConfigError(problems)
    return found


def with_trades(network: PlannerNetwork, trades: Mapping[str, tuple[str, float]]) -> PlannerNetwork:
    """Return a network whose activities take crews for the resources that the mapping names; the others are listed."""
    network.remarks.kinds.pop(RESOURCES, None)
    return replace(network, activities=tuple(_with_crews(one, trades, network) for one in network.activities))


def _with_crews(activity: Activity, trades: Mapping[str, tuple[str, float]], network: PlannerNetwork) -> Activity:
    """Return an activity with crews; at least one of a trade, however few of the resource there are."""
    crews: dict[str, float] = {}
    for resource, units in activity.resources:
        if resource.casefold() in trades:
            trade, each = trades[resource.casefold()]
            crews[trade] = crews.get(trade, 0.0) + units * each
        else:
            network.remarks.add(UNMAPPED, f"{activity.id} ({resource})")
    # an activity without length is a milestone: nobody works at it
    whole = {trade: min(MOST_CREWS, max(1, round(count))) for trade, count in crews.items()} if activity.days else {}
    return replace(activity, crews=tuple(whole.items()))


# --- the planner's week -----------------------------------------------------------------------------------------------


def week_text(calendar: PlannerCalendar) -> str:
    """Return the site's week as the planner has it: days, shifts and breaks of its first working day."""
    days = [NAMES[day].lower() for day, hours in enumerate(calendar.week.days) if hours]
    hours = next(hours for hours in calendar.week.days if hours)
    breaks = ", ".join(_span(before[1], after[0]) for before, after in pairwise(hours))
    shift = _span(hours[0][0], hours[-1][1])
    site = f"{{days: [{', '.join(days)}], shifts: [{shift}], breaks: [{breaks}], holidays: null}}"
    return (
        f"calendars:\n  site: {site} # {calendar.describe()}\nlabour: {{pattern: null}} # the week is calendars.site\n"
    )


def _span(begin: int, end: int) -> str:
    """Return two minutes of a day as a span of clock times."""
    start, stop = (f"{minute // 60 % 24:02d}:{minute % 60:02d}" for minute in (begin, end))
    return f'{{start: "{start}", end: "{stop}"}}'


# --- a whole configuration --------------------------------------------------------------------------------------------


def awaited(project: Project, network: str) -> list[str]:
    """Return the steps of a network that other parts of a project wait for, in order, without the network's name."""
    found = dict.fromkeys(
        name.partition(".")[2] for name in _references(project, network) if name.startswith(f"{network}.")
    )
    return list(found)


def _references(project: Project, network: str) -> Iterator[str]:
    """Yield every name that something outside a network comes after."""
    for path, steps, _ in networks(project):
        if path[0] != network:
            yield from (link.id for step in steps for link in step.after)
    for system in project.by_system.values():
        yield from system.after
    yield from project.commissioning.after
    yield from project.energization.after
    for feed in project.energization.grid:
        yield from feed.after


def provided(network: PlannerNetwork, names: Iterable[str], given: Mapping[str, str]) -> list[dict[str, object]]:
    """Return a milestone for each awaited name, after the activity that provides it; WrongFile where none is named.

    `given` has activity ids by name. An activity that becomes a step of that name provides it by itself.
    """
    ids = identifiers(network.activities)
    own = set(ids.values())
    by_code = {activity.id: ids[activity.key] for activity in network.activities}
    names = list(names)
    if unknown := [name for name in given if name not in names]:
        told = f"the configuration waits for {', '.join(names) or 'nothing'}"
        raise WrongFile(f"{network.file}: --provides {listed(unknown)}: not waited for; {told}")
    if missing := [name for name in names if name not in given and name not in own]:
        shown = " ".join(f"--provides {name}=ACTIVITY" for name in missing)
        raise WrongFile(
            f"{network.file}: the configuration waits for {', '.join(missing)}; say which activities: {shown}"
        )
    steps: list[dict[str, object]] = []
    for name, activity in given.items():
        if activity not in by_code:
            raise WrongFile(f"{network.file}: --provides {name}={activity}: there is no activity {activity}")
        if name in own:
            raise WrongFile(
                f"{network.file}: --provides {name}: an activity of the file becomes the step {name} already"
            )
        steps.append({"id": name, "days": 0, "after": [by_code[activity]], "note": "what other parts wait for"})
    return steps


def config_text(
    network: PlannerNetwork, name: str, like: Path, target: Path, steps: list[dict[str, object]], *, week: bool = False
) -> str:
    """Return the text of a configuration like another one, with a network of the planner's steps.

    `steps` are added to them; `extends` is said from where `target` lies. With `week` the site works the planner's
    week, so that a step of 55 working days takes 55 of them; WrongFile where `like` states a week of its own.
    """
    text = files.read(like, MOST_BYTES).decode("utf-8-sig")
    blocks = _top_level(text)
    if week and (own := [key for key, _ in blocks if key in ("calendars", "labour")]):
        raise WrongFile(f"{like}: --week: it states {listed(own)} itself; leave them out, or leave out --week")
    body = "".join(block for key, block in blocks if key not in (name, "name", "label"))
    if found := re.search(r"^extends:\s*(\S+)", body, re.MULTILINE):
        base = _base_from(found[1], like, target)
        body = body.replace(found[0], f"extends: {base}", 1)
    title = (
        f"name: {dumps(target.stem)}\nlabel: {dumps(f'{target.stem}: {name} of {network.file}', ensure_ascii=False)}\n"
    )
    own_week = f"\n\n{week_text(network.week)}" if week else ""
    return f"{title}{body.rstrip()}{own_week}\n\n{fragment(network, name, steps)}"


def _base_from(base: str, like: Path, target: Path) -> str:
    """Return what `extends` says in `target` where it says `base` in `like`; a shipped project goes by its name."""
    if is_name(base) or Path(base).is_absolute():
        return base
    name = Path(base).stem
    return name if shipped(name) == like.parent / base else os.path.relpath(like.parent / base, target.parent)


def _top_level(text: str) -> list[tuple[str, str]]:
    """The blocks of a YAML file by their key at the margin; what stands before the first has none."""
    parts = re.split(r"^(?=[A-Za-z_]\w*:)", text, flags=re.MULTILINE)
    return [(part.partition(":")[0] if re.match(r"[A-Za-z_]\w*:", part) else "", part) for part in parts if part]
