"""The weather section: off unless asked for, and strict about files and tables."""

from __future__ import annotations

from typing import Any

import pytest

from sim.config.load import checked
from sim.config.sections.weather import Weather
from sim.errors import ConfigError


def refused(tree: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as error:
        checked(Weather, tree)
    return str(error.value)


def test_there_is_no_weather_unless_it_is_asked_for() -> None:
    assert checked(Weather, {}).kind == "none"


def test_every_number_has_a_source() -> None:
    stated = checked(Weather, {"kind": "table", "lost_days": {"crane": [1.0] * 12}}).model_dump()
    parts = [stated, *(part for part in stated.values() if isinstance(part, dict))]
    numbers = [one for part in parts for one in part.values() if isinstance(one, dict) and "confidence" in one]
    assert len(numbers) > 12
    assert all(one["source"] for one in numbers)


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        ({"kind": "file"}, "file: is missing: `kind: file` reads it"),
        ({"kind": "table"}, "lost_days: is missing"),
        ({"kind": "rain"}, "one of none, table or file or one of arizona"),
        ({"file": "/etc/passwd"}, "in or below the folder"),
        ({"file": "../x.epw"}, "in or below the folder"),
        ({"file": "c:\\x.epw"}, "in or below the folder"),
        ({"file": "x.txt"}, "ends in .tmy3, .csv, .epw"),
        ({"crane": {"limit_mph": 0}}, "1 to 80 mph"),
        ({"crane": {"limits_mph": 20}}, "limit_mph"),
        ({"lost_days": {"crane": [1.0] * 11}}, "lost_days.crane"),
        ({"lost_days": {"crane": [1.0] * 11 + [27]}}, "at most the 26 working_days"),
        ({"lost_days": {"crane": [-1.0] + [1.0] * 11}}, "0 to 31 days"),
        ({"storms": {"days": {"low": 10, "mode": 20, "high": 100}}}, "1 to 90 days"),
    ],
)
def test_what_is_wrong_is_told(tree: dict[str, Any], said: str) -> None:
    assert said in refused(tree)


def test_a_file_or_table_may_stay_while_the_weather_is_switched_off() -> None:
    tree = {"kind": "none", "file": "weather/site.epw", "lost_days": {"crane": [2] * 12}}
    assert checked(Weather, tree).file == "weather/site.epw"
