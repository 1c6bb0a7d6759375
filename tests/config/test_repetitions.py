"""The same thing twice, hours that overlap, and values that no run could use: refused, with the lines of both."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.config.load import load_as
from sim.config.project import Project
from sim.errors import ConfigError
from tests.tiny_project import TINY, tiny

DAY = '{start: "06:00", end: "14:00"}'


def told(*overrides: str) -> str:
    with pytest.raises(ConfigError) as refused:
        tiny(*overrides)
    return str(refused.value)


@pytest.mark.parametrize(
    ("override", "place"),
    [
        (f"calendars.site.shifts=[{DAY}, {DAY}]", "calendars.site.shifts.1"),
        (f'calendars.factory.shifts=[{DAY}, {{start: "13:59", end: "20:00"}}]', "calendars.factory.shifts.1"),
        (f'calendars.gate.shifts=[{DAY}, {{start: "22:00", end: "06:01"}}]', "calendars.gate.shifts.1"),
        ("calendars.gate.days=[mon, tue, mon]", "calendars.gate.days.2"),
        (f"calendars.factory.breaks=[{DAY}, {DAY}]", "calendars.factory.breaks.1"),
        (f"logistics.roads.classes.oversize.curfews=[{{days: [mon, tue], hours: {DAY}}}, {{days: [tue], hours: {DAY}}}]",
         "logistics.roads.classes.oversize.curfews.1"),
        ("logistics.roads.major_holidays.names=[Christmas Day, Christmas Day]", "logistics.roads.major_holidays.names.1"),
        ("shell.steps=[{id: a, crews: {civil: 1}, hours: 1}, {id: a, crews: {civil: 1}, hours: 1}]", "shell.steps.a"),
        ("commissioning.after=[site_works.services, site_works.services]", "commissioning.after.1"),
        ("systems.electrical.factory.stations=[{id: a, days: 1}, {id: a, days: 1}]", "stations.a"),
    ],
)  # fmt: skip
def test_what_stands_there_already_or_overlaps_is_refused(override: str, place: str) -> None:
    assert f"{place}" in told(override)
    assert "(--set" in told(override) or "stands at --set" in told(override)


@pytest.mark.parametrize(
    "override",
    [
        f'calendars.gate.shifts=[{DAY}, {{start: "14:00", end: "22:00"}}, {{start: "22:00", end: "06:00"}}]',
        f"logistics.roads.classes.oversize.curfews=[{{days: [mon], hours: {DAY}}}, {{days: [tue], hours: {DAY}}}]",
        "energization.grid=[{id: a, mw: 5, weeks: 1}, {id: b, mw: 5, weeks: 1}]",
    ],
)
def test_what_touches_or_only_looks_alike_is_taken(override: str) -> None:
    tiny(override)


def test_both_lines_of_a_driver_given_twice_are_told(tmp_path: Path) -> None:
    driver = "    - {id: rain, name: Rain, on: [permits], inherent: {probability: 0.5, factor: 2}, source: test}\n"
    text = TINY.read_text().replace("../../configs/base.yaml", "base.yaml")
    (tmp_path / "twice.yaml").write_text(
        text.replace("risks: {drivers: []}\n", f"risks:\n  drivers:\n{driver}{driver}")
    )
    (tmp_path / "base.yaml").write_text((TINY.parents[2] / "configs" / "base.yaml").read_text())
    with pytest.raises(ConfigError, match=r"twice.yaml:19: risks.drivers.rain.id: .*stands at .*twice.yaml:18 already"):
        load_as(Project, tmp_path / "twice.yaml")


@pytest.mark.parametrize("value", ["-1", "0", "0.0004", "abc", "null", "[1]"])
def test_a_block_of_no_size_is_refused_and_hides_no_other_mistake(value: str) -> None:
    said = told(
        f"block.mw_gross={value}", "logistics.cranes=0", "shell.steps=[{id: a, after: [b], days: 1}]"
    ).splitlines()
    assert any("block.mw_gross" in line for line in said)
    assert any("logistics.cranes" in line for line in said)
    assert any("shell.steps.a.after" in line for line in said)


@pytest.mark.parametrize(
    ("override", "hint"),
    [
        ("calendars.site.holidays={country: ZZ}", "public holidays are known, by its code such as US, DE, GB or IN"),
        ("calendars.site.holidays={country: US, subdivision: TXX}", "did you mean TX?"),
        ("logistics.roads.major_holidays.names=[Thankgiving]", "did you mean Thanksgiving Day?"),
        ("scale.start_date=9999-12-31", "a day from 1984-01-01 to 2109-12-31"),
        ("labour.utilisation=0", "0.05 to 1"),
        ("systems.electrical.factory.stations=[{id: a, days: 0}]", "0.01 to 2000"),
    ],
)
def test_what_the_code_cannot_use_is_refused_with_what_it_can(override: str, hint: str) -> None:
    assert hint in told(override)
