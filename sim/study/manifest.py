"""The manifest: all that is needed to know what was run, and to run it again."""

from __future__ import annotations

import platform
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from json import dumps
from typing import Any

from sim.config.project import Project
from sim.metrics.delivery import online
from sim.metrics.record import DAY, Record
from sim.study.case import Case
from sim.study.sizing import finished
from sim.world.clock import holidays_of
from sim.world.draws import RNG_VERSION
from sim.world.weather import fingerprint

LIBRARIES = ("hybrid-dc-sim", "simpy", "numpy", "scipy", "pydantic", "holidays")
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def identity(case: Case, seed: int) -> dict[str, Any]:
    """Return what must be the same for two runs to be one: what is simulated, with which luck and versions."""
    return {
        "case": case.name,
        "seed": seed,
        "rng": RNG_VERSION,
        "sampling": case.sampling.document(),
        "versions": versions(),
        "metrics": list(case.metrics),
        "weather_file": fingerprint(case.weather),
        "config": case.project.model_dump(mode="json"),
    }


def manifest(case: Case, seed: int, runs: int) -> dict[str, Any]:
    """Return the manifest of a run, the deterministic run's numbers and dates included."""
    project = case.project
    performance = finished(case.planned_run)
    metrics, _ = case.as_planned
    return {
        "name": case.name,
        "strategy": project.label,
        "seed": seed,
        "runs": runs,
        "rng": RNG_VERSION,
        "engine": case.engine,
        "sampled": "" if case.sampling.is_plain else case.sampling.told(runs),
        "start_date": project.scale.start_date.isoformat(),
        "target_days": project.scale.target_days,
        "working_weekdays": [WEEK.index(day) for day in project.site_calendar.days],
        "holidays": [day.isoformat() for day in holidays_of(project)],
        "limits": _limits(project),
        "planned": metrics,
        "planned_blocks": _planned_blocks(case, performance.log),
        "crews": {trade: len(stays) for trade, stays in case.sizing.agreed.stays.items()},
        "versions": {"python": platform.python_version(), **versions()},
        "config_digest": digest(project),
        "config": project.model_dump(mode="json"),
    }


def digest(project: Project) -> str:
    """Return a fingerprint of the resolved configuration."""
    return sha256(dumps(project.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()


@cache
def versions() -> dict[str, str]:
    """Return the versions of what decides about numbers."""
    return {name: version(name) for name in LIBRARIES}


def _limits(project: Project) -> dict[str, float]:
    limits = {"lead_time_full_days": project.scale.target_days}
    if project.limits.peak_workforce is not None:
        limits["peak_workforce_onsite"] = project.limits.peak_workforce.value
    return limits


def _planned_blocks(case: Case, log: Any) -> dict[str, float]:
    """Return the day on which each block is online in the deterministic run."""
    yardstick = case.yardstick
    record = Record.of(yardstick.index, log, case.planned.content, case.plan.base_calendars)
    blocks = online(record, yardstick.layout, case.project)
    return {block.name: minute / DAY for block, minute in zip(yardstick.layout.blocks, blocks.minute, strict=True)}
