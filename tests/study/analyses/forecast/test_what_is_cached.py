"""What a forecast keeps: for the next one what was asked for and nothing else, and of a changed project its past."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import pytest

import sim
from sim.config.overrides import continued, with_settings
from sim.errors import ConfigError
from sim.study.analyses.forecast.forecast_case import forecast_case
from sim.study.analyses.forecast.learning import PRIOR_SIZE, simulate_prior
from sim.study.analyses.forecast.plan_cache import RecentCache
from sim.study.analyses.forecast.status import Fact, Status
from tests.study.analyses.forecast.test_forecast import CONFIG, planned, status


def test_the_prior_replications_are_those_that_are_asked_for() -> None:
    """Some of them were taken for all, and all of them for some, once they were cached."""
    case = replace(planned())
    some = np.concatenate([minutes.finish for minutes in simulate_prior(case, 30, 15)])
    whole = np.concatenate([minutes.finish for minutes in simulate_prior(case)])
    again = np.concatenate([minutes.finish for minutes in simulate_prior(case, 30, 15)])
    assert len(whole) == PRIOR_SIZE
    assert (some == whole[30:45]).all()
    assert (again == some).all()


def test_prior_replications_that_are_interrupted_are_not_taken_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    case = replace(planned())
    replications = type(case).replications

    def interrupted(*given: Any) -> Iterator[Any]:
        yield from islice(replications(*given), 20)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("sim.study.case.Case.replications", interrupted)
        with pytest.raises(KeyboardInterrupt):
            list(simulate_prior(case))
    assert sum(len(minutes.finish) for minutes in simulate_prior(case)) == PRIOR_SIZE


def test_a_cache_drops_what_was_used_longest_ago() -> None:
    computed: list[str] = []

    def compute(key: str) -> str:
        computed.append(key)
        return key

    cache = RecentCache[str](2)
    for key in ("one", "two", "one", "three", "one", "two"):
        assert cache.get((cache,), key, partial(compute, key)) == key
    assert computed == ["one", "two", "three", "two"]
    assert len(cache.entries) == 2


def test_whether_a_case_is_under_way_is_asked_without_working_its_status_out(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Status] = []

    def notes(_steps: object, given: Status, _usd: object) -> list[str]:
        told.append(given)
        return []

    monkeypatch.setattr("sim.study.analyses.forecast.case_under_way.notes_of", notes)
    given = status(0.4)
    case = forecast_case(CONFIG, given, base=planned())
    assert (case.is_under_way, case.data_date) == (True, given.data_date)
    assert (planned().is_under_way, planned().manifest_of_status()) == (False, {})
    assert told == []
    case.manifest_of_status()["forecast"]["data_date"] = "changed by its reader"
    assert case.manifest_of_status()["forecast"]["data_date"] == given.data_date.isoformat()
    assert told == [given]


# --- what is changed from the data date on ----------------------------------------------------------------------------

PROMISED = {"name": "first MW", "mw": 1, "date": "2027-12-31"}


def test_a_changed_contract_has_its_own_metrics_and_the_past_those_of_before() -> None:
    """Metrics were those of the project as it was: the new milestone was missing, and without the old all runs failed."""
    under_way = continued(CONFIG, status(0.5))
    promised = with_settings(under_way, {"milestones": [PROMISED]})
    result = sim.run(promised, runs=4, workers=1)
    assert result.runs["milestone_first_mw_in_time"].notna().all()
    assert promised.continuation is not None
    as_it_was = replace(
        under_way, continuation=replace(promised.continuation, base=replace(promised, continuation=None))
    )
    assert not [name for name in sim.run(as_it_was, runs=4, workers=1).runs if "milestone" in str(name)]


def test_a_change_that_has_another_past_is_refused() -> None:
    under_way = continued(CONFIG, status(0.5, Fact(2, "milestone", "p1.g2")))
    with pytest.raises(
        ConfigError, match=r"status.csv:2: what: p1.g2 given.*does not have it: with `--status` all have"
    ):
        sim.prepare(with_settings(under_way, {"energization.units.count": 1, "energization.units.spare": 0}))
    with pytest.raises(
        ConfigError, match=r"scale.start_date: 2027-02-01 given, expected: .* the day on which .* began"
    ):
        sim.prepare(with_settings(under_way, {"scale.start_date": "2027-02-01"}))
