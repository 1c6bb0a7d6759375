"""One run as a scene to be played: what every thing is at every time, from the event log; where it stands, from the layout.

Times are days after the decision. Nothing is drawn from the frame before: what is shown at a time is worked out from
that time alone, so that going back and forth gives the same picture.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.config.load import checked
from sim.config.project import Project
from sim.config.sections.display_units import display
from sim.engine.backends import AUTO
from sim.metrics.measure import measure
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
from sim.study.case import Case, prepare_case
from sim.study.result import Result, folder_of

if TYPE_CHECKING:
    import pandas as pd

STATES = ("ordered", *SKID_STATES)
SYSTEMS = ("electrical", "mechanical", "compute")
NOT_WORK = CREW_KINDS | {"outage", "camp_stage", "line", "firm_power"}
"""Kinds of units that make what others wait for: their own waits say nothing about the work."""
SHORTEST_WAIT = 0.5
"""Days: shorter waits are in no story."""
Row = list[Any]


SKY = {"site.crane": "crane", "site.exterior": "outside work", "site.earthwork": "earthwork"}
"""Calendars that weather closes, and what stands still then."""


@dataclass(frozen=True)
class RunDetails:
    """What is not in the log of a run: its weather, as the share of the working day lost, and its own idle capital."""

    sky: Mapping[str, Values]
    idle_musd: Values

    def sky_document(self) -> dict[str, str]:
        """Return a digit a day of what each kind of weather stops, from 0 (nothing) to 9 (all of the day)."""
        return {SKY[name]: "".join(f"{9 * share:.0f}" for share in lost) for name, lost in self.sky.items()}

    @classmethod
    def of(cls, result: Result, folder: Path) -> RunDetails | None:
        """Simulate the typical run of a stored result once more; None for a result whose run is not known."""
        if "representative" not in result.manifest:
            return None
        project = checked(Project, result.manifest["config"])
        plain = prepare_case(project, folder_of(folder, project), engine=AUTO)
        case = replace(plain, sampling=result.sample.sampling)
        (done,) = case.replications(int(result.manifest["seed"]), int(result.manifest["representative"]), 1)
        curves = measure(case.metric_context, case.record(done))[1]
        idle = (curves["capital_deployed_usd"] - curves["capital_in_service_usd"]) / 1e6
        last = min(case.days, int(done.outcome.log[:, 0].max()) // MINUTES + 6)
        return cls({name: _lost(case, done.calendars, name, last) for name in SKY}, idle)


def _lost(case: Case, calendars: Any, name: str, days: int) -> Values:
    """Return the share of each day's working minutes that a calendar lost in this run."""
    at = case.plan.calendars.index(name)
    edges = [MINUTES * day for day in range(days + 1)]
    stated, real = (
        np.diff([one.worked(edge) for edge in edges]) for one in (case.plan.base_calendars[at], calendars[at])
    )
    lost = np.divide(stated - real, stated, out=np.zeros(days), where=stated > 0)
    return np.clip(lost, 0.0, 1.0)


def scene(view: ResultView, columns: int = 0, details: RunDetails | None = None) -> dict[str, Any]:
    """Return the scene of a result's typical run; `columns` of halls (0: as wide as high).

    `skids`: system, block, and the day of each of STATES, then story; `blocks`, `halls`, `units` (generating), `trades`
    (people by day), `waits`, `cranes`, `curves` and `milestones`.
    """
    events = view.events
    online = online_days(events)
    blocks = sorted(online)
    causes = [*DELAY_CAUSES]
    each = view.hall_blocks or max(1, math.ceil(len(blocks) / 10))
    halls = max(1, math.ceil(len(blocks) / each))
    return {
        "name": view.info.name, "start": view.dates.start.isoformat(), "end": _rounded(max(online.values(), default=1.0) + 5),
        "columns": columns or math.ceil(math.sqrt(halls * 1.6)), "each": each, "has_halls": bool(view.hall_blocks),
        "causes": [DELAY_CAUSES[cause] for cause in causes], "cause_ids": causes, "systems": SYSTEMS, "states": STATES,
        "mw": view.config.get("block", {}).get("mw_gross", {}).get("value", 1.0),
        "cranes_there": int(view.config.get("logistics", {}).get("cranes", 0) or 0), "seed": view.info.seed,
        "run": int(view.manifest.get("representative", 0)),
        "skids": [*_skids(events, causes)], "blocks": [*_blocks(events, online)],
        "halls": [*_halls(events)], "site": [*_works(events, "site_works")], "units": [*_units(events)],
        "trades": _trades(events), "cranes": [*_crane_times(events)], "waits": [*_waits(events, causes)],
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
    """Yield every skid: name, system, block, the day of each state, the begin of its drive, and its story.

    Finished skids of a system are alike: the block that is set next takes those that were delivered first.
    """
    made = events[events["unit_kind"] == "skid"]
    if not len(made):
        return
    own = {state: _first_days(made, state) for state in ("ordered", "started", "delivered")}
    tests = made[(made["kind"] == "work") & made["activity"].str.endswith("factory test")]
    tested = (tests.groupby("unit")["minute"].max() / MINUTES).to_dict()
    drives = made[(made["kind"] == "work") & made["activity"].str.endswith(" drive")]
    drove = (drives.groupby("unit")["began"].min() / MINUTES).to_dict()
    stories = _stories(made, causes)
    online = online_days(events)
    for number, system in enumerate(SYSTEMS):
        skids = sorted(
            (unit for unit in own["delivered"] if unit.startswith(f"{system}.")), key=own["delivered"].__getitem__
        )
        places = _set_places(events, system)
        each = len(skids) // max(len(places), 1)
        for k, unit in enumerate(skids):
            block, ready, complete = places[min(k // each, len(places) - 1)] if places else (0, math.inf, math.inf)
            days = (
                own["ordered"].get(unit, 0.0), own["started"].get(unit, 0.0), tested.get(unit, 0.0), own["delivered"][unit],
                ready, complete, online.get(block, math.inf),
            )  # fmt: skip
            yield [
                unit,
                number,
                block,
                [*map(_rounded, days)],
                _rounded(drove.get(unit, own["delivered"][unit])),
                stories[unit],
            ]


def _first_days(rows: pd.DataFrame, note: str) -> dict[str, float]:
    """Return the day of a note by unit, the last where there are several (a skid that came damaged comes again)."""
    noted = rows[rows["note"] == note]
    return dict(zip(noted["unit"], (noted["minute"] / MINUTES).tolist(), strict=True))


def _set_places(events: pd.DataFrame, system: str) -> list[tuple[int, float, float]]:
    """Return blocks in the order in which their skids of a system were set: block, day set, day complete."""
    found: dict[str, dict[int, float]] = {}
    for note in ("set", "complete"):
        rows = events[(events["note"] == note) & (events["note_part"] == system)]
        found[note] = {place_number(p): d for p, d in zip(rows["note_place"], rows["minute"] / MINUTES, strict=True)}
    ordered = sorted(found["set"], key=found["set"].__getitem__)
    return [(block, found["set"][block], found["complete"].get(block, math.inf)) for block in ordered]


def _stories(made: pd.DataFrame, causes: list[str]) -> dict[str, list[Row]]:
    """Return what happened to every skid in order of time: begin, end, what, cause; waits have a cause and no work."""
    found: dict[str, list[Row]] = {unit: [] for unit in made["unit"].unique()}
    for bar in work_bars(made):
        found[bar.unit].append([_rounded(bar.begin, 1), _rounded(bar.end, 1), bar.what, -1])
    for bar in wait_bars(made):
        if bar.end - bar.begin >= SHORTEST_WAIT:
            found[bar.unit].append(
                [_rounded(bar.begin, 1), _rounded(bar.end, 1), _readable(bar.what), causes.index(bar.cause)]
            )
    return {unit: sorted(rows) for unit, rows in found.items()}


# --- places -----------------------------------------------------------------------------------------------------------


def _blocks(events: pd.DataFrame, online: Mapping[int, float]) -> Iterator[Row]:
    """Yield every block: number, day online, and [begin, end] of each of its stages (empty where it has none)."""
    spans: dict[int, dict[str, tuple[float, float]]] = {}
    for block, stage, begin, end in stages(events):
        spans.setdefault(block, {})[stage] = (begin, end)
    for block in sorted(online):
        of = spans.get(block, {})
        found = [[*map(_rounded, of[stage])] if stage in of else [] for stage in (*SYSTEMS, "commissioning")]
        yield [block, _rounded(online[block]), found]


def _works(events: pd.DataFrame, part: str) -> Iterator[Row]:
    """Yield the work of a part of the project: what, begin, end."""
    for bar in work_bars(events):
        if bar.part == part and bar.unit_kind == "step":
            yield [bar.what.removeprefix(f"{part}.").replace("_", " "), _rounded(bar.begin), _rounded(bar.end)]


def _halls(events: pd.DataFrame) -> Iterator[Row]:
    """Yield every hall with a shell: its number, and what was worked on it, begin and end."""
    found: dict[int, list[Row]] = {}
    for bar in work_bars(events):
        if bar.part == "shell" and bar.unit_kind in {"step", "link"}:
            what = bar.what.removeprefix("shell.").replace("_", " ")
            found.setdefault(place_number(bar.place), []).append([what, _rounded(bar.begin), _rounded(bar.end)])
    for hall in sorted(found):
        yield [hall, sorted(found[hall], key=lambda work: work[1])]


def _units(events: pd.DataFrame) -> Iterator[Row]:
    """Yield every generating unit or grid feed: its name, day delivered and day running."""
    rows = events[events["unit_kind"].isin(["generating_unit", "grid_feed"])]
    there = {note: _first_days(rows, note) for note in ("delivered", "installed")}
    for unit, day in sorted(there["installed"].items(), key=lambda item: item[1]):
        yield [unit, _rounded(there["delivered"].get(unit, day)), _rounded(day)]


# --- people, cranes, waits, money -------------------------------------------------------------------------------------


def _trades(events: pd.DataFrame) -> list[Row]:
    """Return people on site by trade, those with most first: name, and a number for every day."""
    people = headcount_by_trade(events, int(events["minute"].max()) // MINUTES + 8)
    largest = sorted(people, key=lambda trade: -float(people[trade].sum()))
    return [[trade.replace("_", " "), people[trade].astype(int).tolist()] for trade in largest]


def _crane_times(events: pd.DataFrame) -> Iterator[Row]:
    """Yield when a crane was taken and given back: begin, end, unit."""
    held: dict[str, float] = {}
    rows = events[events["resource"].str.contains(r"\bcrane\b") & events["kind"].isin(["hold", "free"])]
    for unit, kind, minute in zip(rows["unit"], rows["kind"], rows["minute"], strict=True):
        if kind == "hold":
            held[unit] = minute / MINUTES
        elif unit in held:
            yield [_rounded(held.pop(unit)), _rounded(minute / MINUTES), unit]


def _waits(events: pd.DataFrame, causes: list[str]) -> Iterator[Row]:
    """Yield what waited for whom: begin, end, cause, for what; only of units that had begun, shorter waits left out."""
    for bar in wait_bars(events):
        if (
            bar.unit_kind not in NOT_WORK
            and bar.cause != "other"
            and bar.begin > 0
            and bar.end - bar.begin >= SHORTEST_WAIT
        ):
            yield [_rounded(bar.begin, 2), _rounded(bar.end, 2), causes.index(bar.cause), _readable(bar.what)]


def _readable(what: str) -> str:
    """Write what is waited for in words: `crane + 3 skids of mechanical + crew of riggers`, `material of block 71`."""
    parts = [re.sub(r"^1 ", "", part) for part in what.split(" + ")]
    words = " + ".join(re.sub(r"(\w+)\.skid\b", r"skids of \1", part) for part in parts)
    words = re.sub(r"\bb(\d+)\.(\w+)\.material\b", r"\2 material of block \1", words)
    words = re.sub(r"\bb(\d+)\.(\w+)\b", r"\2 work in block \1", words)
    words = re.sub(r"(\d+) crew\.", r"\1 crews of ", words)
    return words.replace("crew.", "crew of ").replace("done.", "work of ").replace("_", " ").replace(".", " ")


def _places(view: ResultView) -> dict[str, list[int]]:
    """Return lines, finished-goods places and yard places of every system that a factory makes."""
    systems, yard = view.config.get("systems", {}), view.config.get("logistics", {}).get("laydown", {})
    made = {name: systems.get(name, {}).get("factory") or {} for name in SYSTEMS}
    return {
        name: [int(plant["lines"]), int(plant.get("finished_places", 0)), int(yard.get(name, 0) or 0)]
        for name, plant in made.items()
        if "lines" in plant
    }


def _curves(view: ResultView, details: RunDetails | None) -> dict[str, list[float]]:
    """Return idle capital by day in millions, as it is shown: of this run, or the mean of all where only that is known."""
    if details is not None:
        return {"idle": [_rounded(value * display().rate, 1) for value in details.idle_musd.tolist()]}
    known = {
        name: rows.sort_values("day")["mean"].to_numpy(dtype=np.float64) for name, rows in view.curves.groupby("curve")
    }
    if not {"capital_deployed_usd", "capital_in_service_usd"} <= {*known}:
        return {}
    idle: Values = (known["capital_deployed_usd"] - known["capital_in_service_usd"]) / 1e6
    return {"idle": [_rounded(value * display().rate, 1) for value in idle.tolist()]}


def _milestones(events: pd.DataFrame, online: Mapping[int, float]) -> list[Row]:
    """Return the days one jumps to: permits, halls dry, first power, and every quarter of the MW."""
    found: list[Row] = []
    permits = [bar.end for bar in work_bars(events) if bar.unit_kind == "preparation"]
    found += [["permits and design done", _rounded(max(permits))]] if permits else []
    dry = sorted(max(work[2] for work in works) for _, works in _halls(events))
    found += [["first hall dry-in", dry[0]], ["last hall dry-in", dry[-1]]] if dry else []
    units = [*_units(events)]
    found += [["first power", units[0][2]]] if units else []
    days: list[float] = sorted(online.values())
    found += [["first MW online", _rounded(days[0])]] if days else []
    for share in (0.25, 0.5, 0.75, 1.0) if len(days) > 1 else ():
        found.append([f"{100 * share:.0f} % of the MW online", _rounded(days[math.ceil(share * len(days)) - 1])])
    return sorted(found, key=lambda one: float(one[1]))


def counts(found: Mapping[str, Any], day: float) -> dict[str, int]:
    """Return how many skids have reached each state last, on a day: the same as the page counts."""
    reached = ([k for k, when in enumerate(skid[3]) if when <= day] for skid in found["skids"])
    last = [places[-1] for places in reached if places]
    return {state: last.count(number) for number, state in enumerate(STATES)}


def fitting(names: Iterable[str]) -> str:
    """Return the title of a page that plays these projects."""
    return " and ".join(name.partition("(")[0].strip() for name in names)
