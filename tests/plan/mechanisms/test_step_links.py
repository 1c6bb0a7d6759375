"""Links of all four types with lags and leads: dates by hand, and by longest paths over starts and finishes.

The oracle uses the definitions of generalised precedence relations (Bartusch, Moehring and Radermacher 1988), as the
resource-constrained project scheduling problem with minimal time lags has them:
FS: s_j >= f_i + l; SS: s_j >= s_i + l; FF: f_j >= f_i + l; SF: f_j >= s_i + l; with f_i >= s_i + d_i, since an
activity whose finish is held by a link is stretched.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.config.project import Project
from sim.engine.backends import COMPILED, SIMPY, require_same
from sim.errors import ConfigError
from sim.jit import available
from sim.plan.mechanisms.shell import resolved_links
from sim.study.api import load
from sim.study.case import prepare_case
from tests.tiny_project import tiny, tiny_case, works

HYBRID = Path(__file__).parents[3] / "configs" / "hybrid.yaml"

PERMITS = 10
"""Days before anything starts on the tiny site, which works around the clock."""


def site(*steps: dict[str, Any]) -> Project:
    """The tiny project with these works on site beside the ones it needs."""
    last = {"id": "services", "days": 1, "after": [step["id"] for step in steps]}  # what the end of the run waits for
    return tiny(f"site_works.steps={json.dumps([{'id': 'grading', 'days': 1}, *steps, last])}")


def dates(project: Project) -> dict[str, tuple[float, float]]:
    """Start and finish of the works on site in days after the permits, in the run without random numbers.

    The finish is the moment at which the step's gate opens.
    """
    case = prepare_case(project)
    found: dict[str, tuple[float, float]] = {}
    for done, row, x in case.simulate(case.planned).log.tolist():
        unit = case.plan.units[case.plan.unit_of[row]]
        operation, argument = case.plan.rows[row][:2].tolist()
        name = unit.removeprefix("p1.site_works.")
        if operation == 2 and case.plan.activities[case.plan.activity_of[row]] == f"site_works.{name}":
            found[name] = (x / 1440 - PERMITS, 0.0)
        if operation == 5 and case.plan.gates[argument] == unit and name in found:
            found[name] = (found[name][0], done / 1440 - PERMITS)
    return found


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("a", (5, 7)),
        ({"id": "a"}, (5, 7)),
        ({"id": "a", "lag_days": 2}, (7, 9)),
        ({"id": "a", "lead_days": 2}, (3, 5)),
        ({"id": "a", "lead_days": 9}, (0, 2)),  # at most its whole length
        ({"id": "a", "type": "SS"}, (0, 2)),
        ({"id": "a", "type": "SS", "lag_days": 3}, (3, 5)),
        ({"id": "a", "type": "FF"}, (0, 5)),
        ({"id": "a", "type": "FF", "lag_days": 1}, (0, 6)),
        ({"id": "a", "type": "FF", "lead_days": 1}, (0, 4)),
        ({"id": "a", "type": "SF"}, (0, 2)),
        ({"id": "a", "type": "SF", "lag_days": 4}, (0, 4)),
        ({"id": "a", "type": "SS", "lead_days": 3}, (0, 2)),
    ],
)
def test_a_link_by_hand(link: object, expected: tuple[float, float]) -> None:
    """A takes five days from the permits on, B two."""
    assert dates(site({"id": "a", "days": 5}, {"id": "b", "days": 2, "after": [link]}))["b"] == expected


def test_a_lead_on_a_start_looks_at_what_the_start_follows() -> None:
    """A takes 5; B starts a week after it (12); C may start 3 days before B: at 9. D 9 days before B: at 3."""
    found = dates(
        site(
            {"id": "a", "days": 5},
            {"id": "b", "days": 1, "after": [{"id": "a", "lag_days": 7}]},
            {"id": "c", "days": 1, "after": [{"id": "b", "type": "SS", "lead_days": 3}]},
            {"id": "d", "days": 1, "after": [{"id": "b", "type": "SS", "lead_days": 9}]},
            {"id": "e", "days": 1, "after": [{"id": "b", "type": "SF", "lead_days": 3}]},
        )
    )
    assert (found["b"][0], found["c"][0], found["d"][0], found["e"][1]) == (12, 9, 3, 9)


def test_two_lags_run_beside_each_other() -> None:
    """After A (5 days) at once and 6 days after the start of it: not 5 + 6."""
    after = ["a", {"id": "a", "type": "SS", "lag_days": 6}]
    assert dates(site({"id": "a", "days": 5}, {"id": "b", "days": 2, "after": after}))["b"] == (6, 8)


KINDS = ("FS", "SS", "FF", "SF")


@st.composite
def networks(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Up to seven steps, each linked to some before it."""
    steps: list[dict[str, Any]] = []
    for number in range(draw(st.integers(2, 7))):
        links = {}
        for before in range(number):
            if draw(st.booleans()):
                kind = draw(st.sampled_from(KINDS))
                # a lead on a start is another rule: see above
                amount = draw(st.sampled_from(("lag_days", "lead_days" if kind[0] == "F" else "lag_days")))
                links[before, kind] = {"id": f"s{before}", "type": kind, amount: draw(st.integers(0, 6))}
        steps.append({"id": f"s{number}", "days": draw(st.integers(0, 8)), "after": list(links.values())})
    return steps


def longest_paths(steps: list[dict[str, Any]]) -> dict[str, tuple[float, float]]:
    """Earliest starts and finishes by the definitions, a lead counted from the start plus the length."""
    found: dict[str, tuple[float, float]] = {}
    for step in steps:
        start = finish = 0.0
        for link in step["after"]:
            begun, done = found[link["id"]]
            if lead := link.get("lead_days", 0):
                length = next(other["days"] for other in steps if other["id"] == link["id"])
                event = begun + max(0, length - lead)
            else:
                event = (begun if link["type"][0] == "S" else done) + link.get("lag_days", 0)
            if link["type"][1] == "S":
                start = max(start, event)
            else:
                finish = max(finish, event)
        found[step["id"]] = (start, max(finish, start + step["days"]))
    return found


@settings(max_examples=15, deadline=None)
@given(networks())
def test_any_network_has_the_dates_of_its_longest_paths(steps: list[dict[str, Any]]) -> None:
    found = dates(site(*steps))
    assert {name: found[name] for name in (step["id"] for step in steps)} == longest_paths(steps)


@cache
def text_of(after: str) -> str:
    """The plan of the tiny project with other words for the same links."""
    project = site({"id": "a", "days": 5}, {"id": "b", "days": 2, "after": json.loads(after)})
    return repr(prepare_case(project).plan.rows.tolist()) + repr(prepare_case(project).plan.gates)


def test_a_link_with_all_its_words_is_the_plain_one() -> None:
    assert text_of('["a"]') == text_of('[{"id": "a", "type": "FS"}]')
    project = site({"id": "a", "days": 5}, {"id": "b", "days": 2, "after": [{"id": "a", "type": "FS"}, "grading"]})
    written = project.site_works.steps[-2].model_dump(mode="json")["after"]
    assert written == ["a", "grading"]


@pytest.mark.parametrize(
    ("after", "message"),
    [
        ([{"id": "b", "type": "SS"}], "these steps wait for each other: b after b"),
        ([{"id": "nowhere", "type": "SS"}], "a step here or further up"),
        ([{"id": "a", "type": "XX"}], '"XX"'),
        ([{"id": "a", "lag_days": 1, "lead_days": 1}], "lag_days or lead_days, not both"),
        ([{"id": "a", "lag_days": 1}, {"id": "a", "lag_days": 2}], "one link of type FS"),
        ([{"id": "a", "lag_days": -1}], "0"),
    ],
)
def test_a_wrong_link_is_refused_with_its_place(after: object, message: str) -> None:
    with pytest.raises(ConfigError, match=r"after") as refused:
        site({"id": "a", "days": 5}, {"id": "b", "days": 2, "after": after})
    assert message in str(refused.value)


def test_a_start_link_does_not_leave_its_network() -> None:
    steps = json.dumps([{"id": "dry_in", "days": 1, "after": [{"id": "site_works.grading", "type": "SS"}]}])
    with pytest.raises(ConfigError, match="since it leaves its network"):
        tiny(f"shell.steps={steps}")
    lagged = json.dumps([{"id": "dry_in", "days": 1, "after": [{"id": "site_works.grading", "lag_days": 3}]}])
    assert resolved_links(tiny(f"shell.steps={lagged}").shell.steps, 7)["dry_in"][0].lag_days is not None


def test_start_and_finish_links_both_ways_are_no_circle() -> None:
    """A starts, B starts with it; A finishes with B: as fit-out crews follow each other down a hall."""
    found = dates(
        site(
            {"id": "a", "days": 2, "after": [{"id": "b", "type": "FF"}]},
            {"id": "b", "days": 6, "after": [{"id": "a", "type": "SS", "lag_days": 1}]},
        )
    )
    assert found == {**found, "a": (0, 7), "b": (1, 7)}


# --- a calendar of its own --------------------------------------------------------------------------------------------

TENS = {
    "hours": {
        "mon": [{"start": "07:00", "end": "12:00"}, {"start": "13:00", "end": "18:00"}],
        "tue": [{"start": "07:00", "end": "17:00"}],
    }
}
OWN = [
    {"id": "grading", "days": 5, "calendar": "tens"},
    {"id": "services", "days": 1, "after": [{"id": "grading", "lead_days": 1}]},
    {"id": "pads", "days": 1, "exposure": "crane", "calendar": "tens", "after": ["grading"]},
]


@pytest.mark.parametrize(
    ("differ", "finished", "led"),
    [
        (
            {},
            "2026-02-02T18:00",
            "2026-01-27T17:00",
        ),  # Mon 19, Tue 20, Mon 26, Tue 27, Mon 2; a day's lead: four of them
        ({"off": ["2026-01-26"]}, "2026-02-03T17:00", "2026-02-02T18:00"),
        (
            {"other": [{"date": "2026-01-26", "hours": [{"start": "09:00", "end": "11:00"}]}]},
            "2026-02-03T15:00",  # two hours on the 26th: the other eight are those of Tuesday the 3rd
            "2026-02-02T16:00",
        ),
    ],
)
def test_a_step_works_by_the_calendar_it_names(differ: dict[str, object], finished: str, led: str) -> None:
    """Permits end on Thursday 15 January; five working days of ten hours are five Mondays and Tuesdays."""
    case = tiny_case(f"calendars.named={json.dumps({'tens': TENS | differ})}", f"site_works.steps={json.dumps(OWN)}")
    found = works(case)
    start = datetime(2026, 1, 5)
    grading = start + timedelta(hours=found["p1.site_works.grading", "site_works.grading"][1])
    assert grading.isoformat(timespec="minutes") == finished
    services = start + timedelta(hours=found["p1.site_works.services", "site_works.services"][0])
    assert services.isoformat(timespec="minutes") == led
    assert {"site.interior@tens", "site.crane@tens"} <= set(case.plan.calendars)


@pytest.mark.parametrize(
    ("link", "own", "starts"),
    [
        ({"lag_days": 2}, {}, "2026-01-21T07:00"),  # two calendar days after Monday the 19th, 7:00; not after the 15th
        ({"lag_days": 2, "lag_calendar": "tens"}, {}, "2026-01-20T17:00"),  # Monday and Tuesday
        ({}, {}, "2026-01-19T07:01"),  # another calendar: with its first working minute
        ({}, {"calendar": "tens"}, "2026-01-15T00:00"),  # the same one: both work from Monday on
        ({"lag_days": {"low": 2, "mode": 2, "high": 2.001}}, {}, "2026-01-21T07:01"),  # what is drawn is not cut
    ],
)
def test_a_link_to_a_start_counts_from_when_it_can_work(link: dict[str, Any], own: dict[str, Any], starts: str) -> None:
    """Grading is free to begin when the permits are there, Thursday the 15th at midnight, and works Monday and Tuesday."""
    after = [{"id": "grading", "type": "SS", **link}]
    steps = [
        OWN[0],
        {"id": "services", "days": 1, **own, "after": after},
        {"id": "pads", "days": 1, "after": ["grading"]},
    ]
    named, works_on = json.dumps({"tens": TENS}), json.dumps(steps)
    found = works(tiny_case(f"calendars.named={named}", f"site_works.steps={works_on}"))
    begun = datetime(2026, 1, 5) + timedelta(hours=found["p1.site_works.services", "site_works.services"][0])
    assert begun.isoformat(timespec="minutes") == starts


def test_a_milestone_has_no_working_minute() -> None:
    """What follows its start follows it at once, as if it were its finish."""
    milestone = {"id": "grading", "days": 0, "calendar": "tens"}
    after = [{"id": "grading", "type": "SS", "lag_days": 2}]
    steps = [milestone, {"id": "services", "days": 1, "after": after}, {"id": "pads", "days": 1, "after": ["grading"]}]
    named, works_on = json.dumps({"tens": TENS}), json.dumps(steps)
    found = works(tiny_case(f"calendars.named={named}", f"site_works.steps={works_on}"))
    assert found["p1.site_works.services", "site_works.services"][0] == 24 * (PERMITS + 2)


@pytest.mark.skipif(not available(), reason="numba is not installed")
def test_both_engines_know_named_calendars_and_weather_closes_them() -> None:
    own = [step.model_dump(mode="json", exclude_none=True) for step in load(HYBRID).value.site_works.steps]
    own[0] |= {"calendar": "tens", "exposure": "crane"}
    lags: list[dict[str, Any]] = [
        {"lag_days": 12, "lag_calendar": "tens"},
        {"type": "SS", "lag_days": {"low": 4, "mode": 5, "high": 9}},
    ]
    own[-1]["after"] = [{"id": own[0]["id"], **lag} for lag in lags]
    week = {day: [{"start": "07:00", "end": "17:00"}] for day in ("mon", "tue", "wed", "thu", "fri", "sat")}
    named = json.dumps({"tens": {"hours": week}})
    small = ("scale.capacity_mw=25", "energization.units.count=2")
    project = load(HYBRID, (*small, f"calendars.named={named}", f"site_works.steps={json.dumps(own)}")).value
    case = prepare_case(project)
    runs = [replace(case, engine=engine).replications(1, 0, 2) for engine in (SIMPY, COMPILED)]
    for simpy, compiled in zip(*runs, strict=True):
        require_same(case.plan, simpy, compiled)
    at = case.plan.calendars.index("site.crane@tens")
    stated, drawn = case.plan.base_calendars[at], case.calendars_of(1, 0)[at]
    assert drawn.worked(400 * 1440) < stated.worked(400 * 1440)
    of_lags = case.plan.calendars.index("lag@tens")  # nothing stops time
    assert case.calendars_of(1, 0)[of_lags] is case.plan.base_calendars[of_lags]


def test_a_calendar_that_is_not_there_is_told() -> None:
    with pytest.raises(ConfigError, match=r"one of calendars\.named") as told:
        tiny_case(
            f"calendars.named={json.dumps({'tens': TENS})}",
            f"site_works.steps={json.dumps([{**OWN[0], 'calendar': 'tenz'}])}",
        )
    assert "tens" in str(told.value)
