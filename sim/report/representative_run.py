"""The log of one representative run as bars, flows and counts: what was done when, on which block, and what it waited for.

The log is `Result.events`: a row for each step that was done, with unit, activity or resource, the minute it `began`,
the `minute` it ended, and the cause (`mechanism`) its time is due to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.plan.layout import place_number

if TYPE_CHECKING:
    import pandas as pd

Values = NDArray[np.float64]
MINUTES = 1440
STAGES = ("electrical", "mechanical", "compute", "commissioning")
IN_BLOCK = ("installation", "commissioning", "step")
"""Units that work in a block; what is delivered to it and its turnover's test stand in no stage of a block."""
SKID_STATES = ("started", "tested", "delivered", "set", "complete", "online")
"""The states of a skid, in their order."""
NOTE_COLUMNS = ["minute", "amount", "note", "note_part", "note_place"]
"""Columns of a log that notes are read from: a log has sixteen, most of them texts, which are slow to copy."""


@dataclass(frozen=True)
class Bar:
    """Work or a wait of one unit: begin and end in days from the project's start, and the cause of delay."""

    unit: str
    what: str
    begin: float
    end: float
    cause: str
    unit_kind: str = ""
    place: str = ""
    part: str = ""


def work_bars(events: pd.DataFrame) -> list[Bar]:
    """Return all work that took time."""
    return _bars(events[(events["kind"] == "work") & (events["mechanism"] != "")], "activity")


def wait_bars(events: pd.DataFrame) -> list[Bar]:
    """Return all waits for pools and gates that took time."""
    return _bars(events[events["kind"].isin(["hold", "wait"]) & (events["mechanism"] != "")], "resource")


def _bars(rows: pd.DataFrame, what: str) -> list[Bar]:
    days = rows["began"] / MINUTES, rows["minute"] / MINUTES
    columns = rows["unit"], rows[what], *days, rows["mechanism"], rows["unit_kind"], rows["place"], rows["part"]
    # lists: a column of texts is slow to walk
    return [Bar(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def stages(events: pd.DataFrame) -> Iterator[tuple[int, str, float, float]]:
    """Yield (block, stage, begin, end): a system from its first work in the block to its last; tests until online."""
    intervals: dict[tuple[int, str], tuple[float, float]] = {}
    for bar in work_bars(events):
        stage = STAGES[-1] if bar.unit_kind == STAGES[-1] else bar.part  # flushing the loops is a test as well
        if bar.unit_kind in IN_BLOCK and stage in STAGES:
            block = place_number(bar.place)
            begin, end = intervals.get((block, stage), (bar.begin, bar.end))
            intervals[block, stage] = min(begin, bar.begin), max(end, bar.end)
    online = online_days(events)
    for (block, stage), (begin, end) in sorted(intervals.items()):
        yield block, stage, begin, online.get(block, end) if stage == STAGES[-1] else end


def online_days(events: pd.DataFrame) -> dict[int, float]:
    """Return the day on which each block came online, by number."""
    rows = _notes(events, "online")
    return {place_number(place): day for place, day in zip(rows["note_place"], rows["day"], strict=True)}


def hall_releases(events: pd.DataFrame) -> list[tuple[str, float]]:
    """Return halls and the day on which each was released: the end of its last shell work."""
    day_of_hall: dict[str, float] = {}
    for bar in work_bars(events):
        if bar.part == "shell" and bar.unit_kind in {"step", "link"}:
            day_of_hall[bar.place] = max(day_of_hall.get(bar.place, 0.0), bar.end)
    return [*day_of_hall.items()]


def skid_flow(events: pd.DataFrame) -> dict[str, Values]:
    """Return the days on which skids reached each of SKID_STATES, sorted; empty where there are no skids."""
    is_skid = events["unit_kind"] == "skid"
    skids = events.loc[is_skid, "unit"].nunique()
    blocks = len(online_days(events))
    if not skids or not blocks:
        return {}
    per_block = _skids_per_block(events.loc[is_skid, NOTE_COLUMNS])
    is_test = is_skid & (events["kind"] == "work") & events["activity"].str.endswith("factory test")
    tests = events.loc[is_test, ["unit", "minute"]]
    notes_of_state = {state: _notes(events, state) for state in SKID_STATES}
    states = {state: _repeated(notes_of_state[state], per_block, skids) for state in ("set", "complete")}
    states["tested"] = tests.groupby("unit")["minute"].max().to_numpy(dtype=np.float64) / MINUTES
    states["started"], states["delivered"] = (
        _skid_days(notes_of_state[name], per_block) for name in ("started", "delivered")
    )
    states["online"] = np.repeat(notes_of_state["online"]["day"].to_numpy(dtype=np.float64), sum(per_block.values()))
    return {state: np.sort(states[state]) for state in SKID_STATES}


def _skids_per_block(rows: pd.DataFrame) -> dict[str, int]:
    """Return how many skids of each system a block has."""
    notes = _notes(rows, "ordered")
    parts, places = notes["note_part"], notes["note_place"]
    last = dict(zip(parts, places, strict=True))  # every block has as many, so any one of them is counted
    return {str(part): int(((parts == part) & (places == place)).sum()) for part, place in last.items()}


def _skid_days(notes: pd.DataFrame, each: dict[str, int]) -> Values:
    """Return the days of notes that are left once for every skid."""
    skids = notes["note_part"].isin(list(each))
    days: Values = notes.loc[skids, "day"].to_numpy(dtype=np.float64)
    return days


def _repeated(notes: pd.DataFrame, each: dict[str, int], number: int) -> Values:
    """Return the days of notes that are left once for all skids of a system in a block, once a skid."""
    counts = notes["note_part"].map(each).fillna(0).astype(int)
    days: Values = np.repeat(notes["day"].to_numpy(dtype=np.float64), counts.to_numpy())
    return days[:number]


def _notes(events: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Return the notes of one kind, with their day."""
    notes = events.loc[events["note"] == kind, NOTE_COLUMNS]
    return notes.assign(day=notes["minute"] / MINUTES)


def headcount_by_trade(events: pd.DataFrame, days: int) -> dict[str, Values]:
    """Return the direct people on site by trade and day; who comes or leaves on a day is there on that day.

    Everyone who is left goes home at the end of the log.
    """
    notes, people_by_trade = _notes(events, "people"), {}
    last = min(days - 1, int(events["minute"].max() // MINUTES)) if len(events) else 0
    for trade, rows in notes.groupby("note_part"):
        changes = np.zeros(days + 1)
        amount = rows["amount"].to_numpy(dtype=np.float64)
        day = np.minimum(rows["day"].to_numpy(dtype=np.int64), days - 1) + (amount < 0)
        np.add.at(changes, day, amount)
        people = np.cumsum(changes)[:days]
        people[last + 1 :] = 0
        people_by_trade[str(trade)] = people
    return people_by_trade
