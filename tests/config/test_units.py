"""Numbers with a unit behind them, percent signs and commas: read where they are clear, told how to write where not."""

from __future__ import annotations

from pathlib import Path

import pytest

import sim
from sim.config.sections.labour import Labour
from sim.config.units import FACTORS, in_unit
from sim.errors import ConfigError
from sim.study.api import load
from tests.tiny_project import TINY


def told(tmp_path: Path, text: str) -> str:
    path = tmp_path / "x.yaml"
    path.write_text(f"extends: base\nschema_version: 1\nname: x\n{text}\n")
    with pytest.raises(ConfigError) as caught:
        load(path)
    return str(caught.value).partition("x.yaml:")[2]


@pytest.mark.parametrize(
    ("override", "value"),
    [
        ("scale.capacity_mw=0.005 GW", 5),
        ("scale.capacity_mw=5000 kW", 5),
        ("scale.horizon_days=1 years", None),
        ("scale.horizon_days=60 weeks", 420),
        ("labour.indirect_ratio=25 %", 0.25),
        ("logistics.fleets.compute.distance_miles=160.9344 km", 100),
        ("logistics.fleets.compute.speed_mph=80.4672 km/h", 50),
        ("labour.indirect_ratio={value: 25%, source: survey}", 0.25),
    ],
)
def test_a_unit_is_turned_into_that_of_the_field(override: str, value: float | None) -> None:
    path, _, _ = override.partition("=")
    if value is None:
        with pytest.raises(ConfigError, match="a number in days, or one with d, day, days"):
            load(TINY, [override])
        return
    node: object = load(TINY, [override]).value
    for word in path.split("."):
        node = node[word] if isinstance(node, dict) else getattr(node, word)
    assert getattr(node, "value", node) == pytest.approx(value, rel=1e-11)


def test_every_unit_is_one_of_itself() -> None:
    assert [unit for unit, known in FACTORS.items() if unit in known and known[unit] != 1] == []
    assert in_unit(-40, "C", "°F") == -40


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "scale: {capacity_mw: 1,000}",
            "4: scale.000: is not a known key (a comma ends a value here: write capacity_mw: 1000)",
        ),
        ("scale: {phases: 250}", "4: scale.phases: 250 given, 1 to 100 phases expected"),
        ("scale: {phases: 2.5}", "4: scale.phases: 2.5 given, a whole number from 1 to 100 phases expected"),
        ("labour: {indirect_ratio: 25}", "(25 % are 0.25 ×; write that if it was meant)"),
        ("calendars: {site: {days: [monday]}}", "expected (did you mean mon?)"),
        ("commissioning: {trade: electrician}", "expected (did you mean electricians?)"),
        ("labour: {trades: {electrician: {crew_size: 3}}}", "0 to 20000 people (did you mean electricians?)"),
        ("labour: {patterns: {six_ten: {days: [mon]}}}", "(did you mean six_tens?)"),
        ("scale:\n  capacity_mw: 1,000", "a number from 0.1 to 20000 MW expected (write 1000)"),
    ],
)
def test_a_mistake_is_told_with_what_was_given_and_what_is_expected(tmp_path: Path, text: str, said: str) -> None:
    message = told(tmp_path, text)
    assert said in message
    assert "not allowed" not in message


def test_a_list_with_a_wrong_element_is_not_called_short(tmp_path: Path) -> None:
    assert "at least 1 of them" not in told(tmp_path, "calendars: {site: {days: [monday, tuesday]}}")
    assert "a list of 0 given, at least 1 of them expected" in told(tmp_path, "calendars: {site: {days: []}}")


def test_indirect_people_are_at_most_three_for_one() -> None:
    assert "indirect_ratio" in Labour.model_fields
    with pytest.raises(ConfigError, match="0 to 3"):
        load(TINY, ["labour.indirect_ratio=25"])


@pytest.mark.parametrize(
    ("setting", "read", "expected"),
    [
        ("money.business.operations_usd_per_mw_year=130k", "operations_usd_per_mw_year", 130_000),
        ("money.business.energy_usd_per_mwh=0.05k", "energy_usd_per_mwh", 50),
        ("money.business.usd_per_mw_it_year=9.7 M", "usd_per_mw_it_year", 9_700_000),
    ],
)
def test_a_price_of_any_kind_is_stated_in_multiples_of_dollars(setting: str, read: str, expected: float) -> None:
    assert getattr(sim.load("configs/hybrid.yaml", [setting]).value.money.business, read).value == expected


@pytest.mark.parametrize("text", ["3k", "2027-05-05", "3pcs"])
def test_no_hint_takes_half_of_a_text_for_the_number_that_is_meant(text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        sim.load("configs/hybrid.yaml", [f"logistics.cranes={text}"])
    assert "(write" not in str(refused.value)
