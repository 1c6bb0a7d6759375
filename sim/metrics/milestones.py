"""Contract milestones of one run: the day on which each is reached, and the dollars of damages for days late.

A day counts as late as a whole once it has begun, as contracts count delay: in calendar days.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.config.project import Project
from sim.config.sections.contract import DAMAGES, DAYS, IN_TIME, MILESTONE, ContractMilestone
from sim.metrics.delivery import Online
from sim.metrics.event_log import DAY, Record
from sim.plan.layout import Layout

POWER_PARTS = ("generation", "grid")
Row = tuple[str, str, int, float, str]
"""Label, unit, direction (-1: less is better), finest step and definition of a metric, as in `sim.metrics.registry`."""
ROWS: dict[str, Row] = {
    DAYS: ("milestone: {}", "days", -1, 1.0, "Day on which the milestone is reached, from 00:00 of the start date."),
    IN_TIME: (
        "in time: {}",
        "flag",
        1,
        0.01,
        "1 where it is reached by its date, else 0; the mean is the probability.",
    ),
    DAMAGES: (
        "damages for {}",
        "$",
        -1,
        1e4,
        "Damages for the milestone: whole days begun after its date, up to its cap.",
    ),
}


def milestone_row(name: str) -> Row | None:
    """Return the row of a metric that belongs to one milestone; None for any other name."""
    ending = next((end for end in ROWS if name.startswith(MILESTONE) and name.endswith(end)), None)
    if ending is None:
        return None
    label, unit, direction, step, definition = ROWS[ending]
    subject = name.removeprefix(MILESTONE).removesuffix(ending).replace("_", " ")
    return label.format(subject), unit, direction, step, definition


def milestone_metrics(record: Record, blocks: Online, layout: Layout, project: Project) -> dict[str, float]:
    """Return for each milestone the day it is reached (from 00:00 of the start date), 1 if in time, and its damages.

    Infinite where a run never reaches it; damages then run to the evaluation horizon. No damages where none are agreed.
    """
    metrics: dict[str, float] = {}
    total_damages, any_damages = 0.0, False
    for milestone in project.milestones:
        day = reached_on(milestone, record, blocks, layout)
        metrics[milestone.metric] = day
        metrics[milestone.in_time_metric] = float(day <= milestone.last_day(project.scale.start_date))
        if milestone.damages_metric is not None:
            damages = damages_for(milestone, day, project)
            metrics[milestone.damages_metric] = damages
            total_damages, any_damages = total_damages + damages, True
    return metrics | ({"milestone_damages_usd": total_damages} if any_damages else {})


def reached_on(milestone: ContractMilestone, record: Record, blocks: Online, layout: Layout) -> float:
    """Return the day, with its fraction, on which a run reaches a milestone; infinite if it never does."""
    if milestone.event == "first_power":
        return first_power(record)
    day_online = np.where(blocks.reached, blocks.minute / DAY, np.inf)
    if milestone.mw is not None:
        return day_of_mw(day_online, blocks.mw, milestone.mw)
    if milestone.hall is not None:
        name = layout.halls[milestone.hall - 1].name
        return float(day_online[[block.hall == name for block in layout.blocks]].max())
    days = day_online[blocks.wanted]
    return float(days.max()) if len(days) else float("inf")


def day_of_mw(day: NDArray[np.float64], mw: NDArray[np.float64], level: float) -> float:
    """Return the first day on which `level` MW are online; infinite if they never are. `day` and `mw` are by block."""
    order = np.argsort(day, kind="stable")
    cumulated_mw = np.cumsum(mw[order])
    rank = int(np.searchsorted(cumulated_mw, level - 1e-6))
    return float(day[order[rank]]) if rank < len(day) else float("inf")


def first_power(record: Record) -> float:
    """Return the day on which the first generating unit or grid feed is installed; infinite if none is."""
    notes = record.noted("installed")
    parts = record.plan_index.part_of_item[notes.item]
    minutes = notes.minute[np.isin(parts, POWER_PARTS)]
    return float(minutes.min()) / DAY if len(minutes) else float("inf")


def damages_for(milestone: ContractMilestone, day: float, project: Project) -> float:
    """Return the dollars owed for a milestone reached on a day: whole days begun after its date, up to the cap."""
    days_begun = np.ceil(min(day, project.money.horizon_days) - milestone.last_day(project.scale.start_date))
    uncapped_usd = max(0.0, float(days_begun)) * (milestone.damages_usd_per_day or 0.0)
    return uncapped_usd if milestone.cap_usd is None else min(uncapped_usd, milestone.cap_usd)
