from __future__ import annotations

import pytest

from sim.errors import ConfigError
from sim.study.api import load
from tests.tiny_project import TINY, tiny


def register(*entries: str) -> str:
    """An override with these drivers."""
    return f"risks.drivers=[{', '.join(entries)}]"


def entry(on: str, effect: str = "factor: 2", more: str = "", name: str = "it") -> str:
    """One driver."""
    return f"{{id: {name}, name: It happens, on: [{on}], inherent: {{probability: 0.5, {effect}}}{more}}}"


def problems(*overrides: str) -> list[str]:
    """What is wrong with the tiny project, changed like this."""
    with pytest.raises(ConfigError) as refused:
        load(TINY, overrides)
    return [str(problem) for problem in refused.value.problems]


@pytest.mark.parametrize(
    ("on", "effect", "told"),
    [
        ("trade:electrician", "factor: 2", "did you mean electricians?"),
        ("step:shell.slap", "factor: 2", "did you mean shell.slab?"),
        ("step:nowhere.*", "factor: 2", "step with a name that is known"),
        ("level:L9", "added_days: 2", "level with a name that is known"),
        ("item:switchgears", "slip_days: 2", "item with a name that is known"),
        ("permits:all", "added_days: 2", "permits with a name that is known"),
        ("traed:civil", "factor: 2", "did you mean trade?"),
        ("cranes", "factor: 2", "a tag that factor can have"),
        ("trade:civil", "slip_days: 2", "a tag that slip_days can have: item, camp"),
        ("test:L3", "added_days: 2", "a tag that added_days can have"),
    ],
)
def test_a_tag_that_means_nothing_is_a_mistake(on: str, effect: str, told: str) -> None:
    (problem,) = problems(register(entry(on, effect)))
    assert told in problem
    assert "risks.drivers" in problem


@pytest.mark.parametrize("on", ["step:shell.*", "step:*.slab", "step:pad.*", "step:generation.set", "item:compute"])
def test_tags_that_mean_something_in_some_project_with_this_register(on: str) -> None:
    assert tiny(register(entry(on))).risks.drivers[0].on == (on,)


def test_a_driver_has_exactly_one_effect_and_the_same_one_after_mitigation() -> None:
    assert "give exactly one of factor" in problems(register(entry("permits", "factor: 2, added_days: 3")))[0]
    assert "give exactly one of factor" in problems(register(entry("permits", "")))[0]
    other = ", mitigated: {probability: 0.1, added_days: 3}"
    assert "the same effect as the inherent state (factor)" in problems(register(entry("permits", more=other)))[0]


def test_lost_capacity_needs_the_week_in_which_it_is_lost() -> None:
    assert "the week in which the capacity is lost" in problems(register(entry("cranes", "lost_weeks: 2")))[0]


def test_ids_are_given_once_and_what_is_switched_off_exists() -> None:
    assert "each id once" in problems(register(entry("permits"), entry("permits")))[0]
    assert "did you mean it?" in problems(register(entry("permits")), "risks.without=[itt]")[0]


def test_the_register_read_in_three_ways() -> None:
    better = ", mitigated: {probability: 0.1, factor: 1.5}, mitigation: {kind: reduce, how: So, cost_usd: 7000}"
    project = tiny(register(entry("permits", more=better), entry("permits", name="other")))
    states = {mode: project.with_risks(mode).risks for mode in ("inherent", "mitigated", "none")}
    found = {mode: [state.probability.value for _, state in risks.active()] for mode, risks in states.items()}
    assert found == {"inherent": [0.5, 0.5], "mitigated": [0.1, 0.5], "none": []}
    assert {mode: risks.mitigation_usd for mode, risks in states.items()} == {
        "inherent": 0, "mitigated": 7000, "none": 0
    }  # fmt: skip
    assert [driver.id for driver, _ in project.with_risks(without=["it"]).risks.active()] == ["other"]
    assert project.with_risks(without=["it"]).risks.mode == project.risks.mode


def test_switching_off_what_is_not_there_says_what_is() -> None:
    with pytest.raises(ConfigError, match="did you mean it") as refused:
        tiny(register(entry("permits"))).with_risks(without=["itt"])
    assert refused.value.exit_code == 2


def test_switching_off_adds_to_what_the_project_leaves_out() -> None:
    project = tiny(register(entry("permits"), entry("permits", name="other")), "risks.without=[it]")
    assert project.with_risks(without=["other"]).risks.without == ("it", "other")


def test_a_pattern_that_is_not_there_is_a_mistake() -> None:
    (problem,) = problems("labour.patterns={long: {days: [mon], shifts: []}}", "labour.pattern=logn")[:1]
    assert "labour.patterns" in problem or "labour.pattern" in problem
