"""The data of the replay of one run: the state of every object over time, from the event log, and its place in the layout.

Times are days after the decision. What is shown at a time depends on that time alone, not on the frame before, so that
playing backwards and forwards shows the same.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.config.sections.display_units import display
from sim.metrics.measure import measure
from sim.plan.compiled_plan import LogColumn
from sim.plan.layout import place_number
from sim.plan.vocabulary import CREW_KINDS, DELAY_CAUSES
from sim.report.representative_run import (
    MINUTES,
    SKID_STATES,
    headcount_by_trade,
    online_days,
    stages,
    wait_bars,
    work_bars,
)
from sim.report.result_view import ResultView, Values
from sim.study.case import Case
from sim.study.result import Result, prepare_stored

if TYPE_CHECKING:
    import pandas as pd

STATES = ("ordered", *SKID_STATES)
SYSTEMS = ("electrical", "mechanical", "compute")
RESOURCE_KINDS = CREW_KINDS | {"outage", "camp_stage", "line", "firm_power"}
"""Kinds of units that are resources or supply them: their own waits are not delays of the work."""
SHORTEST_WAIT = 0.5
"""Days: shorter waits are left out."""
Row = list[Any]


SKY = {"site.crane": "crane", "site.exterior": "outside work", "site.earthwork": "earthwork"}
"""Calendars that weather closes, and the work that stops then."""


@dataclass(frozen=True)
class RunDetails:
    """What is not in the log of a run: its weather, as the share of the working day lost, and its own idle capital."""

    sky: Mapping[str, Values]
    idle_musd: Values

    def sky_document(self) -> dict[str, str]:
        """Return a digit a day of what each kind of weather stops, from 0 (nothing) to 9 (all of the day)."""
        return {SKY[name]: "".join(f"{9 * share:.0f}" for share in lost) for name, lost in self.sky.items()}

    @classmethod
    def of(cls, result: Result) -> RunDetails | None:
        """Simulate the representative run of a stored result again; None for a result whose run is not known."""
        if "representative" not in result.manifest:
            return None
        case = prepare_stored(result)
        (replication,) = case.replications(int(result.manifest["seed"]), int(result.manifest["representative"]), 1)
        curves = measure(case.metric_context, case.record(replication))[1]
        idle = (curves["capital_deployed_usd"] - curves["capital_in_service_usd"]) / 1e6
        days = min(case.days, int(replication.outcome.log[:, LogColumn.MINUTE].max()) // MINUTES + 6)
        return cls({name: _lost_share(case, replication.calendars, name, days) for name in SKY}, idle)


def _lost_share(case: Case, calendars: Any, name: str, days: int) -> Values:
    """Return the share of each day's working minutes that a calendar lost in this run."""
    position = case.plan.calendars.index(name)
    midnights = [MINUTES * day for day in range(days + 1)]
    planned_minutes, actual_minutes = (
        np.diff([calendar.worked(midnight) for midnight in midnights])
        for calendar in (case.plan.base_calendars[position], calendars[position])
    )
    share = np.divide(planned_minutes - actual_minutes, planned_minutes, out=np.zeros(days), where=planned_minutes > 0)
    return np.clip(share, 0.0, 1.0)


def scene(view: ResultView, columns: int = 0, details: RunDetails | None = None) -> dict[str, Any]:
    """Return the scene of a result's typical run; `columns` of halls (0: as wide as high).

    `skids`: system, block, and the day of each of STATES, then story; `blocks`, `halls`, `units` (generating), `trades`
    (people by day), `waits`, `cranes`, `curves` and `milestones`.
    """
    events = view.events
    online = online_days(events)
    stages_by_block = _stages_by_block(events)
    blocks = [*range(1, max({*online, *stages_by_block}, default=0) + 1)]
    last_day = max(online.values(), default=1.0)
    if view.info.typical_stalled:  # nothing more is online, and yet work goes on to the end of the log
        last_day = max(last_day, float(events["minute"].max()) / MINUTES)
    causes = [*DELAY_CAUSES]
    blocks_per_hall = view.hall_blocks or max(1, math.ceil(len(blocks) / 10))
    halls = max(1, math.ceil(len(blocks) / blocks_per_hall))
    return {
        "name": view.info.name, "start": view.dates.start.isoformat(), "end": _rounded(last_day + 5),
        "columns": columns or math.ceil(math.sqrt(halls * 1.6)), "each": blocks_per_hall, "has_halls": bool(view.hall_blocks),
        "causes": [DELAY_CAUSES[cause] for cause in causes], "cause_ids": causes, "systems": SYSTEMS, "states": STATES,
        "mw": view.config.get("block", {}).get("mw_gross", {}).get("value", 1.0),
        "cranes_there": int(view.config.get("logistics", {}).get("cranes", 0) or 0), "seed": view.info.seed,
        "run": int(view.manifest.get("representative", 0)),
        "skids": [*_skids(events, causes)], "blocks": [*_blocks(blocks, stages_by_block, online)],
        "halls": [*_halls(events)], "site": [*_network_works(events, "site_works")], "units": [*_power_units(events)],
        "trades": _trades(events), "cranes": [*_crane_holds(events)], "waits": [*_waits(events, causes)],
        "curves": _curves(view, details), "milestones": _milestones(events, online), "places": _places(view),
        "sky": {} if details is None else details.sky_document(),
        "money": f"{display().sign}M",
        "idle_of": "mean of all runs" if details is None else "this run",
    }  # fmt: skip


NEVER = 1e9
"""The day of what does not happen: JSON has no infinity."""


def _rounded(value: float, places: int = 3) -> float:
    return round(float(value), places) if math.isfinite(value) else NEVER


# --- skids ------------------------------------------------------------------------------------------------------------


def _skids(events: pd.DataFrame, causes: list[str]) -> Iterator[Row]:
    """Yield every skid: name, system, block, the day of each state, the start of its drive, and its timeline.

    Finished skids of a system are interchangeable: the block that is set next takes those that were delivered first.
    """
    skid_events = events[events["unit_kind"] == "skid"]
    if not len(skid_events):
        return
    first_day = {state: _first_days(skid_events, state) for state in ("ordered", "started", "delivered")}
    tests = skid_events[(skid_events["kind"] == "work") & skid_events["activity"].str.endswith("factory test")]
    tested = (tests.groupby("unit")["minute"].max() / MINUTES).to_dict()
    drives = skid_events[(skid_events["kind"] == "work") & skid_events["activity"].str.endswith(" drive")]
    drive_start = (drives.groupby("unit")["began"].min() / MINUTES).to_dict()
    stories = _unit_timelines(skid_events, causes)
    online = online_days(events)
    for number, system in enumerate(SYSTEMS):
        skids = sorted(
            (unit for unit in first_day["delivered"] if unit.startswith(f"{system}.")),
            key=first_day["delivered"].__getitem__,
        )
        block_order = _blocks_in_set_order(events, system)
        skids_per_block = len(skids) // max(len(block_order), 1)
        for rank, unit in enumerate(skids):
            block, set_day, complete_day = (
                block_order[min(rank // skids_per_block, len(block_order) - 1)]
                if block_order
                else (0, math.inf, math.inf)
            )
            days = (
                first_day["ordered"].get(unit, 0.0), first_day["started"].get(unit, 0.0), tested.get(unit, 0.0),
                first_day["delivered"][unit],
                set_day, complete_day, online.get(block, math.inf),
            )  # fmt: skip
            yield [
                unit,
                number,
                block,
                [*map(_rounded, days)],
                _rounded(drive_start.get(unit, first_day["delivered"][unit])),
                stories[unit],
            ]


def _first_days(rows: pd.DataFrame, note: str) -> dict[str, float]:
    """Return the day of a note by unit, the last where there are several (a skid that came damaged comes again)."""
    noted = rows[rows["note"] == note]
    return dict(zip(noted["unit"], (noted["minute"] / MINUTES).tolist(), strict=True))


def _blocks_in_set_order(events: pd.DataFrame, system: str) -> list[tuple[int, float, float]]:
    """Return (block, day set, day complete) in the order in which the skids of a system were set."""
    day_of: dict[str, dict[int, float]] = {}
    for note in ("set", "complete"):
        rows = events[(events["note"] == note) & (events["note_part"] == system)]
        day_of[note] = {
            place_number(place): day for place, day in zip(rows["note_place"], rows["minute"] / MINUTES, strict=True)
        }
    blocks_by_day = sorted(day_of["set"], key=day_of["set"].__getitem__)
    return [(block, day_of["set"][block], day_of["complete"].get(block, math.inf)) for block in blocks_by_day]


def _unit_timelines(events: pd.DataFrame, causes: list[str]) -> dict[str, list[Row]]:
    """Return by unit its rows (begin, end, what, cause) in order of time; of work the cause is -1."""
    timelines: dict[str, list[Row]] = {unit: [] for unit in events["unit"].unique()}
    for bar in work_bars(events):
        timelines[bar.unit].append([_rounded(bar.begin, 1), _rounded(bar.end, 1), bar.what, -1])
    for bar in wait_bars(events):
        if bar.end - bar.begin >= SHORTEST_WAIT:
            timelines[bar.unit].append(
                [_rounded(bar.begin, 1), _rounded(bar.end, 1), _readable(bar.what), causes.index(bar.cause)]
            )
    return {unit: sorted(rows) for unit, rows in timelines.items()}


# --- places -----------------------------------------------------------------------------------------------------------


Stages = Mapping[int, Mapping[str, tuple[float, float]]]
"""By block, begin and end of each stage that it came to."""


def _stages_by_block(events: pd.DataFrame) -> Stages:
    """Return begin and end of every stage by block."""
    stages_by_block: dict[int, dict[str, tuple[float, float]]] = {}
    for block, stage, begin, end in stages(events):
        stages_by_block.setdefault(block, {})[stage] = (begin, end)
    return stages_by_block


def _blocks(blocks: Iterable[int], stages_by_block: Stages, online: Mapping[int, float]) -> Iterator[Row]:
    """Yield every block: number, day online, and [begin, end] of each of its stages (empty where it has none)."""
    for block in blocks:
        stages_of_block = stages_by_block.get(block, {})
        intervals = [
            [*map(_rounded, stages_of_block[stage])] if stage in stages_of_block else []
            for stage in (*SYSTEMS, "commissioning")
        ]
        yield [block, _rounded(online.get(block, math.inf)), intervals]


def _network_works(events: pd.DataFrame, part: str) -> Iterator[Row]:
    """Yield the work of a part of the project: what, begin, end."""
    for bar in work_bars(events):
        if bar.part == part and bar.unit_kind == "step":
            yield [bar.what.removeprefix(f"{part}.").replace("_", " "), _rounded(bar.begin), _rounded(bar.end)]


def _halls(events: pd.DataFrame) -> Iterator[Row]:
    """Yield every hall with a shell: its number, and its activities as (name, begin, end)."""
    works_by_hall: dict[int, list[Row]] = {}
    for bar in work_bars(events):
        if bar.part == "shell" and bar.unit_kind in {"step", "link"}:
            activity = bar.what.removeprefix("shell.").replace("_", " ")
            works_by_hall.setdefault(place_number(bar.place), []).append(
                [activity, _rounded(bar.begin), _rounded(bar.end)]
            )
    for hall in sorted(works_by_hall):
        yield [hall, sorted(works_by_hall[hall], key=lambda work: work[1])]


def _power_units(events: pd.DataFrame) -> Iterator[Row]:
    """Yield every generating unit or grid feed: its name, day delivered and day running."""
    rows = events[events["unit_kind"].isin(["generating_unit", "grid_feed"])]
    first_days = {note: _first_days(rows, note) for note in ("delivered", "installed")}
    for unit, day in sorted(first_days["installed"].items(), key=lambda item: item[1]):
        yield [unit, _rounded(first_days["delivered"].get(unit, day)), _rounded(day)]


# --- people, cranes, waits, money -------------------------------------------------------------------------------------


def _trades(events: pd.DataFrame) -> list[Row]:
    """Return people on site by trade, those with most first: name, and a number for every day."""
    people = headcount_by_trade(events, int(events["minute"].max()) // MINUTES + 8)
    largest = sorted(people, key=lambda trade: -float(people[trade].sum()))
    return [[trade.replace("_", " "), people[trade].astype(int).tolist()] for trade in largest]


def _crane_holds(events: pd.DataFrame) -> Iterator[Row]:
    """Yield when a crane was taken and given back: begin, end, unit."""
    day_taken: dict[str, float] = {}
    rows = events[events["resource"].str.contains(r"\bcrane\b") & events["kind"].isin(["hold", "free"])]
    for unit, kind, minute in zip(rows["unit"], rows["kind"], rows["minute"], strict=True):
        if kind == "hold":
            day_taken[unit] = minute / MINUTES
        elif unit in day_taken:
            yield [_rounded(day_taken.pop(unit)), _rounded(minute / MINUTES), unit]


def _waits(events: pd.DataFrame, causes: list[str]) -> Iterator[Row]:
    """Yield the waits of units that had begun: begin, end, cause, and what was waited for; short ones are left out."""
    for wait in wait_bars(events):
        if (
            wait.unit_kind not in RESOURCE_KINDS
            and wait.cause != "other"
            and wait.begin > 0
            and wait.end - wait.begin >= SHORTEST_WAIT
        ):
            yield [_rounded(wait.begin, 2), _rounded(wait.end, 2), causes.index(wait.cause), _readable(wait.what)]


def _readable(awaited: str) -> str:
    """Return what is waited for in words: `crane + 3 skids of mechanical + crew of riggers`, `material of block 71`."""
    parts = [re.sub(r"^1 ", "", part) for part in awaited.split(" + ")]
    words = " + ".join(re.sub(r"(\w+)\.skid\b", r"skids of \1", part) for part in parts)
    words = re.sub(r"\bb(\d+)\.(\w+)\.material\b", r"\2 material of block \1", words)
    words = re.sub(r"\bb(\d+)\.(\w+)\b", r"\2 work in block \1", words)
    words = re.sub(r"(\d+) crew\.", r"\1 crews of ", words)
    return words.replace("crew.", "crew of ").replace("done.", "work of ").replace("_", " ").replace(".", " ")


def _places(view: ResultView) -> dict[str, list[int]]:
    """Return lines, finished-goods places and yard places of every system that a factory makes."""
    systems, yard = view.config.get("systems", {}), view.config.get("logistics", {}).get("laydown", {})
    plants = {name: systems.get(name, {}).get("factory") or {} for name in SYSTEMS}
    return {
        name: [int(plant["lines"]), int(plant.get("finished_places", 0)), int(yard.get(name, 0) or 0)]
        for name, plant in plants.items()
        if "lines" in plant
    }


def _curves(view: ResultView, details: RunDetails | None) -> dict[str, list[float]]:
    """Return idle capital by day in millions, as it is shown: of this run, or the mean of all where only that is known."""
    if details is not None:
        return {"idle": [_rounded(value * display().rate, 1) for value in details.idle_musd.tolist()]}
    means = {
        name: rows.sort_values("day")["mean"].to_numpy(dtype=np.float64) for name, rows in view.curves.groupby("curve")
    }
    if not {"capital_deployed_usd", "capital_in_service_usd"} <= {*means}:
        return {}
    idle: Values = (means["capital_deployed_usd"] - means["capital_in_service_usd"]) / 1e6
    return {"idle": [_rounded(value * display().rate, 1) for value in idle.tolist()]}


def _milestones(events: pd.DataFrame, online: Mapping[int, float]) -> list[Row]:
    """Return the milestones to jump to as (label, day): permits, halls dried in, first power, and every quarter of the MW."""
    milestones: list[Row] = []
    permits = [bar.end for bar in work_bars(events) if bar.unit_kind == "preparation"]
    milestones += [["permits and design done", _rounded(max(permits))]] if permits else []
    dry_in_days = sorted(max(work[2] for work in works) for _, works in _halls(events))
    milestones += [["first hall dry-in", dry_in_days[0]], ["last hall dry-in", dry_in_days[-1]]] if dry_in_days else []
    power_units = [*_power_units(events)]
    milestones += [["first power", power_units[0][2]]] if power_units else []
    days: list[float] = sorted(online.values())
    milestones += [["first MW online", _rounded(days[0])]] if days else []
    for share in (0.25, 0.5, 0.75, 1.0) if len(days) > 1 else ():
        milestones.append([f"{100 * share:.0f} % of the MW online", _rounded(days[math.ceil(share * len(days)) - 1])])
    return sorted(milestones, key=lambda milestone: float(milestone[1]))


def counts(found: Mapping[str, Any], day: float) -> dict[str, int]:
    """Return how many skids have reached each state last, on a day: the same as the page counts."""
    reached = ([k for k, when in enumerate(skid[3]) if when <= day] for skid in found["skids"])
    last = [places[-1] for places in reached if places]
    return {state: last.count(number) for number, state in enumerate(STATES)}


def fitting(names: Iterable[str]) -> str:
    """Return the title of a page that plays these projects."""
    return " and ".join(name.partition("(")[0].strip() for name in names)
