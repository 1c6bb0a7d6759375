"""The project of tests/configs/tiny.yaml: two blocks, every duration known, worked out by hand."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from sim.config.project import Project
from sim.plan.deterministic_draws import mean_draws
from sim.study.api import load
from sim.study.case import Case, prepare_case

TINY = Path(__file__).parent / "configs" / "tiny.yaml"
HOUR = 60


def nothing_drawn(*_: object, **__: object) -> dict[str, bytes]:
    """In place of what draws the picture files of a result; worker processes find it here."""
    return {}


@cache  # reading the base takes longer than running the project
def tiny(*overrides: str) -> Project:
    """The tiny project, changed by --set overrides."""
    return load(TINY, overrides).value


def tiny_case(*overrides: str) -> Case:
    """The tiny project, ready to be run."""
    return prepare_case(tiny(*overrides))


def works(case: Case) -> dict[tuple[str, str], tuple[float, float]]:
    """(unit, activity) -> (begun, done) in hours, of every piece of work in the run without luck."""
    log = case.simulate(mean_draws(case.plan.inputs)).log
    rows = log[np.isin(case.plan.rows[log[:, 1], 0], [2])]
    return {
        (case.plan.units[case.plan.unit_of[step]], case.plan.activities[case.plan.activity_of[step]]): (
            begun / HOUR,
            done / HOUR,
        )
        for done, step, begun in rows.tolist()
    }
