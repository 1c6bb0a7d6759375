"""A planner's network as YAML: steps of a configuration, with crews and calendars, alone or in place of another's.

Other parts of a project wait for steps of a network by name: the shell for grading, commissioning for the cooling
plant. Each of these names becomes a milestone after the activity that the user says provides it.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from json import dumps
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from sim import files
from sim.config.cross_checks import networks
from sim.config.load import checked
from sim.config.project import Project
from sim.config.sections.systems import Network
from sim.config.shipped import is_name, shipped
from sim.errors import ConfigError, Problem, did_you_mean
from sim.jit import gc_paused
from sim.report.exchange.importers.network_import import (
    RESOURCES,
    Activity,
    Link,
    PlannerNetwork,
    identifiers,
    listed,
)
from sim.report.exchange.importers.planner_calendars import (
    DAYS_PER_WEEK,
    PlannerCalendar,
    calendar_names,
    calendars_text,
    week_text,
)
from sim.report.exchange.importers.source_text import WrongFile

MAX_BYTES = 4_000_000
MAX_CREWS = 1_000
MAX_ACTIVITIES = 20_000
UNMAPPED = "resources that the mapping has no trade for, not taken over; of"


# --- resources as trades ----------------------------------------------------------------------------------------------


def read_trades(path: Path, trades: Collection[str]) -> dict[str, tuple[str, float]]:
    """Read the trade and the crews of one unit of each resource, from columns resource, trade, crews (1 if left out).

    ConfigError with line and what is allowed for a trade that the configuration does not have.
    """
    names, rows = _trade_rows(path)
    if missing := {"resource", "trade"} - set(names):
        message = f"{listed(sorted(missing))} missing: columns resource, trade and perhaps crews are expected"
        raise ConfigError([Problem(str(path), 1, 1, "", "", message)])
    trade_of: dict[str, tuple[str, float]] = {}
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
            trade_of[resource.casefold()] = trade, float(crews or 1)
    if problems:
        raise ConfigError(problems)
    return trade_of


def _trade_rows(path: Path) -> tuple[Sequence[str], list[dict[str, str]]]:
    """Return the header and the rows of a CSV; ConfigError where it is no text or no table."""
    try:
        rows = csv.DictReader(files.read(path, MAX_BYTES).decode("utf-8-sig").splitlines())
        return rows.fieldnames or (), list(rows)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(
            [Problem(str(path), 1, 1, "", "", f"a table in UTF-8, with commas, expected ({error})")]
        ) from error


def with_trades(network: PlannerNetwork, trades: Mapping[str, tuple[str, float]]) -> PlannerNetwork:
    """Return a network whose activities take crews for the resources that the mapping names; the others are listed."""
    network.remarks.kinds.pop(RESOURCES, None)
    return replace(network, activities=tuple(_with_crews(one, trades, network) for one in network.activities))


def _with_crews(activity: Activity, trades: Mapping[str, tuple[str, float]], network: PlannerNetwork) -> Activity:
    """Return an activity with crews instead of resources; at least one of a trade, however few units it needs."""
    crews: dict[str, float] = {}
    for resource, units in activity.resources:
        if resource.casefold() in trades:
            trade, crews_of_unit = trades[resource.casefold()]
            crews[trade] = crews.get(trade, 0.0) + units * crews_of_unit
        else:
            network.remarks.add(UNMAPPED, f"{activity.id} ({resource})")
    # an activity without length is a milestone: nobody works at it
    counts = {trade: min(MAX_CREWS, max(1, round(count))) for trade, count in crews.items()} if activity.days else {}
    return replace(activity, crews=tuple(counts.items()))


# --- the planner's calendars -----------------------------------------------------------------------------------------------


def calendars_of(network: PlannerNetwork) -> dict[PlannerCalendar, str]:
    """Return the calendars by which activities of a network work and lags count, with a name for each."""
    works = [activity.calendar for activity in network.activities if activity.days]
    links = (link for activity in network.activities for link in activity.after)
    return calendar_names([*works, *(link.calendar for link in links if link.calendar and link.lag_days > 0)])


# --- YAML -------------------------------------------------------------------------------------------------------------


Names = Mapping[PlannerCalendar, str]


Fields = Mapping[str, object]


class Place(NamedTuple):
    """Where in a configuration activities go: a network, its keys besides `steps`, and the steps of it that are kept.

    Activities that follow nothing follow the step `after`, if there is one; `waits` are sections of the configuration
    with all that they come after.
    """

    network: str
    other_keys: Fields = MappingProxyType({})
    kept_steps: Sequence[Fields] = ()
    after: str = ""
    waits: Mapping[str, Sequence[str]] = MappingProxyType({})


def fragment(
    network: PlannerNetwork, target: Place | str, extra: Sequence[Fields] = (), calendars: Names | None = None
) -> str:
    """Write a network as one of a configuration, `more` steps after its own; WrongFile if it says what it cannot.

    With `calendars` each step works by its planner's calendar, under that name; without, all lengths are days of the
    week in which most of them are stated.
    """
    file, activities = network.file, network.activities
    target = Place(target) if isinstance(target, str) else target
    if not activities:
        raise WrongFile(f"{file}: there is no activity in it")
    if len(activities) > MAX_ACTIVITIES:
        raise WrongFile(f"{file}: {len(activities):,} activities; at most {MAX_ACTIVITIES:,} are read")
    ids = identifiers(activities, (str(step["id"]) for step in target.kept_steps))
    weeks = {activity.key: activity.calendar for activity in activities}
    new_steps = [_step(activity, ids, network, calendars, weeks) for activity in activities]
    default: dict[str, object] = {"after": [target.after]} if target.after else {}
    steps = [*map(dict, target.kept_steps), *(default | step for step in new_steps), *map(dict, extra)]
    try:
        with gc_paused():
            checked(Network, {"steps": steps})
    except ConfigError as error:
        raise WrongFile(f"{file}: {_of_activity(error, ids, activities)}") from error
    comments = [f"{len(activities)} steps from {_one_line(file)}. Durations are most likely values: give them ranges."]
    comments += [_one_line(line) for line in network.describe(exact=calendars is not None)]
    return (
        "\n".join(
            [
                *(f"# {line}" for line in comments),
                f"{target.network}:",
                *(f"  {key}: {dumps(value)}" for key, value in target.other_keys.items()),
                "  steps:",
                *(f"    - {_flow(step)}" for step in steps),
            ]
        )
        + "\n"
    )


def _of_activity(error: ConfigError, ids: Mapping[str, str], activities: Sequence[Activity]) -> str:
    """Return what is wrong with the first activity that cannot be a step."""
    problem = error.problems[0]
    by_step = {ids[activity.key]: activity.id for activity in activities}
    step, _, key = problem.path.removeprefix("steps.").partition(".")
    return f"activity {by_step.get(step, step)}: {key} {problem.value} is more than a step can have: {problem.message}"


def _step(
    activity: Activity, ids: Mapping[str, str], network: PlannerNetwork, calendars: Names | None,
    weeks: Mapping[str, PlannerCalendar],
) -> dict[str, object]:  # fmt: skip
    """Return an activity as a step of a configuration's network."""
    days = network.in_week(activity) if calendars is None else activity.days
    step: dict[str, object] = {"id": ids[activity.key], "days": _plain_number(days)}
    if calendars is not None and activity.days:
        step["calendar"] = calendars[activity.calendar]
    if activity.crews:
        step["crews"] = dict(activity.crews)
    if activity.after:
        # a lead is counted in days of the predecessor's own calendar where that comes along
        step["after"] = [
            _link(link, ids, network.week if calendars is None else weeks[link.before], calendars)
            for link in activity.after
        ]
    step["source"] = f"{_one_line(network.file)}: {_one_line(f'{activity.code} {activity.name}'.strip())}"
    notes = [activity.note]
    if activity.days and activity.calendar != network.week and calendars is None:
        notes.append(f"{_plain_number(activity.days):g} days of {activity.calendar.name}")
    if activity.group:
        notes.append(f"in {' / '.join(activity.group)}")
    if note := "; ".join(note for note in notes if note):
        step["note"] = _one_line(note)
    return step


def _link(link: Link, ids: Mapping[str, str], week: PlannerCalendar, calendars: Names | None) -> object:
    """Return a link as in a configuration: a lag in calendar days or days of its calendar, a lead in working days."""
    fields: dict[str, object] = {"id": ids[link.before]}
    if link.type != "FS":
        fields["type"] = link.type
    if link.lag_days > 0 and link.calendar is not None and calendars is not None:
        fields["lag_days"] = _plain_number(link.lag_days * link.calendar.days_per_week / DAYS_PER_WEEK)
        fields["lag_calendar"] = calendars[link.calendar]
    elif link.lag_days > 0:
        fields["lag_days"] = _plain_number(link.lag_days)
    elif link.lag_days < 0:
        fields["lead_days"] = _plain_number(-link.lag_days * week.days_per_week / DAYS_PER_WEEK)
    return fields if len(fields) > 1 else ids[link.before]


def _plain_number(value: float) -> float:
    """Return a number with three decimals, whole where it is."""
    rounded = round(value, 3)
    return int(rounded) if rounded == int(rounded) else rounded


def _flow(step: Mapping[str, object]) -> str:
    """Return a step on one line of YAML."""
    return "{" + ", ".join(f"{key}: {dumps(value, ensure_ascii=False)}" for key, value in step.items()) + "}"


def _one_line(text: str) -> str:
    """Return a text without breaks and without characters nobody can see."""
    if not text.isprintable():
        text = "".join(character if character.isprintable() else " " for character in text)
    return text[:200]


# --- a whole configuration --------------------------------------------------------------------------------------------


def awaited(project: Project, network: str) -> list[str]:
    """Return the steps of a network that other parts of a project wait for, in order, without the network's name."""
    step_names = dict.fromkeys(
        name.partition(".")[2] for name in _references(project, network) if name.startswith(f"{network}.")
    )
    return list(step_names)


def _references(project: Project, network: str) -> Iterator[str]:
    """Yield every step name that something outside a network comes after."""
    for path, steps, _ in networks(project):
        if path[0] != network:
            yield from (link.id for step in steps for link in step.after)
    for system in project.by_system.values():
        yield from system.after
    yield from project.commissioning.after
    yield from project.energization.after
    for feed in project.energization.grid:
        yield from feed.after


FIT_OUT = "fit_out"
_DRY = "dry_in"


def place_of(project: Project, part: str) -> Place:
    """Return where in a configuration like `project` the activities of a planner's file go; ConfigError if nowhere.

    A fit-out comes into the shell of a hall, behind its dry-in, and commissioning of its blocks waits for it.
    """
    area = project.shell.crews_for_sqft
    fields = {"crews_for_sqft": area.value} if area is not None and part in ("shell", FIT_OUT) else {}
    if part != FIT_OUT:
        return Place(part, fields)
    if _DRY not in (step.id for step in project.shell.steps):
        raise WrongFile(f"{project.name}: a fit-out follows shell.{_DRY}, and there is no such step")
    kept_steps = [step.model_dump(mode="json", exclude_none=True, exclude_unset=True) for step in project.shell.steps]
    waits = {"commissioning": [*project.commissioning.after, f"shell.{FIT_OUT}"]}
    return Place("shell", fields, kept_steps, _DRY, waits)


def milestones(network: PlannerNetwork, project: Project, part: str, providers: Mapping[str, str]) -> list[Fields]:
    """Return the milestones that other parts wait for, after the activities that provide them; WrongFile if none is named."""
    if part != FIT_OUT:
        return list(provided(network, awaited(project, part), providers))
    if providers:
        return list(provided(network, [FIT_OUT], providers))
    ids = identifiers(network.activities, (str(step["id"]) for step in place_of(project, part).kept_steps))
    predecessors = {link.before for activity in network.activities for link in activity.after}
    last_steps = [ids[activity.key] for activity in network.activities if activity.key not in predecessors]
    return [{"id": FIT_OUT, "days": 0, "after": last_steps, "note": "what commissioning waits for"}]


def provided(network: PlannerNetwork, names: Iterable[str], providers: Mapping[str, str]) -> list[dict[str, object]]:
    """Return a milestone for each awaited name, after the activity that provides it; WrongFile where none is named.

    `providers` has activity ids by name. An activity that becomes a step of that name provides it by itself.
    """
    ids = identifiers(network.activities)
    step_ids = set(ids.values())
    by_code = {activity.id: ids[activity.key] for activity in network.activities}
    names = list(names)
    if unknown := [name for name in providers if name not in names]:
        awaited_text = f"the configuration waits for {', '.join(names) or 'nothing'}"
        raise WrongFile(f"{network.file}: --provides {listed(unknown)}: not waited for; {awaited_text}")
    if missing := [name for name in names if name not in providers and name not in step_ids]:
        options = " ".join(f"--provides {name}=ACTIVITY" for name in missing)
        raise WrongFile(
            f"{network.file}: the configuration waits for {', '.join(missing)}; say which activities: {options}"
        )
    steps: list[dict[str, object]] = []
    for name, activity in providers.items():
        if activity not in by_code:
            raise WrongFile(f"{network.file}: --provides {name}={activity}: there is no activity {activity}")
        if name in step_ids:
            raise WrongFile(
                f"{network.file}: --provides {name}: an activity of the file becomes the step {name} already"
            )
        steps.append({"id": name, "days": 0, "after": [by_code[activity]], "note": "what other parts wait for"})
    return steps


def config_text(
    network: PlannerNetwork,
    place: Place,
    like: Path,
    target: Path,
    steps: Sequence[Fields],
    *,
    week: bool = False,
    calendars: bool = False,
) -> str:
    """Return the text of a configuration that is like another one (`like`), with a network of the planner's steps.

    `steps` are added to them; `extends` is said from where `target` lies. With `week` the site works the planner's
    week, so that a step of 55 working days takes 55 of them; with `calendars` every step works by its planner's own,
    dates off included. WrongFile where `like` states a week of its own.
    """
    text = files.read(like, MAX_BYTES).decode("utf-8-sig")
    blocks = _top_level(text)
    for is_set, option, keys in ((week, "--week", ("calendars", "labour")), (calendars, "--calendars", ("calendars",))):
        if is_set and (stated_keys := [key for key, _ in blocks if key in keys]):
            message = f"it states {listed(stated_keys)} itself; leave them out, or leave out {option}"
            raise WrongFile(f"{like}: {option}: {message}")
    body = "".join(block for key, block in _waiting(blocks, place, like) if key not in (place.network, "name", "label"))
    if extends := re.search(r"^extends:\s*(\S+)", body, re.MULTILINE):
        base = _base_from(extends[1], like, target)
        body = body.replace(extends[0], f"extends: {base}", 1)
    label = dumps(f"{target.stem}: {place.network} of {network.file}", ensure_ascii=False)
    names = calendars_of(network) if calendars else None
    calendar_text = week_text(network.week) if week else calendars_text(names) if names is not None else ""
    parts = [body.rstrip(), *([calendar_text] if calendar_text else []), fragment(network, place, steps, names)]
    return f"name: {dumps(target.stem)}\nlabel: {label}\n" + "\n\n".join(parts)


def _waiting(blocks: list[tuple[str, str]], place: Place, like: Path) -> Iterator[tuple[str, str]]:
    """Yield the sections of a configuration with `after` added to those that wait; sections it lacks come at the end."""
    for key, block in blocks:
        after_line = f"  after: [{', '.join(place.waits.get(key, ()))}]\n"
        first_line, _, other_lines = block.partition("\n")
        if key not in place.waits:
            yield key, block
        elif re.search(r"^\s+after:", other_lines, re.MULTILINE) or not re.fullmatch(rf"{key}:\s*(#.*)?", first_line):
            raise WrongFile(f"{like}: {key}: give it lines of its own and leave `after` out; it is written here")
        else:
            yield key, f"{first_line}\n{after_line}{other_lines}"
    for key, names in place.waits.items():
        if key not in dict(blocks):
            yield key, f"\n{key}:\n  after: [{', '.join(names)}]\n"


def _base_from(base: str, like: Path, target: Path) -> str:
    """Return what `extends` says in `target` where it says `base` in `like`; a shipped project goes by its name."""
    if is_name(base) or Path(base).is_absolute():
        return base
    name = Path(base).stem
    return name if shipped(name) == like.parent / base else os.path.relpath(like.parent / base, target.parent)


def _top_level(text: str) -> list[tuple[str, str]]:
    """Return the blocks of a YAML file by their key at the margin; what stands before the first has none."""
    parts = re.split(r"^(?=[A-Za-z_]\w*:)", text, flags=re.MULTILINE)
    return [(part.partition(":")[0] if re.match(r"[A-Za-z_]\w*:", part) else "", part) for part in parts if part]
