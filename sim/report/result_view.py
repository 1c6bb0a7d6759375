"""What a report reads off the runs: who they are, their limits, their plan without uncertainty, their shares.

One run's log as bars and counts: what was done when, on which block, and what it waited for.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sim.report.formatting import MONDAY_TO_FRIDAY, SAMPLING_ONLY, ProjectDates, counted, interval, percent
from sim.study.intervals import proportion_interval, quantile

if TYPE_CHECKING:
    import pandas as pd


# --- reading ----------------------------------------------------------------------------------------------------------


Values = NDArray[np.float64]


class ResultView(Protocol):
    """The runs of one configuration, as far as a report needs them."""

    @property
    def manifest(self) -> Mapping[str, Any]:
        """Name, strategy, seed, start date, limits, and the planned (deterministic) value of each metric."""

    @property
    def runs(self) -> pd.DataFrame:
        """One row a replication: `replication`, `status`, then the metrics (days, people, dollars)."""

    @property
    def curves(self) -> pd.DataFrame:
        """Long table: curve, day, percentiles and mean."""

    @property
    def events(self) -> pd.DataFrame:
        """The log of one representative run."""

    @property
    def chain(self) -> pd.DataFrame:
        """The driving chain of that run: begin, end, days, unit, activity, mechanism, waiting, waiting_for."""

    def table(self, name: str) -> pd.DataFrame:
        """Return one more table: spread, hours, indices or ramp; empty where it is not there."""

    def turnovers(self) -> pd.DataFrame:
        """Return a row a tenth of the MW: mw, P50 and P80 of its date with their intervals, n."""

    def summary(self) -> pd.DataFrame:
        """Return a row a metric: mean, percentiles, intervals of P50 and P80, n."""


@dataclass(frozen=True)
class About:
    """What every figure says of its runs besides its own numbers."""

    name: str
    dates: ProjectDates
    runs: int
    seed: int
    stalled: int = 0
    failed: int = 0
    sampling: str = ""
    """How luck was spread over the runs; empty for plain luck."""

    def caption(self, *units: str) -> str:
        """Return the two lines under a figure: units and definitions; n, seed and what the spread is not."""
        return "; ".join(units) + f"\n{self._runs()}; {SAMPLING_ONLY}"

    def of_one(self, *units: str) -> str:
        """Return the two lines under a figure of the representative run alone."""
        return "; ".join(units) + f"\nOne run, the one whose finish is the middle one of: {self._runs()}"

    def _runs(self) -> str:
        """Say how many runs there are, what became of them, and the seed."""
        lost = [f"{self.stalled:,} stalled"] * bool(self.stalled) + [f"{self.failed:,} failed"] * bool(self.failed)
        how = [self.sampling] * bool(self.sampling)
        return ", ".join([f"n = {counted(self.runs, 'run', 'runs')}", *lost, f"seed {self.seed}", *how])


@dataclass(frozen=True)
class Share:
    """In how many of how many runs something is so."""

    part: int
    of: int

    @property
    def fraction(self) -> float:
        """Return the share itself, NaN without runs."""
        return self.part / self.of if self.of else math.nan

    def bounds(self) -> tuple[float, float]:
        """Return the 95 % Wilson score interval, honest also at 0 and at n of n."""
        found = proportion_interval(self.part, self.of)
        return found.low, found.high

    def say(self) -> str:
        """Write the share with its interval: `62 % (59 to 65 %)`."""
        return f"{percent(self.fraction)} ({interval(*self.bounds(), percent)})"


def about(result: ResultView) -> About:
    """Return who the runs are, from their manifest and the status of each run."""
    status = result.runs["status"]
    return About(
        name=str(result.manifest.get("strategy") or result.manifest["name"]),
        dates=project_dates(result),
        runs=len(status),
        seed=int(result.manifest["seed"]),
        stalled=int((status == "stalled").sum()),
        failed=int((status == "failed").sum()),
        sampling=str(result.manifest.get("sampled", "")),
    )


def project_dates(result: ResultView) -> ProjectDates:
    """Return the civil calendar; `working_weekdays` (0 is Monday) and `holidays` (ISO) where the manifest has them."""
    manifest = result.manifest
    return ProjectDates(
        start=date.fromisoformat(str(manifest["start_date"])),
        working_weekdays=frozenset(manifest.get("working_weekdays", MONDAY_TO_FRIDAY)),
        holidays=frozenset(date.fromisoformat(str(d)) for d in manifest.get("holidays", ())),
    )


def limit(result: ResultView, metric: str) -> float | None:
    """Return the limit or target set for a metric, None where there is none."""
    return _optional(result.manifest.get("limits"), metric)


def planned(result: ResultView, metric: str) -> float | None:
    """Return the metric of the deterministic run, +inf where it stalled, None where there is none."""
    return _optional(result.manifest.get("planned"), metric)


def _optional(table: Mapping[str, Any] | None, metric: str) -> float | None:
    """Return a number of a table of the manifest, None where it is missing."""
    value = (table or {}).get(metric)
    return None if value is None or math.isnan(float(value)) else float(value)


def planned_ramp(result: ResultView) -> list[tuple[float, float]]:
    """Return the deterministic run's ramp as (day, MW online from then on); empty where there is none."""
    blocks = sorted((result.manifest.get("planned_blocks") or {}).values())
    if not blocks:
        return []
    mw = float(result.manifest["config"]["block"]["mw_gross"]["value"])
    return [(float(day), mw * (k + 1)) for k, day in enumerate(blocks) if math.isfinite(day)]


def indirect_ratio(result: ResultView) -> float:
    """Return the indirect people for each direct one."""
    ratio = result.manifest.get("config", {}).get("labour", {}).get("indirect_ratio", {})
    return float(ratio.get("value", 0.0))


def values(result: ResultView, metric: str) -> Values:
    """Return a metric of every run that did not fail, in replication order, +inf where the run stalled."""
    return of_runs(result.runs, metric)


def of_runs(runs: pd.DataFrame, metric: str) -> Values:
    """Return a metric's column of a runs table without the failed rows; empty where it has no such column."""
    if metric not in runs:
        return np.empty(0)
    column = np.asarray(runs[metric], dtype=np.float64)[np.asarray(runs["status"] != "failed")]
    known: Values = column[~np.isnan(column)]
    return known


def share_at_most(sample: Values, bound: float) -> Share:
    """Return in how many runs the value is on or before `bound`."""
    return Share(int((sample <= bound).sum()), len(sample))


def share_below(sample: Values, bound: float) -> Share:
    """Return in how many runs the value stays strictly under `bound`."""
    return Share(int((sample < bound).sum()), len(sample))


def percentile(sample: Values, p: float) -> float:
    """Return the smallest value that a share `p` of the runs does not exceed, NaN without runs."""
    return quantile(np.sort(sample), p)


def paired(a: pd.DataFrame, b: pd.DataFrame, metric: str) -> Values:
    """Return metric of A minus metric of B, replication by replication.

    Only replications that failed in neither; -inf where only B stalled, +inf where only A, NaN where both.
    """
    left, right = (t.loc[t["status"] != "failed"].set_index("replication")[metric] for t in (a, b))
    both = left.to_frame("a").join(right.to_frame("b"), how="inner").to_numpy(dtype=np.float64)
    with np.errstate(invalid="ignore"):
        apart: Values = both[:, 0] - both[:, 1]
    return apart


# --- logbook ----------------------------------------------------------------------------------------------------------


MINUTES = 1440
STAGES = ("electrical", "mechanical", "compute", "commissioning")
FLOW = ("started", "tested", "delivered", "set", "complete", "online")
"""What becomes of a skid, in this order."""


@dataclass(frozen=True)
class Bar:
    """Work, or a wait, of one unit: days from the project's start, and the mechanism it is due to."""

    unit: str
    what: str
    begin: float
    end: float
    mechanism: str


def works(events: pd.DataFrame) -> list[Bar]:
    """Return all work that took time."""
    return _bars(events[(events["kind"] == "work") & (events["mechanism"] != "")], "activity")


def waits(events: pd.DataFrame) -> list[Bar]:
    """Return all waits for pools and gates that took time."""
    return _bars(events[events["kind"].isin(["hold", "wait"]) & (events["mechanism"] != "")], "resource")


def _bars(rows: pd.DataFrame, what: str) -> list[Bar]:
    columns = rows["unit"], rows[what], rows["began"] / MINUTES, rows["minute"] / MINUTES, rows["mechanism"]
    return [Bar(*row) for row in zip(*columns, strict=True)]


def block_of(unit: str) -> int:
    """Return the number of the block that a unit's name begins with, 0 where it is another place."""
    found = re.match(r"b(\d+)\.", unit)
    return int(found[1]) if found else 0


def stages(events: pd.DataFrame) -> Iterator[tuple[int, str, float, float]]:
    """Yield (block, stage, begin, end): a system from its first work in the block to its last; tests until online."""
    spans: dict[tuple[int, str], tuple[float, float]] = {}
    for bar in works(events):
        block, stage = block_of(bar.unit), bar.unit.split(".")[1] if "." in bar.unit else ""
        if block and stage in STAGES and not bar.what.endswith(("lead time", "unload")):
            begin, end = spans.get((block, stage), (bar.begin, bar.end))
            spans[block, stage] = min(begin, bar.begin), max(end, bar.end)
    ready = online(events)
    for (block, stage), (begin, end) in sorted(spans.items()):
        yield block, stage, begin, ready.get(block, end) if stage == STAGES[-1] else end


def online(events: pd.DataFrame) -> dict[int, float]:
    """Return the day on which each block came online, by number."""
    rows = _notes(events, "online")
    return {int(item.removeprefix("b")): day for item, day in zip(rows["item"], rows["day"], strict=True)}


def dry(events: pd.DataFrame) -> list[tuple[str, float]]:
    """Return halls and the day on which each was released: the end of its last shell work."""
    released: dict[str, float] = {}
    for bar in works(events):
        hall, _, step = bar.unit.partition(".")
        if step.startswith("shell."):
            released[hall] = max(released.get(hall, 0.0), bar.end)
    return [*released.items()]


def flow(events: pd.DataFrame) -> dict[str, Values]:
    """Return the days on which skids reached each state of FLOW, sorted; empty where there are no skids."""
    made = events["unit"].str.match(r"[a-z_]+\.s\d+$")
    number = events.loc[made, "unit"].nunique()
    blocks = len(online(events))
    if not number or not blocks:
        return {}
    each = _skids_per_block(events[made])
    tests = events[made & (events["kind"] == "work") & events["activity"].str.endswith("factory test")]
    found = {state: _notes(events, state) for state in FLOW}
    states = {state: _repeated(found[state], each, number) for state in ("set", "complete")}
    states["tested"] = tests.groupby("unit")["minute"].max().to_numpy(dtype=np.float64) / MINUTES
    states["started"], states["delivered"] = (_of_skids(found[name], each) for name in ("started", "delivered"))
    states["online"] = np.repeat(found["online"]["day"].to_numpy(dtype=np.float64), sum(each.values()))
    return {state: np.sort(states[state]) for state in FLOW}


def _skids_per_block(rows: pd.DataFrame) -> dict[str, int]:
    """Return how many skids of each system a block has."""
    notes = _notes(rows, "ordered")
    counts = notes.groupby("item").size()
    return {str(item).partition("/")[0]: int(count) for item, count in counts.items()}


def _of_skids(notes: pd.DataFrame, each: dict[str, int]) -> Values:
    """Return the days of notes that are left once for every skid."""
    skids = notes["item"].str.partition("/")[0].isin(list(each))
    days: Values = notes.loc[skids, "day"].to_numpy(dtype=np.float64)
    return days


def _repeated(notes: pd.DataFrame, each: dict[str, int], number: int) -> Values:
    """Return the days of notes that are left once for all skids of a system in a block, once a skid."""
    counts = notes["item"].str.partition("/")[0].map(each).fillna(0).astype(int)
    days: Values = np.repeat(notes["day"].to_numpy(dtype=np.float64), counts.to_numpy())
    return days[:number]


def _notes(events: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Return the notes of one kind: item, day, amount."""
    notes = events[(events["kind"] == "note") & events["resource"].str.startswith(f"{kind}/")]
    return notes.assign(item=notes["resource"].str.slice(len(kind) + 1), day=notes["minute"] / MINUTES)


def people(events: pd.DataFrame, days: int) -> dict[str, Values]:
    """Return the direct people on site by trade and day; who comes or leaves on a day is there on that day.

    Everyone who is left goes home at the end of the log.
    """
    notes, found = _notes(events, "people"), {}
    last = min(days - 1, int(events["minute"].max() // MINUTES)) if len(events) else 0
    for trade, rows in notes.groupby("item"):
        changes = np.zeros(days + 1)
        amount = rows["amount"].to_numpy(dtype=np.float64)
        day = np.minimum(rows["day"].to_numpy(dtype=np.int64), days - 1) + (amount < 0)
        np.add.at(changes, day, amount)
        there = np.cumsum(changes)[:days]
        there[last + 1 :] = 0
        found[str(trade)] = there
    return found
