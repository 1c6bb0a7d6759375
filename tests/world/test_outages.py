"""Plants that stand still: the law of their stops, and calendars that belong to one replication."""

from __future__ import annotations

import numpy as np
import pytest

from sim.world.distributions import Exponential
from sim.world.project_calendars import calendars_of, plant_outages, project_calendars
from sim.world.quantile_tables import lookup, table
from tests.tiny_project import tiny

DAY = 1440
STOPS = "systems.electrical.factory.plant_stops={mean_days_between: 5, days: {low: 0, mode: 1, high: 4}}"
NAME = "factory.electrical"


def test_work_through_breakdowns_takes_as_long_as_theory_says() -> None:
    """Preempt and resume, breakdowns at rate λ of running time, repair R: E = w (1 + λ E[R]), Var = w λ E[R²]."""
    project = tiny(STOPS, "scale.horizon_days=120")
    base = project_calendars(project)
    work, n, rate = 40, 1500, 1 / 5
    took = np.empty(n)
    for replication in range(n):
        hours = calendars_of(project, None, base, 7, replication)[NAME]
        took[replication] = hours.finish(0, work * DAY) / DAY
    mean, variance = (0 + 4 * 1 + 4) / 6, (4 / 3 - 0) * (4 - 4 / 3) / 7
    expected, spread = work * (1 + rate * mean), np.sqrt(work * rate * (variance + mean**2))
    assert abs(took.mean() - expected) / (spread / np.sqrt(n)) <= 4
    # relative error of a standard deviation of a nearly normal sample: 1 / sqrt(2 n)
    assert abs(took.std(ddof=1) / spread - 1) * np.sqrt(2 * n) <= 4


def test_a_replication_takes_minutes_only_from_who_stands_still() -> None:
    project = tiny(STOPS)
    base = project_calendars(project)
    own = calendars_of(project, None, base, 1, 0)
    assert list(own) == list(base)
    assert [name for name in base if own[name] is not base[name]] == [NAME]
    (stops,) = plant_outages(project, 1, 0).values()
    lost = int((np.minimum(stops[:, 1], base[NAME].horizon) - stops[:, 0]).sum())
    assert int(base[NAME].done[-1] - own[NAME].done[-1]) == lost
    for begin, end in stops[:5].tolist():
        assert own[NAME].worked(begin) == own[NAME].worked(end)


def test_stops_belong_to_seed_plant_and_replication() -> None:
    project = tiny(STOPS)
    once = plant_outages(project, 1, 3)[NAME]
    assert np.array_equal(once, plant_outages(project, 1, 3)[NAME])
    assert not np.array_equal(once, plant_outages(project, 2, 3)[NAME])
    assert not np.array_equal(once, plant_outages(project, 1, 4)[NAME])
    mechanical = tiny(STOPS, STOPS.replace("electrical", "mechanical"), "systems.mechanical.scope=factory")
    both = plant_outages(mechanical, 1, 3)
    assert np.array_equal(once, both[NAME])
    assert not np.array_equal(once, both["factory.mechanical"])


def test_without_stops_a_replication_has_the_stated_calendars_themselves() -> None:
    project = tiny()
    base = project_calendars(project)
    assert NAME not in base
    assert all(own is base[name] for name, own in calendars_of(project, None, base, 1, 0).items())


def test_partners_stand_still_each_for_itself() -> None:
    partner = (
        "{id: east, share: 0.5, lines: 1, test_bays: 1, finished_places: 1, opens_week: 0, ramp_weeks: 0,"
        " fleet: {trucks: 1, distance_miles: 47, speed_mph: 47, delay: 1}}"
    )
    project = tiny(STOPS, f"systems.electrical.factory.partners=[{partner}]")
    stops = plant_outages(project, 1, 0)
    assert list(stops) == [NAME, "factory.electrical@east"]
    here, there = stops.values()
    assert not np.array_equal(here, there)


def test_the_exponential_has_no_memory_and_no_plan_counts_on_it() -> None:
    given = Exponential(10)
    u = np.array([0.0, 0.5, 1 - np.exp(-1)])
    assert given.ppf(u) == pytest.approx([0, 10 * np.log(2), 10])
    assert (given.mean(), given.planned(), given.scaled(2)) == (10, 120, Exponential(20))
    draws = (np.arange(100_000) + 0.5) / 100_000
    assert lookup(table(given), draws).mean() == pytest.approx(10, rel=1e-3)
    with pytest.raises(ValueError, match="more than 0"):
        Exponential(0)
