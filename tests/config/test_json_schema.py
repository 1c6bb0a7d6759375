from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from sim.config.json_schema import json_schema
from sim.config.sections.estimates import Bounds, Estimate, Figure, Name, Section, Unit


class Step(Section):
    id: Name
    hours: Annotated[Estimate, Unit("h"), Bounds(0, 5000)] = Field(description="Earned hours")
    price: Annotated[Figure, Unit("$"), Bounds(0, above=True)]
    slack: Annotated[Estimate | None, Unit("days"), Bounds(0, 90)] = None


class Site(Section):
    """One site."""

    schema_version: int
    crews: Annotated[int, Unit("crews"), Bounds(1, 9)] = Field(description="Crews at the peak")
    scope: Literal["site", "factory"] = "site"
    steps: tuple[Step, ...] = ()


SCHEMA = json_schema(Site)


def test_the_head_of_a_file_is_known() -> None:
    assert SCHEMA["$schema"].endswith("/2020-12/schema")
    assert SCHEMA["title"] == "Site"
    assert SCHEMA["properties"]["schema_version"]["const"] == 1
    assert SCHEMA["properties"]["extends"]["type"] == "string"
    assert SCHEMA["additionalProperties"] is False
    assert list(SCHEMA["properties"]) == ["schema_version", "extends", "crews", "scope", "steps"]


def test_numbers_carry_unit_and_range() -> None:
    crews = SCHEMA["properties"]["crews"]
    assert crews == {
        "title": "Crews",
        "type": "integer",
        "minimum": 1,
        "maximum": 9,
        "x-unit": "crews",
        "description": "Crews at the peak (1 to 9 crews)",
    }


@pytest.mark.parametrize(
    ("field", "limits", "words"),
    [
        ("hours", {"minimum": 0, "maximum": 5000}, "Earned hours (0 to 5000 h)"),
        ("price", {"exclusiveMinimum": 0}, "(more than 0 $)"),
        ("slack", {"minimum": 0, "maximum": 90}, "(0 to 90 days)"),
    ],
)
def test_an_estimate_is_a_number_or_a_mapping_of_numbers_in_range(
    field: str, limits: dict[str, Any], words: str
) -> None:
    schema = SCHEMA["$defs"]["Step"]["properties"][field]
    assert schema["description"] == words
    assert limits.items() <= schema.items()
    patterns = schema["patternProperties"]
    assert patterns == {"^(value|low|mode|high|median|p90)$": limits, "^values$": {"items": limits}}


@pytest.mark.parametrize("name", ["Estimate", "Figure"])
def test_bare_numbers_and_mappings_are_both_offered(name: str) -> None:
    number, mapping = SCHEMA["$defs"][name]["anyOf"]
    assert number == {"type": "number"}
    assert mapping["type"] == "object"
    assert mapping["additionalProperties"] is False
    assert {"value", "low", "high", "source", "confidence"} <= set(mapping["properties"])


def test_no_key_is_required_because_a_base_may_have_it() -> None:
    assert '"required"' not in json.dumps(SCHEMA)


@pytest.mark.parametrize("seed", ["0", "1"])
def test_the_same_model_gives_the_same_bytes(seed: str) -> None:
    code = "import json, test_json_schema as t; print(json.dumps(t.SCHEMA), end='')"
    folders = os.pathsep.join([os.path.dirname(__file__), *sys.path])  # noqa: PTH120
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": folders}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=environment, text=True)
    assert done.stdout == json.dumps(SCHEMA)
