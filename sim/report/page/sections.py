"""What stands in the report besides charts: tables of turnovers, of assumptions, and the checklist."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.config.loading import Loaded
from sim.config.project import Project
from sim.report import reading
from sim.report.assumptions import Row, rows
from sim.report.quoting import quote
from sim.report.reading import Result
from sim.report.words import WITHHELD, counted, number, percent
from sim.study.intervals import quantile

FINISH = "lead_time_full_days"
PRECISE = 0.01
"""Half-width of the interval of the P80, as a share of it, that a published date should have."""
ENOUGH_RUNS = 1000


@dataclass(frozen=True)
class Turnover:
    """When so many MW are online: P50, P80 (on or before) with its interval, the planned date and how often it is kept."""

    mw: str
    p50: str
    p80: str
    between: str
    planned: str
    kept: str


@dataclass(frozen=True)
class Check:
    """One question a careful reader asks, whether the answer is good (None: for information), and the answer."""

    question: str
    good: bool | None
    answer: str


def turnovers(result: Result) -> list[Turnover]:
    """Return the dates of every tenth of the MW, rounded up to whole blocks, from the day each run had so many."""
    dates, planned = reading.project_dates(result), reading.planned_ramp(result)
    block = min((mw for _, mw in planned), default=0.0)
    days = result.table("ramp")
    found: dict[float, Turnover] = {}
    for row in result.turnovers().to_dict("records"):
        level = math.ceil(row["mw"] / block - 1e-6) * block if block else row["mw"]
        plan = min((day for day, there in planned if there >= level - 1e-6), default=math.inf)
        reached = days[f"{row['mw']:g}"].to_numpy(dtype=float)
        kept = reading.share_at_most(reached, math.floor(plan)) if math.isfinite(plan) else None
        between = dates.say_between(row["p80_low"], row["p80_high"]) if not math.isnan(row["p80"]) else WITHHELD
        found[level] = Turnover(
            f"{level:g}", dates.say(row["p50"]), dates.say(row["p80"]), between,
            dates.say(plan) if planned else "", kept.say() if kept else "",
        )  # fmt: skip
    return [*found.values()]


def percentiles(result: Result) -> list[tuple[int, float, str]]:
    """Return (percentile, day, date in words) of the finish for 1 to 99, from which a reader picks one."""
    if FINISH not in result.runs:
        return []
    sample, dates = np.sort(reading.values(result, FINISH)), reading.project_dates(result)
    found = [(p, quantile(sample, p / 100)) for p in range(1, 100)]
    return [(p, day, f"{dates.say(day)} (day {number(day)})") for p, day in found if math.isfinite(day)]


# --- assumptions --------------------------------------------------------------------------------------


def assumptions(result: Result) -> dict[str, list[Row]]:
    """Return every number of the configuration that states where it is from, by section."""
    config = result.manifest.get("config", {})
    try:
        project = Project.model_validate(config)
    except ValueError:  # a result of an earlier version, or of a test
        return {}
    found: dict[str, list[Row]] = {}
    for row in rows(Loaded(project, _said(config), {}, ())):
        if row.source:
            found.setdefault(str(row.address[0]), []).append(row)
    return found


def _said(tree: Any) -> Any:
    """Return a tree without what says nothing."""
    if isinstance(tree, Mapping):
        kept = {key: _said(value) for key, value in tree.items()}
        return {key: value for key, value in kept.items() if value is not None and value != ""}
    return [_said(value) for value in tree] if isinstance(tree, list | tuple) else tree


# --- the checklist ------------------------------------------------------------------------------------


def checklist(result: Result) -> list[Check]:
    """Return what a careful reader asks before the numbers are used."""
    return [*_of_the_sample(result), *_of_the_model(result)]


def _of_the_sample(result: Result) -> Iterator[Check]:
    """Yield what is asked about the runs."""
    about = reading.about(result)
    yield Check("Enough runs?", about.runs >= ENOUGH_RUNS, f"{counted(about.runs, 'run', 'runs')}, seed {about.seed}")
    finish = quote(result.summary(), FINISH, "p80") if FINISH in result.runs else None
    if finish is not None and math.isfinite(finish.high - finish.low):
        half = (finish.high - finish.low) / 2 / finish.value
        answer = f"95 % interval of the P80 is within {100 * half:.1f} % of it"
        yield Check("Is the P80 settled?", half <= PRECISE, answer)
    elif finish is not None:
        yield Check("Is the P80 settled?", False, "too few runs for its interval")
    lost = f"{about.stalled:,} stalled, {about.failed:,} failed"
    yield Check("Did every run come to its end?", not about.stalled + about.failed, lost)
    planned = reading.planned(result, FINISH)
    if planned is not None:
        kept = reading.share_at_most(reading.values(result, FINISH), planned)
        yield Check(
            "How sure is the planned date?", None, f"kept in {percent(kept.fraction)} of runs; do not promise it"
        )


def _of_the_model(result: Result) -> Iterator[Check]:
    """Yield what is asked about what was simulated."""
    config = result.manifest.get("config", {})
    drivers = config.get("risks", {}).get("drivers") or ()
    mode = config.get("risks", {}).get("mode", "none")
    told = f"{len(drivers)} drivers, {mode}" if drivers and mode != "none" else "none in force"
    yield Check("Are shared risk drivers in it?", bool(drivers) and mode != "none", told)
    weather = bool(config.get("weather"))
    yield Check("Is weather in it?", weather, "yes" if weather else "none in this configuration")
    yield Check("Are crews, crane, lines, trucks and yard limited in every run?", True, "yes, granted minute by minute")
    yield Check("Do the intervals cover input and model error?", None, "no: they are sampling error only")
    digest = str(result.manifest.get("config_digest", ""))[:12]
    versions = result.manifest.get("versions", {})
    made = ", ".join(f"{name} {version}" for name, version in versions.items())
    yield Check("Can it be run again?", bool(digest), f"configuration {digest}; {made}" if digest else "no digest")
